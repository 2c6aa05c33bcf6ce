"""Checkpoints on disk: safetensors files that know themselves. Nothing here trusts a byte that it reads.

A checkpoint is one file, or a folder with all the shards of one checkpoint. Tensors are named
`<network>.<parameter>`; each file's metadata carries the format and its version, the networks' configurations, the
vocabulary, the training record and the licence, so that nothing is ever known from a file's name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .config import COMPONENTS, Config, parse_configs
from .errors import CheckpointError, ConfigError, ResourceError

FORMAT = "soracore"
FORMAT_VERSION = 1
LICENCE = "GPL-3.0-or-later"
EMBEDDED = Path(__file__).resolve().parent / "weights"
SUFFIX = ".safetensors"
MAX_HEADER_BYTES = 1 << 20     # the embedded header is about 40 kB; the format itself would allow 100 MB
MAX_TENSORS = 8192
MAX_SHARDS = 1000

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Header:
    """What a checkpoint says about itself; reading it loads no weights."""

    config: dict[str, Config]
    shapes: dict[str, tuple[int, ...]]      # full tensor name -> shape
    vocabulary: dict[str, Any] | None
    training: dict[str, Any]
    licence: str


@dataclass(frozen=True)
class Checkpoint:
    """Configurations and weights of any subset of the networks; all values are finite."""

    config: dict[str, Config]
    tensors: dict[str, dict[str, Tensor]] = field(repr=False)
    vocabulary: dict[str, Any] | None = field(repr=False, default=None)
    training: dict[str, Any] = field(default_factory=dict)
    licence: str = LICENCE
    hash: str = ""                          # sha256 of all files' bytes, 64 hex digits

    @property
    def short_hash(self) -> str:
        return self.hash[:16]


class BareLayers:
    """`torch.nn` without initial values, for networks whose weights are loaded next: that saves seconds."""

    def __getattr__(self, name: str) -> type[nn.Module]:
        layer = type(name, (getattr(nn, name),), {"reset_parameters": lambda self: None})
        setattr(self, name, layer)
        return layer


BARE = BareLayers()


def load_checkpoint(path: str | Path | None = None) -> Checkpoint:
    """Read and verify a checkpoint.

    Args:
        path: a `.safetensors` file, a folder of shards, or None for the embedded checkpoint.

    Raises:
        CheckpointError: missing, foreign, damaged, incomplete, too new, or with non-finite weights.
    """
    files = _files(path)
    headers = [_read_metadata(file) for file in files]
    _check_shards(files, [metadata for metadata, _ in headers])
    header = _parse(files[0], headers)
    tensors: dict[str, dict[str, Tensor]] = {name: {} for name in header.config}
    for file in files:
        for name, tensor in _read_tensors(file).items():
            component, _, key = name.partition(".")
            tensors[component][key] = tensor
    _check_finite(tensors, where=str(files[0].name))
    return Checkpoint(header.config, tensors, header.vocabulary, header.training, header.licence, _digest(files))


def read_header(path: str | Path | None = None) -> Header:
    """What a checkpoint says about itself, without its weights; errors as `load_checkpoint`."""
    files = _files(path)
    headers = [_read_metadata(file) for file in files]
    _check_shards(files, [metadata for metadata, _ in headers])
    return _parse(files[0], headers)


def save_checkpoint(path: str | Path, *, config: Mapping[str, Config], tensors: Mapping[str, Mapping[str, Tensor]],
                    vocabulary: Mapping[str, Any] | None = None, training: Mapping[str, Any] | None = None,
                    licence: str = LICENCE, shard_bytes: int | None = None) -> list[Path]:
    """Write a checkpoint beside its final place, then rename: a reader never sees half a file.

    Args:
        path: `NAME.safetensors`; shards become `NAME-00001-of-00002.safetensors`.
        config: configuration of each network that is stored.
        tensors: `state_dict()` of each network, any floating type; stored as they come (bfloat16 halves the size).
        shard_bytes: largest size of one file's tensors; None writes one file.

    Returns:
        The files, in order. Older shards of the same name are removed.

    Raises:
        CheckpointError: unknown network, a network without configuration, or non-finite weights.
        ResourceError: the disk is full or the folder can't be written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise CheckpointError(f"checkpoint path {path.name!r} must end in {SUFFIX}")
    if set(config) != set(tensors) or not set(config) <= set(COMPONENTS) or not config:
        raise CheckpointError(f"a checkpoint needs both configuration and tensors of each of its networks; got "
                              f"configurations {sorted(config)} and tensors {sorted(tensors)}")
    _check_finite(tensors, where=path.name)
    flat = {f"{component}.{key}": tensor.detach().cpu().contiguous()
            for component in sorted(tensors) for key, tensor in sorted(tensors[component].items())}
    shards = _split(flat, shard_bytes)
    metadata = {
        "format": FORMAT, "format_version": str(FORMAT_VERSION), "licence": licence, "set": _content_id(flat),
        "config": json.dumps({name: config[name].to_dict() for name in sorted(config)}, sort_keys=True),
        "training": json.dumps(dict(training or {}), sort_keys=True, allow_nan=False),
    }
    if vocabulary is not None:
        metadata["vocabulary"] = json.dumps(dict(vocabulary), sort_keys=True, allow_nan=False)
    count = len(shards)
    names = [path] if count == 1 else [path.with_name(f"{path.stem}-{i:05d}-of-{count:05d}{SUFFIX}")
                                       for i in range(1, count + 1)]
    write_tensors({name: (shard, {**metadata, "shard": f"{i}/{count}"})
                   for i, (name, shard) in enumerate(zip(names, shards, strict=True), 1)})
    _remove_stale(path, keep=names)
    return names


