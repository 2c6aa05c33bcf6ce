"""LTX-2.5 and LTX-2.3: picture and sound together, in two stages (half size, then full size) where nothing but a first
picture is given, in one where more is.

Sources: the templates video_ltx2_5_t2v, _i2v, _flf2v, video_ltx2_3_t2v, _ia2v of ComfyUI; extension and the sound of a
given clip have no template and are built from the same nodes.
"""

from __future__ import annotations

from .facts import EXTEND, FIRST, FOLEY, LAST, LIPS, Engine
from .graph import Link
from .kitchen import Kitchen, Made

NEGATIVE = "pc game, console game, video game, cartoon, childish, ugly"
FIRST_SIGMAS = "1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875, 0.0"
SECOND_SIGMAS = "0.85, 0.7250, 0.4219, 0.0"
FIRST_STEPS, SECOND_SEED = 8, 42
IMAGE_STRENGTH, GUIDE_STRENGTH, COMPRESSION = 0.7, 0.7, 18
SOUND_RATE, SOUND_BINS = 25, 16         # sound latents a second, and their height


def make_ltx(engine: Engine, k: Kitchen) -> Made:
    """The graph of a request."""
    r, g = k.request, k.graph
    words = [g.add(name, "CLIPTextEncode", clip=k.part("clip"), text=text)[0]
             for name, text in (("positive", r.prompt), ("negative", r.negative or NEGATIVE))]
    cond = g.add("conditioning", "LTXVConditioning", positive=words[0], negative=words[1], frame_rate=r.rate)
    name = "euler" if engine.name == "LTX-2.3" or r.candidates > 1 else "euler_ancestral"
    sampler = g.add("sampler", "KSamplerSelect", sampler_name=name)[0]
    kind = _OneStage if r.mode in (LAST, EXTEND, FOLEY) else _TwoStages
    return kind(engine, k, (cond[0], cond[1]), sampler).make()


class _Stage:
    """What both ways have in common."""

    def __init__(self, engine: Engine, k: Kitchen, conditioning: tuple[Link, Link], sampler: Link) -> None:
        self.engine, self.k, self.g, self.r = engine, k, k.graph, k.request
        self.conditioning, self.sampler = conditioning, sampler

    def guider(self, name: str) -> Link:
        positive, negative = self.conditioning
        model = self.k.part("model")
        if self.engine.name == "LTX-2.3":
            return self.g.add(name, "CFGGuider", model=model, positive=positive, negative=negative, cfg=1.0)[0]
        return self.g.add(name, "LTXVDualCFGGuider", model=model, positive=positive, negative=negative, video_cfg=1.0,
                          audio_cfg=1.0)[0]

    def empty_sound(self, frames: Link | int) -> Link:
        return self.g.add("sound_start", "LTXVEmptyLatentAudio", frames_number=frames, frame_rate=self.r.rate,
                          batch_size=1, audio_vae=self.k.part("audio_vae"))[0]

    def given_sound(self, sound: Link, mask: Link) -> Link:
        encoded = self.g.add("sound_encoded", "LTXVAudioVAEEncode", audio=sound, audio_vae=self.k.part("audio_vae"))
        return self.g.add("sound_start", "SetLatentNoiseMask", samples=encoded[0], mask=mask)[0]

    def keep(self, name: str) -> Link:
        return self.g.add(name, "SolidMask", value=0.0, width=SOUND_BINS, height=SOUND_BINS)[0]

    def decode_video(self, latent: Link, name: str) -> Link:
        tiles = (768, 64, 4096, 4) if self.engine.name == "LTX-2.3" else (512, 64, 64, 16)
        return self.g.add(name, "VAEDecodeTiled", samples=latent, vae=self.k.part("video_vae"), tile_size=tiles[0],
                          overlap=tiles[1], temporal_size=tiles[2], temporal_overlap=tiles[3])[0]

    def decode_sound(self, latent: Link, name: str) -> Link:
        return self.g.add(name, "LTXVAudioVAEDecode", samples=latent, audio_vae=self.k.part("audio_vae"))[0]

    def look(self, latent: Link, name: str) -> tuple[Link, Link]:
        """Picture and sound of a candidate."""
        streams = self.g.add(f"{name}_streams", "LTXVSeparateAVLatent", av_latent=latent)
        video = streams[0]
        if self.r.mode == LAST:
            video = self.without_guides(video, f"{name}_crop")
        return self.decode_video(video, f"{name}_images"), self.decode_sound(streams[1], f"{name}_sound")

    def without_guides(self, latent: Link, name: str) -> Link:
        return self.g.add(name, "LTXVCropGuides", positive=self.conditioning[0], negative=self.conditioning[1],
                          latent=latent)[2]

    def stage(self, latent: Link, has_mask: bool) -> Link:
        sigmas = self.g.add("sigmas", "ManualSigmas", sigmas=FIRST_SIGMAS)
        return self.k.sample(guider=self.guider("guider"), sampler=self.sampler, sigmas=sigmas[0], steps=FIRST_STEPS,
                             latent=latent, look=self.look, has_mask=has_mask)


