"""`evaluate`: how good generated clips are, how good the judge is, and what the autoencoders lose."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import checkpoint as store
from ..errors import CheckpointError, ConfigError

EPILOG = """examples:
  python -m sora_core evaluate --suite quick --videos FOLDER          MP4s with prompts, of any model
  python -m sora_core evaluate --suite full --checkpoint FILE         makes and judges 500 clips; resumable
  python -m sora_core evaluate validate --clips 100                   judges the judge, on true and broken clips"""


def add_parser(subparsers: Any) -> None:
    """Register the verb with argparse's subparsers."""
    parser = subparsers.add_parser("evaluate", help="judge finished clips, or the networks on held-out clips",
                                   epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=["quick", "full", "families"],
                        help="quick: at most 60 clips and 10 minutes; full: all, goes on where it was; families: "
                             "shots, stacks, pendulums, ramps, billiards, goals, people")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="folder of video files to judge, with prompts.json, "
                        "texts beside them or tags; without it, clips are made with --checkpoint")
    parser.add_argument("--checkpoint", type=Path, metavar="PATH",
                        help="checkpoint to make clips with (default: embedded)")
    parser.add_argument("--steps", type=int, metavar="N",
                        help="steps from noise to picture (default: the sampler's own)")
    parser.add_argument("--output", type=Path, default=Path("evaluation"), metavar="DIR",
                        help="folder of the report, of its block for a model card, and of what a later run takes up "
                             "again (default: %(default)s)")
    kinds = parser.add_subparsers(dest="what", metavar="WHAT")
    _add_tokenizers(kinds)
    validate = kinds.add_parser("validate", help="judge true clips of the world, and clips broken on purpose")
    validate.add_argument("--clips", type=int, default=100, metavar="N", help="true clips (default: %(default)s)")
    validate.add_argument("--first", type=int, default=0, metavar="N", help="number of the first clip (default: 0)")
    validate.add_argument("--seed", type=int, metavar="N",
                          help="seed of the clips, to set limits on others than those that reports are made of")
    validate.add_argument("--talk", type=int, default=0, metavar="N",
                          help="only judge the judge of speech, on the sound of N clips in which somebody speaks")
    validate.add_argument("--families", type=int, default=0, metavar="N",
                          help="only judge the judge of shots, stacks, pendulums, ramps, billiards, goals and people, "
                               "on N clips of each family")
    validate.add_argument("--output", type=Path, default=Path("validation"), metavar="DIR")
    validate.add_argument("--store", action="store_true", help="keep the result as the error bars of later reports")
    calibrate = kinds.add_parser("calibrate", help="fit the judge's knowledge of colours, materials and places")
    calibrate.add_argument("--clips", type=int, default=1000, metavar="N", help="true clips (default: %(default)s)")
    calibrate.add_argument("--data", type=Path, metavar="DIR", help="pool to take them from (default: render them)")
    parser.set_defaults(run=run)


def _add_tokenizers(kinds: Any) -> None:
    tokenizers = kinds.add_parser("tokenizers", help="what the video and audio autoencoders lose",
                                  description="Mean over clips and a 95 % bootstrap interval of the reconstruction's "
                                              "PSNR, SSIM and log-mel L1.")
    tokenizers.add_argument("--data", type=Path, required=True, help="folder of held-out world shards")
    tokenizers.add_argument("--checkpoint", type=Path, action="append", metavar="FILE",
                            help="checkpoint with one or both autoencoders; may be given twice (default: embedded)")
    tokenizers.add_argument("--clips", type=int, default=None, help="measure only so many clips (default: all)")
    tokenizers.add_argument("--json", action="store_true", help="print one line of JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Measure what was asked for and print it."""
    verbs = {"tokenizers": _run_tokenizers, "validate": _run_validate, "calibrate": _run_calibrate, None: _run_suite}
    return verbs[args.what](args)


def _run_suite(args: argparse.Namespace) -> int:
    from ..evaluation import report, suite

    if args.suite is None:
        raise ConfigError("say what to measure: --suite quick, full or families, tokenizers, validate or calibrate")
    if args.videos is not None:
        results, warnings = suite.judge_folder(args.videos, args.output, suite=args.suite)
        title = f"Clips of {args.videos.name}"
    else:
        results, warnings = suite.judge_checkpoint(args.checkpoint, args.output, suite=args.suite, steps=args.steps)
        title = f"Checkpoint {args.checkpoint.name if args.checkpoint else 'embedded'}, suite {args.suite}"
    path = report.write_report(results, warnings, args.output, title)
    print(path.read_text(encoding="utf-8"))
    return 0


def _run_validate(args: argparse.Namespace) -> int:
    from ..evaluation import report, suite, validation_report

    if args.store and args.seed is not None:
        raise ConfigError("--store keeps the error bars of reports, which come from the default seed; leave out --seed")
    if args.talk:
        print(json.dumps(suite.validate_speech(args.talk, seed=args.seed), indent=1))
        return 0
    if args.families:
        true, broken = suite.validate_families(args.output, clips=args.families, seed=args.seed)
        summary = validation_report.write_families(true, broken, args.output)
        if args.store:
            validation_report.store(report.VALIDATION, summary, "families")
        print((args.output / "families.md").read_text(encoding="utf-8"))
        return 0
    true, broken = suite.validate(args.output, clips=args.clips, first=args.first, seed=args.seed)
    summary = validation_report.write_validation(true, broken, args.output)
    if args.store:
        validation_report.store(report.VALIDATION, summary)
    print((args.output / "validation.md").read_text(encoding="utf-8"))
    return 0


def _run_calibrate(args: argparse.Namespace) -> int:
    from ..evaluation.calibrate import calibrate
    from ..evaluation.truth import pool_clips, rendered_clips

    clips = rendered_clips(args.clips) if args.data is None else pool_clips(args.data, args.clips)
    scores = calibrate(clips, on_progress=lambda done: print(f"{done} clips", flush=True) if done % 50 == 0 else None)
    print(json.dumps(scores, indent=1))
    return 0


def _run_tokenizers(args: argparse.Namespace) -> int:
    """Print the measures; 0 when at least one autoencoder was measured."""
    from ..evaluation import tokenizers
    from ..training.video_vae import ClipPool

    networks = _load(args.checkpoint or [None])
    pool = ClipPool(args.data)
    results: dict[str, Any] = {}
    if "video_vae" in networks:
        results |= tokenizers.evaluate_video(networks["video_vae"], pool.clips(args.clips))
    if "audio_vae" in networks:
        network = networks["audio_vae"]
        results |= tokenizers.evaluate_audio(network, pool.sounds(args.clips), sample_rate=network.config.sample_rate)
    if args.json:
        print(json.dumps({name: asdict(estimate) for name, estimate in results.items()}))
        return 0
    for name, estimate in results.items():
        print(f"{name:32s} {estimate}   ({estimate.clips} clips)")
    return 0


def _load(paths: list[Path | None]) -> dict[str, Any]:
    from ..models.audio_vae import AudioVAE
    from ..models.video_vae import VideoVAE

    networks: dict[str, Any] = {}
    for path in paths:
        checkpoint = store.load_checkpoint(path)
        for component, factory in (("video_vae", VideoVAE), ("audio_vae", AudioVAE)):
            if component in checkpoint.config:
                networks[component] = store.build(checkpoint, component, factory)
    if not networks:
        raise CheckpointError("the checkpoint holds neither video_vae nor audio_vae; choose one that does")
    return networks
