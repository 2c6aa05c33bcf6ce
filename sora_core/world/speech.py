"""Speech with the time of every phoneme, by eSpeak NG, and what a mouth does with it.

eSpeak NG (GPL-3.0-or-later) comes as a library in the wheels of `espeakng-loader`, for Linux, macOS and Windows; its C
interface is called from here and from nowhere else.

Source: eSpeak NG 1.52, src/include/espeak-ng/speak_lib.h.
"""

from __future__ import annotations

import _ctypes
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import ResourceError

SAMPLE_RATE = 24000
VOICES: dict[str, tuple[str, ...]] = {
    "man": ("en-us+m1", "en-us+m3", "en-us+m7", "en-us+adam"),
    "woman": ("en-us+linda", "en-us+belinda", "en-us+steph"),
    "boy": ("en-us+m3",), "girl": ("en-us+linda",),
}
"""Voices that sound like somebody of a kind. (Those with an echo, f2 to f5 and m2, differ from call to call.)"""
PITCH = {"man": 42, "woman": 52, "boy": 78, "girl": 84}
BILABIAL = ("m", "b", "p")
"""Phonemes for which the lips meet."""
_SYNCHRONOUS, _PHONEME_EVENTS = 2, 0x0001
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_PHONEME, _LIST_TERMINATED = 7, 0
_VOWELS: dict[str, tuple[float, float]] = {
    "a": (1.00, 1.00), "A": (1.00, 0.95), "aa": (1.00, 1.00), "0": (0.80, 0.85), "O": (0.72, 0.72), "V": (0.72, 1.00),
    "E": (0.62, 1.10), "e": (0.52, 1.15), "@": (0.42, 0.98), "3": (0.42, 0.85), "I": (0.34, 1.12), "i": (0.26, 1.22),
    "U": (0.32, 0.72), "u": (0.24, 0.60), "o": (0.52, 0.66), "Y": (0.26, 0.60), "W": (0.6, 0.8),
}
"""Opening and width of the mouth by a vowel's first letter: low vowels are open, high ones nearly closed, rounded ones
narrow (P. Ladefoged, "A Course in Phonetics": the vowel chart)."""
_CONSONANTS: dict[str, tuple[float, float]] = {
    "m": (0.0, 1.0), "b": (0.0, 1.0), "p": (0.0, 1.0), "f": (0.08, 1.05), "v": (0.08, 1.05), "w": (0.14, 0.58),
    "r": (0.22, 0.80), "l": (0.28, 1.0), "s": (0.14, 1.12), "z": (0.14, 1.12), "S": (0.20, 0.74), "Z": (0.20, 0.74),
    "t": (0.18, 1.05), "d": (0.18, 1.05), "n": (0.20, 1.05), "T": (0.20, 1.05), "D": (0.20, 1.05), "k": (0.28, 1.0),
    "g": (0.28, 1.0), "N": (0.28, 1.0), "h": (0.32, 1.0), "j": (0.22, 1.15),
}


