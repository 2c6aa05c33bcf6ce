"""Which of twenty lines is said: the line that a prompt quotes against nineteen others, by PocketSphinx.

The recogniser (BSD licence, its American English model comes with the wheel, in the extra `evaluate`) is built for
microphones and fails on digitally clean sound, so that noise is added at 20 dB.

Source: D. Huggins-Daines et al. 2006, "PocketSphinx: a free, real-time continuous speech recognition system for
hand-held devices".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from .measures import Verdict

RATE = 16000
NOISE_DB = 20.0
SILENCE_S = 0.25                    # before and after: the recogniser takes the noise's measure there
CHOICES = 20
OTHERS = (
    "where did you put the yellow umbrella", "we are going to the theatre tonight", "the soup is much too hot",
    "call me again on friday afternoon", "there is a horse in our kitchen", "please open the window a little",
    "my sister plays the piano", "i would like a glass of water", "the train leaves at half past nine",
    "do not touch the green button", "he forgot his shoes at school", "what a wonderful surprise this is",
    "the doctor will see you in a minute", "can somebody turn on the light", "thank you very much for your help",
    "it has been raining for three days", "she wrote a long letter to her uncle", "keep your hands on the wheel",
    "nobody told me about the party", "this is the last piece of cake", "we need more paper and a pencil",
    "the old bridge is closed today", "let us wait until the snow is gone", "how many apples are in the basket",
)
"""What else might be said."""


def quoted(prompt: str) -> str:
    """The words between quotation marks of a prompt, lines one after another, "" for none."""
    lines = re.findall('["\u201c\u201e\u00ab]([^"\u201c\u201d\u201e\u00ab\u00bb]+)["\u201c\u201d\u00bb]', prompt)
    return " ".join(re.findall(r"[a-z']+", " ".join(lines).lower()))


def is_available() -> bool:
    """Whether the recogniser is installed."""
    try:
        import pocketsphinx  # noqa: F401  an extra: only asked whether it is there
    except ImportError:
        return False
    return True


def which_line(sound: np.ndarray, sample_rate: int, line: str, *, seed: int = 0) -> str | None:
    """The line that a sound (N,) in [-1, 1] comes nearest to: `line` or one of nineteen others; None for none of them.

    Args:
        line: words in lower case, see `quoted`; words that the recogniser doesn't know are passed over.
        seed: draws the others and the noise.
    """
    rng = np.random.default_rng(seed)
    decoder = _decoder()
    others = [text for text in OTHERS if text != line]
    texts = [line, *(others[i] for i in rng.permutation(len(others))[: CHOICES - 1])]
    known = {" ".join(word for word in text.split() if decoder.lookup_word(word)): text for text in texts}
    known.pop("", None)
    decoder.add_jsgf_string("lines", f"#JSGF V1.0; grammar lines; public <line> = {' | '.join(known)};")
    decoder.activate_search("lines")
    decoder.start_utt()
    decoder.process_raw(_noisy(sound, sample_rate, rng).tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return None if found is None else known.get(found.hypstr)


def speech(sound: np.ndarray, sample_rate: int, line: str) -> Verdict:
    """Whether the line that a prompt quotes is the one that is heard."""
    found = which_line(sound, sample_rate, line)
    return Verdict(found == line, {"heard": found or ""})


@lru_cache(maxsize=1)
def _decoder() -> Any:
    from pocketsphinx import Decoder

    return Decoder(lm=None, samprate=RATE, loglevel="FATAL")


def _noisy(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) int16 at 16 kHz, as loud as speech into a microphone, with noise 20 dB below it."""
    times = np.arange(round(len(sound) * RATE / sample_rate)) / RATE
    smooth = np.convolve(sound, np.hanning(5) / np.hanning(5).sum(), mode="same") if sample_rate > RATE else sound
    speech = np.interp(times, np.arange(len(sound)) / sample_rate, smooth)
    loud = np.sqrt(np.mean(np.square(speech))) + 1e-6
    padded = np.pad(speech, round(SILENCE_S * RATE)) / loud
    noisy = padded + rng.normal(0, 10 ** (-NOISE_DB / 20), len(padded))
    return np.round(np.clip(2500 * noisy, -32768, 32767)).astype(np.int16)
