"""The embedded model through the same front: our own nodes, at any size and rate."""

from __future__ import annotations

from ..sampling.flow import DEFAULT_GUIDANCE_SCALE, DEFAULT_STEPS
from .facts import EXTEND, FOLEY, LIPS, TEXT, Engine
from .graph import Link
from .kitchen import Kitchen, Made


def make_embedded(engine: Engine, k: Kitchen) -> Made:
    """The graph of a request."""
    r, g = k.request, k.graph
    start = _start(k)
    words = [g.add(name, "SoraTextEncode", clip=k.part("clip"), prompt=text)[0]
             for name, text in (("positive", r.prompt), ("negative", r.negative))]
    guider = g.add("guider", "CFGGuider", model=k.part("model"), positive=words[0], negative=words[1],
                   cfg=DEFAULT_GUIDANCE_SCALE)
    sampler = g.add("sampler", "KSamplerSelect", sampler_name="euler")
    sigmas = g.add("sigmas", "BasicScheduler", model=k.part("model"), scheduler="simple", steps=DEFAULT_STEPS,
                   denoise=1.0)

    def look(latent: Link, name: str) -> tuple[Link, Link]:
        return (g.add(f"{name}_images", "SoraDecode", samples=latent, vae=k.part("video_vae"))[0],
                g.add(f"{name}_sound", "SoraAudioSynthesis", samples=latent, vae=k.part("audio_vae"))[0])

    made = k.sample(guider=guider[0], sampler=sampler[0], sigmas=sigmas[0], steps=DEFAULT_STEPS, latent=start,
                    look=look, has_mask=r.mode != TEXT)
    if r.mode == FOLEY:
        parts = g.add("original", "GetVideoComponents", video=r.video)
        sound = g.add("decode_sound", "SoraAudioSynthesis", samples=made, vae=k.part("audio_vae"))
        return k.finish(parts[0], sound[0], made, rate=parts[2])
    if r.mode == LIPS:
        return k.finish(g.add("decode", "SoraDecode", samples=made, vae=k.part("video_vae"))[0], r.voice, made)
    images, sound = look(made, "decode")
    if r.mode == EXTEND:
        given = g.add("given", "SoraEngineClip", video=r.video, engine=engine.name, width=0, height=0, frame_rate=0.0,
                      at_least=1, legal_length=False, fit=r.fit)
        frames = g.add("joined", "ImageBatch", image1=given[0], image2=images)
        heard = g.add("joined_sound", "AudioConcat", audio1=given[1], audio2=sound, direction="after")
        return k.finish(frames[0], heard[0], made, rate=given[5])
    return k.finish(images, sound, made)


def _start(k: Kitchen) -> Link:
    r, g, c = k.request, k.graph, k.request.canvas
    video_vae, audio_vae = k.part("video_vae"), k.part("audio_vae")
    if r.mode == TEXT:
        return g.add("start", "SoraEmptyLatent", seconds=c.seconds, width=c.width, height=c.height, frame_rate=r.rate,
                     batch_size=1)[0]
    if r.mode == EXTEND:
        return g.add("start", "SoraExtendVideo", video_vae=video_vae, audio_vae=audio_vae, video=r.video,
                     seconds=(c.frames - r.overlap) / r.rate, tail_seconds=max(0.05, r.overlap / r.rate))[0]
    if r.mode == FOLEY:
        return g.add("start", "SoraFoley", video_vae=video_vae, video=r.video)[0]
    if r.mode == LIPS:
        return g.add("start", "SoraLipSync", audio_vae=audio_vae, audio=r.voice, width=c.width, height=c.height,
                     frame_rate=r.rate, video_vae=r.first and video_vae, first_image=r.first)[0]
    return g.add("start", "SoraImageToVideo", video_vae=video_vae, positions="", seconds=c.seconds, width=c.width,
                 height=c.height, frame_rate=r.rate, batch_size=1, first_image=r.first, last_image=r.last)[0]
