"""Which files of the large engines are installed, and whether they are what they seem."""

from __future__ import annotations

from pathlib import Path

import comfy.model_management
import folder_paths

import nodes as comfyui_nodes

from ..sora_core.engines.facts import BEST, EMBEDDED, ENGINES, FOLDERS, ROLES, Engine, File, engine_of
from ..sora_core.engines.headers import check_file, kind_of
from ..sora_core.engines.loaders import load
from ..sora_core.errors import CheckpointError, ResourceError, SoraError

AUTO, NONE = "auto", "none"
PREFERRED = ("LTX-2.5", "MiniMax-H3", "LTX-2.3", "Wan 2.2 14B text", "Wan 2.2 5B")      # for "best installed"
GIB = 1 << 30
USABLE = 0.8            # of RAM and VRAM together, that weights may take before a warning
OTHERS = {"model": ("low_noise", "ref2va"), "model_2": ("high_noise",)}     # names that say another part of an engine


def folder_of(role: str, engine: Engine | None = None) -> str:
    file = engine.file(role) if engine is not None else None
    return (file.folder if file is not None else "") or FOLDERS[role]


def options_of(role: str) -> list[str]:
    """What a combo of the loader offers."""
    folders = dict.fromkeys([FOLDERS[role], *(file.folder for engine in ENGINES.values() for file in engine.files
                                              if file.role == role and file.folder)])
    names = dict.fromkeys(name for folder in folders for name in folder_paths.get_filename_list(folder))
    return [AUTO, *([NONE] if role.startswith("lora") else []), *names]


def path_of(folder: str, name: str) -> Path:
    """Where a file is.

    Raises:
        CheckpointError: nowhere.
    """
    path = folder_paths.get_full_path(folder, name)
    if path is None:
        raise CheckpointError(f"there is no {name} in models/{folder}; put it there, or choose another file")
    return Path(path)


def choose(name: str, chosen: dict[str, str]) -> tuple[Engine, dict[str, str]]:
    """The engine and its files by role, from what the loader's widgets say.

    Raises:
        SoraError: a file is missing; the sentence says where to get it.
    """
    if name == BEST:
        return _best()
    engine = engine_of(name)
    files = {}
    for file in engine.files:
        found = _chosen(engine, file, chosen.get(file.role, AUTO))
        if found is not None:
            files[file.role] = found
    return engine, files


def _chosen(engine: Engine, file: File, choice: str) -> str | None:
    folder = folder_of(file.role, engine)
    if choice not in (AUTO, NONE):
        if folder_paths.get_full_path(folder, choice) is None:
            raise CheckpointError(_missing(engine, file, choice))
        return choice
    if not file.needed:
        return None
    names = folder_paths.get_filename_list(folder)
    found = file.name if file.name in names else _renamed(file, folder, names)
    if found is None:
        raise CheckpointError(_missing(engine, file, file.name))
    return found


def _renamed(file: File, folder: str, names: list[str]) -> str | None:
    """A file of another name whose header says that it is what is wanted."""
    if file.kind == "lora":
        return None
    for name in names:
        if any(part in name for part in OTHERS.get(file.role, ())):
            continue
        path = path_of(folder, name)
        try:
            stat = path.stat()
            if kind_of(path, stat.st_size, stat.st_mtime_ns) == file.kind:
                return name
        except (SoraError, OSError):
            continue
    return None


def _missing(engine: Engine, file: File, name: str) -> str:
    first = " (accept the licence on that page first)" if file.is_gated else ""
    source = f"download it from {file.url}{first}" if name == file.name else "choose another file"
    return f"{engine.name} needs models/{folder_of(file.role, engine)}/{name}, which isn't there; {source}"


def _best() -> tuple[Engine, dict[str, str]]:
    for name in PREFERRED:
        try:
            engine, files = choose(name, {})
            check_nodes(engine, files)
        except SoraError:
            continue
        if weight_gib(engine, files) <= machine_gib():
            return engine, files
    return engine_of(EMBEDDED), {}


def check_nodes(engine: Engine, files: dict[str, str]) -> None:
    """That this ComfyUI can load the engine.

    Raises:
        ResourceError: it lacks a node.
    """
    graph, _ = load(engine, files)
    lacking = sorted(graph.kinds() - set(comfyui_nodes.NODE_CLASS_MAPPINGS))
    if lacking:
        raise ResourceError(f"this ComfyUI has no node {lacking[0]}, which {engine.name} needs; update ComfyUI")


def check_files(engine: Engine, files: dict[str, str]) -> float:
    """That all files are whole and hold what they should; their size in GiB.

    Raises:
        CheckpointError: one doesn't.
    """
    return sum(check_file(path_of(folder_of(role, engine), name), engine.file(role).kind)
               for role, name in files.items()) / GIB


def weight_gib(engine: Engine, files: dict[str, str]) -> float:
    """What the files weigh."""
    return sum(path_of(folder_of(role, engine), name).stat().st_size for role, name in files.items()) / GIB


def machine_gib() -> float:
    """Memory of the machine and of its accelerator."""
    device = comfy.model_management.get_torch_device()
    own = 0 if comfy.model_management.is_device_cpu(device) else comfy.model_management.get_total_memory(device)
    return comfy.model_management.total_ram / 1024 + own / GIB


def check_memory(engine: Engine, gib: float, limit_gib: float) -> str:
    """A warning where it may not fit, else nothing.

    Raises:
        ResourceError: it is more than a limit that was set.
    """
    if 0 < limit_gib < gib:
        raise ResourceError(f"{engine.name} would take about {gib:.3g} GiB and memory_limit is {limit_gib:g}; choose a "
                            "smaller size, fewer seconds or a smaller engine, or raise memory_limit")
    if gib > USABLE * machine_gib():
        return f" This may not fit: the machine has {machine_gib():.3g} GiB in all."
    return ""


def state_of(engine: Engine, files: dict[str, str]) -> list[tuple[str, int, int]]:
    """Name, size and time of each file, which change with it."""
    states = []
    for role in ROLES:
        if role in files:
            stat = path_of(folder_of(role, engine), files[role]).stat()
            states.append((files[role], stat.st_size, stat.st_mtime_ns))
    return states
