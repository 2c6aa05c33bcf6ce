"""One process or many: what the ranks of a run share, and how networks are cut into slices for them.

Started by `torchrun`, each process is a rank (environment variables RANK, WORLD_SIZE, LOCAL_RANK); started alone, it
is the only one, and nothing here does anything.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

BLOCK_PARTS = ("attention", "feed_forward")   # of a block; what else it has is used before it is entered


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def device() -> torch.device:
    """Where this rank computes: its own GPU, or the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def start() -> None:
    """Meet the other ranks, if there are any and they haven't met yet."""
    if world_size() > 1 and not dist.is_initialized():
        if device().type == "cuda":
            torch.cuda.set_device(device())
        dist.init_process_group("cpu:gloo,cuda:nccl" if device().type == "cuda" else "gloo")


def finish() -> None:
    """Leave together: a rank that leaves while another still talks to it brings both down."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


@contextmanager
def first_rank_first() -> Iterator[None]:
    """Let rank 0 go through the block before the others: what it writes, they find."""
    if dist.is_initialized() and rank() != 0:
        dist.barrier()
    yield
    if dist.is_initialized() and rank() == 0:
        dist.barrier()


def summed(values: Iterable[float]) -> list[float]:
    """The sums of some numbers over all ranks; every rank must call it."""
    numbers = torch.tensor(list(values), dtype=torch.float64)
    if dist.is_initialized():
        dist.all_reduce(numbers)
    return numbers.tolist()


def shard(module: nn.Module) -> bool:
    """Cut a network of blocks into slices, one for each rank (FSDP2); False leaves it whole.

    Networks without `blocks`, the autoencoders, are small and are entered by many methods: each rank keeps them
    whole, and `average_gradients` keeps them equal. All ranks must hold the same weights.
    Source: Zhao et al. 2023, PyTorch FSDP, arXiv:2304.11277.
    """
    if not dist.is_initialized() or not hasattr(module, "blocks"):
        return False
    mesh = init_device_mesh(device().type, (world_size(),))
    for block in module.blocks:
        for name in BLOCK_PARTS:
            fully_shard(getattr(block, name), mesh=mesh)
    fully_shard(module, mesh=mesh)
    return True


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Set the gradients of whole parameters to their means over the ranks; those of slices are means already."""
    whole = [parameter for parameter in parameters if not isinstance(parameter, DTensor)]
    if not dist.is_initialized() or not whole:
        return
    flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in whole])
    dist.all_reduce(flat)
    flat /= world_size()
    for parameter, gradient in zip(whole, flat.split([p.numel() for p in whole]), strict=True):
        parameter.grad = gradient.view_as(parameter)


def clip_gradients(parameters: Iterable[Tensor], most: float) -> float:
    """Scale all gradients together so that their norm is at most `most`. Returns the norm before."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares = {is_cut: sum(float(local(g).norm()) ** 2 for g in gradients if isinstance(g, DTensor) == is_cut)
               for is_cut in (True, False)}
    norm = math.sqrt(summed([squares[True]])[0] + squares[False])
    if math.isfinite(norm) and norm > most:
        for gradient in gradients:
            local(gradient).mul_(most / (norm + 1e-6))
    return norm


def local(tensor: Tensor) -> Tensor:
    """The slice of this rank, sharing its memory; of a whole tensor, itself."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor, on the processor; every rank must call it."""
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().cpu()


def like(tensor: Tensor, model: Tensor) -> Tensor:
    """A whole tensor, which every rank has, cut and placed as `model`."""
    tensor = tensor.to(model.device)
    if not isinstance(model, DTensor):
        return tensor
    return distribute_tensor(tensor, model.device_mesh, model.placements, src_data_rank=None)


@contextmanager
def writing_folder(folder: Path) -> Iterator[Path]:
    """`folder` on rank 0, a folder that goes away on the others, for work that all do and one keeps."""
    if rank() == 0:
        yield folder
        return
    with tempfile.TemporaryDirectory() as elsewhere:
        yield Path(elsewhere)
