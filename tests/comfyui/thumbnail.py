"""A sheet of a clip's frames, about 16:9, as the picture that ComfyUI's template browser shows for a workflow.

Run as: python tests/comfyui/thumbnail.py CLIP.mp4 workflows/text_to_video.jpg
"""

from __future__ import annotations

import sys
from fractions import Fraction

import av
import torch
from torch import Tensor

ASPECT = 16 / 9
MOST = 15       # frames on a sheet
WIDEST = 800    # pixels of a sheet
QUALITY = 3     # of the JPEG: 1 is best, 31 worst


def read(path: str) -> Tensor:
    """All frames, (T, H, W, 3) uint8."""
    with av.open(path) as container:
        return torch.stack([torch.from_numpy(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)])


def sheet(frames: Tensor) -> Tensor:
    """Frames evenly through the clip, in rows, (H, W, 3)."""
    total, height, width, _ = frames.shape
    shapes = [(rows, columns) for rows in range(1, 5) for columns in range(1, 7) if rows * columns <= min(MOST, total)]
    rows, columns = min(shapes, key=lambda s: (abs(s[1] * width / (s[0] * height) - ASPECT), -s[0] * s[1]))
    picks = frames[torch.linspace(0, total - 1, rows * columns).round().long()]
    return picks.view(rows, columns, height, width, 3).transpose(1, 2).reshape(rows * height, columns * width, 3)


def shrink(picture: Tensor) -> Tensor:
    """A sheet (H, W, 3) that is too wide, at a whole fraction of its size."""
    by = -(-picture.shape[1] // WIDEST)
    smaller = torch.nn.functional.avg_pool2d(picture.movedim(-1, 0)[None].float(), by)[0]
    return smaller.round().to(torch.uint8).movedim(0, -1)


def write(path: str, picture: Tensor) -> None:
    with av.open(path, "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("mjpeg", rate=Fraction(1), options={"qmin": str(QUALITY), "qmax": str(QUALITY)})
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "yuvj420p"
        frame = av.VideoFrame.from_ndarray(picture.contiguous().numpy(), format="rgb24").reformat(
            format="yuvj420p", dst_color_range="JPEG")
        container.mux([*stream.encode(frame), *stream.encode()])


if __name__ == "__main__":
    write(sys.argv[2], shrink(sheet(read(sys.argv[1]))))
