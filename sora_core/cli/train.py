"""`python -m sora_core train WHAT`: one slice of training, resumable; also many ranks, by `torchrun -m sora_core`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResourceError

if TYPE_CHECKING:
    from ..training.transformer import TransformerOptions

EPILOG = """examples:
  python -m sora_core train recipe --output runs/nano --minutes 9     everything, from an empty folder to a checkpoint
  torchrun --nproc-per-node=8 -m sora_core train transformer ...      the same run on many ranks
  python -m sora_core train lora --clips my_clips --output mine.safetensors

Stop at any time, or let --minutes stop it: the same command goes on where it was."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "train", help="train the networks, one by one or by the whole recipe", epilog=EPILOG,
        formatter_class=argparse.RawTextHelpFormatter)
    kinds = parser.add_subparsers(dest="network", metavar="WHAT", required=True)
    for network, text in (("video-vae", "the autoencoder of pictures"), ("audio-vae", "the autoencoder of sound"),
                          ("transformer", "sketcher, transformer and text encoder"),
                          ("finisher", "of decoded frames, by their sketch; for a video autoencoder and a transformer"),
                          ("distil", "sketcher and transformer, to do with few steps and no guidance")):
        one = kinds.add_parser(network, help=text)
        _add_run(one)
        if network == "transformer":
            _add_latents(one)
            _add_transformer(one)
        if network == "distil":
            _add_latents(one, required=True)
            _add_distil(one)
        if network == "video-vae":
            _add_video_vae(one)
        if network == "finisher":
            _add_finisher(one)
    _add_lora(kinds.add_parser("lora", help="a LoRA of a handful of your own clips, for here and for ComfyUI"))
    _add_recipe(kinds.add_parser("recipe", help="everything, from an empty folder to a checkpoint, in slices"))
    parser.set_defaults(run=run)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder of the pool of clips")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run: state, log, averaged checkpoint")
    parser.add_argument("--steps", type=int, default=10000, help="length of the whole run, sets the schedule")
    parser.add_argument("--batch-size", type=int, help="clips in a part of a step (default: the network's own)")
    parser.add_argument("--sample-every", type=int, default=500, help="steps between sample sheets, 0 for none")
    _add_slice(parser)


def _add_slice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="stop cleanly after so many minutes (default: never)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="processor threads (default: all)")


