"""The archive for the registry: made by ComfyUI's own tool, complete, and alive once it is unzipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import find_comfyui, running
from .test_workflow import prompt_of, read

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ["__init__.py", "pyproject.toml", "requirements.txt", "LICENSE", "README.md", "nodes/__init__.py",
           "sora_core/pipeline.py", "locales/fr/nodeDefs.json", "web/docs/SoraDecode/fr.md",
           "workflows/text_to_video.json", "workflows/text_to_video.jpg", "subgraphs/Text to video with sound.json"]

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    """`comfy node VERB`, without its statistics and with a home of its own."""
    beside = [Path(python).parent / "comfy" for python in (os.environ.get("COMFYUI_PYTHON") or "", sys.executable)]
    found = next((str(path) for path in beside if path.is_file()), shutil.which("comfy"))
    if found is None:
        pytest.skip("no comfy-cli: install the project's extra 'comfy' to run this test")
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "DO_NOT_TRACK": "1"}

    def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([found, "--skip-prompt", *words], cwd=cwd, env=environment, capture_output=True,
                              text=True, check=False, timeout=300)

    run("tracking", "disable", cwd=home)
    return run


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is or would be committed, in a repository of its own."""
    def git(*words: str, cwd: Path) -> str:
        return subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=True).stdout

    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git repository here, which tells the packer what belongs to the project")
    folder = tmp_path_factory.mktemp("checkout")
    for name in git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    git("init", "-q", cwd=folder)
    git("add", "-A", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def unzipped(tool: Tool, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = tool("node", "pack", cwd=checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path_factory.mktemp("unzipped")
    with zipfile.ZipFile(checkout / "node.zip") as archive:
        archive.extractall(folder)
    (checkout / "node.zip").unlink()
    return folder


def test_validation_is_clean(tool: Tool, checkout: Path) -> None:
    done = tool("node", "validate", cwd=checkout)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "All validation checks passed" in said, said
    assert "warning" not in said.lower() and "error" not in said.lower(), said


def test_the_archive_holds_what_runs_and_no_more(unzipped: Path) -> None:
    files = {path.relative_to(unzipped).as_posix() for path in unzipped.rglob("*") if path.is_file()}
    assert not set(SHIPPED) - files
    assert any(re.match(r"sora_core/weights/.*\.safetensors", name) for name in files)
    assert not [name for name in files if name.startswith(("tests/", "benchmarks/", ".ci/"))]
    assert sum((unzipped / name).stat().st_size for name in files) < 64 << 20


@pytest.mark.comfyui
def test_the_unzipped_archive_makes_a_clip(unzipped: Path, tiny: Path, tmp_path: Path) -> None:
    with running(find_comfyui(), tmp_path, unzipped, tiny) as server:
        run: Any = server.run(prompt_of(server))
        assert run.status == "success", run.messages
        frames, sound, tags = read(server.saved(run)[0])
        assert len(frames) == 24 and sound.shape[-1] >= 24000 and "prompt" in tags
        assert "text_to_video" in server.get("/workflow_templates")["soracore"]


def test_pip_installs_the_core_alone() -> None:
    """A top-level `nodes` would shadow ComfyUI's own module of that name."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^include = \["sora_core\*"\]$', text, re.M)
    assert (ROOT / "nodes" / "__init__.py").is_file() and not list(ROOT.glob("sora_core/nodes*"))


def test_requirements_are_lower_bounds_that_comfyui_keeps() -> None:
    lines = [line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z]+>=\d+(\.\d+)+", line), line
        assert f'"{line}"' in declared, f"{line} differs from pyproject.toml"
        assert line.split(">")[0] in {"numpy", "av", "safetensors", "kornia"}
