"""Cameos in a clip: their handles in the prompt become words that the model knows, and the sketch puts on their looks.

Legend: B batch, K slots, T frames, P rows and columns of a part's picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import PromptError
from ..models.sketch import COLOUR, LOOK, LOOKS, SLOTS, Sketch, person_head, rolled
from ..prompt_french import is_french
from ..things import COLOURS, MOST
from .file import Cameo
from .identity import ANIMALS, PATCH, PEOPLE

_COLOURFUL = 0.3            # (most - least) / most of red, green and blue, from which on a colour has a hue
_BODY, _LEGS = 0, 1         # parts of a person whose colours words tell
_FRENCH = {"man": "un homme", "woman": "une femme", "boy": "un gar\u00e7on", "girl": "une fille",
           "person": "une personne", "dog": "un chien", "cat": "un chat", "bird": "un oiseau", "ball": "une balle",
           "box": "une bo\u00eete"}
_FRENCH_AGAIN = {"man": "l'homme", "woman": "la femme", "boy": "le gar\u00e7on", "girl": "la fille",
                 "person": "la personne", "dog": "le chien", "cat": "le chat", "bird": "l'oiseau", "ball": "la balle",
                 "box": "la bo\u00eete"}


@dataclass(frozen=True)
class Role:
    """What the sketch needs to know of a cameo.

    Attributes:
        kind: of `identity.KINDS`; parts: `(LOOKS, 3, P, P)` in [-1, 1].
        told: the colour `(3,)` in [-1, 1] that the words tell of it.
    """

    kind: str
    parts: Tensor
    told: Tensor


@dataclass(frozen=True)
class Cast:
    """A prompt in which handles have become words, who is to be shown, and a line for people on who can't be."""

    text: str
    roles: tuple[Role, ...] = ()
    unused: str = ""


def cast_prompt(text: str, cameos: Sequence[Cameo]) -> Cast:
    """Put cameos into a prompt: "@mila waves" -> "a woman in a red shirt waves".

    Raises:
        PromptError: two cameos of one handle, or more than a clip can show.
        ConsentError: a cameo may not be shown.
    """
    names = [cameo.handle for cameo in cameos]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise PromptError(f"there are two cameos with the handle @{twice}; leave one out, or make it anew under "
                          "another handle")
    roles, left = [], []
    for cameo in cameos:
        cameo.check()
        found = list(re.finditer(rf"(?<![\w.@/])@{re.escape(cameo.handle)}(?![\w-]|\.\w)", text, re.IGNORECASE))
        if not found:
            left.append(cameo.handle)
            continue
        french = is_french(_HANDLES.sub("", text))
        for place in reversed(found):
            words = words_of(cameo, is_again=place is not found[0], french=french)
            starts = re.search(r"(?:^|[.!?]\s+|\n\s*)$", text[:place.start()]) is not None
            text = text[:place.start()] + (words[:1].upper() + words[1:] if starts else words) + text[place.end():]
        roles.append(Role(cameo.kind, cameo.parts, 2 * torch.tensor(COLOURS[nearest_colour(_worn_colour(cameo))]) - 1))
    bodies = [role for role in roles if role.kind in (*PEOPLE, *ANIMALS)]
    if len(roles) > MOST or len(bodies) > 1 or (bodies and len(roles) > 1):
        raise PromptError("a clip of this model shows one person or animal, or up to five balls and boxes; leave the "
                          "other cameos out of the prompt")
    note = f"Not shown: {', '.join('@' + name for name in left)}, since the prompt doesn't name them." if left else ""
    return Cast(text, tuple(roles), note)


_HANDLES = re.compile(r"(?<![\w.@/])@[\w.-]+")