def write_tensors(files: Mapping[Path, tuple[Mapping[str, Tensor], Mapping[str, str]]]) -> None:
    """Write safetensors files (path -> tensors, metadata), all beside their place first, then rename all."""
    written: list[tuple[Path, Path]] = []
    try:
        for target, (tensors, metadata) in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=".part", dir=target.parent)
            written.append((Path(name), target))
            with os.fdopen(handle, "wb") as stream:
                stream.write(_canonical(save(dict(tensors), dict(metadata))))
                stream.flush()
                os.fsync(stream.fileno())
        for temporary, target in written:
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
    except (OSError, SafetensorError) as error:
        raise ResourceError(f"{target.name} can't be written ({error}); free some space or choose another folder"
                            ) from None
    finally:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], component: str) -> None:
    """Copy weights into a network of exactly the same names and shapes, casting to the network's own types.

    Raises:
        CheckpointError: names or shapes differ; the first five differences are listed.
    """
    check_tensors(module.state_dict(), tensors, component)
    module.load_state_dict(dict(tensors), strict=True)


def check_tensors(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], component: str) -> None:
    """Refuse weights whose names, shapes or kinds of number differ from what a network expects."""
    faults = [f"{key} is missing" for key in expected if key not in tensors]
    faults += [f"{key} is unknown" for key in tensors if key not in expected]
    for key, tensor in tensors.items():
        if key in expected and tensor.shape != expected[key].shape:
            faults.append(f"{key} is {tuple(tensor.shape)}, not {tuple(expected[key].shape)}")
        elif key in expected and tensor.is_floating_point() != expected[key].is_floating_point():
            faults.append(f"{key} is {tensor.dtype}, not {expected[key].dtype}")
    if faults:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise CheckpointError(f"the checkpoint doesn't fit the {component}: {'; '.join(faults[:5])}{more}; "
                              "use a checkpoint made by this version")


