"""`python -m sora_core train NETWORK`: one slice of training, resumable."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ResourceError


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "train", help="train one of the networks on a pool of clips", formatter_class=argparse.RawTextHelpFormatter,
        description="Train a network on a pool made by `python -m sora_core world`.\n"
                    "Stop at any time, or let --minutes stop it: the same command goes on where it was.")
    parser.add_argument("network", choices=["video-vae", "audio-vae", "transformer"], help="what to train")
    parser.add_argument("--data", type=Path, required=True, help="folder of the pool of clips")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run: state, log, averaged checkpoint")
    parser.add_argument("--minutes", type=float, help="stop cleanly after so many minutes (default: never)")
    parser.add_argument("--steps", type=int, default=10000, help="length of the whole run, sets the schedule")
    parser.add_argument("--batch-size", type=int, help="clips a step (default: the network's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="processor threads (default: all)")
    parser.add_argument("--sample-every", type=int, default=500, help="steps between sample sheets, 0 for none")
    group = parser.add_argument_group("transformer only")
    group.add_argument("--cache", type=Path, help="folder for the latents of the pool (default: OUTPUT/latents)")
    group.add_argument("--video-vae", type=Path, help="checkpoint of the video autoencoder")
    group.add_argument("--audio-vae", type=Path, help="checkpoint of the audio autoencoder")
    group.add_argument("--start-from", type=Path, help="checkpoint whose weights to begin with")
    group.add_argument("--sketches", type=Path, help="pool made with `world --sketches-only`")
    group.add_argument("--learning-rate", type=float, default=1e-3, help="of AdamW")
    group.add_argument("--matrix-learning-rate", type=float, default=0.02, help="of Muon")
    group.add_argument("--width", type=int, default=256)
    group.add_argument("--depth", type=int, default=6)
    group.add_argument("--compile", action="store_true", help="compile the blocks: slower start, faster steps")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train one slice. Returns the exit code."""
    import torch

    if not hasattr(torch.optim, "Muon"):
        raise ResourceError("training needs PyTorch 2.9 or newer; install the extra: pip install '.[train]'")
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.network == "transformer":
        _train_transformer(args)
    else:
        from ..training import audio_vae, video_vae

        network = video_vae if args.network == "video-vae" else audio_vae
        sizes = {} if args.batch_size is None else {"batch_size": args.batch_size}
        network.train(args.data, args.output, steps=args.steps, minutes=args.minutes, seed=args.seed,
                      sample_every=args.sample_every, **sizes)
    return 0


def _train_transformer(args: argparse.Namespace) -> None:
    from ..training import transformer
    from ..training.loop import LoopOptions

    if args.video_vae is None or args.audio_vae is None:
        raise ResourceError("the transformer trains on latents; name both autoencoders with --video-vae and "
                            "--audio-vae")
    if args.sketches is None:
        raise ResourceError("the transformer paints over sketches; make some with `python -m sora_core world "
                            "--sketches-only` and name them with --sketches")
    loop = LoopOptions(output=args.output, steps=args.steps, minutes=args.minutes, seed=args.seed,
                       learning_rate=args.learning_rate, matrix_learning_rate=args.matrix_learning_rate,
                       sample_every=args.sample_every)
    options = transformer.TransformerOptions(
        data=args.data, sketches=args.sketches, cache=args.cache or args.output / "latents", video_vae=args.video_vae,
        audio_vae=args.audio_vae, start_from=args.start_from, batch_size=args.batch_size or 32,
        width=args.width, depth=args.depth, compile=args.compile)
    transformer.train(options, loop)