def words_of(cameo: Cameo, *, is_again: bool = False, french: bool = False) -> str:
    """How the model's words call a cameo; `is_again`: it was named before."""
    if french:
        return (_FRENCH_AGAIN if is_again else _FRENCH)[cameo.kind]
    if is_again:
        return f"the {cameo.kind}"
    if cameo.kind in PEOPLE:
        top = nearest_colour(_worn_colour(cameo))
        legs = nearest_colour(cameo.parts[_LEGS][:, PATCH // 3:PATCH * 5 // 6].mean((1, 2)))     # above the shoes
        return f"a {cameo.kind} in {_a(top)} shirt and {legs} trousers"
    return f"{_a(nearest_colour(_worn_colour(cameo)))} {cameo.kind}"


def nearest_colour(colour: Tensor) -> str:
    """The name of a colour `(3,)` in [-1, 1]; the hue of what has one counts more than how light it is."""
    given = _hue_and_light((colour + 1) / 2)
    return min(COLOURS, key=lambda name: float((_hue_and_light(torch.tensor(COLOURS[name])) - given).norm()))


def _hue_and_light(colour: Tensor) -> Tensor:
    most, least = float(colour.max()), float(colour.min())
    full = colour / max(most, 0.05) if most - least > _COLOURFUL * most else colour
    red, green, blue = full.tolist()
    return torch.tensor([0.5 * float(colour.mean()), red - green, 0.8 * (0.5 * (red + green) - blue)])


def _worn_colour(cameo: Cameo) -> Tensor:
    """Mean colour `(3,)` of what is seen most: of a person the lower part of the trunk, which has no head."""
    body = cameo.parts[_BODY]
    return (body[:, :body.shape[1] * 2 // 3] if cameo.kind in PEOPLE else body).mean((1, 2))


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def dress(sketch: Sketch, roles: Sequence[Role]) -> Sketch:
    """A sketch whose bodies look like the cast.

    A person or an animal is put on by the figure of its kind; a ball or a box by the one whose colour is the nearest to
    what the words told. Who finds nobody to play them isn't shown.
    """
    if not roles:
        return sketch
    looks, traits = sketch.dressed().clone(), sketch.traits.clone()
    for row in range(len(traits)):
        free = set(range(SLOTS))
        for role in roles:
            for slot, part in _played_by(role, sketch.states[row], traits[row], free):
                looks[row, slot] = look = _look_of(role.parts[part], role, sketch.states[row, min(slot, SLOTS - 1)])
                if slot < SLOTS:
                    traits[row, slot, COLOUR] = look.mean((1, 2))
                    free.discard(slot)
    return replace(sketch, looks=looks, traits=traits)


def _played_by(role: Role, states: Tensor, traits: Tensor, free: set[int]) -> list[tuple[int, int]]:
    """(slot, part) of what a role puts on."""
    there = [slot for slot in range(SLOTS) if traits[slot, 0] > 0 and slot in free]
    if role.kind in (*PEOPLE, *ANIMALS):
        members = [slot for slot in there if traits[slot, 5] > 0]
        head = [(SLOTS, LOOKS - 1)] if role.kind in PEOPLE and person_head(states, traits) is not None else []
        return [(slot, part) for part, slot in enumerate(members)] + head
    things = [slot for slot in there if traits[slot, 5] <= 0 and (traits[slot, 1] > 0) == (role.kind == "box")]
    nearest = sorted(things, key=lambda slot: float((traits[slot, COLOUR] - role.told).norm()))
    return [(slot, 0) for slot in nearest[:1]]


def _look_of(part: Tensor, role: Role, state: Tensor) -> Tensor:
    """A look `(3, LOOK, LOOK)` from a part's picture; a ball stands upright when it comes into the picture."""
    if role.kind == "ball":
        inside = state[:, :2].abs().amax(1) < 0.5
        angle = rolled(state)[int(inside.float().argmax())]
        turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
        grid = F.affine_grid(F.pad(turn, (0, 1))[None], [1, 3, *part.shape[1:]], align_corners=False)
        part = F.grid_sample(part[None], grid, padding_mode="border", align_corners=False)[0]
    return F.interpolate(part[None], (LOOK, LOOK), mode="area")[0]



