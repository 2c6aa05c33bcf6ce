"""Sketches of balls on given places, for the tests of this folder."""

import torch

from sora_core.models.sketch import Sketch


def make_sketch(places, hits=None, radius=0.1, slots=5):
    """Balls on given places `(K, T, 2)`; slots that are missing stay empty."""
    count, frames, _ = places.shape
    states = torch.zeros(1, slots, frames, 8)
    states[0, :count, :, :2] = places
    states[0, :count, :, 2] = states[0, :count, :, 5] = radius
    traits = -torch.ones(1, slots, 6)
    traits[0, :count, 0] = 1
    strength = torch.zeros(1, slots, frames)
    if hits is not None:
        strength[0, :count] = hits
    return Sketch(states, strength, traits, torch.zeros(1, 4))
