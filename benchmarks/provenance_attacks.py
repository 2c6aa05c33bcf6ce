"""What happens to clips on their way: the attacks of benchmarks/provenance.py, each a function of frames or of sound.

After an attack on the picture it is encoded again with H.264 CRF 18, unless the attack is itself an encoding.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import torch
from torch.nn import functional

from sora_core.trust import spread

SAMPLE_RATE = 24000
Frames = np.ndarray          # (T, H, W, 3) bytes


def encode(frames: Frames, crf: int, codec: str = "libx264", container: str = "mp4") -> Frames:
    """Through a lossy codec and back."""
    options = {"libx264": {"crf": str(crf), "preset": "medium"},
               "libx265": {"crf": str(crf), "x265-params": "log-level=0"},
               "libvpx-vp9": {"crf": str(crf), "b": "0", "cpu-used": "4"},
               "libsvtav1": {"crf": str(crf), "preset": "8"}}[codec]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.codec_context.thread_count = 1
        for pixels in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        output.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as source:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)])


def resize(frames: Frames, scale: float) -> Frames:
    size = [max(16, round(side * scale / 2) * 2) for side in frames.shape[1:3]]
    planes = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    planes = functional.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def crop(frames: Frames, share: float, rng: np.random.Generator) -> Frames:
    """A part of that share of both sides, anywhere."""
    height, width = (round(side * share / 2) * 2 for side in frames.shape[1:3])
    top, left = int(rng.integers(0, frames.shape[1] - height + 1)), int(rng.integers(0, frames.shape[2] - width + 1))
    return frames[:, top:top + height, left:left + width]


def shift(frames: Frames, rng: np.random.Generator) -> Frames:
    """Up to 8 pixels off, the edge repeated."""
    y, x = rng.integers(-8, 9, 2)
    padded = np.pad(frames, ((0, 0), (8, 8), (8, 8), (0, 0)), mode="edge")
    return padded[:, 8 + y:8 + y + frames.shape[1], 8 + x:8 + x + frames.shape[2]]


def warp(frames: Frames, matrix: np.ndarray) -> Frames:
    """Through a homography of coordinates in [-1, 1]."""
    height, width = frames.shape[1:3]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    at = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    there = matrix @ at
    grid = torch.from_numpy((there[:2] / there[2]).reshape(2, height, width)).permute(1, 2, 0).float()
    planes = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    warped = functional.grid_sample(planes, grid[None].expand(len(frames), -1, -1, -1), align_corners=True)
    return warped.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def rotation(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def perspective(strength: float, rng: np.random.Generator) -> np.ndarray:
    """Corners moved inwards by up to half of `strength` of a side, as kornia and torchvision have it."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])
    moved = corners * (1 - rng.random((4, 2)) * strength)
    rows = []
    for (x, y), (u, v) in zip(corners, moved, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(np.linalg.solve(np.array(rows), moved.ravel()), 1).reshape(3, 3)


def levels(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Frames, np.random.Generator], Frames]:
    return lambda frames, rng: np.clip(np.round(change(frames.astype(np.float32))), 0, 255).astype(np.uint8)


def grey(frames: np.ndarray) -> np.ndarray:
    return np.repeat((frames @ spread.FROM_RGB[0].astype(np.float32))[..., None], 3, axis=-1)


def hue(frames: np.ndarray, turn: float) -> np.ndarray:
    """Colours turned by a share of the circle."""
    angle = 2 * np.pi * turn
    yuv = frames @ spread.FROM_RGB.T
    turned = np.stack([yuv[..., 0], np.cos(angle) * yuv[..., 1] - np.sin(angle) * yuv[..., 2],
                       np.sin(angle) * yuv[..., 1] + np.cos(angle) * yuv[..., 2]], axis=-1)
    return turned @ np.linalg.inv(spread.FROM_RGB).T


