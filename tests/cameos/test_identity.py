"""What somebody or something looks like, part by part; and as one sees it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sora_core.cameos.file import make_cameo
from sora_core.cameos.identity import ANIMALS, KINDS, PEOPLE, encode_identity, is_portrait
from sora_core.cameos.portrait import SIDE, draw_doll, handle_of, sources_of
from sora_core.cameos.subject import Subject, find_subject
from sora_core.models.sketch import LOOKS

from .drawn import BLUE, GREEN, RED, SKIN, WHITE, Page, ball, dog, person, portrait


def subject(page: Page, **how: bool) -> Subject:
    return find_subject(page.picture()[0, :, 0], **how)


def is_near(colour: Tensor, wanted: tuple[float, ...]) -> bool:
    """Whether a colour `(3, ...)` in [-1, 1] is in the mean the one of [0, 1]."""
    return float((((colour.flatten(1).mean(1) + 1) / 2) - torch.tensor(wanted)).abs().max()) < 0.15


def test_a_person_is_read_from_head_to_foot() -> None:
    trunk, left, right, *arms, head = encode_identity(subject(person(), is_person=True), "girl")
    assert is_near(trunk[:, :14], RED) and is_near(trunk[:, -4:], SKIN), "a trunk goes up from the hips"
    for leg in (left, right):
        assert is_near(leg[:, 2:16], BLUE) and is_near(leg[:, -2:], GREEN), "a leg goes down"
    assert all(is_near(arm, RED) for arm in arms) and is_near(head, SKIN)
    assert not is_portrait(subject(person(), is_person=True))


def test_a_portrait_has_a_head_a_shirt_and_hands_of_skin() -> None:
    found = subject(portrait(), is_person=True)
    trunk, leg, _, arm, _, head = encode_identity(found, "man")
    assert is_portrait(found) and is_near(head, SKIN) and is_near(arm[:, -4:], SKIN)
    assert is_near(trunk[:, :12], RED) and is_near(leg, (0.2, 0.22, 0.3))


def test_an_animal_looks_the_same_from_both_sides() -> None:
    one, other = (encode_identity(subject(dog(side)), "dog") for side in (False, True))
    trunk, leg, _, head, *_ = one
    assert is_near(trunk, RED) and is_near(leg[:, 8:], WHITE) and is_near(head[:, 6:, :12], BLUE)
    assert float((one - other).abs().mean()) < 0.12


def test_an_animal_that_faces_the_camera_has_its_head_on_top() -> None:
    page = Page().disc(100, 60, 32, BLUE).box(70, 85, 130, 190, RED)
    trunk, _, _, head, *_ = encode_identity(subject(page), "cat")
    assert is_near(trunk, RED) and float(head[2].mean()) > float(head[0].mean())


def test_a_ball_wears_its_picture_upright() -> None:
    picture = encode_identity(subject(ball(), is_convex=True), "ball")[0]
    assert is_near(picture[:, :10], RED) and is_near(picture[:, -10:], BLUE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_parts_and_a_doll(kind: str) -> None:
    page = (person if kind in PEOPLE else dog if kind in ANIMALS else ball)()
    cameo = make_cameo(page.picture(), handle="it", kind=kind, granted_by="herself")
    assert cameo.parts.shape == (LOOKS, 3, 24, 24) and float(cameo.parts.abs().max()) <= 1
    doll = draw_doll(cameo)
    assert doll.shape == (1, 3, 1, SIDE, SIDE)
    shown = (doll[0, :, 0] - doll[0, :, 0, :1, :1]).abs().amax(0) > 0.3
    assert 0.05 < float(shown.float().mean()) < 0.6
    reddest = doll[0, :, 0][:, shown].T[(doll[0, 0, 0] - doll[0, 2, 0])[shown].argmax()]
    assert float(reddest[0]) > 0.3 > float(reddest[2]), "the doll wears the red of the picture"


def test_the_doll_is_named_as_a_source_with_the_grant_and_people_by_their_handle() -> None:
    girl = make_cameo(person().picture(), handle="mila", kind="girl", granted_by="her mother")
    toy = make_cameo(ball().picture(), handle="bobo", kind="ball")
    girls, toys = sources_of([girl, toy])
    assert girls.path.name == "@mila.png" and "her mother" in girls.grant and girls.read().startswith(b"\x89PNG")
    assert toys.relationship == "componentOf" and handle_of([toy, girl]) == "mila" and handle_of([toy]) == ""
