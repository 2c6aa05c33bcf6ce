"""`evaluate`: numbers for the model card."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import checkpoint as store
from ..errors import CheckpointError


def add_parser(subparsers: Any) -> None:
    """Register the verb with argparse's subparsers."""
    parser = subparsers.add_parser("evaluate", help="measure the networks on held-out clips")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    tokenizers = kinds.add_parser("tokenizers", help="what the video and audio autoencoders lose",
                                  description="Mean over clips and a 95 % bootstrap interval of the reconstruction's "
                                              "PSNR, SSIM and log-mel L1.")
    tokenizers.add_argument("--data", type=Path, required=True, help="folder of held-out world shards")
    tokenizers.add_argument("--checkpoint", type=Path, action="append", metavar="FILE",
                            help="checkpoint with one or both autoencoders; may be given twice (default: embedded)")
    tokenizers.add_argument("--clips", type=int, default=None, help="measure only so many clips (default: all)")
    tokenizers.add_argument("--json", action="store_true", help="print one line of JSON instead of a table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
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
