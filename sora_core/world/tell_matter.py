"""How balls and boxes are told: what they meet, how they bounce, where they go."""

from __future__ import annotations

from .course import Course, courses
from .words import Teller

_RINGING = {"metal": ("a metallic clang", "a ringing clank"), "glass": ("a bright clink", "a glassy clink"),
            "wood": ("a wooden knock", "a hollow knock"), "plastic": ("a light plastic tap", "a hollow tap"),
            "stone": ("a heavy knock", "a stony clack"), "rubber": ("a rubbery thump", "a dull thump")}
_THUDS = ("a soft thud", "a dull thud", "a muffled thump")
_SOFT_FLOORS = ("grass", "carpet", "sand", "dust")


def tell(teller: Teller) -> str:
    """One English sentence."""
    story = _Story(teller)
    return story.brief() if teller.style < 0.10 else story.core()


def sound(teller: Teller) -> str:
    """A note on the sound of the first body's touch."""
    return _Story(teller).sound()


class _Story:
    """The courses of a clip's bodies, in the words of a teller."""

    def __init__(self, teller: Teller) -> None:
        self.teller, self.scene = teller, teller.scene
        if "courses" not in teller.kept:
            teller.kept["courses"] = courses(teller.scene, teller.motion, teller.tracks)
        self.course: list[Course] = teller.kept["courses"]
        self.pick, self.chance, self.thing, self.floor = teller.pick, teller.chance, teller.thing, teller.floor

    def toward(self, index: int) -> str:
        way = self.course[index].direction
        if not way:
            return ""
        left, right = ("right", "left") if way < 0 else ("left", "right")
        return self.pick(f"from {left} to {right}", f"to the {right}", f"toward the {right}", f"from the {left}")

    # Each action returns (present, progressive) forms; a form starts with the verb.

    def landing(self, index: int) -> str:
        """How a falling body meets the floor, e.g. "drops onto a wooden floor and bounces"."""
        it, item = self.course[index], self.scene.bodies[index].record
        thrown = self.scene.family == "throw"
        if thrown:
            start = self.pick("flies in", "is thrown in", "sails in", "comes flying in")
            if it.direction and self.chance(0.8):
                start += f" from the {'left' if it.direction > 0 else 'right'}"
            start += self.pick(f", lands on {self.floor()}", f" and hits {self.floor()}", f" onto {self.floor()}")
        else:
            start = self.pick("drops onto", "falls onto", "drops on", "falls down onto", "lands on", "drops to",
                              "is dropped onto", "falls on") + " " + self.floor()
        return start + self.after(it, item.kind)

    def after(self, it: Course, kind: str) -> str:
        if it.bounces >= 4 and it.highest_m > 0.3:
            return self.pick(" and bounces", " and bounces", " and bounces several times", " and bounces high",
                             ", bouncing again and again", " and keeps bouncing", " and bounces up and down")
        if it.bounces >= 2:
            ending = ("and bounces to a stop",) if it.ends_still else ("and bounces lower each time",)
            return " " + self.pick("and bounces", "and bounces", "and bounces a few times", *ending)
        if it.bounces == 1:
            return self.pick(" and bounces once", " and bounces a little", " with one small bounce")
        if kind == "box" and it.tips:
            return self.pick(" and tumbles", " and tips over", " and tumbles over")
        if it.ends_still and not it.direction:
            return self.pick(" and stays there", " with a thud", " and lies still", " and does not bounce",
                             " and stops dead")
        return self.pick(" without bouncing", " and does not bounce")

    def travel(self, index: int) -> str:
        """How a body moves over the floor, e.g. "rolls across the grass from left to right"."""
        it, item = self.course[index], self.scene.bodies[index].record
        verbs = ("rolls", "rolls", "is rolling") if item.kind == "ball" else ("slides", "slides", "glides")
        verb = self.pick(*verbs)
        path = self.pick("across", "over", "along") + " " + self.floor()
        way = self.toward(index)
        text = f"{verb} {path}" + (f" {way}" if way and self.chance(0.75) else "")
        if it.hit is not None or it.hit_wall:
            return text
        if it.leaves and self.chance(0.6):
            return text + self.pick(" and out of view", " and leaves the frame", " out of the picture")
        if it.ends_still and self.chance(0.8):
            return text + self.pick(" and stops", " and comes to rest", " and slows to a stop")
        return text

    def meeting(self, index: int) -> str:
        it = self.course[index]
        other = self.course[it.hit]
        text = self.travel(index)
        if other.is_resting:
            target = self.thing(it.hit)
            text += self.pick(" and hits ", " and bumps into ", " and strikes ", " into ", " and knocks into ") + target
            if other.direction and self.chance(0.4):
                text += self.pick(", pushing it away", ", which moves off")
            return text
        return text + self.pick(" and hits ", " and collides with ", " and crashes into ") + self.thing(it.hit)

    def both(self) -> str:
        one, two = self.thing(0), self.thing(1)
        if self.chance(0.5):
            one, two = two, one
        return self.pick(
            f"{one} and {two} roll toward each other and collide",
            f"{one} and {two} collide on {self.floor()}",
            f"{one} rolls into {two} on {self.floor()}",
            f"two balls, {one} and {two}, roll across {self.floor()} and hit each other",
            f"{one} and {two} roll across {self.floor()} and bump into each other",
        )

    def single(self, index: int) -> str:
        it = self.course[index]
        if it.is_falling:
            return f"{self.thing(index)} {self.landing(index)}"
        if it.is_resting and it.hit is None:
            return f"{self.thing(index)} {self.pick('rests', 'lies still')} on {self.floor()}"
        if it.hit_wall:
            wall = self.pick(" and hits the wall", " and bounces off the wall", " against a wall and rolls back"
                             if it.direction == 0 else " and hits a wall", " into the wall")
            return f"{self.thing(index)} {self.travel(index)}{wall}"
        return f"{self.thing(index)} {self.travel(index)}"

    def falling(self) -> str:
        """Several bodies that fall side by side."""
        course, count = self.course, len(self.course)
        names = [self.thing(i, brief=count > 2 or self.chance(0.3)) for i in range(count)]
        listed = ", ".join(names[:-1]) + " and " + names[-1]
        if all(it.bounces > 0 for it in course):
            end = self.pick(" and bounce", " and bounce", " and both bounce" if count == 2 else " and all bounce")
        elif not any(it.bounces for it in course):
            end = self.pick("", " and do not bounce", " and stay there" if all(i.ends_still for i in course) else "")
        else:
            end = ""
        if count == 2 and (not end or self.chance(0.4)):
            return f"{self.single(0)} while {self.single(1)}" if self.chance(0.4) else (
                f"{self.single(0)}, and {self.single(1)}")
        verb = self.pick("drop onto", "fall onto", "land on", "fall on")
        return f"{listed} {verb} {self.floor()}{end}"

    def core(self) -> str:
        moving = [i for i, it in enumerate(self.course) if not it.is_resting]
        if len(self.course) == 1:
            return self.single(0)
        if all(it.is_falling for it in self.course):
            return self.falling()
        if len(moving) == 2 and self.course[0].hit == 1:
            return self.both()
        first = moving[0] if moving else 0
        if self.course[first].hit is not None:
            return f"{self.thing(first)} {self.meeting(first)}"
        rest = 1 - first
        return f"{self.single(first)} near {self.thing(rest)}"

    def brief(self) -> str:
        """A few words, such as "red ball bounces"."""
        it, item = self.course[0], self.scene.bodies[0].record
        name = self.thing(0, article="", brief=self.chance(0.6))
        if len(self.course) > 1:
            return self.core()
        if it.is_falling and it.bounces:
            return f"{name} {self.pick('bounces', 'bouncing', 'drops and bounces', 'bouncing on ' + self.floor())}"
        if it.is_falling:
            verb = self.pick("flies in" if self.scene.family == "throw" else "falls", "lands")
            return f"{name} {verb} on {self.floor()}"
        verbs = ("rolls", "rolling") if item.kind == "ball" else ("slides", "sliding")
        end = " into a wall" if it.hit_wall else f" on {self.floor()}"
        return f"{name} {self.pick(*verbs)}{end}"

    def sound(self) -> str:
        """A note on the sound of the first body's touch, or nothing."""
        it, item = self.course[0], self.scene.bodies[0].record
        if it.is_falling:
            soft = self.scene.floor in _SOFT_FLOORS
            noise = self.pick(*(_THUDS if soft else _RINGING[item.material]))
            often = ("each time it lands", "at every bounce")
            when = self.pick(*(often if it.bounces else ("as it lands", "when it hits")))
            return f"{noise} {when}" if len(self.course) == 1 else f"the sound of {noise.split(' ', 1)[1]}s"
        if it.hit is not None:
            return self.pick("a knock as they meet", "the sound of the hit", "a clack when they touch")
        if it.hit_wall:
            return self.pick("a knock against the wall", "a thump as it hits the wall")
        rolls = item.kind == "ball"
        return self.pick("a quiet rumble as it rolls", "a soft rolling sound") if rolls else self.pick(
            "a scraping sound", "it scrapes over the floor")

    # French

    def french(self) -> str:
        if len(self.course) > 1 and all(it.is_falling for it in self.course):
            names = [self.teller.thing_french(i) for i in range(len(self.course))]
            end = " et rebondissent" if all(it.bounces for it in self.course) else ""
            return f"{', '.join(names[:-1])} et {names[-1]} tombent sur {self.teller.floor_french()}{end}"
        moving = [i for i, it in enumerate(self.course) if not it.is_resting]
        first = moving[0] if moving else 0
        it, name = self.course[first], self.teller.thing_french(first)
        if len(moving) == 2 and self.course[0].hit == 1:
            return (f"{self.teller.thing_french(0)} et {self.teller.thing_french(1)} "
                    + self.pick("roulent face \u00e0 face et se heurtent", "se percutent",
                                f"se heurtent sur {self.teller.floor_french()}"))
        if it.hit is not None:
            verb = self.pick("heurte", "percute", "cogne")
            return f"{name} {self.french_travel(first)} et {verb} {self.teller.thing_french(it.hit)}"
        if it.is_falling:
            return f"{name} {self.french_landing(it)}"
        wall = self.pick(" et heurte le mur", " et rebondit contre le mur") if it.hit_wall else ""
        return f"{name} {self.french_travel(first)}{wall}"

    def french_landing(self, it: Course) -> str:
        verb = self.pick("arrive en volant et tombe", "arrive dans les airs et tombe") if (
            self.scene.family == "throw") else self.pick("tombe", "chute", "tombe")
        end = self.pick(" et rebondit", " et rebondit plusieurs fois") if it.bounces > 1 else (
            self.pick(" et rebondit une fois", " et rebondit un peu") if it.bounces else self.pick(
                " sans rebondir", " et ne rebondit pas"))
        return f"{verb} sur {self.teller.floor_french()}{end}"

    def french_travel(self, index: int) -> str:
        it, item = self.course[index], self.scene.bodies[index].record
        way = {0: "", 1: self.pick(" de gauche \u00e0 droite", " vers la droite"),
               -1: self.pick(" de droite \u00e0 gauche", " vers la gauche")}[it.direction]
        verb = "roule" if item.kind == "ball" else "glisse"
        end = self.pick(" et s'arr\u00eate", "") if it.ends_still and it.hit is None else ""
        return f"{verb} sur {self.teller.floor_french()}{way if self.chance(0.7) else ''}{end}"


def tell_french(teller: Teller) -> str:
    """One French sentence."""
    return _Story(teller).french()


ACTIONS = (tell, tell_french, sound)
"""English, French and what is heard, as a family takes them."""
