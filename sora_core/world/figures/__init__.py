"""Living things of the world: bodies, how they move, what they look like, what they say; as families of scenes."""

from __future__ import annotations

from ..scenes.family import Family
from . import animals, birds, characters, people, sport, talk, tell, throwing

FAMILIES: tuple[Family, ...] = (
    Family("walk", 0.10, people.draw_walk, tell.walk, tell.marche, tell.steps, facts=tell.plain_facts),
    Family("run", 0.06, people.draw_run, tell.run, tell.court, tell.steps, facts=tell.plain_facts),
    Family("jump", 0.06, people.draw_jump, tell.jump, tell.saute, tell.landing, facts=tell.plain_facts),
    Family("wave", 0.04, people.draw_wave, tell.wave, tell.salue, tell.silence, facts=tell.plain_facts),
    Family("gymnast", 0.10, sport.draw_gymnast, sport.gymnast, sport.gymnaste, sport.gymnast_heard,
           ("gym", "gym", "studio", "park", "beach"), tell.plain_facts),
    Family("skater", 0.08, sport.draw_skater, sport.skater, sport.patineuse, sport.skater_heard, ("rink",),
           tell.plain_facts),
    Family("talk", 0.10, talk.draw_talk, talk.talk, talk.parle, talk.talk_heard, facts=tell.plain_facts),
    Family("dialogue", 0.06, talk.draw_dialogue, talk.dialogue, talk.dialoguent, talk.talk_heard,
           facts=tell.plain_facts),
    Family("catch", 0.06, throwing.draw_catch, throwing.catch, throwing.attrape, throwing.catch_heard,
           facts=tell.plain_facts),
    Family("stumble", 0.04, throwing.draw_stumble, throwing.stumble, throwing.trebuche, throwing.stumble_heard,
           facts=tell.plain_facts),
    Family("dog", 0.07, animals.draw_dog, animals.beast, animals.bete, animals.beast_heard, facts=tell.plain_facts),
    Family("cat", 0.06, animals.draw_cat, animals.beast, animals.bete, animals.beast_heard, facts=tell.plain_facts),
    Family("bird", 0.06, birds.draw_bird, birds.bird, birds.oiseau, birds.bird_heard, facts=tell.plain_facts),
    Family("character", 0.08, characters.draw_character, characters.character, characters.personnage,
           characters.character_heard, facts=tell.plain_facts),
)
