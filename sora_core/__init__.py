"""SoraCore: video with the sound that belongs to it, from a prompt, on a laptop.

Start reading at `pipeline.py`. This package never imports ComfyUI; `nodes/` is the edge to it.
"""

__version__ = "0.1.0"
