"""Sora Cameo, Sora Save Cameo, Sora Load Cameo: somebody or something from a picture, by their leave."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io, ui
from torch import Tensor

from ..sora_core.cameos.consent import revoked
from ..sora_core.cameos.file import SUFFIX, Cameo, load_cameo, make_cameo, save_cameo
from ..sora_core.cameos.identity import KINDS
from ..sora_core.cameos.portrait import draw_doll
from ..sora_core.errors import MediaError, SoraError
from .convert import image_from_video, one_picture

CAMEOS = "SORA_CAMEOS"
FOLDER = "cameos"
NONE_YET = "(no cameo in models/cameos yet)"
MOST_REMEMBERED = 256
folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))
_made: dict[str, tuple[Cameo, ...]] = {}    # what came out of nodes, see `_key`: of these a clip's manifest tells


def cameos_input(tooltip: str) -> io.Input:
    """Where a chain of cameos comes in."""
    return io.Custom(CAMEOS).Input("cameos", optional=True, tooltip=tooltip)


class SoraCameo(io.ComfyNode):
    """IMAGE of somebody or something -> what the model knows of it, under a handle."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraCameo",
            display_name="Sora Cameo",
            category="Sora/cameo",
            description="Takes what a person, an animal or a thing looks like from a picture, for the handles in "
                        "prompts: @mila waves. A person needs to have allowed it. The clip's signature names it, and "
                        "a person's clip shows the handle.",
            search_aliases=["sora", "cameo", "character", "identity", "reference", "face", "likeness"],
            inputs=[
                io.Image.Input("image", tooltip="One picture of one subject, best before something plainer."),
                io.String.Input("handle", default="mila",
                                tooltip="How prompts call it, with @ before: 1 to 24 letters, digits, dots, hyphens or "
                                        "underscores."),
                io.Combo.Input("kind", options=list(KINDS), default="woman",
                               tooltip="Who or what it is; a ball or a box also stands for a thing of that shape."),
                io.String.Input("granted_by", default="",
                                tooltip="Who allowed it: the person shown, or who may speak for them. Needed for "
                                        "people; write it only if they did."),
                io.String.Input("until", default="", optional=True,
                                tooltip="The last day of the leave, such as 2027-12-31; empty: no end."),
                io.Mask.Input("mask", optional=True,
                              tooltip="1 where the subject is. Without one, what differs from the picture's edges is "
                                      "taken."),
                cameos_input("Cameos from before, to which this one is added."),
            ],
            outputs=[
                io.Custom(CAMEOS).Output("cameos", tooltip="Connect to Sora Text Encode or Sora Text To Video."),
                io.Image.Output("doll", tooltip="What the model knows of it, on a paper doll."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(cls, image: Tensor, handle: str, kind: str, granted_by: str, until: str = "",
                mask: Tensor | None = None, cameos: Sequence[Cameo] = ()) -> io.NodeOutput:
        cameo = make_cameo(one_picture(image, "image"), handle=handle, kind=kind, granted_by=granted_by, until=until,
                           mask=None if mask is None else one_mask(mask))
        doll = image_from_video(draw_doll(cameo))
        return io.NodeOutput(_remember(cls.hidden, joined(cameos, cameo)), doll, ui=ui.PreviewImage(doll, cls=cls))


class SoraSaveCameo(io.ComfyNode):
    """Cameos -> files in models/cameos, which hold no pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraSaveCameo",
            display_name="Sora Save Cameo",
            category="Sora/cameo",
            description="Keeps cameos in models/cameos, each under its handle, for Sora Load Cameo and for "
                        "python -m sora_core generate --cameo. The file has no picture in it.",
            search_aliases=["sora", "cameo", "character", "save"],
            inputs=[io.Custom(CAMEOS).Input("cameos", tooltip="Of Sora Cameo.")],
            outputs=[io.Custom(CAMEOS).Output("cameos", tooltip="The same cameos.")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, cameos: Sequence[Cameo]) -> io.NodeOutput:
        folder = Path(folder_paths.get_folder_paths(FOLDER)[0])
        paths = [save_cameo(cameo, folder / f"{cameo.handle}{SUFFIX}") for cameo in checked(cameos)]
        return io.NodeOutput(tuple(cameos), ui=ui.PreviewText("\n".join(path.name for path in paths)))


class SoraLoadCameo(io.ComfyNode):
    """A file in models/cameos -> a cameo."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraLoadCameo",
            display_name="Sora Load Cameo",
            category="Sora/cameo",
            description="A cameo that was kept in models/cameos. One whose leave is over or was taken back is refused.",
            search_aliases=["sora", "cameo", "character", "load"],
            inputs=[
                io.Combo.Input("cameo", options=cameo_names(), tooltip="A file in models/cameos."),
                cameos_input("Cameos from before, to which this one is added."),
            ],
            outputs=[
                io.Custom(CAMEOS).Output("cameos", tooltip="Connect to Sora Text Encode or Sora Text To Video."),
                io.Image.Output("doll", tooltip="What the model knows of it, on a paper doll."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, cameo: str | None = None, **_: Any) -> str:
        """Look again each time: the leave may have ended or been taken back since."""
        try:
            return _load(cameo).identifier if cameo else ""
        except SoraError as error:
            return str(error)

    @classmethod
    def validate_inputs(cls, cameo: str | None = None) -> bool | str:
        """What stands in the way is said before anything is sampled."""
        try:
            return cameo is None or bool(_load(cameo))
        except SoraError as error:
            return str(error)

    @classmethod
    def execute(cls, cameo: str, cameos: Sequence[Cameo] = ()) -> io.NodeOutput:
        found = _load(cameo)
        return io.NodeOutput(_remember(cls.hidden, joined(cameos, found)), image_from_video(draw_doll(found)))


def cameo_names() -> list[str]:
    """What is in models/cameos."""
    names = [name for name in folder_paths.get_filename_list(FOLDER) if name.endswith(SUFFIX)]
    return names or [NONE_YET]


def one_mask(mask: Tensor) -> Tensor:
    """MASK of one picture -> `(H, W)`.

    Raises:
        MediaError: not a MASK, or several.
    """
    if not isinstance(mask, Tensor) or mask.ndim not in (2, 3) or (mask.ndim == 3 and mask.shape[0] != 1):
        raise MediaError("the mask isn't one of a single picture; connect the mask of Load Image, for example")
    return mask.reshape(mask.shape[-2:]).float().cpu()


def checked(cameos: Any) -> tuple[Cameo, ...]:
    """Cameos as they come through a link.

    Raises:
        MediaError: something else.
    """
    if not isinstance(cameos, (tuple, list)) or not all(isinstance(cameo, Cameo) for cameo in cameos):
        raise MediaError("these are no cameos; connect Sora Cameo or Sora Load Cameo")
    return tuple(cameos)


def joined(before: Any, cameo: Cameo) -> tuple[Cameo, ...]:
    """A chain and one more; of two with one handle the later one stays."""
    return (*(one for one in checked(before) if one.handle != cameo.handle), cameo)


def cameos_of_graph(prompt: dict[str, Any] | None, node: str | None) -> list[Cameo]:
    """The cameos that come out of the nodes that a node depends on, as they were last made or loaded."""
    found: dict[str, Cameo] = {}
    seen, waiting, keys = set(), [str(node)], {}
    while waiting and prompt:
        name = waiting.pop()
        if name in seen or not isinstance(entry := prompt.get(name), dict):
            continue
        seen.add(name)
        key = _key(prompt, name, keys)
        if (known := _made.pop(key, None)) is not None:
            _made[key] = known                      # what is asked for is kept longest
            found |= {cameo.identifier: cameo for cameo in known}
        waiting += [str(link[0]) for field, link in entry.get("inputs", {}).items()
                    if isinstance(link, list) and link and (known is None or field != "cameos")]
    return sorted(found.values(), key=lambda cameo: (cameo.handle, cameo.identifier))


def leave_now(given: dict[str, Any]) -> str:
    """Changes with what was taken back and with the day where a node's cameos are linked: look again then, although
    nothing of the graph has changed."""
    if "cameos" not in given:
        return ""
    try:
        return " ".join([datetime.date.today().isoformat(), *sorted(revoked())])
    except SoraError as error:
        return str(error)


def _remember(hidden: Any, cameos: tuple[Cameo, ...]) -> tuple[Cameo, ...]:
    if hidden is not None and hidden.prompt and hidden.unique_id is not None:
        if len(_made) >= MOST_REMEMBERED:
            _made.pop(next(iter(_made)))
        _made[_key(hidden.prompt, str(hidden.unique_id), {})] = cameos
    return cameos


def _key(prompt: dict[str, Any], node: str, keys: dict[str, str]) -> str:
    """A hash of a node and of all before it, whatever their ids: ComfyUI too takes the outputs of equal ones.

    Args:
        keys: those of nodes that were asked for before, by id; it grows.
    """
    if node not in keys:
        keys[node] = ""                             # of a link that leads back
        entry = prompt.get(node, {})
        inputs = {name: [_key(prompt, str(value[0]), keys), value[1:]] if isinstance(value, list) and value else value
                  for name, value in entry.get("inputs", {}).items()}
        told = json.dumps([entry.get("class_type"), entry.get("is_changed"), inputs], sort_keys=True, default=str)
        keys[node] = hashlib.sha256(told.encode()).hexdigest()
    return keys[node]


def _load(name: str) -> Cameo:
    path = folder_paths.get_full_path(FOLDER, name)
    if path is None:
        raise MediaError(f"there is no cameo {name} in models/cameos; make one with Sora Cameo and Sora Save Cameo")
    return load_cameo(path)