class _TwoStages(_Stage):
    """Text, a first picture, or a voice: half size first, then the upsampled latents once more."""

    def make(self) -> Made:
        r, g, c = self.r, self.g, self.r.canvas
        start = g.add("start", "EmptyLTXVLatentVideo", width=c.width // 2, height=c.height // 2, length=c.frames,
                      batch_size=1)[0]
        picture = None
        if r.first is not None:
            picture = g.add("picture", "LTXVPreprocess", image=self.k.picture("first", r.first),
                            img_compression=COMPRESSION)[0]
            start = self.inplace("start_picture", picture, start, IMAGE_STRENGTH)
        voice = self.k.voice() if r.mode == LIPS else None
        sound = self.empty_sound(c.frames) if voice is None else self.given_sound(voice, self.keep("keep_voice"))
        first = g.add("first_start", "LTXVConcatAVLatent", video_latent=start, audio_latent=sound)
        made = self.stage(first[0], has_mask=r.mode in (FIRST, LIPS))
        half = g.add("half", "LTXVSeparateAVLatent", av_latent=made)
        large = g.add("larger", "LTXVLatentUpsampler", samples=half[0], upscale_model=self.k.part("upscaler"),
                      vae=self.k.part("video_vae"))[0]
        if picture is not None:
            large = self.inplace("larger_picture", picture, large, 1.0)
        second = g.add("second_start", "LTXVConcatAVLatent", video_latent=large,
                       audio_latent=half[1] if voice is None else sound)
        noise = g.add("second_noise", "RandomNoise", noise_seed=SECOND_SEED)
        sigmas = g.add("second_sigmas", "ManualSigmas", sigmas=SECOND_SIGMAS)
        final = g.add("second_sample", "SamplerCustomAdvanced", noise=noise[0], guider=self.guider("second_guider"),
                      sampler=self.sampler, sigmas=sigmas[0], latent_image=second[0])
        streams = g.add("streams", "LTXVSeparateAVLatent", av_latent=final[0])
        heard = voice if voice is not None else self.decode_sound(streams[1], "decode_sound")
        return self.k.finish(self.decode_video(streams[0], "decode"), heard, final[0])

    def inplace(self, name: str, image: Link, latent: Link, strength: float) -> Link:
        return self.g.add(name, "LTXVImgToVideoInplace", vae=self.k.part("video_vae"), image=image, latent=latent,
                          strength=strength, bypass=False)[0]


class _OneStage(_Stage):
    """A last picture, the end of a clip, or a whole clip is given: all at full size."""

    def make(self) -> Made:
        return {LAST: self.between, EXTEND: self.extension, FOLEY: self.sound_of_clip}[self.r.mode]()

    def guide(self, name: str, latent: Link, image: Link, frame: int, strength: float) -> Link:
        added = self.g.add(name, "LTXVAddGuide", positive=self.conditioning[0], negative=self.conditioning[1],
                           vae=self.k.part("video_vae"), latent=latent, image=image, frame_idx=frame, strength=strength)
        self.conditioning = added[0], added[1]
        return added[2]

    def start(self) -> Link:
        c = self.r.canvas
        return self.g.add("start", "EmptyLTXVLatentVideo", width=c.width, height=c.height, length=c.frames,
                          batch_size=1)[0]

    def between(self) -> Made:
        r, g = self.r, self.g
        latent = self.start()
        for name, image, frame in (("first", r.first, 0), ("last", r.last, -1)):
            if image is not None:
                picture = g.add(f"{name}_picture", "LTXVPreprocess", image=self.k.picture(name, image),
                                img_compression=COMPRESSION)
                latent = self.guide(f"{name}_guide", latent, picture[0], frame, GUIDE_STRENGTH)
        joint = g.add("joint", "LTXVConcatAVLatent", video_latent=latent,
                      audio_latent=self.empty_sound(r.canvas.frames))
        made = self.stage(joint[0], has_mask=True)
        streams = g.add("streams", "LTXVSeparateAVLatent", av_latent=made)
        images = self.decode_video(self.without_guides(streams[0], "crop"), "decode")
        return self.k.finish(images, self.decode_sound(streams[1], "decode_sound"), made)

    def extension(self) -> Made:
        r, g, c = self.r, self.g, self.r.canvas
        given = self.k.whole_clip(self.engine, r.overlap)
        images, sound = self.k.tail(given[0], given[1])
        latent = self.guide("tail_guide", self.start(), images, 0, 1.0)
        later = g.add("later", "EmptyAudio", duration=(c.frames - r.overlap) / r.rate, sample_rate=44100, channels=2)
        whole = g.add("tail_and_later", "AudioConcat", audio1=sound, audio2=later[0], direction="after")
        free = g.add("free", "SolidMask", value=1.0, width=SOUND_BINS, height=round(c.seconds * SOUND_RATE))
        held = g.add("held", "SolidMask", value=0.0, width=SOUND_BINS, height=round(r.overlap / r.rate * SOUND_RATE))
        mask = g.add("hold_tail", "MaskComposite", destination=free[0], source=held[0], x=0, y=0, operation="multiply")
        joint = g.add("joint", "LTXVConcatAVLatent", video_latent=latent,
                      audio_latent=self.given_sound(whole[0], mask[0]))
        made = self.stage(joint[0], has_mask=True)
        streams = g.add("streams", "LTXVSeparateAVLatent", av_latent=made)
        new = self.decode_video(self.without_guides(streams[0], "crop"), "decode")
        return self.k.finish(*self.k.appended(given, new, self.decode_sound(streams[1], "decode_sound")), made)

    def sound_of_clip(self) -> Made:
        g = self.g
        given = self.k.legal_clip(self.engine)
        seen = g.add("seen", "VAEEncode", pixels=given[0], vae=self.k.part("video_vae"))
        kept = g.add("start", "SetLatentNoiseMask", samples=seen[0], mask=self.keep("keep_picture"))
        joint = g.add("joint", "LTXVConcatAVLatent", video_latent=kept[0], audio_latent=self.empty_sound(given[2]))
        made = self.stage(joint[0], has_mask=True)
        return self.k.with_new_sound(given, self.decode_sound(made, "decode_sound"), made)