def build(checkpoint: Checkpoint, component: str, factory: Callable[..., M], *,
          dtype: torch.dtype | None = None) -> M:
    """One network of a checkpoint, in evaluation mode, computing in `dtype` (None: float32).

    Shapes are compared on the meta device first, so that a hostile configuration allocates nothing.

    Raises:
        CheckpointError: the checkpoint lacks this network, or weights and configuration disagree.
    """
    if component not in checkpoint.config:
        raise CheckpointError(f"the checkpoint has no {component}; it holds {sorted(checkpoint.config)}, "
                              "so choose a complete one")
    config, tensors = checkpoint.config[component], checkpoint.tensors[component]
    if getattr(config, "depth", 1) > len(tensors):
        raise CheckpointError(f"the {component}'s configuration asks for more layers than its {len(tensors)} tensors "
                              "can fill; use an undamaged checkpoint")
    try:
        check_tensors(factory(config, operations=BARE, device="meta").state_dict(), tensors, component)
        module = factory(config, operations=BARE, dtype=dtype)
    except (ConfigError, AssertionError, RuntimeError, ZeroDivisionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"the {component}'s configuration can't be built: {error}") from None
    load_into(module, tensors, component)
    return module.eval().requires_grad_(False)


def _files(path: str | Path | None) -> list[Path]:
    if path is not None and not str(path):
        raise CheckpointError(f"the checkpoint's name is empty; give a {SUFFIX} file or a folder of shards")
    if path is None and not any(EMBEDDED.glob(f"*{SUFFIX}")):
        raise CheckpointError("this installation has no embedded checkpoint; install it again, or pass --checkpoint")
    path = EMBEDDED if path is None else Path(path)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):       # a NUL or an endless name
        is_folder = is_file = False
    if not is_folder and not is_file:
        raise CheckpointError(f"no checkpoint at {str(path)!r}; give a {SUFFIX} file or a folder of shards")
    files = [path] if is_file else sorted(path.glob(f"[!.]*{SUFFIX}"))
    if not 1 <= len(files) <= MAX_SHARDS:
        raise CheckpointError(f"the folder {path} holds {len(files) or 'no'} {SUFFIX} files; choose a checkpoint")
    return files


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str], str]:
    """The tensors, the metadata and the sha256 of a safetensors file that is no checkpoint, such as a LoRA.

    Raises:
        CheckpointError: missing, not safetensors, damaged, or with values that are not finite.
    """
    file = Path(path)
    if file.suffix != SUFFIX or not file.is_file():
        raise CheckpointError(f"no {SUFFIX} file at {str(path)!r}; choose one")
    metadata, _ = _read_header(file)
    tensors = _read_tensors(file)
    _check_finite({file.stem: tensors}, where=file.name)
    return tensors, metadata, _digest([file])


def _read_header(file: Path) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """Our own reading of one file's header: capped, without duplicate keys. safetensors checks the rest."""
    try:
        with open(file, "rb") as stream:
            start = stream.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if start[:2] in (b"\x80\x02", b"\x80\x04", b"\x80\x05", b"PK"):
                raise CheckpointError(f"{file.name} is a pickle or zip file, not safetensors; such files are never "
                                      f"opened, choose a {SUFFIX} checkpoint")
            if not 2 <= size <= min(MAX_HEADER_BYTES, max(os.path.getsize(file) - 8, 0)):
                raise CheckpointError(f"{file.name} is not safetensors, or it is cut short; copy it again")
            text = stream.read(size).decode("utf-8")
        header = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_refuse)
        metadata = header.pop("__metadata__", {})
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
    except OSError as error:
        raise CheckpointError(f"{file.name} can't be read: {error.strerror}") from None
    except CheckpointError:
        raise
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        reason = f" ({error})" if isinstance(error, _DuplicateKey) else ""
        raise CheckpointError(f"{file.name} has a damaged header{reason}; copy it again") from None
    if len(shapes) > MAX_TENSORS:
        raise CheckpointError(f"{file.name} holds {len(shapes)} tensors; at most {MAX_TENSORS} are read")
    return metadata, shapes


