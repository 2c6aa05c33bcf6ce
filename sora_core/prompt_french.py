"""French prompts in the English that the embedded model has learnt.

It is no translator: it knows the words of the model's world, some three hundred, and says when a text has others.
"""

from __future__ import annotations

import re

MOST_UNKNOWN = 0.2      # of the words of a text that may be left as they are

_ARTICLES = {
    "un": "a", "une": "a", "le": "the", "la": "the", "les": "the", "l'": "the", "des": "some", "deux": "two",
    "trois": "three", "quatre": "four", "cinq": "five", "six": "six", "son": "its", "sa": "its",
}
_NOUNS = {
    "balle boule bille": "ball", "ballon": "ball", "bo\u00eete caisse": "box", "cube": "cube", "bloc": "block",
    "sph\u00e8re": "sphere", "homme": "man", "femme dame": "woman", "gar\u00e7on": "boy", "fille fillette": "girl",
    "enfant": "child", "personne": "person", "gymnaste": "gymnast", "patineur patineuse": "skater", "chien": "dog",
    "chat": "cat", "oiseau": "bird", "gardien": "goalkeeper", "t-shirt": "t-shirt", "chemise": "shirt",
    "veste": "jacket", "pull": "sweater", "robe": "dress", "pantalon": "trousers", "justaucorps": "leotard",
    "rampe": "ramp", "tour": "tower", "pile": "stack", "pendule": "pendulum", "mur": "wall", "panier": "hoop",
    "cercle": "rim", "but filet": "goal", "poutre": "beam", "domino": "domino", "quille": "pin",
    "vitre fen\u00eatre": "window", "poteau": "post", "balan\u00e7oire": "swing",
}
_BEFORE = {
    "petit": "small", "petite": "small", "grand": "large", "grande": "large", "gros": "large", "grosse": "large",
    "\u00e9norme": "huge", "jeune": "young", "vieux": "old", "vieil": "old", "vieille": "old",
}
_AFTER = {
    "rouge": "red", "orange": "orange", "jaune": "yellow", "vert": "green", "verte": "green", "bleu": "blue",
    "bleue": "blue", "violet": "purple", "violette": "purple", "rose": "pink", "blanc": "white", "blanche": "white",
    "noir": "black", "noire": "black", "turquoise": "turquoise", "cyan": "cyan", "gris": "grey", "grise": "grey",
    "brun": "brown", "brune": "brown", "marron": "brown", "dor\u00e9": "golden", "dor\u00e9e": "golden",
    "roux": "orange", "argent\u00e9": "silver", "argent\u00e9e": "silver", "clair": "light", "fonc\u00e9": "dark",
}
_MATERIALS = {
    "bois": "wooden", "m\u00e9tal": "metal", "acier": "steel", "pierre": "stone", "caoutchouc": "rubber",
    "verre": "glass", "plastique": "plastic",
}
_PHRASES = {
    # where from, in what light, of what kind
    "vue (de|en) trois[- ]quarts": "three-quarter view",
    "vue (d'en haut|en plong\u00e9e)|vu(e|s|es)? d'en haut": "seen from above",
    "(vue au ras du sol|(vue )?en contre[- ]plong\u00e9e|contre[- ]plong\u00e9e)": "low angle shot",
    "vue de face": "front view", "plan fixe": "static camera, front view", "plusieurs plans": "several shots",
    "en plein jour|le jour|au soleil": "in daylight", "au cr\u00e9puscule|au coucher du soleil|le soir": "at dusk",
    "la nuit|de nuit": "at night", "en (style )?dessin anim\u00e9": "in cartoon style",
    "en noir et blanc, film noir": "as film noir", "en p\u00e2te \u00e0 modeler": "made of clay",
    "en pixel art": "as pixel art",
    # places and floors
    "dans une pi\u00e8ce": "in a room", "\u00e0 l'int\u00e9rieur": "indoors",
    "dans (un gymnase|une salle de sport)": "in a gym", "dans un studio": "in a studio", "dans une cour": "in a yard",
    "devant un mur de briques": "in front of a brick wall", "dans un (parc|jardin)": "in a park",
    "dans un pr\u00e9": "in a meadow", "(sur une|\u00e0 la|sur la) plage": "on a beach",
    "au bord de la mer": "by the sea", "dans (une|la) patinoire": "in an ice rink", "dans (une|la) rue": "in a street",
    "sur la lune": "on the moon", "(un|le) plancher en bois|(un|le) parquet|(un|le) plancher": "a wooden floor",
    "(le|du|un sol en) b\u00e9ton": "a concrete floor", "l'herbe": "the grass", "(la|une) pelouse": "the grass",
    "(un|le) tapis|(une|la) moquette": "a carpet", "(le|du) sable": "the sand",
    "le carrelage|un sol carrel\u00e9": "a tiled floor", "la glace": "the ice", "l'asphalte|la route": "the road",
    "la poussi\u00e8re grise": "grey dust", "le sol|par terre": "the floor",
    # ways
    "de gauche \u00e0 droite": "from left to right", "de droite \u00e0 gauche": "from right to left",
    "(vers|\u00e0) la droite": "to the right", "(vers|\u00e0) la gauche": "to the left",
    "(depuis|de|par) la gauche": "from the left", "(depuis|de|par) la droite": "from the right",
    "arrive (en volant|dans les airs)": "flies in", "arrivent (en volant|dans les airs)": "fly in",
    "l'un vers l'autre|face \u00e0 face": "toward each other", "d'un pas vif": "briskly", "le long d'une": "down a",
    "au bout d'une tige": "on a rod", "\u00e0 travers": "through", "\u00e0 c\u00f4t\u00e9 (du|de la)": "past the",
    "\u00e0 c\u00f4t\u00e9": "past", "\u00e0 (pois|rayures|carreaux)": "", "en groupant les genoux": "with a tuck",
    "plusieurs fois": "several times", "(une|1) fois": "once", "un peu": "a little",
    "sans rebondir": "without bouncing",
    # deeds of more than a word
    "ne rebondi(ssen)?t pas": "does not bounce", "n'entre pas": "does not go in", "se heurtent": "collide",
    "(est|sont) lanc\u00e9e?s? en l'air": "is thrown up", "(est|sont) lanc\u00e9e?s?": "is thrown in",
    "fait un salto arri\u00e8re": "does a backflip", "fait un salto avant": "does a front flip",
    "fait un salto": "does a flip", "fait la roue": "does a cartwheel", "fait signe de la main|salue": "waves",
    "fait un axel": "does an axel", "fait une pirouette|tourne sur (lui|elle)-m\u00eame": "spins",
    "s'envole": "flies up", "s'arr\u00eate": "stops", "s'arr\u00eatent": "stop", "se balance": "swings",
    "et en fait tomber une partie": "and knocks one off",
    "et (la |les |le )?(renverse|fait tomber)( tout)?": "and knocks everything over",
    "il pleut|sous la pluie": "it rains", "le vent souffle": "a strong wind blows",
    "on entend les vagues": "waves break on the shore", "les grillons chantent": "crickets chirp",
    "on entend la foule": "a crowd murmurs", "ballon de basket": "basketball", "ballon de football": "football",
    "boule de bowling": "bowling ball",
}
_VERBS = {
    "tombe": "falls", "tombent": "fall", "chute": "falls", "chutent": "fall", "rebondit": "bounces",
    "rebondissent": "bounce", "roule": "rolls", "roulent": "roll", "glisse": "slides", "glissent": "slide",
    "heurte": "hits", "heurtent": "hit", "percute": "hits", "percutent": "hit", "cogne": "hits", "cognent": "hit",
    "marche": "walks", "marchent": "walk", "court": "runs", "saute": "jumps", "sautille": "hops", "aboie": "barks",
    "miaule": "meows", "vole": "flies", "tr\u00e9buche": "stumbles and falls", "oscille": "swings", "manque": "misses",
    "passe": "goes", "lance": "throws", "attrape": "catches", "tourne": "turns", "flotte": "floats", "coule": "sinks",
    "danse": "dances", "arr\u00eate": "saves", "brise": "breaks", "renverse": "knocks over", "dit": "says",
    "trotte": "trots", "et": "and", "puis": "then", "sur": "on", "dans": "in", "avec": "with", "sans": "without",
    "qui": "that", "est": "is", "sont": "are", "de": "of", "d'": "of", "du": "of the", "en": "in", "\u00e0": "at",
    "au": "at the", "vers": "toward", "contre": "against", "par": "by", "pas": "not", "ou": "or", "mais": "but",
    "se": "", "y": "", "ensuite": "then", "lentement": "slowly", "vite": "fast", "rapidement": "quickly",
    "droit": "straight", "debout": "standing", "assis": "sitting", "autre": "other", "autres": "others", "air": "air",
    "sol": "floor", "mer": "sea",
}
_NOUN = {one + end: known + end for listed, known in _NOUNS.items() for one in listed.split() for end in ("", "s")}
_NOUN |= {"hommes": "men", "femmes": "women", "dames": "women", "enfants": "children", "personnes": "people",
          "bo\u00eetes": "boxes", "caisses": "boxes"}
