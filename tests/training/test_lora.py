"""LoRA: it learns one's clips, is applied at a strength, and its file says what it is."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sora_core.checkpoint import build, load_checkpoint, save_checkpoint
from sora_core.cli import main
from sora_core.errors import CheckpointError, ConfigError
from sora_core.lora import parse_spec, read_lora, with_loras
from sora_core.media import write_clip
from sora_core.models.transformer import SoraTransformer
from sora_core.pipeline import load_models
from sora_core.training.lora import Changes, LoraOptions, train


@pytest.fixture(scope="module")
def base(tmp_path_factory, tiny_checkpoint):
    """The tiny checkpoint with a transformer as training begins with it."""
    checkpoint = load_checkpoint(tiny_checkpoint)
    transformer = build(checkpoint, "transformer", SoraTransformer)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer.initialise()
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    save_checkpoint(path, config=checkpoint.config, vocabulary=checkpoint.vocabulary,
                    tensors=checkpoint.tensors | {"transformer": transformer.state_dict()})
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, base):
    """Two clips, one without sound; a LoRA after one slice and after all steps, and what was said."""
    folder = tmp_path_factory.mktemp("lora")
    (folder / "clips").mkdir()
    for name, level in (("dark", -0.8), ("bright", 0.8)):
        wave = None if name == "dark" else 0.3 * torch.sin(torch.arange(17000) / 10)[None, None]
        write_clip(folder / "clips" / f"{name}.mp4", torch.full((1, 3, 17, 96, 96), level), wave,
                   frame_rate=Fraction(24), sample_rate=None if wave is None else 24000)
        (folder / "clips" / f"{name}.txt").write_text(f"a {name} wall")
    lines, options = [], {"clips": folder / "clips", "output": folder / "mine.safetensors",
                          "checkpoint": base, "rank": 4, "steps": 40, "learning_rate": 1e-2}
    assert not train(LoraOptions(**options, minutes=1e-6), lines.append)
    first = load_file(options["output"])
    assert train(LoraOptions(**options), lines.append)
    return options["output"], first, lines


def test_it_learns_the_clips_in_slices(trained):
    output, first, lines = trained
    losses = [[float(word) for word in line.replace(",", "").split() if word[0].isdigit()]
              for line in lines if line.startswith("the loss on your clips")]
    assert losses[0][0] == losses[1][0] and losses[1][1] < 0.9 * losses[1][0], "as it was before, and after"
    assert "warning: no sound: 1 (dark.mp4)" in lines and "stopped at step 1 of 40" in " ".join(lines)
    assert first.keys() == load_file(output).keys()


def test_its_keys_are_those_that_comfyui_takes(trained, base):
    layers = read_lora(trained[0]).layers
    weights = build(load_checkpoint(base), "transformer", SoraTransformer).state_dict()
    assert len(layers) > 20 and all(f"{layer}.weight" in weights for layer in layers)
    tensors = load_file(trained[0])
    assert all(key.startswith("diffusion_model.") for key in tensors)
    assert tensors["diffusion_model.refiner.conv.lora_down.weight"].shape[2:] == (3, 3)
    assert tensors["diffusion_model.refiner.conv.lora_up.weight"].shape[2:] == (1, 1)
    assert tensors["diffusion_model.blocks.0.attention.qkv.alpha"] == 4


def test_the_file_gives_the_network_that_was_trained(trained, base):
    checkpoint = load_checkpoint(base)
    plain, changed = (build(checkpoint, "transformer", SoraTransformer) for _ in range(2))
    changes = Changes(changed, 4)
    tensors = load_file(trained[0])
    for name, change in zip(changes.names, changes.layers, strict=True):
        change.down.data = tensors[f"diffusion_model.{name}.lora_down.weight"].flatten(1)
        change.up.data = tensors[f"diffusion_model.{name}.lora_up.weight"].flatten(1)
    models = load_models(checkpoint)
    models.transformer.float().load_state_dict(plain.state_dict())
    applied = with_loras(models, [(str(trained[0]), 1.0)])
    for name in changes.names:
        torch.testing.assert_close(applied.transformer.get_submodule(name).weight,
                                   changed.get_submodule(name).weight, atol=1e-5, rtol=1e-5)


def test_strength_nought_is_no_change(trained, base):
    models = load_models(base)
    before = {name: value.clone() for name, value in models.transformer.state_dict().items()}
    assert with_loras(models, [(str(trained[0]), 0.0)]) is models
    half, whole = (with_loras(models, [(str(trained[0]), strength)]) for strength in (0.5, 1.0))
    assert len({models.hash, half.hash, whole.hash}) == 3
    assert all(torch.equal(value, before[name]) for name, value in models.transformer.state_dict().items())
    name = "blocks.0.attention.qkv.weight"
    changes = [made.transformer.state_dict()[name].float() - before[name].float() for made in (half, whole)]
    assert 0 < changes[0].norm() < changes[1].norm()


def test_the_command_line_generates_with_it(trained, base, tmp_path, capsys):
    words = ["generate", "a dark wall", "--checkpoint", str(base), "--seconds", "0.3", "--steps", "1",
             "--width", "64", "--height", "64", "--sign", "none", "--json", "--output", str(tmp_path / "clip.mp4")]
    facts = []
    for spec in (f"{trained[0]}:0", str(trained[0])):
        assert main([*words, "--lora", spec]) == 0
        facts.append(json.loads(capsys.readouterr().out))
    assert facts[0]["model"] == load_checkpoint(base).short_hash != facts[1]["model"]
    assert facts[0]["latents"] != facts[1]["latents"]


def test_strengths_are_read_from_the_file_s_name():
    assert parse_spec("a.safetensors") == ("a.safetensors", 1.0)
    assert parse_spec("a.safetensors:0.5") == ("a.safetensors", 0.5)
    assert parse_spec("C:\\a.safetensors") == ("C:\\a.safetensors", 1.0)
    assert parse_spec("C:\\a.safetensors:-1") == ("C:\\a.safetensors", -1.0)
    for text in ("a.safetensors:much", "a.safetensors:nan", "a.safetensors:11"):
        with pytest.raises(ConfigError, match="strength"):
            parse_spec(text)


def test_files_that_are_no_lora_of_this_model_are_refused(trained, base, tmp_path):
    models = load_models(base)
    for key, shape, words in [("unet.x.lora_A.weight", (2, 3), "not part of a LoRA"),
                              ("diffusion_model.x.lora_A.weight", (2, 3), "not whole at x")]:
        save_file({key: torch.zeros(shape)}, tmp_path / "bad.safetensors")
        with pytest.raises(CheckpointError, match=words):
            with_loras(models, [(str(tmp_path / "bad.safetensors"), 1.0)])
    tensors = load_file(trained[0])
    key = "diffusion_model.blocks.0.attention.qkv.lora_up.weight"
    save_file(tensors | {key: torch.zeros(7, 4)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="doesn't fit this model at blocks.0.attention.qkv"):
        with_loras(models, [(str(tmp_path / "other.safetensors"), 1.0)])
    with pytest.raises(CheckpointError, match="no .safetensors file"):
        with_loras(models, [(str(tmp_path / "missing.safetensors"), 1.0)])


@pytest.mark.parametrize("values", [{"rank": 0}, {"batch_size": 0}, {"output": "x.bin"}])
def test_options_out_of_range_are_refused(values, tmp_path):
    with pytest.raises(ConfigError):
        LoraOptions(**{"clips": tmp_path, "output": Path("x.safetensors"),
                       **{name: Path(value) if name == "output" else value for name, value in values.items()}})
