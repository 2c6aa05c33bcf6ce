"""What the marks of picture and sound survive: the table of docs/PROVENANCE.md.

    python benchmarks/provenance.py --data pool --clips 50 --output runs/provenance.jsonl [--only ATTACK ...]
    python benchmarks/provenance.py --output runs/provenance.jsonl --into docs/PROVENANCE.md
    python benchmarks/provenance.py --data pool --clips 50 --null 200

Each clip is marked and written as `write_clip` does it (H.264 CRF 16, AAC 128k), decoded and attacked. The first
command goes on where it was when it is run again; the last one measures chance, with keys that weren't used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from kornia.metrics import ssim
from provenance_attacks import PICTURE, SAMPLE_RATE, SOUND, Frames, encode, transcode
from safetensors import safe_open

from sora_core.trust import bend, keys, lattice, piece, sound_lattice, spread, verify, watermark_audio
from sora_core.trust.watermark_video import Averages, VideoMark, mark_video

RATE, FRAMES = Fraction(24), 96
PRIVATE = {"owner": hashlib.sha256(b"benchmark").digest()}
KINDS = ("noise-like", "dark", "cartoon")
BEGIN, END = "<!-- measured: from here -->", "<!-- measured: to here -->"
OTHERS = 10                  # clips of those kinds
WHOLE = {"CRF 28 + crop 0.71 + brightness 0.5": "none", "phone upload": "AAC 64k"}      # attacks on picture and sound


def clips(pool: Path, number: int) -> Iterator[tuple[str, Frames, np.ndarray]]:
    """Names, frames and sounds: clips of the world from as many shards, and ten of other kinds among them."""
    paths = sorted(pool.glob("shard-*.safetensors"))
    every = max(1, number // OTHERS)                        # a run that is cut short has seen both
    for i in range(max(number, OTHERS)):
        if i < number:
            with safe_open(paths[i * len(paths) // number], "pt") as file:
                videos, sounds = file.get_slice("video"), file.get_slice("audio")
                at = i % videos.get_shape()[0]
                yield (f"world {i}", videos[at:at + 1][0, :FRAMES].numpy(),
                       sounds[at:at + 1][:, :FRAMES * 1000].numpy() / 32768)
        if i % every == every // 2 and i // every < OTHERS:
            kind = KINDS[i // every % len(KINDS)]
            yield (f"{kind} {i // every}", *other(kind, i // every))


def other(kind: str, seed: int) -> tuple[Frames, np.ndarray]:
    """A clip unlike the world's, (96, 128, 128, 3) bytes and (1, 96000)."""
    rng = np.random.default_rng(seed)
    one, another, third = rng.integers(40, 230, (3, 3))     # colours
    speed = rng.uniform(0.5, 1.5)
    y, x = np.mgrid[:128, :128]
    frames = np.zeros((FRAMES, 128, 128, 3))
    for t in range(FRAMES):
        if kind == "cartoon":                               # flat areas, hard edges, a disc that goes round
            frames[t] = np.where((y > 80)[..., None], one, another)
            frames[t][np.hypot(x - 64 - 30 * np.cos(speed * t / 12), y - 60 - 20 * np.sin(speed * t / 12)) < 16] = third
        elif kind == "dark":                                # a dim lamp that moves in a dark room
            lamp = np.exp(-((x - 30 - speed * t / 2) ** 2 + (y - 60) ** 2) / 400)
            frames[t] = 4 + 40 * lamp[..., None] * one / 230
    if kind == "noise-like":                                # drifting texture of all frequencies
        coarse = rng.normal(size=(128, 256, 3))
        spectrum = np.fft.rfft2(coarse, axes=(0, 1)) / (1 + np.hypot(*np.meshgrid(
            np.fft.fftfreq(128) * 128, np.arange(129) / 2, indexing="ij")))[..., None] ** 0.8
        texture = np.fft.irfft2(spectrum, s=(128, 256), axes=(0, 1))
        texture = 128 + 40 * texture / texture.std()
        for t in range(FRAMES):
            frames[t] = texture[:, t:t + 128] + rng.normal(0, 4, (128, 128, 3))
    time = np.arange(FRAMES * 1000) / SAMPLE_RATE
    sound = {"noise-like": rng.normal(size=time.shape),
             "cartoon": np.sign(np.sin(2 * np.pi * 330 * speed * time)) * (time % 0.5),
             "dark": np.cumsum(rng.normal(size=time.shape)) * 0.01}[kind]
    return np.clip(np.round(frames), 0, 255).astype(np.uint8), 0.2 * (sound / np.abs(sound).max())[None]


def averages(frames: Frames) -> Averages:
    result = Averages(RATE)
    for pixels in frames:
        result.add(np.ascontiguousarray(pixels))
    result.finish()
    return result


