"""Pictures later in a clip whose first frame is still to be made.

Later latents are differences from the first one, so what shall stand there depends on a frame that isn't known yet: a
given latent A is shown to the network as A - F with its latest estimate F of the first. While there is much noise the
estimate is drawn towards A, for most of a scene stays as it is (a soft form of replacing what is known after each step:
DDNM, arXiv:2212.00490, section 3.1); at the end it is left alone, and the difference carries what remains.

Legend: B batch, C channels, T' H' W' video latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.video_vae import from_changes

PULL = 0.9      # share of the way from the estimate to the picture at full noise


@dataclass
class Anchors:
    """Of one run of a sampler; `first` changes with every step.

    Attributes:
        stand_in: what the given differences were taken from, `(B, C, 1, H', W')`.
        held: `(B, C, T' - 1, H', W')`, 1 where a later latent is given and the first one is not.
        picture: the earliest given latent, for itself, at each place of the frame; pulled: where there is one.
        first: the latest estimate of the first latent.
    """

    stand_in: Tensor
    held: Tensor
    picture: Tensor
    pulled: Tensor
    first: Tensor

    @classmethod
    def find(cls, video: Tensor, mask: Tensor) -> Anchors | None:
        """What is given later than an unknown first latent, or None.

        Args:
            video: clean latents, where given; mask: of the same shape, 1 = generate.
        """
        held = mask[:, :, :1] * (1 - mask[:, :, 1:])
        if not bool(held.any()):
            return None
        each = from_changes(video)
        earliest = held * ((held > 0).cumsum(2) == 1)
        pulled = earliest.amax(2, keepdim=True)
        return cls(each[:, :, :1], held, (each[:, :, 1:] * (earliest > 0)).sum(2, keepdim=True), pulled, each[:, :, :1])

    def shown(self, video: Tensor) -> Tensor:
        """Latents in which the given differences are those from the latest estimate."""
        return torch.cat([video[:, :, :1], video[:, :, 1:] + self.held * (self.stand_in - self.first)], dim=2)

    def pull(self, clean: Tensor, sigma: float) -> Tensor:
        """The network's clean latents with their first drawn towards the picture; remembers it."""
        first = clean[:, :, :1]
        first = first + PULL * sigma * self.pulled * (self.picture - first)
        self.first = first
        return torch.cat([first, clean[:, :, 1:]], dim=2)

    def finished(self, made: Tensor) -> Tensor:
        """The sampler's result with the given pictures exactly as they were given."""
        self.first = made[:, :, :1]
        return self.shown(made)
