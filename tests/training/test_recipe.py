"""The whole recipe at its smallest: cut after every stage, from an empty folder to a checkpoint that makes a clip."""

import json

import pytest
import torch

from sora_core.checkpoint import load_checkpoint
from sora_core.cli import main
from sora_core.config import COMPONENTS
from sora_core.errors import ConfigError
from sora_core.pipeline import load_models
from sora_core.training.recipe import Recipe

pytest.importorskip("mujoco")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """The folder and what each slice said."""
    folder, slices, is_done = tmp_path_factory.mktemp("recipe"), [], False
    threads = torch.get_num_threads()
    while not is_done and len(slices) < 20:
        slices.append([])
        is_done = Recipe(folder, "tiny", minutes=1e-4, workers=1, say=slices[-1].append).run()
    torch.set_num_threads(threads)
    return folder, slices


def test_slices_go_on_where_the_last_one_stopped(recipe):
    folder, slices = recipe
    assert 8 <= len(slices) < 20 and slices[-1][-1].startswith("done")
    assert all("run the same command again to go on" in lines[-1] for lines in slices[:-1])
    began = [lines[0] for lines in slices]
    assert began == sorted(began), "no stage is done twice"
    assert json.loads((folder / "recipe.json").read_text())["done"][-1] == "judge"
    assert "video PSNR" in (folder / "judged.txt").read_text()


def test_it_ends_with_a_checkpoint_that_can_be_generated_with(recipe):
    checkpoint = load_checkpoint(recipe[0] / "checkpoint")
    assert set(checkpoint.config) == set(COMPONENTS)
    assert checkpoint.training["transformer"]["step"] == checkpoint.training["text_encoder"]["step"] == 2
    assert load_models(checkpoint).hash == checkpoint.hash
    few = load_checkpoint(recipe[0] / "checkpoint-few-steps").training
    assert few["transformer"]["teacher"]["step"] == few["text_encoder"]["step"] == 2
    assert few["transformer"]["step"] == 1, "the distilled one is packed"


def test_another_recipe_in_the_same_folder_is_refused_by_name(recipe):
    with pytest.raises(ConfigError, match="preset=tiny, not nano"):
        Recipe(recipe[0], "nano")
    with pytest.raises(ConfigError, match="seed=0, not 5"):
        Recipe(recipe[0], "tiny", seed=5)


def test_a_finished_recipe_says_so(recipe, capsys):
    assert main(["train", "recipe", "--output", str(recipe[0]), "--preset", "tiny"]) == 0
    assert capsys.readouterr().out.startswith("done: ")


def test_options_out_of_range_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="minutes"):
        Recipe(tmp_path, "tiny", minutes=0)
    with pytest.raises(ConfigError, match="preset"):
        Recipe(tmp_path, "huge")