def _read_metadata(file: Path) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """The header of a checkpoint's file."""
    metadata, shapes = _read_header(file)
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CheckpointError(f"{file.name} is not a SoraCore checkpoint; choose one that SoraCore has saved")
    version = str(metadata.get("format_version", ""))
    if not re.fullmatch(r"[0-9]{1,6}", version) or int(version) < 1:
        raise CheckpointError(f"{file.name} has no valid format version; copy it again")
    if int(version) > FORMAT_VERSION:
        raise CheckpointError(f"{file.name} has format version {version} and needs a newer SoraCore (this one reads "
                              f"up to {FORMAT_VERSION}); update the plugin")
    return metadata, shapes


def _check_shards(files: list[Path], metadata: list[dict[str, str]]) -> None:
    """All shards of one checkpoint, each once."""
    places = []
    for file, entry in zip(files, metadata, strict=True):
        match = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", str(entry.get("shard", "1/1")))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise CheckpointError(f"{file.name} has a damaged shard number; copy it again")
        places.append((int(match[1]), int(match[2])))
    if len({(entry.get("set"), total) for entry, (_, total) in zip(metadata, places, strict=True)}) > 1:
        raise CheckpointError(f"{files[0].name} and {files[-1].name} belong to different checkpoints; keep the "
                              "shards of one in a folder of its own")
    total, found = places[0][1], {index for index, _ in places}
    missing = next((index for index in range(1, total + 1) if index not in found), None)
    if missing is not None:
        raise CheckpointError(f"shard {missing} of {total} is missing beside {files[0].name}; give the folder that "
                              "holds all of them")
    if len(places) != total:
        raise CheckpointError(f"a shard beside {files[0].name} is there twice; remove the copy")


def _parse(file: Path, headers: list[tuple[dict[str, str], dict[str, tuple[int, ...]]]]) -> Header:
    metadata = headers[0][0]
    try:
        config = parse_configs(metadata.get("config", ""))
        vocabulary = _parse_object(metadata["vocabulary"]) if "vocabulary" in metadata else None
        training = _parse_object(metadata.get("training", "{}"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.name} can't be used: {error}") from None
    shapes: dict[str, tuple[int, ...]] = {}
    for _, part in headers:
        for name, shape in part.items():
            if name in shapes:
                raise CheckpointError(f"{name} is stored twice in the shards beside {file.name}; copy them again")
            if name.partition(".")[0] not in config:
                raise CheckpointError(f"{file.name} holds {name!r}, which belongs to no network that it names")
            shapes[name] = shape
    return Header(config, shapes, vocabulary, training, str(metadata.get("licence", "")))


def _parse_object(text: Any) -> dict[str, Any]:
    value = json.loads(text, parse_constant=_refuse) if isinstance(text, str) else None
    if not isinstance(value, dict):
        raise ValueError("its vocabulary or training record is not a JSON object")
    return value


def _read_tensors(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework="pt", device="cpu") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{file.name} is damaged or cut short ({error}); copy it again") from None


def _check_finite(tensors: Mapping[str, Mapping[str, Tensor]], *, where: str) -> None:
    for component, entries in tensors.items():
        for key, tensor in entries.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(f"{component}.{key} in {where} holds values that are not finite numbers; "
                                      "use an undamaged or earlier checkpoint")


def _split(tensors: dict[str, Tensor], shard_bytes: int | None) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shard_bytes is not None and shards[-1] and size + tensor.nbytes > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards


def _content_id(tensors: Mapping[str, Tensor]) -> str:
    """Ties the shards of one checkpoint together."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _remove_stale(path: Path, *, keep: list[Path]) -> None:
    pattern = re.compile(re.escape(path.stem) + r"(-[0-9]{5}-of-[0-9]{5})?" + re.escape(SUFFIX))
    for file in path.parent.iterdir():
        if pattern.fullmatch(file.name) and file not in keep:
            file.unlink(missing_ok=True)


def _canonical(data: bytes) -> bytes:
    """Sort the metadata, whose order safetensors leaves to chance: the same weights are then the same bytes."""
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[end:]


class _DuplicateKey(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _DuplicateKey("a name is stored twice")
    return result


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is not a number")
