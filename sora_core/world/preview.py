"""The true world for a prompt or a family: a contact sheet and a film with sound, to look at.

A prompt is met by drawing scenes until one has its family, kinds, place, floor, light and camera, and by dressing its
bodies in the colours, materials and sizes that are asked for, before anything is simulated. What then happens is up to
physics: a stone doesn't bounce on sand because a prompt says so.

Legend: T frames, H W pixels, N samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import ConfigError, PromptError
from ..media import check_writable, write_clip, write_image
from .camera import FRAME_RATE
from .materials import MATERIALS

if TYPE_CHECKING:
    from ..evaluation.facts import Claims, Thing
    from .scenes.scene import Body, Scene

SHOWN = 8
MOST_SEEDS = 64
MOST_DRAWS = 20_000
STRIP_HEIGHT = 40                   # pixels of a clip's spectrogram on the sheet
LOUDEST_DB, QUIETEST_DB = -20.0, -90.0
_TRIES = 1 << 32                    # seeds of the draws for one seed lie this far apart


def parse_seeds(text: str) -> list[int]:
    """"3", "0..8" (both ends count) or "1,4,9" as numbers.

    Raises:
        ConfigError: not such a text, or more than 64.
    """
    try:
        first, dots, last = text.partition("..")
        seeds = list(range(int(first), int(last) + 1)) if dots else [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or len(seeds) > MOST_SEEDS or min(seeds) < 0 or max(seeds) >= _TRIES:
        raise ConfigError(f"--seeds {text!r} names no seeds; use a range such as 0..8, at most {MOST_SEEDS} of them")
    return seeds


def preview(wish: str, seeds: list[int], output: Path, *, width: int = 256, height: int = 256) -> tuple[Path, Path]:
    """Render the true world.

    Args:
        wish: a family's name or a prompt.
        seeds: one clip each.
        output: an `.mp4`; the contact sheet has its name with `.png`.
        width, height: pixels of a clip.

    Returns:
        The film and the sheet.

    Raises:
        PromptError: the world has no such scene.
        ResourceError: nothing can be drawn on this machine.
    """
    from .pool import NUM_SAMPLES, SAMPLE_RATE, record_scene
    from .render import Stage
    from .sound import synthesise_clip

    output = check_writable(output)
    scenes = [(seed, find_scene(wish, seed, width, height)) for seed in seeds]
    frames, sounds = [], []
    with Stage(width, height) as stage:
        for seed, scene in scenes:
            scene, motion, record = record_scene(seed, scene)
            frames.append(stage.render(scene, motion))
            sounds.append(synthesise_clip(record, NUM_SAMPLES, SAMPLE_RATE))
    seconds = len(frames[0]) / FRAME_RATE
    sounds = [np.pad(sound, (0, max(0, round(seconds * SAMPLE_RATE) - len(sound)))) for sound in sounds]
    waveform = torch.from_numpy(np.concatenate(sounds).astype(np.float32))[None, None].clamp(-1, 1)
    write_clip(output, _chunks(frames), waveform, frame_rate=Fraction(FRAME_RATE), sample_rate=SAMPLE_RATE,
               metadata={"title": wish})
    sheet = output.with_suffix(".png")
    rows = [_row(clip, sound, SAMPLE_RATE) for clip, sound in zip(frames, sounds, strict=True)]
    picture = torch.from_numpy(np.concatenate(rows)).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
    write_image(sheet, picture)
    return output, sheet


def find_scene(wish: str, seed: int, width: int, height: int) -> Scene:
    """The scene of a seed for a family's name or a prompt; the same one each time.

    Raises:
        PromptError: nothing like it was drawn in 20,000 tries.
    """
    from ..evaluation.facts import read_claims
    from .scenes.families import FAMILIES, draw_scene

    if wish in FAMILIES:
        return draw_scene(seed, width, height, wish)
    claims = read_claims(wish)
    family = _family(claims)
    for number in range(MOST_DRAWS):
        scene = draw_scene(seed + number * _TRIES, width, height, family)
        if _fits(scene, claims):
            return replace(scene, bodies=_dressed(scene.bodies, claims.things))
    raise PromptError(f"the world has no scene like {wish!r}; ask for balls and boxes, or for one of "
                      f"{', '.join(FAMILIES)}")


def _family(claims: Claims) -> str | None:
    actions, kinds = claims.actions, {thing.kind for thing in claims.things}
    if "fly in" in actions:
        return "throw"
    if "slide" in actions:
        return "slide"
    if "hit thing" in actions and kinds <= {"ball"}:
        return "collide"
    return "roll" if "roll" in actions else "drop" if actions & {"fall", "bounce"} else None


def _fits(scene: Scene, claims: Claims) -> bool:
    setting = scene.setting
    wanted = ((claims.floor, setting.floor), (claims.place, setting.place), (claims.light, setting.light),
              (claims.camera if claims.camera != "static" else None, setting.view.name))
    if any(asked not in (None, drawn, "outdoors") for asked, drawn in wanted):
        return False
    if "hit wall" in claims.actions and scene.wall_x is None:
        return False
    if claims.direction and claims.actions & {"roll", "slide", "fly in"}:
        speed = float(np.dot(scene.bodies[0].velocity, setting.view.rotation[:, 0]))
        if speed * (1 if claims.direction == "right" else -1) <= 0:
            return False
    return not claims.things or [body.record.kind for body in scene.bodies] == [t.kind for t in claims.things]


def _dressed(bodies: tuple[Body, ...], things: tuple[Thing, ...]) -> tuple[Body, ...]:
    """Bodies in the colours, materials and sizes that are asked for, with the masses that follow."""
    from .scenes.scene import SIZES_M

    dressed = []
    for body, thing in zip(bodies, things or (None,) * len(bodies), strict=True):
        record = body.record
        if thing is not None:
            material = thing.material or record.material
            radius = record.radius_m * SIZES_M[thing.size or record.size] / SIZES_M[record.size]
            volume = 8 * radius**3 if record.kind == "box" else 4 / 3 * math.pi * radius**3
            lift = radius - record.radius_m             # so that what stood on the floor still does
            record = replace(record, colour=thing.colour or record.colour, material=material, radius_m=radius,
                             size=thing.size or record.size, mass_kg=MATERIALS[material].density * volume)
            x, y, z = body.position
            body = replace(body, record=record, position=(x, y, z + lift))
        dressed.append(body)
    return tuple(dressed)


def _chunks(clips: list[np.ndarray]) -> Iterator[Any]:
    for frames in clips:
        yield torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def _row(frames: np.ndarray, sound: np.ndarray, sample_rate: int) -> np.ndarray:
    """Eight frames side by side over the spectrogram of the sound, (H + STRIP_HEIGHT, SHOWN * W, 3) uint8."""
    picks = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
    pictures = np.concatenate([frames[pick] for pick in picks], axis=1)
    return np.concatenate([pictures, _spectrogram(sound, sample_rate, pictures.shape[1])])


def _spectrogram(sound: np.ndarray, sample_rate: int, width: int) -> np.ndarray:
    """(STRIP_HEIGHT, width, 3) uint8 grey picture, low notes below, 60 Hz to half the sample rate."""
    size = 512
    starts = np.linspace(0, len(sound) - 1, width).astype(int)
    padded = np.pad(sound, (size // 2, size))
    power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(size)] * np.hanning(size), axis=1)) ** 2
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = np.searchsorted(hertz, np.geomspace(60, sample_rate / 2, STRIP_HEIGHT + 1))
    bands = [power[:, low: max(high, low + 1)].max(1) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    level = 10 * np.log10(np.stack(bands[::-1]) / (size / 4) ** 2 + 1e-12)
    grey = np.clip((level - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB), 0, 1)
    return np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)