def _add_video_vae(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--painter", type=Path, help="checkpoint of a trained transformer: learn to mend its faults")
    parser.add_argument("--cache", type=Path, help="latents that --painter was trained on")


def _add_finisher(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learning-rate", type=float, help="of AdamW (default: the finisher's own)")
    parser.add_argument("--video-vae", type=Path, required=True, help="checkpoint of the video autoencoder")
    parser.add_argument("--painter", type=Path, required=True, help="checkpoint of a trained transformer")
    parser.add_argument("--cache", type=Path, required=True, help="latents that --painter was trained on")


def _add_latents(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--cache", type=Path, help="folder for the latents of the pool (default: OUTPUT/latents)")
    parser.add_argument("--video-vae", type=Path, required=required, help="checkpoint of the video autoencoder")
    parser.add_argument("--audio-vae", type=Path, required=required, help="checkpoint of the audio autoencoder")
    parser.add_argument("--start-from", type=Path, required=required,
                        help="checkpoint of what shall be distilled" if required else
                        "checkpoint whose weights to begin with")
    parser.add_argument("--sketches", type=Path, required=required, help="pool made with `world --sketches-only`")
    parser.add_argument("--parts", type=int, help="batches that a step is the mean of, shared out among the ranks "
                        "(default: one for each rank)")


def _add_distil(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learning-rate", type=float, help="of AdamW (default: distillation's own)")
    parser.add_argument("--matrix-learning-rate", type=float, help="of Muon (default: distillation's own)")
    parser.set_defaults(steps=400)


def _add_transformer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of AdamW")
    parser.add_argument("--matrix-learning-rate", type=float, default=0.02, help="of Muon")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--compile", action="store_true", help="compile the blocks: slower start, faster steps")
    parser.add_argument("--only", choices=("sketcher", "transformer"), default="",
                        help="only this network learns, in shorter steps; the rest stays as in --start-from")
    parser.add_argument("--clips", type=Path, help="folder of clips of your own to learn from too: videos with sound "
                        "and a .txt beside each, or WebDataset tars")


def _add_lora(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", type=Path, required=True,
                        help="folder of your MP4 files, with a .txt beside each that says what is seen and heard")
    parser.add_argument("--output", type=Path, required=True, help="FILE.safetensors; the state lies in FILE.run")
    parser.add_argument("--checkpoint", type=Path, help="model to change (default: the one that ships)")
    parser.add_argument("--rank", type=int, default=8, help="of the changes (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=400, help="length of the run (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=2, help="clips a step (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    _add_slice(parser)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, required=True, help="folder that everything is made in")
    parser.add_argument("--preset", default="nano", choices=["nano", "tiny"],
                        help="nano: the embedded model, a night on two cores; tiny: proves the chain in a "
                             "minute (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="processes that render (default: one for each core)")
    _add_slice(parser)


def run(args: argparse.Namespace) -> int:
    """Train one slice. Returns the exit code."""
    import torch

    if not hasattr(torch.optim, "Muon"):
        raise ResourceError("training needs PyTorch 2.9 or newer; install the extra: pip install '.[train]'")
    if args.threads:
        torch.set_num_threads(args.threads)
    verbs = {"transformer": _train_transformer, "finisher": _train_finisher, "distil": _distil,
             "recipe": _run_recipe, "lora": _train_lora}
    verbs.get(args.network, _train_autoencoder)(args)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _train_autoencoder(args: argparse.Namespace) -> None:
    from ..training import audio_vae, video_vae

    network = video_vae if args.network == "video-vae" else audio_vae
    sizes = {} if args.batch_size is None else {"batch_size": args.batch_size}
    if network is video_vae:
        if (args.painter is None) != (args.cache is None):
            raise ResourceError("--painter and --cache belong together; name both or none")
        sizes |= {"learning_rate": args.learning_rate, "painter": args.painter, "cache": args.cache}
    network.train(args.data, args.output, steps=args.steps, minutes=args.minutes, seed=args.seed,
                  sample_every=args.sample_every, **sizes)


def _train_finisher(args: argparse.Namespace) -> None:
    from ..training import finisher
    from ..training.loop import LoopOptions

    loop = LoopOptions(output=args.output, steps=args.steps, minutes=args.minutes, seed=args.seed,
                       learning_rate=args.learning_rate or finisher.LEARNING_RATE, sample_every=args.sample_every)
    sizes = {} if args.batch_size is None else {"batch_size": args.batch_size}
    finisher.train(finisher.FinisherOptions(data=args.data, cache=args.cache, video_vae=args.video_vae,
                                            painter=args.painter, **sizes), loop, _say)


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
                       sample_every=args.sample_every, parts=args.parts)
    options = transformer.TransformerOptions(
        data=args.data, sketches=args.sketches, cache=args.cache or args.output / "latents", video_vae=args.video_vae,
        audio_vae=args.audio_vae, start_from=args.start_from, batch_size=args.batch_size or 32,
        width=args.width, depth=args.depth, compile=args.compile, only=args.only)
    if args.clips is not None:
        _encode_own(args.clips, options)
    transformer.train(options, loop)


def _distil(args: argparse.Namespace) -> None:
    from ..training import distil
    from ..training.loop import LoopOptions

    rates = {"learning_rate": args.learning_rate or distil.LEARNING_RATE,
             "matrix_learning_rate": args.matrix_learning_rate or distil.MATRIX_LEARNING_RATE}
    loop = LoopOptions(output=args.output, steps=args.steps, minutes=args.minutes, seed=args.seed, parts=args.parts,
                       sample_every=args.sample_every, **rates)
    sizes = {} if args.batch_size is None else {"batch_size": args.batch_size}
    distil.train(distil.DistilOptions(
        data=args.data, sketches=args.sketches, cache=args.cache or args.output / "latents", video_vae=args.video_vae,
        audio_vae=args.audio_vae, start_from=args.start_from, **sizes), loop, _say)


def _encode_own(clips: Path, options: TransformerOptions) -> None:
    """Put one's own clips into the cache of latents, and say what was wrong with them."""
    from ..checkpoint import build, load_checkpoint
    from ..models.audio_vae import AudioVAE
    from ..models.video_vae import VideoVAE
    from ..training import parallel
    from ..training.folder import Faults, cache_folder

    faults = Faults()
    parallel.start()
    with parallel.first_rank_first():
        count = cache_folder(clips, options.cache, build(load_checkpoint(options.video_vae), "video_vae", VideoVAE),
                             build(load_checkpoint(options.audio_vae), "audio_vae", AudioVAE), faults)
    for line in faults.lines():
        _say(f"warning: {line}")
    _say(f"{count} pieces of your own clips")


def _train_lora(args: argparse.Namespace) -> None:
    from ..training import lora

    lora.train(lora.LoraOptions(clips=args.clips, output=args.output, checkpoint=args.checkpoint, rank=args.rank,
                                steps=args.steps, batch_size=args.batch_size, minutes=args.minutes, seed=args.seed,
                                learning_rate=args.learning_rate), _say)


def _run_recipe(args: argparse.Namespace) -> None:
    from ..training.recipe import Recipe

    Recipe(args.output, args.preset, minutes=args.minutes, workers=args.workers, seed=args.seed, say=_say).run()
