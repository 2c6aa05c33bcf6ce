"""Runs the instrument over folders, checkpoints and true clips, one JSON file per clip, so that it can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import ResourceError
from ..media import write_clip
from .deeds import ELSEWHERE, distribution_of, family_of, judge_deeds
from .judge import Seen, judge_clip, laws, plain, see
from .prompts import suite_prompts
from .reader import Clip, Warnings, find_clips, find_prompt, read, read_prompts
from .spoken import is_available, quoted, speech, which_line

JUDGING = ("adherence.py", "background.py", "../regions.py", "events.py", "facts.py", "features.py", "geometry.py",
           "judge.py", "measures.py", "onsets.py", "outline.py", "reader.py", "scale.py", "stains.py",
           "statistics.npz", "statistics.py", "sudden.py", "tracker.py")
FAMILY_JUDGING = ("deeds.py", "gait.py", "shots.py", "../wishes.py")
QUICK_CLIPS = 60
QUICK_MINUTES = 9.5

Say = Callable[[str], None]


def judge_folder(folder: Path, output: Path, *, suite: str, say: Say = print) -> tuple[list[dict[str, Any]], Warnings]:
    """Judge the video files of a folder.

    Args:
        folder: video files with prompts, see `reader`.
        output: where results are kept, so that a second run only judges what is new.
        suite: "quick" stops after 60 clips or 9.5 minutes, the others judge all.

    Raises:
        ResourceError: no clips there, or the output can't be written.
    """
    start, warnings = time.monotonic(), Warnings()
    prompts = read_prompts(folder, warnings)
    results: list[dict[str, Any]] = []
    paths = find_clips(folder)
    if suite == "quick" and len(paths) > QUICK_CLIPS:
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, QUICK_CLIPS).round().astype(int)]
    for number, path in enumerate(paths):
        if suite == "quick" and time.monotonic() - start > 60 * QUICK_MINUTES:
            warnings.add("out of time: not judged, run again or use the full suite", path.name)
            continue
        result = judge_file(path, find_prompt(path, prompts, warnings), output, warnings)
        if result is not None:
            results.append(result)
        say(f"judged {number + 1}/{len(paths)} {path.name}")
    return results, warnings


def judge_file(path: Path, prompt: str, output: Path, warnings: Warnings) -> dict[str, Any] | None:
    """Judge one file, or take the result of an earlier run if neither file nor prompt have changed."""
    state = path.stat()
    can_hear = bool(quoted(prompt)) and is_available()
    version = judge_version(families=True)
    facts = f"{version} {state.st_size} {state.st_mtime_ns} {can_hear} {prompt}"
    key = hashlib.sha256(facts.encode()).hexdigest()[:16]
    kept = output / "clips" / f"{path.stem}.json"
    old = _kept(kept, key)
    if old is not None:
        for kind in old["warnings"]:
            warnings.add(kind, path.name)
        return old["result"]
    mine = Warnings()
    clip = read(path, prompt, mine)
    result = None if clip is None else judge_any(clip)
    if result is not None and quoted(prompt) and clip.sample_rate:
        if can_hear:
            result["measures"]["speech"] = asdict(speech(clip.sound, clip.sample_rate, quoted(prompt)))
        else:
            mine.add("speech not judged: install the extra `evaluate`", path.name)
    for kind in mine.files:
        warnings.add(kind, path.name)
    write_json(kept, {"key": key, "warnings": list(mine.files), "result": result})
    return result


def judge_any(clip: Clip, seen: Seen | None = None) -> dict[str, Any]:
    """As `judge_clip`; of a prompt about another family than balls and boxes, that family's facts in their place."""
    seen = see(clip) if seen is None else seen
    result, family = judge_clip(clip, seen=seen), family_of(clip.prompt)
    if family is None:
        return result
    facts, verdicts = judge_deeds(clip.prompt, clip.frames, seen.tracking, seen.looks, clip.frame_rate)
    found = {name: asdict(verdict) for name, verdict in verdicts.items()}
    steady = {name: result["measures"][name] for name in ("steadiness",)}
    return result | plain({"family": family, "distribution": distribution_of(clip.prompt), "materials": [],
                           "facts": [asdict(fact) for fact in facts], "measures": steady | found})


