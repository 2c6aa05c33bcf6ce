"""Many ranks: the same losses as one, nothing lost but the steps since the last save, on any number of them again."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch

from sora_core.checkpoint import load_checkpoint
from sora_core.training import state

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="ranks are forked here")
SCRIPT = Path(__file__).with_name("ranks.py")
SPEC = spec_from_file_location("ranks", SCRIPT)
ranks = module_from_spec(SPEC)
SPEC.loader.exec_module(ranks)


def weights(output):
    tensors = load_checkpoint(output / "text_encoder.safetensors").tensors["text_encoder"]
    return torch.cat([tensors[name].flatten() for name in sorted(tensors)])


def losses(output):
    with (output / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def job(output, **options):
    return {"output": str(output), "options": options}


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """50 steps of two parts on two ranks, with samples in between."""
    folder = tmp_path_factory.mktemp("two")
    options = {"steps": 50, "parts": 2, "sample_every": 20}
    codes, results = ranks.launch(job(folder / "run", **options), 2, folder)
    assert codes == [0, 0] and [result["ending"] for result in results] == ["done"] * 2
    return folder / "run", results


def test_two_ranks_lose_what_one_process_does(two_ranks, tmp_path):
    output, results = two_ranks
    assert results[0]["seen"] != results[1]["seen"] and len(results[0]["seen"]) == 50
    ranks.train(job(tmp_path / "one", steps=50, parts=2))
    alone, together = losses(tmp_path / "one"), losses(output)
    assert len(alone) == len(together) == 50 and together[-1] < 0.5 * together[0]
    np.testing.assert_allclose(together, alone, atol=1e-3)
    torch.testing.assert_close(weights(output), weights(tmp_path / "one"), atol=5e-3, rtol=0)


def test_the_ranks_sample_together_and_one_writes(two_ranks):
    assert sorted(path.name for path in two_ranks[0].glob("sample-*")) == ["sample-20.txt", "sample-40.txt"]
    assert two_ranks[0].joinpath("state-000050").is_dir() and not list(two_ranks[0].glob("*.part"))


def test_a_rank_that_dies_costs_the_steps_since_the_last_save(two_ranks, tmp_path):
    death = random.randrange(7, 49)
    lethal = {**job(tmp_path / "run", steps=50, parts=2, save_every=6), "on_rank": {"1": {"kill_at": death}}}
    codes, results = ranks.launch(lethal, 2, tmp_path)
    assert codes[1] == -9 and codes[0] != 0 and not results, f"killed at step {death}"
    codes, results = ranks.launch(job(tmp_path / "run", steps=50, parts=2, save_every=6), 2, tmp_path)
    assert codes == [0, 0] and results[0]["first"] == results[1]["first"] == death // 6 * 6
    assert torch.equal(weights(tmp_path / "run"), weights(two_ranks[0])), "and ends where an unbroken run does"


def test_a_run_of_two_ranks_goes_on_with_one_and_with_three(tmp_path):
    """The first slice is started by torchrun itself; six parts can be shared out among all of them."""
    (tmp_path / "job.json").write_text(json.dumps(job(tmp_path / "run", steps=8, parts=6, minutes=1e-6)))
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
                           str(SCRIPT), str(tmp_path / "job.json")], capture_output=True, text=True, timeout=300,
                          cwd=SCRIPT.parents[2], check=False,
                          env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    ends = [json.loads((tmp_path / f"run-{rank}.json").read_text()) for rank in range(2)]
    assert [end["step"] for end in ends] == [1, 1] and len(ends[0]["seen"]) == 3
    for name in ("with-one", "with-three"):
        shutil.copytree(tmp_path / "run", tmp_path / name)
    one = ranks.train(job(tmp_path / "with-one", steps=8))
    codes, three = ranks.launch(job(tmp_path / "with-three", steps=8), 3, tmp_path)
    assert codes == [0, 0, 0] and [result["first"] for result in [one, *three]] == [1] * 4
    assert len(one["seen"]) == 42 and [len(result["seen"]) for result in three] == [14] * 3
    torch.testing.assert_close(weights(tmp_path / "with-one"), weights(tmp_path / "with-three"), atol=5e-3, rtol=0)
    ranks.train(job(tmp_path / "whole", steps=8, parts=6))
    torch.testing.assert_close(weights(tmp_path / "whole"), weights(tmp_path / "with-one"), atol=5e-3, rtol=0)
    assert [path.name for path in (tmp_path / "with-one").glob("state*")] == ["state.safetensors"]
    assert [path.name for path in (tmp_path / "with-three").glob("state*")] == ["state-000008"]


def test_a_bad_loss_or_a_full_disk_of_one_rank_stops_all(tmp_path):
    bad = {**job(tmp_path / "bad", steps=5), "on_rank": {"1": {"bad_at": 3}}}
    codes, results = ranks.launch(bad, 2, tmp_path)
    assert codes == [0, 0] and "another rank has saved its batch" in results[0]["ending"]
    assert "its batch is in bad-batch-000003-1.safetensors" in results[1]["ending"]
    assert ranks.launch(job(tmp_path / "full", steps=20, minutes=1e-6), 2, tmp_path)[0] == [0, 0]
    before = state.newest(tmp_path / "full")
    codes, results = ranks.launch({**job(tmp_path / "full", steps=20, save_every=4), "disk": 4096}, 2, tmp_path)
    assert codes == [0, 0] and all("free some space" in result["ending"] for result in results)
    after = state.newest(tmp_path / "full")
    assert after.facts == before.facts
    assert [path.name for path in (tmp_path / "full").glob("state*")] == ["state-000001"]
