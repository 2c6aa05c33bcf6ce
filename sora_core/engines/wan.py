"""Wan 2.2: 5B, 14B (two experts: one for high noise, one for low) and S2V, which follows a voice. All are silent.

Sources: the templates video_wan2_2_5B_ti2v, _14B_t2v, _14B_i2v, _14B_flf2v and _14B_s2v of ComfyUI. Their KSampler is
written out as guider, scheduler and SamplerCustomAdvanced, which do the same and can stop half-way.
"""

from __future__ import annotations

from .facts import EXTEND, LAST, Engine
from .graph import Link
from .kitchen import ALL_FRAMES, EMBEDDED_FOLEY, Kitchen, Made

NEGATIVE = (        # the Chinese sentence of the templates, which the model was taught with
    "\u8272\u8c03\u8273\u4e3d\uff0c\u8fc7\u66dd\uff0c\u9759\u6001\uff0c\u7ec6\u8282\u6a21\u7cca\u4e0d\u6e05"
    "\uff0c\u5b57\u5e55\uff0c\u98ce\u683c\uff0c\u4f5c\u54c1\uff0c\u753b\u4f5c\uff0c\u753b\u9762\uff0c\u9759"
    "\u6b62\uff0c\u6574\u4f53\u53d1\u7070\uff0c\u6700\u5dee\u8d28\u91cf\uff0c\u4f4e\u8d28\u91cf\uff0cJ"
    "PEG\u538b\u7f29\u6b8b\u7559\uff0c\u4e11\u964b\u7684\uff0c\u6b8b\u7f3a\u7684\uff0c\u591a"
    "\u4f59\u7684\u624b\u6307\uff0c\u753b\u5f97\u4e0d\u597d\u7684\u624b\u90e8\uff0c\u753b\u5f97\u4e0d\u597d"
    "\u7684\u8138\u90e8\uff0c\u7578\u5f62\u7684\uff0c\u6bc1\u5bb9\u7684\uff0c\u5f62\u6001\u7578\u5f62\u7684"
    "\u80a2\u4f53\uff0c\u624b\u6307\u878d\u5408\uff0c\u9759\u6b62\u4e0d\u52a8\u7684\u753b\u9762\uff0c\u6742"
    "\u4e71\u7684\u80cc\u666f\uff0c\u4e09\u6761\u817f\uff0c\u80cc\u666f\u4eba\u5f88\u591a\uff0c\u5012\u7740"
    "\u8d70"
)
CHUNK, CHUNK_LATENTS = 77, 20           # of S2V


def _words(k: Kitchen) -> tuple[Link, Link]:
    return tuple(k.graph.add(name, "CLIPTextEncode", clip=k.part("clip"), text=text)[0] for name, text in (
        ("positive", k.request.prompt), ("negative", k.request.negative or NEGATIVE)))


def _decode(k: Kitchen, latent: Link, name: str) -> Link:
    return k.graph.add(name, "VAEDecode", samples=latent, vae=k.part("video_vae"))[0]


def _sound(k: Kitchen, images: Link) -> Link | None:
    return k.foley(images) if k.request.silent_sound == EMBEDDED_FOLEY else None


def _finish(k: Kitchen, latent: Link, given: object) -> Made:
    images = _decode(k, latent, "decode")
    if k.request.mode == EXTEND:
        return k.finish(*k.appended(given, images, _sound(k, images)), latent)
    return k.finish(images, _sound(k, images), latent)


def _start_image(engine: Engine, k: Kitchen) -> tuple[Link | None, object]:
    """What the clip begins with, and the clip that it goes on from."""
    r = k.request
    if r.mode == EXTEND:
        given = k.whole_clip(engine, r.overlap)
        return k.graph.add("tail", "ImageFromBatch", image=given[0], batch_index=-r.overlap, length=r.overlap)[0], given
    return (k.picture("first", r.first) if r.first else None), None


def make_wan_5b(engine: Engine, k: Kitchen) -> Made:
    """The graph of a request."""
    r, g, c = k.request, k.graph, k.request.canvas
    positive, negative = _words(k)
    image, given = _start_image(engine, k)
    start = g.add("start", "Wan22ImageToVideoLatent", vae=k.part("video_vae"), width=c.width, height=c.height,
                  length=c.frames, batch_size=1, start_image=image)
    model = g.add("shifted", "ModelSamplingSD3", model=k.part("model"), shift=8.0)[0]
    guider = g.add("guider", "CFGGuider", model=model, positive=positive, negative=negative, cfg=5.0)
    sampler = g.add("sampler", "KSamplerSelect", sampler_name="euler" if r.candidates > 1 else "uni_pc")
    sigmas = g.add("sigmas", "BasicScheduler", model=model, scheduler="simple", steps=20, denoise=1.0)
    made = k.sample(guider=guider[0], sampler=sampler[0], sigmas=sigmas[0], steps=20, latent=start[0],
                    look=lambda latent, name: (_decode(k, latent, f"{name}_images"), None), has_mask=image is not None)
    return _finish(k, made, given)


