"""The texts that the page shows, in English and French, against the schemas of the nodes as ComfyUI has them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .locales import LOCALES, english, ours

WEB = Path(__file__).resolve().parents[2] / "web" / "docs"
LANGUAGES = ["en", "fr"]

pytestmark = pytest.mark.comfyui


def shape(texts: Any) -> Any:
    """What there is to say, without what is said."""
    return {key: shape(value) for key, value in texts.items()} if isinstance(texts, dict) else ""


def leaves(texts: Any, path: str = "") -> dict[str, str]:
    if isinstance(texts, str):
        return {path: texts}
    return {place: text for key, value in texts.items() for place, text in leaves(value, f"{path}/{key}").items()}


@pytest.fixture(scope="session")
def schemas(server: Any) -> dict[str, Any]:
    return english(server.get("/object_info"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_and_no_other(server: Any, schemas: dict[str, Any], language: str) -> None:
    served = server.get("/i18n")[language]["nodeDefs"]
    ours_served = {name: node for name, node in served.items() if name in schemas}
    assert shape(ours_served) == shape(schemas)
    assert all(text.strip() == text and text for text in leaves(ours_served).values())
    assert set(json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))) == set(schemas)


def test_english_is_what_the_schemas_say(server: Any, schemas: dict[str, Any]) -> None:
    assert server.get("/i18n")["en"]["nodeDefs"] == schemas, (
        "run tests/comfyui/locales.py on /object_info, and translate what is new")


def test_french_is_not_english(schemas: dict[str, Any]) -> None:
    """Sentences differ, numbers and sizes don't: a translation that has fallen behind its schema shows here."""
    french = leaves(json.loads((LOCALES / "fr" / "nodeDefs.json").read_text(encoding="utf-8")))
    for place, text in leaves(schemas).items():
        if place.endswith(("/tooltip", "/description", "/display_name")):
            assert french[place] != text, place
            assert sorted(numbers(french[place])) == sorted(numbers(text)), place
        assert not re.search(r"\S[;:!?](\s|$)", french[place]), f"{place}: French sets a space before ; : ! ?"


def numbers(text: str) -> list[float]:
    """The figures in a text, whichever way its language writes them."""
    return [float(figure.replace(",", ".")) for figure in re.findall(r"\d+(?:[.,]\d+)?", text)]


def test_numbers_say_their_range(server: Any) -> None:
    """The largest value stands in the tooltip of each number that people type, but for seeds."""
    for name, node in ours(server.get("/object_info")).items():
        inputs = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
        for field, (kind, settings) in inputs.items():
            if kind in ("INT", "FLOAT") and not settings.get("forceInput") and "seed" not in field:
                assert settings["max"] in numbers(settings["tooltip"]), f"{name}: {field}"


def test_names_are_told_apart(schemas: dict[str, Any]) -> None:
    for language in LANGUAGES:
        texts = json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))
        titles = [node["display_name"] for node in texts.values()]
        assert len(set(titles)) == len(titles)
        for name, node in texts.items():
            for group in ("inputs", "outputs"):
                names = [entry["name"] for entry in node[group].values()]
                assert len(set(names)) == len(names), f"{language}: two {group} of {name} have one name"


def test_every_category_has_a_french_name(server: Any) -> None:
    """Each step of a category is one that ComfyUI's own French knows, or one that ours adds."""
    added = set(json.loads((LOCALES / "fr" / "main.json").read_text(encoding="utf-8"))["nodeCategories"])
    steps = {step for node in ours(server.get("/object_info")).values() for step in node["category"].split("/")}
    assert added <= steps
    assert steps - added <= {"Sora", "audio", "latent", "text", "video", "guiders", "sampling", "conditioning", "image"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_node_has_its_help_page(server: Any, schemas: dict[str, Any], language: str) -> None:
    texts = json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))
    assert {folder.name for folder in WEB.iterdir() if folder.is_dir()} == set(schemas)
    for name in schemas:
        page = server.read(f"/extensions/soracore/docs/{name}/{language}.md").decode()
        assert page.startswith(f"# {texts[name]['display_name']}\n")
        for entry in [*texts[name]["inputs"].values(), *texts[name]["outputs"].values()]:
            if entry["name"] != "control after generate" and "tooltip" in entry:
                assert f"**{entry['name']}**" in page, f"{name}: {language}.md doesn't speak of {entry['name']!r}"
        for picture in re.findall(r"!\[[^]]+\]\(([^)]+)\)", page):
            data = server.read(f"/extensions/soracore/docs/{name}/{picture}")
            assert data.startswith((b"\x89PNG", b"\xff\xd8", b"<svg")) and len(data) < 30_000
        assert "![" in page, f"{name}: {language}.md has no picture of the wiring"
