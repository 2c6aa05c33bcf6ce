"""Graphs as the dead node saved them, in both forms: everything that it held is still there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sora_core.cli import main
from sora_core.migrate import NEW_NODE, OLD_NODE, WIDGETS, migrate, migrate_file

GRAPHS = sorted((Path(__file__).parent / "old_graphs").glob("*.json"))
CLIPS = {       # (size, duration, seed, has an image) of each
    "api_image_and_seed": ("720x1280", 4, 77, True), "api_posted": ("1024x1792", 8, 3, False),
    "api_text": ("1280x720", 4, None, False), "editor_image_and_seed": ("1280x720", 4, 0, True),
    "editor_subgraph": ("1792x1024", 12, 5, False), "editor_text": ("720x1280", 4, 1234567, False)}


def parts(graph: Any, name: str) -> list[dict[str, Any]]:
    """All nodes of that name in either form."""
    found, waiting = [], [graph]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found += [part] if name in (part.get("type"), part.get("class_type")) else []
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_everything_stays_but_the_node(path: Path) -> None:
    old = json.loads(path.read_text())
    new, count = migrate(old)
    assert count == len(parts(new, NEW_NODE)) == len(parts(old, OLD_NODE)) > 0 and not parts(new, OLD_NODE)
    size, duration, seed, has_image = CLIPS[path.stem]
    for before, after in zip(parts(old, OLD_NODE), parts(new, NEW_NODE), strict=True):
        if "class_type" in after:
            inputs = dict(after["inputs"])
            assert inputs == {**before["inputs"], "duration": int(before["inputs"]["duration"])}
        else:
            inputs = dict(zip(WIDGETS, after["widgets_values"], strict=True))
            assert after["inputs"] == before["inputs"] and after["id"] == before["id"] and after["pos"] == before["pos"]
            assert after["outputs"][0]["links"] == before["outputs"][0]["links"]
            assert after["properties"]["Node name for S&R"] == NEW_NODE and after["properties"]["cnr_id"] == "soracore"
            inputs["image"] = next(slot["link"] for slot in after["inputs"] if slot["name"] == "image")
        assert (inputs["size"], inputs["duration"], inputs.get("seed")) == (size, duration, seed)
        assert (inputs.get("image") is not None) == has_image


def test_what_is_not_ours_is_untouched() -> None:
    old = json.loads((GRAPHS[0].parent / "editor_image_and_seed.json").read_text())
    new, _ = migrate(old)
    untouched = ("LoadImage", "PrimitiveInt", "SaveVideo")
    assert [parts(new, name) for name in untouched] == [parts(old, name) for name in untouched]
    assert {key: value for key, value in new.items() if key != "nodes"} == \
        {key: value for key, value in old.items() if key != "nodes"}
    assert parts(old, OLD_NODE), "the graph that was given is not changed"


def test_titles() -> None:
    by_name = {path.stem: migrate(json.loads(path.read_text()))[0] for path in GRAPHS}
    assert by_name["api_image_and_seed"]["5"]["_meta"]["title"] == "Sora Text To Video"
    assert by_name["api_posted"]["prompt"]["9"]["_meta"]["title"] == "Clip one"
    assert parts(by_name["editor_image_and_seed"], NEW_NODE)[0]["title"] == "My opening shot"


@pytest.mark.parametrize("values", [["sora-2", "a ball"], {"prompt": "a ball", "model": "sora-2"}, None, "odd", []])
def test_odd_widgets_do_no_harm(values: Any) -> None:
    node = {"type": OLD_NODE, "widgets_values": values, "properties": None, "outputs": None, "title": None}
    [new], count = migrate([node])
    assert count == 1 and new["type"] == NEW_NODE
    if values and not isinstance(values, str):
        assert new["widgets_values"] == ["sora-2", "a ball"]


def test_the_command_writes_a_whole_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.json"
    for path in GRAPHS:
        assert main(["migrate", str(path), str(new)]) == 0
        assert json.loads(new.read_text()) == migrate(json.loads(path.read_text()))[0]
    assert "2 nodes replaced" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["new.json"]


BAD = {
    "text": (b"hello", "not JSON"), "bytes": (b"\xff\xfe\x00", "not UTF-8"), "list": (b"[1, 2]", "holds no graph"),
    "empty": (b"", "not JSON"), "other": (b'{"nodes": []}', "nothing to migrate"), "nul": (b"\0" * 100, "not JSON"),
    "deep": (b'{"a":' * 100_000, "not JSON"),
    "nested": (b'{"a":' * 900 + b"1" + b"}" * 900, "nothing to migrate|nested deeper"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = BAD[name]
    old = tmp_path / f"{name}.json"
    old.write_bytes(content)
    assert main(["migrate", str(old), str(tmp_path / "new.json")]) == 1
    error = capsys.readouterr().err
    assert any(word in error for word in words.split("|")) and error.count("\n") == 1 and error.startswith("error: ")
    assert not (tmp_path / "new.json").exists()


def test_files_that_are_not_there_or_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for old, new in ((tmp_path / "missing.json", tmp_path / "new.json"), (tmp_path, tmp_path / "new.json"),
                     (GRAPHS[0], tmp_path / "no" / "new.json"), (GRAPHS[0], tmp_path)):
        assert main(["migrate", str(old), str(new)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_byte_order_mark_and_any_script_survive(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    prompt = "\u0628\u0627\u0644\u0648\u0646 \u26bd \ud83d"
    graph = {"1": {"class_type": OLD_NODE, "inputs": {"prompt": prompt}}}
    old.write_bytes(b"\xef\xbb\xbf" + json.dumps(graph).encode())
    assert migrate_file(old, new) == 1
    assert json.loads(new.read_text())["1"]["inputs"]["prompt"] == prompt
