"""ComfyUI's own nodes chained to ours: what each pair is, and the table of them in `docs/comfyui.md`.

Run as: python -m tests.comfyui.stock_nodes, from the root; it writes the table. `test_stock_nodes.py` runs every pair
and holds the table against what came out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs" / "comfyui.md"
BEGIN, END = "<!-- stock nodes: begin -->\n", "<!-- stock nodes: end -->\n"
LORA = "tiny-lora.safetensors"
Link = list[Any]


@dataclass
class Prompt:
    """A prompt in API form that grows; `made` is what the sampler gives, a clip of half a second."""

    nodes: dict[str, Any] = field(default_factory=dict)

    def __call__(self, class_type: str, **inputs: Any) -> Callable[[int], Link]:
        """Add a node -> its outputs by number. Two underscores in a name stand for a dot."""
        name = str(len(self.nodes) + 1)
        self.nodes[name] = {"class_type": class_type,
                            "inputs": {key.replace("__", "."): value for key, value in inputs.items()}}
        return lambda output=0: [name, output]

    def start(self) -> Prompt:
        load = self("SoraCheckpointLoader", checkpoint="tiny.safetensors")
        self.model, self.clip, self.video_vae, self.audio_vae = (load(i) for i in range(4))
        self.positive = self("SoraTextEncode", clip=self.clip, prompt="a red ball")(0)
        self.negative = self("SoraTextEncode", clip=self.clip, prompt="")(0)
        self.latent = self("SoraEmptyLatent", seconds=0.5, width=64, height=64, frame_rate=24.0, batch_size=1)(0)
        return self

    def sample(self, **changes: Any) -> Link:
        given = {"model": self.model, "positive": self.positive, "negative": self.negative,
                 "latent_image": self.latent, "seed": 7, "steps": 2, "cfg": 2.0, "sampler_name": "euler",
                 "scheduler": "simple", "denoise": 1.0}
        return self("KSampler", **{**given, **changes})(0)

    def frames(self, made: Link | None = None) -> Link:
        return self("SoraDecode", samples=made or self.sample(), vae=self.video_vae)(0)

    def sound(self, made: Link | None = None) -> Link:
        return self("SoraAudioSynthesis", samples=made or self.sample(), vae=self.audio_vae, loudness=0.0)(0)

    def video(self, images: Link | None = None, audio: Link | None = None) -> Link:
        return self("CreateVideo", images=images or self.frames(), audio=audio or self.sound(), fps=24.0)(0)

    def see(self, *values: Link) -> None:
        """Let the values be made."""
        for value in values:
            self("PreviewAny", source=value)

    def guided(self, guider: Link, sigmas: Link | None = None) -> Link:
        return self("SamplerCustomAdvanced", noise=self("RandomNoise", noise_seed=7)(0), guider=guider,
                    sampler=self("KSamplerSelect", sampler_name="euler")(0), latent_image=self.latent,
                    sigmas=sigmas or self.schedule())(0)

    def schedule(self) -> Link:
        return self("BasicScheduler", model=self.model, scheduler="simple", steps=2, denoise=1.0)(0)


@dataclass(frozen=True)
class Pair:
    """A stock node by its name in the editor, where it stands, and the words that are said where it can't."""

    node: str
    chained: str
    build: Callable[[Prompt], None]
    refusal: str = ""


def patched(name: str, **inputs: Any) -> Callable[[Prompt], None]:
    """A node that takes the MODEL and gives it on."""
    return lambda p: p.see(p.frames(p.sample(model=p(name, model=p.model, **inputs)(0))))


def advanced(p: Prompt) -> None:
    p.see(p.frames(p("KSamplerAdvanced", model=p.model, positive=p.positive, negative=p.negative,
                     latent_image=p.latent, add_noise="enable", noise_seed=7, steps=2, cfg=2.0, sampler_name="euler",
                     scheduler="simple", start_at_step=0, end_at_step=10000, return_with_leftover_noise="disable")(0)))


def custom(p: Prompt) -> None:
    p.see(p.frames(p("SamplerCustom", model=p.model, positive=p.positive, negative=p.negative, latent_image=p.latent,
                     add_noise=True, noise_seed=7, cfg=2.0, sigmas=p.schedule(),
                     sampler=p("KSamplerSelect", sampler_name="lcm")(0))(0)))


def split_sigmas(p: Prompt) -> None:
    guider = p("CFGGuider", model=p.model, positive=p.positive, negative=p.negative, cfg=2.0)(0)
    p.see(p.frames(p.guided(guider, p("SplitSigmas", sigmas=p.schedule(), step=1)(0))))


