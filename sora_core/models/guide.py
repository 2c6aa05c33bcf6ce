"""A sketch as the transformer reads it: drawn and encoded for the picture, as hits and speeds for the sound.

Legend: B batch, K slots for things, C latent channels, t latent frames, H W pixels, h w latent cells, L sound latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..setting import FIELDS, UNSAID, Setting
from .sketch import SLOTS, Sketch, draw
from .video_vae import VideoVAE, to_changes

HIT_WINDOW = 4       # frames around a sound latent whose hits it hears
HIT_FEATURES = SLOTS * (HIT_WINDOW + 2)
FRAMES_PER_SOUND = 2  # 24 frames and 12 sound latents a second


@dataclass(frozen=True)
class Guide:
    """A sketch as the transformer reads it, and where the clip plays; zeros mean that there is none.

    Attributes:
        video: `(B, 2 C, t, h, w)` latents of the drawn sketch: its colours, then its masks.
        audio: `(B, L, HIT_FEATURES)` what is hit around each sound latent, how fast things move, what they are.
        setting: `(B, FIELDS)` int64, numbers of `setting.read_setting`.
    """

    video: Tensor
    audio: Tensor
    setting: Tensor

    @staticmethod
    def none(batch: int, channels: int, frames: int, height: int, width: int, sounds: int) -> Guide:
        """Zeros for video latents `(batch, channels, frames, height, width)` and as many `sounds`."""
        return Guide(torch.zeros(batch, 2 * channels, frames, height, width), torch.zeros(batch, sounds, HIT_FEATURES),
                     torch.zeros(batch, FIELDS, dtype=torch.int64))

    def __getitem__(self, rows: slice) -> Guide:
        return Guide(self.video[rows], self.audio[rows], self.setting[rows])

    def window(self, video: list[int] | slice, audio: list[int] | slice) -> Guide:
        """The part at some latents of the clip."""
        return Guide(self.video[:, :, video], self.audio[:, audio], self.setting)

    def times(self, shares: Tensor) -> Guide:
        """Each clip's times its share `(B,)`: 0 hides it."""
        return Guide(self.video * shares.view(-1, 1, 1, 1, 1), self.audio * shares.view(-1, 1, 1),
                     self.setting * (shares != 0).view(-1, 1))

    def beside_none(self) -> Guide:
        """Those of the batch, then as many zeros."""
        return Guide(*(torch.cat([x, torch.zeros_like(x)]) for x in (self.video, self.audio, self.setting)))


def make_guide(sketch: Sketch, video_vae: VideoVAE, height: int, width: int, audio_latents: int,
               setting: Setting = UNSAID) -> Guide:
    """Draw a sketch and encode it with the autoencoder that the clip's own latents come from."""
    return Guide(encode_drawing(*draw(sketch, height, width), video_vae), hit_features(sketch, audio_latents),
                 torch.tensor([setting]).expand(len(sketch.stage), -1))


def encode_drawing(colours: Tensor, masks: Tensor, video_vae: VideoVAE) -> Tensor:
    """Pictures of `draw` -> `(B, 2 C, t, h, w)`."""
    return torch.cat([to_changes(video_vae.encode_each(colours)), video_vae.encode_each(masks)], dim=1)


def hit_features(sketch: Sketch, audio_latents: int) -> Tensor:
    """`(B, L, HIT_FEATURES)`: per slot the hits in the frames around, the speed, and what it is.

    0 is nothing, 1 a ball, -1 a box, 2 a part of a figure.
    """
    frames = FRAMES_PER_SOUND * audio_latents + HIT_WINDOW
    around = (HIT_WINDOW - FRAMES_PER_SOUND) // 2
    hits = F.pad(sketch.hits, (around, max(0, frames - sketch.hits.shape[2])))[..., :frames]
    windows = hits.unfold(2, HIT_WINDOW, FRAMES_PER_SOUND)[:, :, :audio_latents]          # (B, K, L, 4)
    place = sketch.states[..., :2]
    speed = F.pad((place[:, :, 1:] - place[:, :, :-1]).norm(dim=-1), (0, frames))
    speed = speed[:, :, :FRAMES_PER_SOUND * audio_latents:FRAMES_PER_SOUND, None] * 24    # units a second
    kind = torch.where(sketch.traits[..., 1] > 0, -1.0, 1.0)
    kind = (sketch.traits[..., 0] > 0) * torch.where(sketch.of_figure, 2.0, kind)
    kind = kind[:, :, None, None].expand(-1, -1, audio_latents, -1)
    return torch.cat([windows, speed, kind], dim=-1).transpose(1, 2).flatten(2)           # (B, L, K * 6)