def blur(frames: Frames, sigma: float = 1.5) -> Frames:
    offsets = torch.arange(-4, 5.0)
    kernel = torch.exp(-offsets ** 2 / (2 * sigma ** 2))
    kernel = (kernel[:, None] * kernel[None] / kernel.sum() ** 2).expand(3, 1, 9, 9)
    planes = functional.pad(torch.from_numpy(frames).permute(0, 3, 1, 2).float(), (4, 4, 4, 4), mode="replicate")
    return functional.conv2d(planes, kernel, groups=3).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def speed(frames: Frames, factor: float) -> Frames:
    return frames[np.minimum(np.round(np.arange(0, len(frames), factor)).astype(int), len(frames) - 1)]


def reorder(frames: Frames, rng: np.random.Generator) -> Frames:
    """Frames shuffled within each third of a second."""
    order = np.concatenate([start + rng.permutation(min(8, len(frames) - start)) for start in range(0, len(frames), 8)])
    return frames[order]


PICTURE: dict[str, Callable[[Frames, np.random.Generator], Frames]] = {
    "none": lambda f, r: f,
    **{f"H.264 CRF {crf}": lambda f, r, crf=crf: encode(f, crf) for crf in (18, 23, 28, 32, 36)},
    "H.265 CRF 28": lambda f, r: encode(f, 28, "libx265"),
    "VP9 CRF 33": lambda f, r: encode(f, 33, "libvpx-vp9", "webm"),
    "AV1 CRF 35": lambda f, r: encode(f, 35, "libsvtav1", "mp4"),
    **{f"resize {scale}": lambda f, r, scale=scale: encode(resize(f, scale), 18) for scale in (0.5, 0.71, 2)},
    **{f"crop {share}": lambda f, r, share=share: encode(crop(f, share, r), 18) for share in (0.55, 0.71)},
    "shift": lambda f, r: encode(shift(f, r), 18),
    "rotate 3": lambda f, r: encode(warp(f, rotation(3)), 18),
    "mirror": lambda f, r: encode(f[:, :, ::-1], 18),
    "perspective 0.2": lambda f, r: encode(warp(f, perspective(0.2, r)), 18),
    **{f"{name} {factor}": lambda f, r, change=change, factor=factor: encode(levels(
        lambda x: change(x, factor))(f, r), 18) for factor in (0.5, 1.5) for name, change in {
            "brightness": lambda x, k: x * k, "contrast": lambda x, k: (x - grey(x).mean()) * k + grey(x).mean(),
            "saturation": lambda x, k: grey(x) + (x - grey(x)) * k}.items()},
    "hue 0.1": lambda f, r: encode(levels(lambda x: hue(x, 0.1))(f, r), 18),
    "grey": lambda f, r: encode(levels(grey)(f, r), 18),
    "blur": lambda f, r: encode(blur(f), 18),
    "noise 5": lambda f, r: encode(levels(lambda x: x + r.normal(0, 5, x.shape))(f, r), 18),
    "drop 20 %": lambda f, r: encode(f[np.sort(r.permutation(len(f))[:len(f) * 4 // 5])], 18),
    "repeat 20 %": lambda f, r: encode(f[np.sort(np.append(np.arange(len(f)), r.integers(0, len(f), len(f) // 5)))],
                                       18),
    "reorder": lambda f, r: encode(reorder(f, r), 18),
    **{f"speed {factor}": lambda f, r, factor=factor: encode(speed(f, factor), 18) for factor in (0.8, 1.25)},
    "2 s excerpt": lambda f, r: encode(f[(at := int(r.integers(0, len(f) - 48))):at + 48], 18),
    "first third": lambda f, r: encode(f[:len(f) // 3], 18),
    "last third": lambda f, r: encode(f[-(len(f) // 3):], 18),
    "CRF 28 + crop 0.71 + brightness 0.5": lambda f, r: encode(
        levels(lambda x: x * 0.5)(crop(encode(f, 28), 0.71, r), r), 18),
    "phone upload": lambda f, r: encode(resize(f, 0.5), 30),
}


def transcode(sound: np.ndarray, container: str, codec: str, bits: int) -> np.ndarray:
    """Through a lossy sound codec and back."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        stream.codec_context.bit_rate = bits
        resampler = av.AudioResampler(stream.codec_context.format.name, "mono", SAMPLE_RATE,
                                      stream.codec_context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    buffer.seek(0)
    resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
    with av.open(buffer) as source:
        return np.concatenate([part.to_ndarray() for frame in source.decode(audio=0)
                               for part in resampler.resample(frame)], axis=1)


def resample(sound: np.ndarray, factor: float) -> np.ndarray:
    """Played `factor` times as fast: band-limited, by Fourier."""
    number = int(sound.shape[1] / factor)
    spectrum = np.fft.rfft(sound)
    return np.fft.irfft(np.pad(spectrum, ((0, 0), (0, max(0, number // 2 + 1 - spectrum.shape[1]))))
                        [:, :number // 2 + 1], n=number) * number / sound.shape[1]


def band(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE)
    gain = 1 / np.sqrt(1 + (hertz / high) ** 12) / np.sqrt(1 + (low / np.maximum(hertz, 1e-3)) ** 12)
    return np.fft.irfft(np.fft.rfft(sound) * gain, n=sound.shape[1])


def level_with(other: np.ndarray, sound: np.ndarray, decibels: float) -> np.ndarray:
    """`other` as far under `sound` as told."""
    return other * np.sqrt((sound ** 2).mean() / (other ** 2).mean() * 10 ** (-decibels / 10))


def music(number: int, rng: np.random.Generator) -> np.ndarray:
    """Plucked notes, four a second, of eight partials."""
    t, result = np.arange(number) / SAMPLE_RATE, np.zeros(number)
    for start in np.arange(0, number / SAMPLE_RATE, 0.25):
        pitch = 220 * 2 ** (rng.integers(0, 24) / 12)
        envelope = np.exp(-3 * np.maximum(t - start, 0)) * (t >= start)
        for partial in range(1, 9):
            result += envelope * np.sin(2 * np.pi * pitch * partial * t + 6 * rng.random()) / partial
    return result[None]


def pitch_up(sound: np.ndarray, semitones: int) -> np.ndarray:
    """By a phase vocoder: stretched, then played faster."""
    factor, size, hop = 2 ** (semitones / 12), 1024, 256
    window = np.hanning(size)
    padded = np.pad(sound[0], (size, size))
    starts = np.arange(0, len(padded) - size - hop, hop / factor).astype(int)
    phase, out = None, np.zeros(len(starts) * hop + size)
    omega = 2 * np.pi * hop * np.arange(size // 2 + 1) / size
    for i, start in enumerate(starts):
        here, later = (np.fft.rfft(window * padded[s:s + size]) for s in (start, start + hop))
        phase = np.angle(here) if phase is None else phase + omega + (
            np.angle(later) - np.angle(here) - omega + np.pi) % (2 * np.pi) - np.pi
        out[i * hop:i * hop + size] += window * np.fft.irfft(np.abs(later) * np.exp(1j * phase))
    return resample(out[None], factor)


SOUND: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "none": lambda s, r: s,
    "AAC 128k": lambda s, r: transcode(s, "mp4", "aac", 128_000),
    "AAC 64k": lambda s, r: transcode(s, "mp4", "aac", 64_000),
    "MP3 128k": lambda s, r: transcode(s, "mp3", "libmp3lame", 128_000),
    "Opus 48k": lambda s, r: transcode(s, "ogg", "libopus", 48_000),
    "16 kHz and back": lambda s, r: resample(resample(s, 1.5), 1 / 1.5),
    "low-pass 5 kHz": lambda s, r: band(s, 1, 5000),
    "band 300-3400 Hz": lambda s, r: band(s, 300, 3400),
    "noise 20 dB": lambda s, r: s + level_with(r.normal(size=s.shape), s, 20),
    "speed 0.9": lambda s, r: resample(s, 0.9),
    "speed 1.1": lambda s, r: resample(s, 1.1),
    "pitch +2": lambda s, r: pitch_up(s, 2),
    "cut to 2 s": lambda s, r: s[:, (at := int(r.integers(0, s.shape[1] - 2 * SAMPLE_RATE))):at + 2 * SAMPLE_RATE],
    "music at 0 dB": lambda s, r: s + level_with(music(s.shape[1], r), s, 0),
}