def guider(name: str, *, extra: dict[str, Any]) -> Callable[[Prompt], None]:
    def build(p: Prompt) -> None:
        links = {key: getattr(p, value[1:]) if isinstance(value, str) and value[:1] == "@" else value
                 for key, value in extra.items()}
        p.see(p.frames(p.guided(p(name, model=p.model, **links)(0))))
    return build


def lora_of_both(p: Prompt) -> None:
    load = p("LoraLoader", model=p.model, clip=p.clip, lora_name=LORA, strength_model=1.0, strength_clip=1.0)
    text = p("SoraTextEncode", clip=load(1), prompt="a red ball")(0)
    p.see(p.frames(p.sample(model=load(0), positive=text)))


def train_lora(p: Prompt) -> None:
    encoded = p("VAEEncode", pixels=p.frames(), vae=p.video_vae)(0)
    lora = p("TrainLoraNode", model=p.model, latents=encoded, positive=p.positive, batch_size=1,
             grad_accumulation_steps=1, steps=2, learning_rate=0.001, rank=4, optimizer="AdamW", loss_function="MSE",
             seed=0, training_dtype="fp32", lora_dtype="fp32", quantized_backward=False, algorithm="LoRA",
             gradient_checkpointing=False, checkpoint_depth=1, offloading=False, existing_lora="[None]",
             bucket_mode=False, bypass_mode=False)(0)
    model = p("LoraModelLoader", model=p.model, lora=lora, strength_model=1.0, bypass=False)(0)
    p.see(p.frames(p.sample(model=model)))


def masked(p: Prompt) -> None:
    split = p("LTXVSeparateAVLatent", av_latent=p.sample())
    kept = p("SetLatentNoiseMask", samples=split(0), mask=p("SolidMask", value=0.0, width=64, height=64)(0))(0)
    p.see(p.frames(p.sample(latent_image=p("LTXVConcatAVLatent", video_latent=kept, audio_latent=split(1))(0))))


def larger_latent(p: Prompt) -> None:
    split = p("LTXVSeparateAVLatent", av_latent=p.sample())
    larger = p("LatentUpscale", samples=split(0), upscale_method="bilinear", width=64, height=64, crop="disabled")(0)
    joined = p("LTXVConcatAVLatent", video_latent=larger, audio_latent=split(1))(0)
    p.see(p.frames(p.sample(latent_image=joined, denoise=0.5)))


def saved_latent(p: Prompt) -> None:
    p("SaveLatent", samples=p("LTXVSeparateAVLatent", av_latent=p.sample())(0), filename_prefix="stock")


def changed_latents(p: Prompt) -> None:
    video = p("LTXVSeparateAVLatent", av_latent=p.sample())(0)
    changed = p("LatentFlip", samples=video, flip_method="y-axis: horizontally")(0)
    changed = p("LatentBlend", samples1=changed, samples2=video, blend_factor=0.5)(0)
    changed = p("LatentComposite", samples_to=changed, samples_from=video, x=16, y=0, feather=0)(0)
    p.see(p.frames(changed), p.frames(p("LatentCut", samples=changed, dim="t", index=1, amount=1)(0)))


def two_pictures_one_sound(p: Prompt) -> None:
    split = p("LTXVSeparateAVLatent", av_latent=p.latent)
    two = p("RepeatLatentBatch", samples=split(0), amount=2)(0)
    joined = p("LTXVConcatAVLatent", video_latent=two, audio_latent=split(1))(0)
    p.see(p.frames(p.sample(latent_image=joined)))


def slice_of_a_video(p: Prompt) -> None:
    cut = p("Video Slice", video=p.video(), start_time=0.1, duration=0.2, strict_duration=False)(0)
    p("SaveVideo", video=cut, filename_prefix="stock", format="auto", format__codec="auto", codec="auto")


def foley_of_components(p: Prompt) -> None:
    parts = p("GetVideoComponents", video=p.video())
    given = p("SoraFoley", video_vae=p.video_vae, images=parts(0), frame_rate=parts(2))(0)
    p.see(p.sound(p.sample(latent_image=given)))


def encoded_audio(p: Prompt) -> None:
    latent = p("VAEEncodeAudio", audio=p.sound(), vae=p.audio_vae)(0)
    split = p("LTXVSeparateAVLatent", av_latent=p.latent)
    joined = p("LTXVConcatAVLatent", video_latent=split(0), audio_latent=latent)(0)
    p.see(p.sound(p.sample(latent_image=joined, denoise=0.5)))


def pictures(name: str, output: int = 0, **inputs: Any) -> Callable[[Prompt], None]:
    """A node that takes our frames and gives frames on."""
    return lambda p: p.see(p.video(images=p(name, **{_slot(name): p.frames()}, **inputs)(output)))


