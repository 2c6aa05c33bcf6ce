"""How people, and what they do, are told, in English and French."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..scenes.scene import Scene
from ..words import Teller
from .cast import Person, told, told_french

if TYPE_CHECKING:
    from ..physics import Motion

_MANNERS = {
    "calm": ("", "", "calmly", "at an easy pace"), "brisk": ("briskly", "with quick steps", "fast"),
    "tired": ("slowly, tired", "wearily", "with dragging steps"), "proud": ("proudly", "with a straight back"),
    "sneaking": ("stealthily", "crouching", "on the sly"), "cheerful": ("cheerfully", "with a spring in the step",
                                                                       "bouncing along"),
}
_FRENCH_MANNERS = {
    "calm": "", "brisk": "d'un pas vif", "tired": "d'un pas fatigu\u00e9", "proud": "fi\u00e8rement",
    "sneaking": "\u00e0 pas de loup", "cheerful": "gaiement",
}
_STEPS = {
    "wood": ("footsteps on wood", "hollow footsteps", "heels knock on the wooden floor"),
    "tile": ("clicking footsteps", "heels click on tiles"), "carpet": ("muffled footsteps", "soft steps on carpet"),
    "grass": ("steps rustle in the grass", "soft steps in the grass"), "sand": ("steps crunch in the sand",),
    "ice": ("steps scrape on the ice",), "concrete": ("footsteps on concrete", "dry footsteps"),
    "asphalt": ("footsteps on the road", "dry footsteps"), "dust": ("soft steps in the dust",),
}


def person_of(teller: Teller, number: int = 0) -> Person:
    """Who plays in the scene that is told."""
    return teller.scene.facts["cast"][number]


def plain_facts(scene: Scene, motion: Motion) -> dict[str, Any]:
    """What a scene of figures knows of itself, JSON-able."""
    return {name: value for name, value in scene.facts.items() if name != "cast"}


def called(teller: Teller) -> str:
    """A character's handle, such as "@mila", where the clip has one whom references show; else nothing."""
    return teller.scene.facts.get("handle", "")


def who(teller: Teller, number: int = 0, article: str = "a", brief: bool = False) -> str:
    """One of the players in words."""
    return called(teller) or told(person_of(teller, number), teller, article, brief or teller.style < 0.1)


def qui(teller: Teller, number: int = 0) -> str:
    """One of the players in French words."""
    return called(teller) or told_french(person_of(teller, number), teller)


def way(teller: Teller) -> str:
    """Where somebody goes in the picture."""
    side = teller.scene.facts.get("way", 0)
    if not side:
        return ""
    first, last = ("left", "right") if side > 0 else ("right", "left")
    return teller.pick(f"to the {last}", f"from {first} to {last}", f"toward the {last}", f"from the {first}")


def sens(teller: Teller) -> str:
    """Where somebody goes, in French."""
    side = teller.scene.facts.get("way", 0)
    return {0: "", 1: teller.pick("vers la droite", "de gauche \u00e0 droite"),
            -1: teller.pick("vers la gauche", "de droite \u00e0 gauche")}[side]


def walk(teller: Teller) -> str:
    """Somebody walks."""
    facts = teller.scene.facts
    manner = teller.pick(*_MANNERS[facts["manner"]])
    verb = {"sneaking": teller.pick("sneaks", "creeps", "walks"), "cheerful": teller.pick("strolls", "walks"),
            "brisk": teller.pick("strides", "walks"), "proud": teller.pick("struts", "walks"),
            "tired": teller.pick("trudges", "walks")}.get(facts["manner"], teller.pick("walks", "walks", "strolls"))
    if verb not in ("walks", "strolls") and teller.chance(0.6):
        manner = ""
    text = f"{who(teller)} {verb} {manner}"
    text += f" {teller.pick('across', 'over')} {teller.floor()}" if teller.chance(0.6) else ""
    text += f" {way(teller)}" if teller.chance(0.6) else ""
    if facts["plot"] == "stop":
        text += teller.pick(" and stops", " and comes to a stop", ", then stands still")
    elif facts["plot"] == "stop and wave":
        text += teller.pick(", stops and waves", ", stops, turns to us and waves", " and waves at the camera")
    elif facts["plot"] == "follow" and teller.chance(0.4):
        text += teller.pick(", followed by the camera", " while the camera follows")
    return text


def marche(teller: Teller) -> str:
    """Somebody walks, in French."""
    facts = teller.scene.facts
    text = f"{qui(teller)} marche {_FRENCH_MANNERS[facts['manner']]} {sens(teller) if teller.chance(0.6) else ''}"
    ends = {"stop": " et s'arr\u00eate", "stop and wave": ", s'arr\u00eate et fait signe de la main"}
    return text.rstrip() + ends.get(facts["plot"], "")


def run(teller: Teller) -> str:
    """Somebody runs."""
    text = f"{who(teller)} {teller.pick('runs', 'runs', 'jogs', 'is running', 'sprints')}"
    text += f" {teller.pick('across', 'over')} {teller.floor()}" if teller.chance(0.6) else ""
    return text + (f" {way(teller)}" if teller.chance(0.6) else "")


def court(teller: Teller) -> str:
    """Somebody runs, in French."""
    return f"{qui(teller)} court {sens(teller) if teller.chance(0.6) else ''}".rstrip()


def jump(teller: Teller) -> str:
    """Somebody jumps."""
    facts = teller.scene.facts
    how = {"star": (" with arms and legs spread", " like a star", ""), "tuck": (" with knees tucked up", ""),
           "straight": (" straight up", " with arms stretched up", "")}[facts["pose"]]
    text = f"{who(teller)} {teller.pick('crouches and jumps', 'jumps', 'leaps', 'jumps up high')}"
    if facts["ahead"]:
        text += teller.pick(" forward", " ahead", f" {way(teller)}")
    text += teller.pick(*how)
    if facts["count"] == 2 and teller.chance(0.8):
        text += teller.pick(" twice", " two times")
    if teller.chance(0.4):
        text += teller.pick(f" and lands on {teller.floor()}", " and lands softly", " and lands with bent knees")
    return text


def saute(teller: Teller) -> str:
    """Somebody jumps, in French."""
    facts = teller.scene.facts
    how = {"star": " bras et jambes \u00e9cart\u00e9s", "tuck": " en groupant les genoux", "straight": " tout droit"}
    return f"{qui(teller)} saute{how[facts['pose']] if teller.chance(0.7) else ''}" + (
        " deux fois" if facts["count"] == 2 else "")


def wave(teller: Teller) -> str:
    """Somebody waves."""
    both = teller.scene.facts["both"]
    hands = "with both hands" if both else teller.pick("", "", "with one hand")
    act = teller.pick("waves", "waves at the camera", "stands and waves", "greets us, waving")
    return f"{who(teller)} {act} {hands}"


def salue(teller: Teller) -> str:
    """Somebody waves, in French."""
    return f"{qui(teller)} {teller.pick('fait signe de la main', 'salue de la main')}"


def steps(teller: Teller) -> str:
    """Footsteps in words."""
    return teller.pick(*_STEPS[teller.scene.floor])


def landing(teller: Teller) -> str:
    """A landing in words."""
    return teller.pick("the thud of a landing", "feet thump on landing", "a dull thump as the feet land")


def silence(teller: Teller) -> str:
    """Nothing to be heard of the figure itself."""
    return ""