def make_wan_14b(engine: Engine, k: Kitchen) -> Made:
    """The graph of a request: the first half of the steps by one expert, the second by the other."""
    r, g, c = k.request, k.graph, k.request.canvas
    positive, negative = _words(k)
    image, given = _start_image(engine, k)
    size = {"width": c.width, "height": c.height, "length": c.frames, "batch_size": 1}
    if r.mode == LAST:
        node = g.add("start", "WanFirstLastFrameToVideo", positive=positive, negative=negative, vae=k.part("video_vae"),
                     **size, start_image=image, end_image=k.picture("last", r.last))
    elif image is not None:
        node = g.add("start", "WanImageToVideo", positive=positive, negative=negative, vae=k.part("video_vae"), **size,
                     start_image=image)
    else:
        node = None
    if node is None:
        start = g.add("start", "EmptyHunyuanLatentVideo", **size)[0]
    else:
        positive, negative, start = node[0], node[1], node[2]
    steps, cfg = (4, 1.0) if r.is_turbo else (20, 3.5)
    models = [g.add(f"{name}_noise_model", "ModelSamplingSD3", model=k.part(part), shift=5.0)[0]
              for name, part in (("high", "model"), ("low", "model_2"))]
    guiders = [g.add(f"{name}_noise_guider", "CFGGuider", model=model, positive=positive, negative=negative, cfg=cfg)[0]
               for name, model in zip(("high", "low"), models, strict=True)]
    sampler = g.add("sampler", "KSamplerSelect", sampler_name="euler")[0]
    sigmas = g.add("sigmas", "BasicScheduler", model=models[0], scheduler="simple", steps=steps, denoise=1.0)
    experts = g.add("experts", "SplitSigmas", sigmas=sigmas[0], step=steps // 2)
    half = k.sample(guider=guiders[0], sampler=sampler, sigmas=experts[0], steps=steps // 2, latent=start,
                    look=lambda latent, name: (_decode(k, latent, f"{name}_images"), None), has_mask=False)
    quiet = g.add("low_no_noise", "DisableNoise")
    made = g.add("low_noise_sample", "SamplerCustomAdvanced", noise=quiet[0], guider=guiders[1], sampler=sampler,
                 sigmas=experts[1], latent_image=half)
    return _finish(k, made[0], given)


def make_s2v(engine: Engine, k: Kitchen) -> Made:
    """A picture that speaks: 77 frames, then as often 80 more as the voice needs."""
    r, g, c = k.request, k.graph, k.request.canvas
    positive, negative = _words(k)
    voice = k.voice()
    heard = g.add("heard", "AudioEncoderEncode", audio_encoder=k.part("audio_encoder"), audio=voice)[0]
    face = k.picture("first", r.first) if r.first else None
    model = g.add("shifted", "ModelSamplingSD3", model=k.part("model"), shift=8.0)[0]
    steps, cfg = (4, 1.0) if r.is_turbo else (20, 6.0)
    sampler = g.add("sampler", "KSamplerSelect", sampler_name="uni_pc")[0]
    sigmas = g.add("sigmas", "BasicScheduler", model=model, scheduler="simple", steps=steps, denoise=1.0)[0]
    latent: Link | None = None
    for number in range((c.frames - CHUNK) // (4 * CHUNK_LATENTS) + 1):
        common = {"positive": positive, "negative": negative, "vae": k.part("video_vae"), "length": CHUNK,
                  "audio_encoder_output": heard, "ref_image": face}
        if latent is None:
            start = g.add(f"start_{number}", "WanSoundImageToVideo", **common, width=c.width, height=c.height,
                          batch_size=1)
        else:
            start = g.add(f"start_{number}", "WanSoundImageToVideoExtend", **common, video_latent=latent)
        guider = g.add(f"guider_{number}", "CFGGuider", model=model, positive=start[0], negative=start[1], cfg=cfg)
        noise = g.add(f"noise_{number}", "RandomNoise", noise_seed=r.seed + number)
        made = g.add(f"sample_{number}", "SamplerCustomAdvanced", noise=noise[0], guider=guider[0], sampler=sampler,
                     sigmas=sigmas, latent_image=start[2])[0]
        latent = made if latent is None else g.add(f"chunks_{number}", "LatentConcat", samples1=latent, samples2=made,
                                                   dim="t")[0]
    # The first latent twice, as the template has it: the autoencoder burns the first frame, which is dropped.
    first = g.add("first_latent", "LatentCut", samples=latent, dim="t", index=0, amount=1)
    twice = g.add("first_twice", "LatentConcat", samples1=first[0], samples2=latent, dim="t")
    images = g.add("frames", "ImageFromBatch", image=_decode(k, twice[0], "decode"), batch_index=4, length=ALL_FRAMES)
    return k.finish(images[0], voice, latent)