_KNOWN_PHRASES = tuple(_PHRASES.values())
_LOOKS = _AFTER | {word + "s": known for word, known in _AFTER.items()}
_SIZES = _BEFORE | {word + "s": known for word, known in _BEFORE.items()}
_WORDS = _VERBS | _ARTICLES | _LOOKS | _SIZES


def _any(words: dict[str, str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_PHRASE = re.compile("|".join(rf"(?P<p{i}>(?<![\w']){pattern}(?!\w))" for i, pattern in enumerate(_PHRASES)))
_THING = re.compile(rf"(?:(?P<clothes>en) |(?P<article>{_any(_ARTICLES)})\s*)?(?P<sizes>(?:(?:{_any(_SIZES)}) )*)"
                    rf"\b(?P<noun>{_any(_NOUN)})\b(?P<looks>(?: (?:en (?:{_any(_MATERIALS)})|{_any(_LOOKS)}))*)"
                    r"(?!\w)")
_FRENCH = re.compile(r"(?<![\w'])(?:une?|les?|la|des?|et|est|dans|sur|avec|qui|du|au|\u00e0|vers|puis|deux|trois|"
                     rf"quatre|cinq|{_any(_NOUN)})(?!\w)|\b[ld]['\u2019]", re.IGNORECASE)
_ENGLISH = re.compile(r"\b(?:the|and|with|on|onto|is|a|of|in|to)\b", re.IGNORECASE)


def is_french(text: str) -> bool:
    """Whether a text has French words and no English ones."""
    return len(_FRENCH.findall(text)) >= 2 and not _ENGLISH.search(text)


def english(text: str) -> str:
    """A French text in English, "" where more than `MOST_UNKNOWN` of its words aren't known."""
    words = " ".join(text.replace("\u2019", "'").replace("\x00", " ").lower().split())
    total = max(1, len(re.findall(r"[^\W\d]+", words)))
    kept: list[str] = []

    def keep(known: str) -> str:
        kept.append(known)
        return f"\x00{len(kept) - 1}\x00"           # what is English already isn't read again

    def phrase(match: re.Match[str]) -> str:
        return keep(_KNOWN_PHRASES[int(str(match.lastgroup)[1:])])

    def thing(match: re.Match[str]) -> str:
        looks = [word for word in match["looks"].split() if word != "en"]
        about = [_SIZES[word] for word in match["sizes"].split()]
        about += [_LOOKS[word] for word in looks if word in _LOOKS] + [_MATERIALS[word] for word in looks
                                                                       if word in _MATERIALS]
        noun = _NOUN[match["noun"]]
        article = "in a" if match["clothes"] else _ARTICLES.get(match["article"] or "", "")
        return keep(" ".join(filter(None, [article, *about, noun])))

    words = _THING.sub(thing, _PHRASE.sub(phrase, words))
    unknown = 0

    def word(match: re.Match[str]) -> str:
        nonlocal unknown
        known = _WORDS.get(match[0])
        unknown += known is None
        return match[0] if known is None else known

    words = re.sub(r"[^\W\d\x00]+'?(?:-[^\W\d]+)*", word, words)
    words = re.sub(r"\x00(\d+)\x00", lambda match: f" {kept[int(match[1])]} ", words)
    if unknown > MOST_UNKNOWN * total:
        return ""
    words = re.sub(r"\ba (?=[aeiou])", "an ", re.sub(r" +([.,;:!?])", r"\1", " ".join(words.split())))
    return words[:1].upper() + words[1:] if text[:1].isupper() else words
