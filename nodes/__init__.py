"""The edge to ComfyUI: its types on one side, `sora_core` on the other. No mathematics lives here."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .audio import SoraAudioSynthesis
from .cameo import SoraCameo, SoraLoadCameo, SoraSaveCameo
from .decode import SoraDecode
from .engine import SoraEngine
from .engine_clip import SoraEngineClip
from .engine_judge import SoraEngineScore, SoraJudge, SoraPickBest
from .engine_open import add_routes
from .engine_video import SoraEngineVideo
from .extend import SoraExtendVideo
from .foley import SoraFoley
from .guider import SoraGuider
from .image_to_video import SoraImageToVideo
from .latents import SoraEmptyLatent
from .lip_sync import SoraLipSync
from .loaders import SoraCheckpointLoader
from .provenance import SoraSaveClip, SoraVerify
from .replacements import offer_replacement
from .text import SoraTextEncode
from .text_to_video import SoraTextToVideo

NODES: list[type[io.ComfyNode]] = [
    SoraCheckpointLoader, SoraTextEncode, SoraEmptyLatent, SoraImageToVideo, SoraExtendVideo, SoraFoley, SoraLipSync,
    SoraGuider, SoraDecode, SoraAudioSynthesis, SoraTextToVideo, SoraSaveClip, SoraVerify,
    SoraCameo, SoraSaveCameo, SoraLoadCameo,
    SoraEngine, SoraEngineVideo, SoraEngineClip, SoraJudge, SoraEngineScore, SoraPickBest,
]


class SoraExtension(ComfyExtension):
    """What ComfyUI asks for the pack's nodes."""

    async def on_load(self) -> None:
        await offer_replacement()
        add_routes()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
