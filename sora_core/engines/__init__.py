"""The large open models as recipes: what each can make, what it needs, and the graph of ComfyUI's nodes that makes it.

Nothing here imports ComfyUI, and only `score` uses torch. `facts` says what there is, `sizes` what is legal, `recipe`
how a clip is made.
"""
