"""Sora Save Clip and Sora Verify: a clip that says what it is, and what a clip says."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import folder_paths
from comfy.cli_args import args
from comfy_api.latest import io, ui
from torch import Tensor

from ..sora_core.cameos.portrait import handle_of, sources_of
from ..sora_core.errors import MediaError, ProvenanceError
from ..sora_core.media import AAC_RATES, SOUNDS, write_numbered
from ..sora_core.trust.provenance import Provenance
from ..sora_core.trust.tree import draw_lineage
from ..sora_core.trust.verify import verify
from .cameo import cameos_of_graph
from .convert import clip_from_video, image_from_video, sound_from_audio, video_from_image

KINDS = {"mp4": ".mp4", "mov": ".mov", "wav (sound alone)": ".wav", "flac (sound alone)": ".flac"}
SIGN = {"when possible": "auto", "always": "required", "never": "none"}
NO_HANDLE = "-"
FRAMES_AT_ONCE = 24
FALLBACK_RATE = 48000
LONGEST_PREFIX = 120
NOT_IN_NAMES = re.compile(r"[^\w .%/-]|\.\.+")


class SoraSaveClip(io.ComfyNode):
    """VIDEO of any model -> a marked and signed file in the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraSaveClip",
            display_name="Sora Save Clip",
            category="Sora/video",
            description="Saves a video of any model as an MP4 that says what it is: marks that can't be seen or heard, "
                        "and a signature. Dropped on the canvas, it gives its graph back.",
            search_aliases=["sora", "save video", "watermark", "c2pa", "content credentials", "sign"],
            inputs=[
                io.Video.Input("video", tooltip="The clip to save, of this pack or of any other model."),
                io.String.Input("filename_prefix", default="video/Sora",
                                tooltip="Folder and name inside ComfyUI's output folder; a number is added."),
                io.Combo.Input("sign", options=list(SIGN), default="when possible",
                               tooltip="Signing needs two packages more: the extra named provenance. Always refuses to "
                                       "save without them; never leaves the clip unsigned on purpose."),
                io.String.Input("handle", default="", optional=True,
                                tooltip="A visible mark with this name, which moves about the picture: 1 to 24 "
                                        "letters, digits, dots, hyphens or underscores. Empty: the handle of a person "
                                        "whose cameo is in the graph, else none; a hyphen alone: none."),
                io.Combo.Input("kind", options=list(KINDS), default="mp4", optional=True,
                               tooltip="Kinds of files that can carry a signature; WebM and Matroska can't."),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
            is_output_node=True,
            outputs=[io.Video.Output("video", tooltip="The same video, as it came in.")],
        )

    @classmethod
    def validate_inputs(cls, sign: str | None = None) -> bool | str:
        """What stands in the way of signing is said before anything is sampled."""
        try:
            Provenance.here({}, signature=SIGN.get(sign, "none")).check()
        except ProvenanceError as error:
            return str(error)
        return True

    @classmethod
    def execute(cls, video: Any, filename_prefix: str, sign: str, handle: str = "",
                kind: str = "mp4") -> io.NodeOutput:
        clip = clip_from_video(video)
        height, width = clip.images.shape[1:3]
        folder, name, _, subfolder, _ = folder_paths.get_save_image_path(
            safe_prefix(filename_prefix), folder_paths.get_output_directory(), width, height)
        graph = json.dumps(cls.hidden.prompt, sort_keys=True)
        cameos = cameos_of_graph(cls.hidden.prompt, cls.hidden.unique_id)
        facts = {"made_in": "ComfyUI", "graph_sha256": hashlib.sha256(graph.encode()).hexdigest()}
        facts |= {"cameos": [cameo.to_json() for cameo in cameos]} if cameos else {}
        sound, rate = sound_of_clip(clip.audio)
        frames = (video_from_image(clip.images[i:i + FRAMES_AT_ONCE])
                  for i in range(0, len(clip.images), FRAMES_AT_ONCE))
        path = write_numbered(folder, name, frames, sound, suffix=KINDS[kind],
                              frame_rate=clip.frame_rate, sample_rate=rate,
                              metadata=graph_tags(cls.hidden.prompt, cls.hidden.extra_pnginfo),
                              provenance=Provenance.here(
                                  facts, signature=SIGN[sign], ingredients=sources_of(cameos),
                                  handle="" if handle == NO_HANDLE else handle or handle_of(cameos)))
        saved = [ui.SavedResult(path.name, subfolder, io.FolderType.output)]
        return io.NodeOutput(video, ui=(ui.SavedAudios if path.suffix in SOUNDS else ui.PreviewVideo)(saved))