def judge_checkpoint(checkpoint: Path | None, output: Path, *, suite: str, steps: int | None = None, seed: int = 0,
                     say: Say = print) -> tuple[list[dict[str, Any]], Warnings]:
    """Generate the clips of a suite with a checkpoint (None: the embedded one) and judge them.

    Clips that lie in `output/videos` already are kept: delete the folder to judge another checkpoint there.
    """
    from ..pipeline import generate, load_models

    start, warnings = time.monotonic(), Warnings()
    models = load_models(checkpoint)
    videos = output / "videos"
    _make(videos)
    prompts = suite_prompts(suite)
    order = np.random.default_rng(0).permutation(len(prompts))          # what is cut off for time is a fair share
    options = {} if steps is None else {"steps": steps}
    results: list[dict[str, Any]] = []
    for number, index in enumerate(order):
        if suite == "quick" and time.monotonic() - start > 60 * QUICK_MINUTES:
            warnings.add("out of time: not made, run again or use the full suite", f"{index:04d}.mp4")
            continue
        path = videos / f"{index:04d}-{models.hash[:8]}.mp4"
        if not path.exists():
            generate(prompts[index], output=path, seed=seed + int(index), checkpoint=models, **options)
        result = judge_file(path, prompts[index], output, warnings)
        if result is not None:
            results.append(result)
        say(f"{number + 1}/{len(prompts)} {prompts[index]}")
    return results, warnings


