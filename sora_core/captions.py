"""The caption of a video file: from `prompts.json`, from a text file of its name, or from the tags in the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from .errors import MediaError
from .media import read_tags

MAX_TEXT_BYTES = 1 << 20

Note = Callable[[str, str], None]       # (what is wrong, the file's name)


def read_prompts(folder: Path, note: Note, latin: str) -> dict[str, str]:
    """File name -> caption from `prompts.json`, empty where there is none or it can't be read.

    Args:
        note: told of a file that is no JSON object.
        latin: what to tell it of a text that is not UTF-8.
    """
    path = Path(folder) / "prompts.json"
    if not path.is_file():
        return {}
    try:
        values = json.loads(_text(path, note, latin))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        note("prompts.json is not a JSON object", path.name)
        return {}
    return {str(name): text for name, text in values.items() if isinstance(text, str)}


def find_caption(path: Path, prompts: dict[str, str], note: Note, latin: str) -> str:
    """The caption of a video file on one line, or ""; arguments as of `read_prompts`."""
    known = prompts.get(path.name, prompts.get(path.stem))
    beside = path.with_suffix(".txt")
    if known is None and beside.is_file():
        known = _text(beside, note, latin)
    if known is None:
        try:
            tags = {key.lower(): value for key, value in read_tags(path).items()}
        except MediaError:
            tags = {}
        known = _prompt_of_tag(tags.get("soracore", "")) or tags.get("title", "")
    return " ".join(known.split())


def decode_text(data: bytes, name: str, note: Note, latin: str) -> str:
    """UTF-8, or else Latin-1, in which every byte means something."""
    try:
        return data.decode("utf-8-sig").replace("\0", " ")
    except UnicodeDecodeError:
        note(latin, name)
        return data.decode("latin-1").replace("\0", " ")


def _text(path: Path, note: Note, latin: str) -> str:
    with open(path, "rb") as file:
        return decode_text(file.read(MAX_TEXT_BYTES), path.name, note, latin)


def _prompt_of_tag(text: str) -> str:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    prompt = values.get("prompt") if isinstance(values, dict) else None
    return prompt if isinstance(prompt, str) else ""
