"""The measures against closed forms, and the command on a small pool of clips."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sora_core.checkpoint import save_checkpoint
from sora_core.cli import evaluate
from sora_core.config import TextEncoderConfig, VideoVAEConfig
from sora_core.errors import SoraError
from sora_core.evaluation import tokenizers
from sora_core.models.video_vae import VideoVAE

TINY = VideoVAEConfig(latent_channels=6, context_width=16, cell_width=16, cell_depth=1)


@pytest.fixture()
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "pool"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index, (height, width) in enumerate([(32, 32), (16, 48)]):
        tensors = {"video": torch.from_numpy(rng.integers(0, 256, (2, 17, height, width, 3), dtype=np.uint8)),
                   "audio": torch.from_numpy(rng.integers(-9000, 9000, (2, 8000), dtype=np.int16))}
        save_file(tensors, folder / f"shard-{index:08d}.safetensors", metadata={"records": "[]"})
    return folder


@pytest.fixture()
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "video_vae.safetensors"
    save_checkpoint(path, config={"video_vae": TINY}, tensors={"video_vae": VideoVAE(TINY).state_dict()})
    return path


def parse(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluate.add_parser(parser.add_subparsers())
    return parser.parse_args(["evaluate", "tokenizers", *map(str, arguments)])


def test_psnr_has_its_closed_form() -> None:
    x = torch.zeros(1, 3, 2, 4, 4)
    assert tokenizers.psnr(x, x + 0.02) == pytest.approx(40.0, abs=1e-3)
    mask = torch.zeros(1, 1, 2, 4, 4, dtype=torch.bool)
    assert math.isnan(tokenizers.psnr(x, x, mask))
    mask[..., 0] = True
    y = x.clone()
    y[..., 1:] = 1
    assert tokenizers.psnr(x, y, mask) > 90


def test_ssim_of_the_same_is_one_and_of_noise_is_low() -> None:
    x = torch.rand(1, 3, 2, 24, 32) * 2 - 1
    assert tokenizers.ssim(x, x) == pytest.approx(1, abs=1e-4)
    assert tokenizers.ssim(x, torch.rand_like(x) * 2 - 1) < 0.2
    constant = torch.zeros_like(x)
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25 ** 2 + 0.75 ** 2 + 1e-4)   # means alone: luminance term
    assert tokenizers.ssim(constant - 0.5, constant + 0.5) == pytest.approx(expected, abs=1e-3)


def test_log_mel_moves_with_loudness_and_finds_a_tone() -> None:
    time = torch.arange(24000) / 24000
    tone = torch.sin(2 * math.pi * 1000 * time)[None, None]
    mel = tokenizers.log_mel(tone * 0.5, 24000)
    assert mel.shape[:2] == (1, 80)
    middle = mel[0, :, 10:-10].mean(dim=1)
    quieter = tokenizers.log_mel(tone * 0.25, 24000)[0, :, 10:-10].mean(dim=1)
    peak = int(middle.argmax())
    assert float(middle[peak] - quieter[peak]) == pytest.approx(math.log(2), abs=1e-3)
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 12000 / 700), 82) / 2595) - 1)
    assert abs(centres[peak + 1] - 1000) < 60
    assert tokenizers.log_mel(tone * 0, 24000).max() == pytest.approx(math.log(1e-4))


def test_bootstrap_covers_the_mean_and_survives_no_values() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(40):
        estimate = tokenizers.bootstrap(rng.normal(30, 2, size=64))
        hits += estimate.low <= 30 <= estimate.high
    assert hits >= 33
    assert tokenizers.bootstrap([float("nan"), 2.0]).clips == 1
    assert tokenizers.bootstrap([]).clips == 0


def test_only_what_moves_counts_as_moving() -> None:
    video = torch.zeros(1, 3, 9, 8, 8)
    video[:, :, 4, 2, 3] = 1
    mask = tokenizers.moving(video)
    assert mask.shape == (1, 1, 9, 8, 8) and int(mask.sum()) == 1 and bool(mask[0, 0, 4, 2, 3])


def test_the_command_prints_the_numbers(pool: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sora_core.models.audio_vae")
    args = parse("--data", pool, "--checkpoint", checkpoint)
    assert args.run(args) == 0
    table = capsys.readouterr().out
    assert "video PSNR (dB)" in table and "video SSIM" in table and "(4 clips)" in table
    assert evaluate.run(parse("--data", pool, "--checkpoint", checkpoint, "--clips", 3, "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["video PSNR (dB)"]["clips"] == 3
    assert facts["video PSNR (dB)"]["low"] <= facts["video PSNR (dB)"]["mean"] <= facts["video PSNR (dB)"]["high"]


def test_an_empty_pool_and_a_foreign_checkpoint_are_refused(tmp_path: Path, pool: Path, checkpoint: Path) -> None:
    pytest.importorskip("sora_core.models.audio_vae")
    with pytest.raises(SoraError, match="no shard"):
        evaluate.run(parse("--data", tmp_path, "--checkpoint", checkpoint))
    other = tmp_path / "text.safetensors"
    save_checkpoint(other, config={"text_encoder": TextEncoderConfig()},
                    tensors={"text_encoder": {"x": torch.zeros(1)}})
    with pytest.raises(SoraError, match="neither"):
        evaluate.run(parse("--data", pool, "--checkpoint", other))
