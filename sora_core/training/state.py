"""What a run needs to go on exactly: weights, averages, optimisers and counters, on disk, never pickled.

One process writes one file, `state.safetensors`; many write a folder `state-STEP`, each rank its slices, by
`torch.distributed.checkpoint` in its safetensors form. Either is read by any number of ranks. Tensors are named
`live.NETWORK.NAME`, `average.NETWORK.NAME` and `optimiser.NETWORK.NAME.KIND`. Everything is written beside its place
and renamed when it is whole, so the last good state survives a full disk or the death of a rank.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..config import COMPONENTS, Config
from ..errors import CheckpointError, ConfigError, ResourceError
from . import parallel

FILE, FACTS = "state.safetensors", "facts.json"
FOLDER = re.compile(r"state-(\d{6,})")


class SavedState:
    """A state on disk.

    Attributes:
        facts: what `write` was given.
        sizes: names of the tensors and their sizes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.is_dir():
                self.facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
                metadata = dcp.HuggingFaceStorageReader(str(path)).read_metadata().state_dict_metadata
                self.sizes = {name: tuple(entry.size) for name, entry in metadata.items()}
            else:
                with safe_open(path, "pt") as file:
                    self.facts = json.loads((file.metadata() or {}).get("facts", "{}"))
                    self.sizes = {name: tuple(file.get_slice(name).get_shape())
                                  for name in file.keys()}  # noqa: SIM118 - not a dict
        except (OSError, ValueError, SafetensorError) as error:
            raise CheckpointError(f"the training state {path.name} can't be read ({error}); remove it to begin anew, "
                                  "or choose another --output") from None
        if "step" not in self.facts:
            raise CheckpointError(f"{path.name} is not a training state; choose another --output")

    def read_into(self, tensors: dict[str, Tensor]) -> None:
        """Fill tensors, whole or in slices, with what was saved under their names; every rank must call it."""
        try:
            if self.path.is_dir():
                with warnings.catch_warnings():       # that a single process is one
                    warnings.simplefilter("ignore", UserWarning)
                    dcp.load(dict(tensors), storage_reader=dcp.HuggingFaceStorageReader(str(self.path)),
                             no_dist=not dist.is_initialized())
                return
            with safe_open(self.path, "pt") as file:
                for name, tensor in tensors.items():
                    parallel.local(tensor).copy_(parallel.local(parallel.like(file.get_tensor(name), tensor)))
        except (OSError, SafetensorError, dcp.CheckpointException) as error:
            raise CheckpointError(f"the training state {self.path.name} is damaged ({error}); remove it to begin anew"
                                  ) from None


def newest(output: Path) -> SavedState | None:
    """The state of a run that has come furthest, or None."""
    paths = [path for path in output.glob("state-*") if FOLDER.fullmatch(path.name) and (path / FACTS).exists()]
    if (output / FILE).exists():
        paths.append(output / FILE)
    return max((SavedState(path) for path in paths), key=lambda state: state.facts["step"], default=None)


def write(output: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Save a state and remove older ones; every rank must call it.

    Raises:
        ResourceError: the disk is full or the folder can't be written; the state saved before is as it was.
    """
    if not dist.is_initialized():
        target = output / FILE
        _in_place(target, lambda beside: _write_file(beside, tensors, facts))
    else:
        target = output / f"state-{facts['step']:06d}"
        _write_folder(target, tensors, facts)
    if parallel.rank() == 0:
        for path in [output / FILE, *output.glob("state-*")]:
            if path != target and (path.name == FILE or FOLDER.fullmatch(path.name.removesuffix(".part"))):
                _remove(path)


def _write_file(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, path,
              metadata={"facts": json.dumps(facts)})
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _write_folder(target: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    beside = target.with_name(target.name + ".part")
    if parallel.rank() == 0:
        _remove(beside)
    dist.barrier()
    try:
        dcp.save(dict(tensors), storage_writer=dcp.HuggingFaceStorageWriter(str(beside), save_distributed=True))
    except dcp.CheckpointException as error:       # all ranks get it, whichever failed
        if parallel.rank() == 0:
            _remove(beside)
        reason = next(iter(error.failures.values()), (error, None))[0]
        raise ResourceError(_no_room(target, reason)) from None
    if parallel.rank() == 0:
        _in_place(beside / FACTS, lambda path: path.write_text(json.dumps(facts), encoding="utf-8"))
        _remove(target)
        os.replace(beside, target)
    dist.barrier()


def _in_place(target: Path, write_to: Callable[[Path], Any]) -> None:
    beside = target.with_name(target.name + ".part")
    try:
        write_to(beside)
        os.replace(beside, target)
    except (OSError, SafetensorError) as error:
        raise ResourceError(_no_room(target, error)) from None
    finally:
        beside.unlink(missing_ok=True)


def _no_room(target: Path, reason: object) -> str:
    return (f"{target.name} can't be written ({reason}); free some space and run the same command again: "
            "what was saved before is whole")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_configs(saved: Mapping[str, Any], now: Mapping[str, Config]) -> None:
    """Refuse to go on with networks of other sizes.

    Raises:
        ConfigError: names the first difference.
    """
    if sorted(saved) != sorted(now):
        raise ConfigError(f"this run was begun with the networks {', '.join(sorted(saved))}, not "
                          f"{', '.join(sorted(now))}; choose another --output")
    for network, values in saved.items():
        before, after = COMPONENTS[network].from_dict(values).to_dict(), now[network].to_dict()
        for name, value in after.items():
            if before[name] != value:
                raise ConfigError(f"this run was begun with {network}.{name}={before[name]}, not {value}; use the "
                                  "same options, or choose another --output")


def optimiser_tensors(optimisers: Iterable[torch.optim.Optimizer], names: Mapping[Tensor, str]) -> dict[str, Tensor]:
    """The states of optimisers by the names of their parameters."""
    return {f"optimiser.{names[parameter]}.{kind}": value
            for optimiser in optimisers for parameter, state in optimiser.state.items()
            for kind, value in state.items()}


def restore_optimisers(saved: SavedState, optimisers: list[torch.optim.Optimizer], names: Mapping[Tensor, str]) -> None:
    """Give optimisers the states that were saved for their parameters; parameters without one begin anew."""
    numbered = _numbered(optimisers, names)
    kinds: dict[str, dict[str, str]] = {}         # parameter -> kind -> name in the file
    for name in saved.sizes:
        if name.startswith("optimiser."):
            parameter, _, kind = name[len("optimiser."):].rpartition(".")
            kinds.setdefault(numbered.get(parameter, parameter), {})[kind] = name
    tensors: dict[str, Tensor] = {}
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                state = {kind: torch.zeros_like(parameter) if saved.sizes[name] == tuple(parameter.shape)
                         else torch.zeros(saved.sizes[name])          # AdamW's count of steps
                         for kind, name in kinds.get(names[parameter], {}).items()}
                if state:
                    optimiser.state[parameter] = state
                    tensors |= {kinds[names[parameter]][kind]: value for kind, value in state.items()}
    saved.read_into(tensors)


def _numbered(optimisers: list[torch.optim.Optimizer], names: Mapping[Tensor, str]) -> dict[str, str]:
    """Names by "optimiser.parameter" numbers, under which earlier versions saved states."""
    return {f"{i}.{j}": names[parameter] for i, optimiser in enumerate(optimisers)
            for j, parameter in enumerate(p for group in optimiser.param_groups for p in group["params"])}
