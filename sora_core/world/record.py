"""The truth of one simulated clip: what was there, what happened, when, and how it may be told.

A record is plain data (frozen dataclasses and numpy arrays), so that the sound, the captions, the pool on disk and
the evaluation all read the same truth. Units are metres, kilograms, seconds and newton seconds unless a name says
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .performance import Line

FLOOR = -1
"""Body index of the floor in a contact."""
WALL = -2
"""Body index of the wall in a contact."""
FIRST_PROP = -3
"""Body index of the first prop in a contact; the next ones count down."""
MAX_OBJECTS = 4
"""Slots of an object track; unused slots are never visible."""
FRICTION_RATE_HZ = 96
"""Rows per second of the rolling and sliding intensities."""
FRICTION_ROWS = 384
"""Rows of the rolling and sliding intensities: 4.0 s."""


@dataclass(frozen=True)
class ObjectRecord:
    """One body of a clip.

    Attributes:
        kind: "ball", "box", or what a family has: "domino", "pin", "bar", ...
        colour: colour name, see ``materials.COLOURS``.
        material: material name, see ``materials.MATERIALS``.
        size: "small", "medium" or "large".
        radius_m: radius of a ball, half the edge of a box, in metres; of others half the longest edge.
        mass_kg: mass in kilograms.
        half_m: half sizes of what is neither a ball nor a cube, or None.
    """

    kind: str
    colour: str
    material: str
    size: str
    radius_m: float
    mass_kg: float
    half_m: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class ContactRecord:
    """One touch: the time at which two bodies met and the impulse they exchanged.

    Attributes:
        time_s: onset in seconds from the first frame.
        impulse_ns: normal impulse over the touch in N s, without the resting weight.
        body_a: object index of the one body (always >= 0).
        body_b: object index of the other, or ``FLOOR``, ``WALL``, or ``FIRST_PROP`` and below.
        material_a: material of body_a.
        material_b: material of body_b; the floor's name for the floor, "plaster" for the wall.
        x_screen: horizontal place on the screen, -1 left to 1 right (may lie outside when out of view).
        other: name of the prop that was touched, such as "rim", else "".
    """

    time_s: float
    impulse_ns: float
    body_a: int
    body_b: int
    material_a: str
    material_b: str
    x_screen: float
    other: str = ""


@dataclass(frozen=True)
class EventRecord:
    """A noise that is no contact of two bodies: a step, breaking glass, a clap.

    Attributes:
        time_s: onset in seconds from the first frame.
        kind: "step", "shatter", ...
        strength: 0 to 1.
        x_screen: as in `ContactRecord`.
        material, on: what strikes, and what is struck.
    """

    time_s: float
    kind: str
    strength: float
    x_screen: float
    material: str = ""
    on: str = ""


@dataclass(frozen=True)
class ClipRecord:
    """Everything that is known about one clip.

    Attributes:
        seed: seed of the clip.
        family: scene family, see ``scenes.families.FAMILIES``.
        place: place name, see ``places.PLACES``.
        floor: floor name, see ``places.FLOORS``.
        light: "day", "dusk" or "night".
        camera: camera name, see ``places.CAMERAS``.
        objects: the bodies, in the order of the indices used by contacts and tracks.
        contacts: touches in order of time.
        rolling: (num_objects, FRICTION_ROWS) float32, normal force times rolling speed in N m/s at 96 Hz.
        sliding: (num_objects, FRICTION_ROWS) float32, normal force times slip speed in N m/s at 96 Hz.
        captions: true wordings of the clip, all different.
        tracks: (num_frames, MAX_OBJECTS or more, 4) float32: x, y on the screen in [-1, 1] (right, down), radius as a
            share of half the height, visible (0 or 1); bodies first, then figures.
        sketch: the clip as the model's sketch, see ``sketch.sketch_arrays``, or None where it has no room for it.
        captions_french: true wordings in French.
        gravity: metres per second squared.
        style, air: see ``scenes.scene.Setting``.
        move: how the camera moves, "" if it doesn't.
        cuts: frames at which a new shot begins.
        facts: what is true of the clip by its family, such as {"made": true}.
        props: names of what stands around, in the order of the indices used by contacts.
        events: noises that are no contacts, in order of time.
        voices: (start in seconds, x on the screen, (n,) float32 at 24 kHz) of what is said or barked.
        lines: what is said: speaker, text, start_s, end_s, phonemes.
    """

    seed: int
    family: str
    place: str
    floor: str
    light: str
    camera: str
    objects: tuple[ObjectRecord, ...]
    contacts: tuple[ContactRecord, ...]
    rolling: np.ndarray
    sliding: np.ndarray
    captions: tuple[str, ...]
    tracks: np.ndarray
    sketch: dict[str, np.ndarray] | None
    captions_french: tuple[str, ...] = ()
    gravity: float = 9.81
    style: str = ""
    air: str = ""
    move: str = ""
    cuts: tuple[int, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    props: tuple[str, ...] = ()
    events: tuple[EventRecord, ...] = ()
    voices: tuple[tuple[float, float, np.ndarray], ...] = ()
    lines: tuple[Line, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON facts that a pool shard stores beside the pixels (without arrays)."""
        return {
            "seed": self.seed,
            "family": self.family,
            "captions": list(self.captions),
            "objects": [
                {"kind": item.kind, "colour": item.colour, "material": item.material, "size": item.size}
                for item in self.objects
            ],
            "place": self.place,
            "floor": self.floor,
            "light": self.light,
            "camera": self.camera,
            "contacts": [
                {
                    "time": round(touch.time_s, 4),
                    "impulse": round(touch.impulse_ns, 5),
                    "bodies": [touch.body_a, touch.body_b],
                    "materials": [touch.material_a, touch.material_b],
                    **({"other": touch.other} if touch.other else {}),
                }
                for touch in self.contacts
            ],
            "has_sketch": self.sketch is not None,
            "captions_french": list(self.captions_french),
            "gravity": self.gravity,
            "style": self.style,
            "air": self.air,
            "move": self.move,
            "cuts": list(self.cuts),
            "facts": self.facts,
            "props": list(self.props),
            "events": [
                {"time": round(event.time_s, 4), "kind": event.kind, "strength": round(event.strength, 3),
                 "x": round(event.x_screen, 3), "material": event.material, "on": event.on}
                for event in self.events
            ],
            "lines": [
                {"speaker": line.speaker, "text": line.text, "start": line.start_s, "end": line.end_s,
                 "phonemes": [[round(at, 3), name, round(opening, 2)] for at, name, opening in line.phonemes]}
                for line in self.lines
            ],
        }