def marked(frames: Frames, payload: int) -> Frames:
    video = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    mark = VideoMark(keys.PUBLIC_KEY, PRIVATE["owner"], payload)
    result = torch.cat(list(mark_video(video.split(8, dim=2), mark, RATE)), dim=2)
    return ((result[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).numpy()


def visibility(before: Frames, after: Frames) -> dict[str, float]:
    """PSNR over R, G and B; SSIM of the brightness and of the colours (kornia, window 11)."""
    error = ((before.astype(np.float64) - after) ** 2).mean()
    one, other = (torch.from_numpy(part[::12].astype(np.float32) / 255).permute(0, 3, 1, 2) for part in (before, after))
    weights = torch.from_numpy(spread.FROM_RGB[0]).float()[None, :, None, None]
    luma = [(part * weights).sum(dim=1, keepdim=True) for part in (one, other)]
    return {"psnr": 10 * np.log10(255 ** 2 / error), "ssim": float(ssim(*luma, 11).mean()),
            "ssim_rgb": float(ssim(one, other, 11).mean())}


def run(pool: Path, number: int, output: Path, only: list[str]) -> None:
    """Attack and look, clip by clip; one line of JSON each, and none twice; `only` some attacks where it names any."""
    output.parent.mkdir(parents=True, exist_ok=True)
    done = {(row["clip"], row["on"], row["attack"]) for row in rows(output)} if output.exists() else set()
    for index, (name, frames, sound) in enumerate(clips(pool, number)):
        payload = 0x9E3779B9 * (index + 1) % 2 ** 32
        wanted = [("picture", attack) for attack in PICTURE] + [("sound", attack) for attack in SOUND]
        wanted = [pair for pair in wanted if not only or pair[1] in only]
        wanted = [pair for pair in wanted if (name, *pair) not in done]
        if any(on == "picture" for on, _ in wanted):
            after = marked(frames, payload)
            shown = encode(after, 16)
        if any(on == "sound" for on, _ in wanted):
            heard = watermark_audio.mark_audio(sound, SAMPLE_RATE, keys.PUBLIC_KEY)
            played = transcode(heard, "mp4", "aac", 128_000)
        with output.open("a") as log:
            for on, attack in wanted:
                rng = np.random.default_rng(int(hashlib.sha256(f"{name} {attack}".encode()).hexdigest()[:8], 16))
                row = {"clip": name, "on": on, "attack": attack}
                if on == "picture":
                    found, payloads = verify.find_picture_marks(averages(PICTURE[attack](shown, rng)), PRIVATE)
                    row |= {mark.kind: mark.false_alarm for mark in found}
                    row |= {"payload": payloads.get("owner") == payload, "wrong": bool(payloads) and
                            payloads.get("owner") != payload}
                    row |= visibility(frames, after) if attack == "none" else {}
                else:
                    row["sound"] = verify.find_sound_mark(SOUND[attack](played, rng), SAMPLE_RATE).false_alarm
                    if attack == "none":
                        row["under"] = -10 * np.log10(((heard - sound) ** 2).sum() / max((sound ** 2).sum(), 1e-12))
                log.write(json.dumps(row) + "\n")
                log.flush()


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def report(path: Path) -> str:
    """The tables, as Markdown."""
    found = rows(path)
    limit = verify.FALSE_ALARM
    kinds = [row["clip"].startswith("world") for row in found if row["attack"] == "none" and row["on"] == "picture"]
    lines = [f"{sum(kinds)} clips of the world and {len(kinds) - sum(kinds)} of other kinds.", "",
             "| picture | clips | any mark | of the world's | in the colours | in the coarse picture | number read |",
             "|---|---|---|---|---|---|---|"]
    for attack in PICTURE:
        part = [row for row in found if row["on"] == "picture" and row["attack"] == attack]
        world = [row for row in part if row["clip"].startswith("world")]
        if part:
            shares = [np.mean([min(row["colours"], row["coarse picture"]) <= limit for row in some])
                      for some in (part, world) if some]
            shares += [np.mean([row[kind] <= limit for row in part]) for kind in ("colours", "coarse picture")]
            shares.append(np.mean([row["payload"] for row in part]))
            lines.append(f"| {attack} | {len(part)} | " + " | ".join(f"{100 * share:.0f} %" for share in shares) + " |")
    lines += ["", "| sound | clips | found |", "|---|---|---|"]
    for attack in SOUND:
        part = [row["sound"] <= limit for row in found if row["on"] == "sound" and row["attack"] == attack]
        if part:
            lines.append(f"| {attack} | {len(part)} | {100 * np.mean(part):.0f} % |")
    lines += ["", "| picture and sound of one file | clips | found | by the picture | by the sound | together |",
              "|---|---|---|---|---|---|"]
    for attack, heard in WHOLE.items():
        sounds = {row["clip"]: row["sound"] for row in found if row["on"] == "sound" and row["attack"] == heard}
        some = [row for row in found if row["on"] == "picture" and row["attack"] == attack and row["clip"] in sounds]
        chances = np.array([(min(row["colours"], row["coarse picture"]), sounds[row["clip"]], verify.together(
            [row["colours"], row["coarse picture"]], sounds[row["clip"]])) for row in some]).reshape(-1, 3) <= limit
        if some:
            lines.append(f"| {attack}; sound: {heard} | {len(some)} | " + " | ".join(
                f"{100 * share:.0f} %" for share in [chances.any(axis=1).mean(), *chances.mean(axis=0)]) + " |")
    seen = [row for row in found if "psnr" in row]
    words = {"psnr": "PSNR in dB", "ssim": "SSIM of the brightness", "ssim_rgb": "SSIM of R, G and B"}
    lines += ["", "Visibility: " + "; ".join(
        f"{word} {np.mean([row[name] for row in seen]):.4g} on average, {min(row[name] for row in seen):.4g} at least"
        for name, word in words.items()) + "."]
    under = [row["under"] for row in found if "under" in row]
    wrong = sum(row.get("wrong", False) for row in found)
    return "\n".join([*lines, f"The sound's mark is {np.mean(under):.1f} dB under the programme on average, "
                      f"{min(under):.1f} at least. Wrong numbers read: {wrong}."])


def put(tables: str, page: Path) -> None:
    """Put the tables between the marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")


def null(pool: Path, number: int, wrong: int) -> None:
    """Chance: unmarked clips against keys that were never used, printed anew after each clip.

    The lattices of the picture are tried with all keys, those of the sound with a quarter, and the long searches with a
    two-hundredth: of these, how often single places exceed 4 and 5 is compared with a Gaussian.
    """
    others = [hashlib.sha256(b"null %d" % i).digest() for i in range(wrong)]
    wanted = np.exp(-2j * np.pi * np.stack([lattice.pilot_offsets(key) for key in others]))
    found: dict[str, list[float]] = {}
    places, beyond = 0, np.zeros(2)
    for index, (_, frames, sound) in enumerate(clips(pool, number)):
        mean = averages(frames)
        colours, some = mean.colours(), others[index % 200::200]

        def note(name: str, values: list[float]) -> None:
            found.setdefault(name, []).extend(values)

        note("coarse picture, searched", lattice.pilots_z(lattice.phases(mean.squares())[1], wanted).max(1).tolist())
        note("colours, as written", [match.z for match in spread.detect_home(colours, some)])
        halves = [lattice.windows(mean.squares(scale))[0] for scale in spread.native_scales(mean.short_side)]
        note("both in a piece", [piece.detect(colours, halves, key, mean.short_side).z for key in some])
        where, waves, is_likely = spread.searched(colours)
        for key in some:
            surfaces = np.stack([spread.correlate(waves, spread.coefficients(key), side, spread.GRID)
                                 for side in (False, True)])
            likely = spread.best_of(surfaces, where, is_likely)
            note("colours, likely places", [likely[0].z])
            note("colours, bent", [bend.climb(colours, key, likely).z])
            note("colours, searched", [float(surfaces.max())])
            places += surfaces.size
            beyond += [int((surfaces > z).sum()) for z in (4, 5)]
        for near, anywhere in sound_lattice.detect_loudness(sound, SAMPLE_RATE, others[index % 4::4]):
            note("loudness of the sound, as written", [near.z])
            note("loudness of the sound, searched", [anywhere.z])
        for plain, best in watermark_audio.detect_audio(sound, SAMPLE_RATE, some):
            note("tiles of the sound, as written", [plain.z])
            note("tiles of the sound, searched", [best.z])
        print("\n| statistic | tries | largest z | median | 99 % | 99.9 % |\n|---|---|---|---|---|---|")
        for name, values in found.items():
            print(f"| {name} | {len(values)} | {max(values):.2f} | " +
                  " | ".join(f"{np.quantile(values, share):.2f}" for share in (0.5, 0.99, 0.999)) + " |", flush=True)
        expected = [0.5 * math.erfc(z / math.sqrt(2)) for z in (4, 5)]
        more = [f"{share:.2f}" for share in beyond / places / expected]
        print(f"\nOf {places / 1e6:.0f} million single places of the search {more[0]} times as many exceed 4 as of a "
              f"Gaussian, and {more[1]} times as many 5.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the world's shards")
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="ATTACK", help="attack in these ways alone")
    parser.add_argument("--report", action="store_true", help="print the tables of an output")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put the tables of an output into that page")
    parser.add_argument("--null", type=int, metavar="KEYS", help="measure chance with so many wrong keys on each clip")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.report or args.into:
        tables = report(args.output)
        print(tables)
        if args.into:
            put(tables, args.into)
    elif args.null:
        null(args.data, args.clips, args.null)
    else:
        run(args.data, args.clips, args.output, args.only)


if __name__ == "__main__":
    main()
