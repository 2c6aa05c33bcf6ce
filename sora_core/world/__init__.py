"""The simulated world; nothing here is imported when a clip is generated."""

from .backend import load_triton

load_triton()       # every module of the world comes after this, and so does MuJoCo
