"""The command line: one sentence on stderr, the right exit code, one line of JSON, no half-written file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sora_core import errors
from sora_core.cli import VERBS, generate, main

ROOT = Path(__file__).resolve().parents[1]


def test_every_error_is_a_sora_error() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 6 and all(issubclass(kind, errors.SoraError) and kind.__doc__ for kind in kinds)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_json_is_one_line_of_facts(capsys: pytest.CaptureFixture[str], tiny_checkpoint: Path, tmp_path: Path) -> None:
    code, out, err = run(capsys, "generate", "a red ball \u26bd", "--output", str(tmp_path / "a.mp4"), "--seconds", "1",
                         "--checkpoint", str(tiny_checkpoint), "--steps", "3", "--seed", "7", "--json")
    facts = json.loads(out)
    assert code == 0 and out.count("\n") == 1
    assert facts["frames"] == 24 and facts["width"] == facts["height"] == 128 and facts["seed"] == 7
    assert {"load", "text", "sample", "decode_video", "decode_audio", "write"} <= set(facts["stages"])
    assert len(facts["model"]) == 16 and facts["total"] > 0
    assert "step 3/3" in err


def test_a_line_for_people(capsys: pytest.CaptureFixture[str], tiny_checkpoint: Path, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "generate", "x", "-o", str(tmp_path / "a.mp4"), "--seconds", "0.2", "--steps", "1",
                       "--checkpoint", str(tiny_checkpoint))
    assert code == 0 and "128x128" in out and out.count("\n") == 1


BAD = [
    ([""], "empty"), (["  "], "empty"), (["x" * 10_000], "10,000"), (["a\udc80b"], "broken"),
    (["x", "--seconds", "0"], "seconds"), (["x", "--seconds", "10000"], "60"), (["x", "--seconds", "nan"], "seconds"),
    (["x", "--width", "101"], "100 or 102"), (["x", "--height", "0"], "32 to 4096"),
    (["x", "--frame-rate", "0"], "frame rate"), (["x", "--frame-rate", "abc"], "frame rate"),
    (["x", "--steps", "0"], "steps"), (["x", "--guidance-scale", "nan"], "guidance"), (["x", "--seed", "-1"], "seed"),
    (["x", "--seed", "18446744073709551616"], "seed"), (["x", "--image", "missing.png"], "missing.png"),
    (["x", "--checkpoint", "missing"], "missing"), (["x", "--output", "a.avi"], ".mp4"),
    (["x", "--output", "no/such/folder/a.mp4"], "folder"), (["x", "--output", "/proc/a.mp4"], "a.mp4"),
]


@pytest.mark.parametrize(("words", "expected"), BAD)
def test_one_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str], tiny_checkpoint: Path, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch, words: list[str], expected: str) -> None:
    monkeypatch.chdir(tmp_path)
    defaults = [] if "--checkpoint" in words else ["--checkpoint", str(tiny_checkpoint)]
    code, out, err = run(capsys, "generate", *words, *defaults)
    assert code == 1 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and expected in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["generate"], ["generate", "x", "--seconds", "abc"], ["nonsense"],
                                   ["generate", "x", "--nonsense"]])
def test_usage_errors_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_no_verb_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0 and all(verb in out for verb in VERBS)


def test_help_is_light() -> None:
    code = ("import sys; from sora_core.cli import main\n"
            "try: main(['generate', '--help'])\n"
            "except SystemExit: pass\n"
            "assert not {'torch', 'numpy', 'av', 'mujoco'} & set(sys.modules), sys.modules.keys()")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for option in ("--seconds", "--seed", "--output", "--width", "--height", "--frame-rate", "--steps", "--image",
                   "--guidance-scale", "--negative-prompt", "--checkpoint", "--json"):
        assert option in done.stdout


def test_a_missing_package_is_named_with_its_extra(capsys: pytest.CaptureFixture[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(args: object) -> int:
        raise ModuleNotFoundError("No module named 'mujoco'", name="mujoco")

    monkeypatch.setattr(generate, "run", missing)
    code, _, err = run(capsys, "generate", "x")
    assert code == 1 and "mujoco" in err and ".[world]" in err and err.count("\n") == 1


def test_too_little_memory(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(args: object) -> int:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried")

    monkeypatch.setattr(generate, "run", run_out)
    code, _, err = run(capsys, "generate", "x")
    assert code == 1 and err == "error: not enough memory; ask for a smaller or shorter clip\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
def test_ctrl_c_exits_with_130_and_leaves_no_file(tiny_checkpoint: Path, tmp_path: Path) -> None:
    code = ("import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"   # a job may ignore it
            "from sora_core.cli import main; sys.exit(main(sys.argv[1:]))")
    command = [sys.executable, "-c", code, "generate", "x", "--output", str(tmp_path / "a.mp4"),
               "--steps", "100", "--seconds", "60", "--checkpoint", str(tiny_checkpoint)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}) as child:
        assert child.stderr is not None
        assert child.stderr.readline().startswith("step 1/")
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
        assert child.wait(timeout=60) == 130
    assert "Traceback" not in rest and rest.splitlines()[-1].startswith("stopped: ")
    assert not list(tmp_path.iterdir())


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_progress_bar_on_a_terminal() -> None:
    stream = Terminal()
    with generate.Progress(stream) as progress:
        for step in range(1, 5):
            progress.show(step, 4)
    lines = stream.text.split("\r")
    assert len(lines) == 5 and lines[-1].endswith("\n") and "4/4" in lines[-1] and "#" * generate.BAR_WIDTH in lines[-1]
    assert time.perf_counter() >= progress.start
