"""MiniMax-H3: picture and sound together, told of pictures by its own conditioning.

Sources: the templates video_minimax_h3_t2v and _i2v of ComfyUI; extension and lip-sync use the guides of the same
nodes, the sound of a given clip a mask over its picture.
"""

from __future__ import annotations

from .facts import EXTEND, FOLEY, LIPS, Engine
from .graph import Link
from .kitchen import Kitchen, Made

STEPS, TURBO_STEPS = 20, 6


def make_minimax(engine: Engine, k: Kitchen) -> Made:
    """The graph of a request."""
    r, g, c = k.request, k.graph, k.request.canvas
    given = k.whole_clip(engine, r.overlap) if r.mode == EXTEND else k.legal_clip(engine) if r.mode == FOLEY else None
    size = {"width": c.width, "height": c.height, "length": c.frames} if r.mode != FOLEY else \
        {"width": given[3], "height": given[4], "length": given[2]}
    start = g.add("conditioning", "MiniMaxH3ImageToVideo", clip=k.part("clip"), vae=k.part("video_vae"),
                  prompt=r.prompt, **size, first_frame=r.first and k.picture("first", r.first),
                  last_frame=r.last and k.picture("last", r.last))
    positive, latent = start[0], start[1]
    voice = k.voice() if r.mode == LIPS else None
    if r.mode == EXTEND:
        images, sound = k.tail(given[0], given[1])
        positive = _guide(k, positive, latent, image=images, audio=sound)
    if voice is not None:
        positive = _guide(k, positive, latent, audio=voice)
    if r.mode == FOLEY:
        latent = _seen(k, latent, given[0])
    steps = TURBO_STEPS if r.is_turbo else STEPS
    guider = g.add("guider", "BasicGuider", model=k.part("model"), conditioning=positive)
    sampler = g.add("sampler", "KSamplerSelect", sampler_name="euler" if r.candidates > 1 else "res_multistep")
    sigmas = g.add("sigmas", "BasicScheduler", model=k.part("model"), scheduler="simple", steps=steps, denoise=1.0)

    def look(latent: Link, name: str) -> tuple[Link, Link]:
        return (g.add(f"{name}_images", "VAEDecode", samples=latent, vae=k.part("video_vae"))[0],
                g.add(f"{name}_sound", "VAEDecodeAudio", samples=latent, vae=k.part("audio_vae"))[0])

    made = k.sample(guider=guider[0], sampler=sampler[0], sigmas=sigmas[0], steps=steps, latent=latent, look=look,
                    has_mask=r.mode == FOLEY)
    if r.mode == FOLEY:
        sound = g.add("decode_sound", "VAEDecodeAudio", samples=made, vae=k.part("audio_vae"))
        return k.with_new_sound(given, sound[0], made)
    if voice is not None:
        return k.finish(g.add("decode", "VAEDecode", samples=made, vae=k.part("video_vae"))[0], voice, made)
    images, sound = look(made, "decode")
    if r.mode == EXTEND:
        return k.finish(*k.appended(given, images, sound), made)
    return k.finish(images, sound, made)


def _guide(k: Kitchen, positive: Link, latent: Link, image: Link | None = None, audio: Link | None = None) -> Link:
    return k.graph.add("guide", "MiniMaxH3AddGuide", positive=positive, latent=latent, frame_idx=0,
                       vae=k.part("video_vae") if image else None, audio_vae=k.part("audio_vae") if audio else None,
                       image=image, audio=audio)[0]


def _seen(k: Kitchen, latent: Link, images: Link) -> Link:
    """The latent with a given picture that stays, and sound that is to be made."""
    g = k.graph
    streams = g.add("empty_streams", "LTXVSeparateAVLatent", av_latent=latent)
    seen = g.add("seen", "VAEEncode", pixels=images, vae=k.part("video_vae"))
    mask = g.add("keep_picture", "SolidMask", value=0.0, width=16, height=16)
    kept = g.add("kept", "SetLatentNoiseMask", samples=seen[0], mask=mask[0])
    return g.add("joint", "LTXVConcatAVLatent", video_latent=kept[0], audio_latent=streams[1])[0]