@dataclass(frozen=True, eq=False)
class Speech:
    """Something said.

    Attributes:
        text: the words.
        samples: (n,) float32 in [-1, 1], mono at 24 kHz.
        phonemes: (start in s, name, opening of the mouth 0 to 1), in order of time; pauses are named "_".
        stresses: starts in s of the stressed vowels.
    """

    text: str
    samples: np.ndarray
    phonemes: tuple[tuple[float, str, float], ...]
    stresses: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / SAMPLE_RATE


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def _library() -> tuple[ctypes.CDLL, str]:
    """The library and where its data lie.

    Raises:
        ResourceError: it isn't installed or can't be loaded.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise ResourceError(
            "the package espeakng-loader is missing; install the project with its extra `world`") from None
    try:
        return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path()
    except OSError as error:
        raise ResourceError(f"eSpeak NG can't be loaded ({error}); reinstall the package espeakng-loader") from None


@contextmanager
def _engine() -> Iterator[SimpleNamespace]:
    """The library, started, with a callback that gathers what it makes; unloaded afterwards.

    Its wave generator keeps its phase from one utterance to the next, even over a restart, so that the same words would
    sound different each time. Only unloading makes it forget; loading it again takes a few hundredths of a second.
    """
    library, data = _library()
    sounds: list[np.ndarray] = []
    events: list[tuple[int, str]] = []

    def gather(samples: Any, count: int, heard: Any) -> int:
        if samples and count > 0:
            sounds.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while heard[index].type != _LIST_TERMINATED:
            if heard[index].type == _PHONEME:
                events.append((heard[index].sample, heard[index].id.string.decode("utf-8", "replace")))
            index += 1
        return 0

    callback = _CALLBACK(gather)
    try:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _PHONEME_EVENTS)
        if rate <= 0:
            raise ResourceError("eSpeak NG doesn't start; reinstall the package espeakng-loader")
        library.espeak_SetSynthCallback(callback)
        yield SimpleNamespace(library=library, rate=rate, sounds=sounds, events=events)
        library.espeak_Terminate()
    finally:
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary
        unload(library._handle)


def speak(text: str, voice: str = "en-us", pitch: int = 50, words_per_minute: int = 165) -> Speech:
    """Say something.

    Args:
        text: what is said.
        voice: a voice of eSpeak NG, with a variant behind a plus sign.
        pitch: 0 to 99.
        words_per_minute: 80 to 450.

    Returns:
        The same for the same words, voice, pitch and speed.

    Raises:
        ResourceError: the package is missing, or there is no such voice.
    """
    with _engine() as engine:
        if engine.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ResourceError(f"eSpeak NG has no voice {voice!r}; use one such as en-us+f2")
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, 60)):
            engine.library.espeak_SetParameter(parameter, value, 0)
        said = text.encode("utf-8")
        engine.library.espeak_Synth(said, len(said) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        engine.library.espeak_Synchronize()
    raw = np.concatenate(engine.sounds).astype(np.float64) / 32768 if engine.sounds else np.zeros(1)
    times = [(sample / engine.rate, name) for sample, name in engine.events]
    last = max((time for time, name in times if _letters(name) != "_"), default=0.0)
    ends = [time for time, name in times if time > last]
    stop = min(ends, default=len(raw) / engine.rate)
    samples = _resampled(raw[: round((stop + 0.06) * engine.rate)], engine.rate)
    phonemes = tuple((time, _letters(name), shape(_letters(name))[0]) for time, name in times if time <= stop)
    stresses = tuple(time for time, name in times if "'" in name)
    return Speech(text, samples, phonemes, stresses)


def _letters(name: str) -> str:
    """A phoneme's name without its stress and length."""
    kept = name.lstrip("',%=").rstrip(":;#2") or "_"
    return "_" if kept.startswith("_") else kept


def _resampled(raw: np.ndarray, rate: int) -> np.ndarray:
    """From the synthesiser's rate to ours, by cutting or padding the spectrum; loudness brought to a common level."""
    padded = np.concatenate([raw, np.zeros((-len(raw)) % rate)])
    count = len(padded) * SAMPLE_RATE // rate
    spectrum = np.fft.rfft(padded)
    whole = np.zeros(count // 2 + 1, complex)
    kept = min(len(spectrum), len(whole))
    whole[:kept] = spectrum[:kept]
    sound = np.fft.irfft(whole, count)[: round(len(raw) * SAMPLE_RATE / rate)] * (count / len(padded))
    return (0.5 * sound / (np.abs(sound).max() + 1e-9)).astype(np.float32)


def shape(phoneme: str) -> tuple[float, float]:
    """Opening (0 to 1) and width (1 at rest) of the mouth for a phoneme; (0, 1) for a pause."""
    if phoneme.startswith("_"):
        return 0.0, 1.0
    first = phoneme[0]
    if first in _CONSONANTS and not (first == "r" and len(phoneme) > 1):
        return _CONSONANTS[first]
    if first in _VOWELS:
        return _VOWELS[first]
    return 0.22, 1.0


def mouth(speech: Speech, time: np.ndarray, start_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """What the mouth does, at (T,) times: opening and width.

    Lips move softly from one phoneme to the next, but for m, b and p they meet.

    Args:
        time: seconds of the clip.
        start_s: when the speech begins in the clip.
    """
    opening, width = np.zeros(len(time)), np.ones(len(time))
    starts = [start for start, _, _ in speech.phonemes] + [speech.seconds]
    for (start, name, _), end in zip(speech.phonemes, starts[1:], strict=True):
        here = (time >= start_s + start) & (time < start_s + end)
        opening[here], width[here] = shape(name)
        if name[0] in "ao" and name[-1] in "UI":  # a diphthong closes towards its end
            late = here & (time > start_s + 0.5 * (start + end))
            opening[late], width[late] = _VOWELS[name[-1]]
    step = float(time[1] - time[0])
    half = max(int(0.035 / step), 1)
    window = np.hanning(2 * half + 3)[1:-1]
    window /= window.sum()
    opening = np.convolve(np.pad(opening, half, mode="edge"), window, "valid")
    width = np.convolve(np.pad(width, half, mode="edge"), window, "valid")
    for (start, name, _), end in zip(speech.phonemes, starts[1:], strict=True):
        if name[0] in BILABIAL:
            opening *= _apart(time, start_s + start, start_s + max(end, start + 0.045))
    return opening, width


def _apart(time: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 from start to end, 1 farther than 30 ms away."""
    away = np.maximum(np.maximum(start - time, time - end), 0.0)
    return np.clip(away / 0.030, 0, 1)