def validate(output: Path, *, clips: int, first: int = 0, seed: int | None = None,
             say: Say = print) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Judge true clips of the world, and the same clips broken in some ways, as MP4 files.

    Args:
        output: where results are kept: a second run only judges what is new, or what an older judge has judged.
        clips, first: how many, from which number on.
        seed: of the clips (default: the one of reports, on which no limit is set).

    Returns:
        The results on true clips, and by break those on broken ones.
    """
    from .breaks import BREAKS, SEED, Studio, broken

    seed, key = SEED if seed is None else seed, judge_version()
    true: list[dict[str, Any]] = []
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in BREAKS}
    with Studio() as studio:
        for index in range(first, first + clips):
            kept = output / "validation" / f"{seed}-{index:05d}.json"
            done = _kept(kept, key)
            if done is None:
                clip = studio.clip(index, seed=seed)
                result, seen, frames = _judge_rendered(clip, kept.with_suffix(".mp4"))
                done = {"key": key, "true": result, "broken": {}}
                for name, changed in broken(clip, index, studio, seed=seed):
                    is_same = changed.frames is clip.frames
                    done["broken"][name] = _judge_rendered(
                        changed, kept.with_suffix(".mp4"), (seen, frames) if is_same else None, laws_only=True)[0]
                write_json(kept, done)
            true.append(done["true"])
            for name, result in done["broken"].items():
                found[name].append(result)
            say(f"validated {index + 1 - first}/{clips}")
    return true, found


def validate_families(output: Path, *, clips: int, seed: int | None = None,
                      say: Say = print) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """As `validate`, for the families beyond balls and boxes: so many clips of each, judged by all their captions."""
    from .breaks import SEED, Studio
    from .deeds import TRUE_FAMILIES
    from .family_breaks import FAMILY_BREAKS

    seed, key = SEED if seed is None else seed, judge_version(families=True)
    true: list[dict[str, Any]] = []
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in FAMILY_BREAKS}
    with Studio() as studio:
        for index in range(clips):
            for family in TRUE_FAMILIES:
                kept = output / "validation" / f"{family}-{seed}-{index:05d}.json"
                done = _kept(kept, key)
                if done is None:
                    clip, path = studio.clip(index, seed=seed, family=family), kept.with_suffix(".mp4")
                    made = {name: make(clip, studio) for name, (families, _, make) in FAMILY_BREAKS.items()
                            if family in families}
                    done = {"key": key, "true": _judge_family(clip, path), "broken": {
                        name: _judge_family(broken, path) for name, broken in made.items() if broken is not None}}
                    write_json(kept, done)
                true.append(done["true"])
                for name, result in done["broken"].items():
                    found[name].append(result)
            say(f"validated {index + 1}/{clips} of each family")
    return true, found


def _judge_family(clip: Any, path: Path) -> dict[str, Any]:
    """Write a clip of another family as an MP4 and judge the file by all captions that name what the family does."""
    captions = [text for text in clip.record.captions if family_of(text)]
    loaded = replace(_written(clip, path), prompt=captions[0] if captions else clip.record.captions[0])
    seen = see(loaded)
    result = judge_any(loaded, seen)
    for caption in captions[1:]:
        facts, _ = judge_deeds(caption, loaded.frames, seen.tracking, seen.looks, loaded.frame_rate)
        result["facts"] += plain([asdict(fact) for fact in facts])
    played = {"walk": "people", "run": "people"}.get(clip.record.family, clip.record.family)
    mistaken = {name: any(fact.holds for fact in judge_deeds(text, loaded.frames, seen.tracking, seen.looks,
                                                             loaded.frame_rate)[0])
                for name, text in ELSEWHERE.items() if name != played}
    truth = clip.record.facts
    outcome = {True: "made", False: "missed"}.get(truth.get("made"))
    way = None if clip.record.move else {1: "right", -1: "left"}.get(truth.get("way"))
    return result | {"family": clip.record.family, "facts": result["facts"] if captions else [], "series": [],
                     "mistaken": mistaken, "truth": {"outcome": outcome, "way": way}}


def validate_speech(clips: int, *, seed: int | None = None, say: Say = print) -> dict[str, Any]:
    """Which line is heard in the sounds of true talk clips, and how often another line of the world is heard there.

    Returns:
        Percent of lines heard, percent of other lines that were taken for heard, with 95 % intervals, and the number.
    """
    from .breaks import SEED, talks
    from .tokenizers import bootstrap

    if not is_available():
        raise ResourceError("the recogniser isn't installed; install pocketsphinx, or the extra `evaluate`")
    heard, mistaken, last = [], [], ""
    for number, (sound, rate, line) in enumerate(talks(clips, seed=SEED if seed is None else seed)):
        heard.append(100.0 * (which_line(sound, rate, line, seed=number) == line))
        if last and last != line:
            mistaken.append(100.0 * (which_line(sound, rate, last, seed=number) == last))
        last = line
        say(f"heard {number + 1}/{clips}")
    return {"heard": asdict(bootstrap(heard)), "another heard": asdict(bootstrap(mistaken)), "clips": len(heard)}


def _judge_rendered(clip: Any, path: Path, known: tuple[Seen, np.ndarray] | None = None, *,
                    laws_only: bool = False) -> tuple[dict[str, Any], Seen, np.ndarray]:
    """Write a clip of the world as an MP4, judge the file by all its captions, delete it.

    Args:
        known: what was seen in a file, and its frames: if this file's are the same, they aren't tracked again.
        laws_only: leave out the captions and what no broken law shows in.

    Returns:
        The result, what was seen, and the frames of the file.
    """
    loaded = _written(clip, path)
    is_known = known is not None and np.array_equal(loaded.frames, known[1])
    seen = see(loaded, known[0].tracking if is_known else None)
    if laws_only:
        broken = {name: asdict(verdict) for name, verdict in laws(loaded, seen).items()}
        return plain({"measures": broken}), seen, loaded.frames
    result = judge_clip(loaded, seen=seen, prompts=tuple(clip.record.captions[1:]))
    return result | {"family": clip.record.family, "series": []}, seen, loaded.frames


def _written(clip: Any, path: Path) -> Clip:
    """A clip of the world as it comes back from an MP4 file, which is deleted."""
    from ..world.pool import SAMPLE_RATE

    video = torch.from_numpy(clip.frames.copy()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    sound = torch.from_numpy(clip.sound.astype(np.float32))[None, None].clamp(-1, 1)
    _make(path.parent)
    try:
        write_clip(path, video, sound, frame_rate=Fraction(24), sample_rate=SAMPLE_RATE)
        return read(path, clip.record.captions[0], Warnings())
    finally:
        path.unlink(missing_ok=True)


@lru_cache(maxsize=2)
def judge_version(*, families: bool = False) -> str:
    """A digest of all that a verdict depends on: results of another judge are not taken up again.

    Args:
        families: with what the families beyond balls and boxes are judged by.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in (*JUDGING, *(FAMILY_JUDGING if families else ())):
        digest.update((here / name).read_bytes())
    return digest.hexdigest()[:16]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"cannot make the folder {folder}: {error.strerror}; choose another --output") from None


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file beside its place and rename it."""
    _make(path.parent)
    beside = path.with_suffix(".part")
    try:
        beside.write_text(json.dumps(value, ensure_ascii=True), encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise ResourceError(f"cannot write {path}: {error.strerror}; free some space or choose another --output"
                            ) from None
    finally:
        beside.unlink(missing_ok=True)


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    """What an earlier run wrote there, if it judged the same with the same judge."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and value.get("key") == key else None