class SoraVerify(io.ComfyNode):
    """VIDEO from a file -> what it says about where it is from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SoraVerify",
            display_name="Sora Verify",
            category="Sora/video",
            description="Tells what a video file says about where it is from: signature, marks and sources, each apart "
                        "and in plain words. Nothing is sent or fetched.",
            search_aliases=["sora", "verify", "watermark", "c2pa", "content credentials", "provenance", "deepfake"],
            inputs=[io.Video.Input("video", tooltip="A video from a file, for example of Load Video; cut, cropped or "
                                                    "encoded again, it still tells what is left.")],
            outputs=[
                io.String.Output("report", tooltip="Plain words, one finding in a line."),
                io.Boolean.Output("is_marked", tooltip="Whether SoraCore's mark was found in picture or sound."),
                io.String.Output("json", tooltip="The findings as one line of JSON."),
                io.Image.Output("tree", tooltip="The file and what it was made from, as a picture: a box for each; red "
                                                "where it was altered after signing."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video: Any) -> io.NodeOutput:
        findings = verify_video(video)
        report = "\n".join(findings.sentences())
        return io.NodeOutput(report, findings.is_marked, json.dumps(findings.to_dict()),
                             image_from_video(draw_lineage(findings)), ui=ui.PreviewText(report))


def verify_video(video: Any) -> Any:
    """Findings about the file behind a VIDEO.

    Raises:
        MediaError: there is no file behind it.
    """
    source = video.get_stream_source() if type(video).__name__ == "VideoFromFile" else None
    if isinstance(source, BytesIO):
        with tempfile.TemporaryDirectory(dir=folder_paths.get_temp_directory()) as folder:
            path = Path(folder) / "clip.mp4"
            path.write_bytes(source.getvalue())
            return verify(path)
    if not isinstance(source, (str, os.PathLike)):
        raise MediaError("this video was made just now and is in no file yet; save it, and connect Load Video")
    return verify(source)


def sound_of_clip(audio: Any) -> tuple[Tensor | None, int | None]:
    """AUDIO as it is where an MP4 can hold that, else mixed down at 48,000 a second; None for a silent clip."""
    if audio is None:
        return None, None
    waveform, rate = audio["waveform"], int(audio["sample_rate"])
    if waveform.shape[0] == 1 and waveform.shape[1] <= 2 and rate in AAC_RATES:
        return waveform.float().cpu(), rate
    return sound_from_audio(audio, FALLBACK_RATE), FALLBACK_RATE


def graph_tags(prompt: Any, extra: Any) -> dict[str, str]:
    """The graph, as ComfyUI's own nodes write it into a file."""
    if args.disable_metadata:
        return {}
    tags = {str(key): json.dumps(value) for key, value in (extra or {}).items()}
    return tags | ({"prompt": json.dumps(prompt)} if prompt is not None else {})


def safe_prefix(prefix: str) -> str:
    """A prefix that is a name in any folder of any system; ComfyUI itself keeps it inside its output folder."""
    cleaned = NOT_IN_NAMES.sub("_", prefix)[:LONGEST_PREFIX].strip(" ./")
    return cleaned or "Sora"