def _slot(name: str) -> str:
    return {"TextOverlay": "images", "BatchImagesNode": "images.image0"}.get(name, "image")


def sounds(name: str, **inputs: Any) -> Callable[[Prompt], None]:
    return lambda p: p.see(p.video(audio=p(name, audio=p.sound(), **inputs)(0)))


PAIRS = [
    Pair("CLIP Text Encode", "loader -> it -> KSampler", lambda p: p.see(p.frames(p.sample(
        positive=p("CLIPTextEncode", clip=p.clip, text="a red ball")(0))))),
    Pair("Conditioning (Average)", "two Sora Text Encode -> it", lambda p: p.see(p.frames(p.sample(positive=p(
        "ConditioningAverage", conditioning_to=p.positive, conditioning_from=p.negative,
        conditioning_to_strength=0.5)(0))))),
    Pair("Conditioning (Combine)", "two Sora Text Encode -> it", lambda p: p.see(p.frames(p.sample(positive=p(
        "ConditioningCombine", conditioning_1=p.positive, conditioning_2=p.negative)(0))))),
    Pair("Conditioning (Concat)", "two Sora Text Encode -> it", lambda p: p.see(p.frames(p.sample(positive=p(
        "ConditioningConcat", conditioning_to=p.positive, conditioning_from=p.negative)(0))))),
    Pair("Conditioning Zero Out", "Sora Text Encode -> it, as the negative", lambda p: p.see(p.frames(p.sample(
        negative=p("ConditioningZeroOut", conditioning=p.positive)(0))))),
    Pair("Conditioning (Set Area)", "Sora Text Encode -> it -> KSampler", lambda p: p.see(p.frames(p.sample(positive=p(
        "ConditioningSetArea", conditioning=p.positive, width=64, height=64, x=0, y=0, strength=1.0)(0)))),
        refusal="a conditioning for a part of the picture can't be used"),
    Pair("KSampler", "Sora Empty Latent -> it -> Sora Decode", lambda p: p.see(p.frames(), p.sound())),
    Pair("KSampler (Advanced)", "Sora Empty Latent -> it -> Sora Decode", advanced),
    Pair("SamplerCustom", "with KSamplerSelect, BasicScheduler", custom),
    Pair("SamplerCustomAdvanced", "with RandomNoise, CFGGuider", guider(
        "CFGGuider", extra={"positive": "@positive", "negative": "@negative", "cfg": 2.0})),
    Pair("BasicGuider", "loader -> it -> SamplerCustomAdvanced", guider(
        "BasicGuider", extra={"conditioning": "@positive"})),
    Pair("DualCFGGuider", "loader -> it -> SamplerCustomAdvanced", guider("DualCFGGuider", extra={
        "cond1": "@positive", "cond2": "@negative", "negative": "@negative", "cfg_conds": 2.0,
        "cfg_cond2_negative": 2.0, "style": "regular"})),
    Pair("SplitSigmas", "BasicScheduler -> it -> SamplerCustomAdvanced", split_sigmas),
    Pair("Load LoRA", "loader -> it -> KSampler", patched("LoraLoaderModelOnly", lora_name=LORA, strength_model=1.0)),
    Pair("Load LoRA (Model and CLIP)", "loader -> it -> Sora Text Encode, KSampler", lora_of_both),
    Pair("Train LoRA, Load LoRA Model", "VAE Encode of Sora Decode -> it -> KSampler", train_lora),
    Pair("ModelSamplingSD3", "loader -> it -> KSampler", patched("ModelSamplingSD3", shift=3.0)),
    Pair("EasyCache", "loader -> it -> KSampler", patched(
        "EasyCache", reuse_threshold=0.2, start_percent=0.15, end_percent=0.95, verbose=False)),
    Pair("LazyCache", "loader -> it -> KSampler", patched(
        "LazyCache", reuse_threshold=0.2, start_percent=0.15, end_percent=0.95, verbose=False)),
    Pair("ModelMergeSimple", "two loaders -> it -> KSampler", lambda p: p.see(p.frames(p.sample(model=p(
        "ModelMergeSimple", model1=p.model, model2=p.model, ratio=0.5)(0))))),
    Pair("RescaleCFG", "loader -> it -> KSampler", patched("RescaleCFG", multiplier=0.7)),
    Pair("VAE Decode", "KSampler -> it -> Create Video", lambda p: p.see(p.video(images=p(
        "VAEDecode", samples=p.sample(), vae=p.video_vae)(0)))),
    Pair("VAE Decode (Tiled)", "KSampler -> it -> Create Video", lambda p: p.see(p.video(images=p(
        "VAEDecodeTiled", samples=p.sample(), vae=p.video_vae, tile_size=64, overlap=0, temporal_size=64,
        temporal_overlap=8)(0)))),
    Pair("VAE Decode Audio", "KSampler -> it -> Create Video", lambda p: p.see(p.video(audio=p(
        "VAEDecodeAudio", samples=p.sample(), vae=p.audio_vae)(0)))),
    Pair("VAE Decode Audio (Tiled)", "KSampler -> it -> Create Video", lambda p: p.see(p.video(audio=p(
        "VAEDecodeAudioTiled", samples=p.sample(), vae=p.audio_vae, tile_size=512, overlap=64)(0)))),
    Pair("VAE Encode", "Sora Decode -> it -> Sora Decode", lambda p: p.see(p.frames(p(
        "VAEEncode", pixels=p.frames(), vae=p.video_vae)(0)))),
    Pair("VAE Encode Audio", "Sora Audio Synthesis -> it -> KSampler", encoded_audio),
    Pair("Separate, Concat AV Latent; Set Latent Noise Mask", "KSampler -> they -> KSampler", masked),
    Pair("Upscale Latent", "after Separate AV Latent, before a second KSampler", larger_latent),
    Pair("Flip Latent, Latent Blend, Latent Composite, LatentCut", "after Separate AV Latent, before Sora Decode",
         changed_latents),
    Pair("Save Latent", "after Separate AV Latent", saved_latent),
    Pair("Repeat Latent Batch", "Sora Empty Latent -> it -> KSampler", lambda p: p.see(p.frames(p.sample(
        latent_image=p("RepeatLatentBatch", samples=p.latent, amount=2)(0))))),
    Pair("Latent From Batch", "Sora Empty Latent -> it -> KSampler", lambda p: p.see(p.frames(p.sample(
        latent_image=p("LatentFromBatch", samples=p.latent, batch_index=0, length=1)(0))))),
    Pair("Repeat Latent Batch after a sampler", "KSampler -> it -> Sora Decode", lambda p: p.see(p.frames(
        p("RepeatLatentBatch", samples=p.sample(), amount=2)(0))),
        refusal="'NestedTensor' object has no attribute 'repeat'"),
    Pair("Concat AV Latent of two pictures and one sound", "Repeat Latent Batch of the picture -> it -> KSampler",
         two_pictures_one_sound, refusal="Sizes of tensors must match"),
    Pair("Upscale Image", "Sora Decode -> it -> Create Video", pictures(
        "ImageScale", upscale_method="lanczos", width=128, height=96, crop="center")),
    Pair("Upscale Image By", "Sora Decode -> it -> Create Video", pictures(
        "ImageScaleBy", upscale_method="bicubic", scale_by=1.5)),
    Pair("Draw Text Overlay", "Sora Decode -> it -> Create Video", pictures(
        "TextOverlay", text="SoraCore", font_size=10.0, color="#ffffff", position="bottom", align="center",
        outline=True)),
    Pair("Get Image from Batch", "Sora Decode -> it -> Create Video", pictures(
        "ImageFromBatch", batch_index=2, length=6)),
    Pair("Batch Images", "Sora Decode -> it -> Create Video", pictures("BatchImagesNode")),
    Pair("Trim Audio Duration", "Sora Audio Synthesis -> it -> Create Video", sounds(
        "TrimAudioDuration", start_index=0.1, duration=0.3)),
    Pair("Adjust Audio Volume", "Sora Audio Synthesis -> it -> Create Video", sounds("AudioAdjustVolume", volume=-3)),
    Pair("Create Video, Get Video Components", "Sora Decode -> they -> Sora Foley", foley_of_components),
    Pair("Trim Video, Save Video", "Create Video -> they", slice_of_a_video),
    Pair("Save Audio (FLAC)", "Sora Audio Synthesis -> it", lambda p: p(
        "SaveAudio", audio=p.sound(), filename_prefix="stock") and None),
    Pair("Preview Audio", "Sora Audio Synthesis -> it", lambda p: p("PreviewAudio", audio=p.sound()) and None),
    Pair("Preview Image, Save Image", "Sora Decode -> they", lambda p: p(
        "SaveImage", images=p.frames(), filename_prefix="stock") and p("PreviewImage", images=p.frames()) and None),
    Pair("Save WEBM", "Sora Decode -> it", lambda p: p(
        "SaveWEBM", images=p.frames(), filename_prefix="stock", codec="vp9", fps=24.0, crf=32.0) and None),
]


def table() -> str:
    """The pairs as Markdown."""
    rows = [f"| {pair.node} | {pair.chained} | {pair.refusal or 'runs'} |\n" for pair in PAIRS]
    return "| stock node | chained | |\n|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    DOCS.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
