"""The public mark of the picture: a still pattern in its colours, found again after cropping, scaling and turning.

A tile of 128 x 128 units, repeated over the frame whose shorter side is 128 units, is a sum of waves of 11 to 21 units
with keyed phases: long enough to live through chroma subsampling and coding, short enough to stand out from what
pictures show. It stands still, so that no cut, speed or order of the frames can hurt it. The detector averages all
frames, takes away what is smooth and what are edges, clips what is large, whitens, and correlates over every shift at
once, for each scale, turn and mirror. Source of the idea: Cox et al., "Secure spread spectrum watermarking for
multimedia", 1997.

Legend: u, v (U V) cycles a tile down and across; H W pixels; Y X units; P places, C colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from .keys import normal

UNITS = 128                  # of the shorter side of a frame, and of the tile
LOW, HIGH = 6.0, 12.0        # cycles a tile
STRENGTH = 0.820             # root mean square over R, G and B, in levels of 255
SCALES = np.exp(np.arange(np.log(0.48), np.log(1.16), 0.02))       # units of a clip's shorter side / 128
SCALES = SCALES / SCALES[np.argmin(np.abs(SCALES - 1))]            # 1 itself is among them
TURNS = (0.0, 1.5, -1.5, 3.0, -3.0, 4.5, -4.5)                     # degrees
SMOOTH = 3.6                 # units: what is smoother than that is the picture's
EDGE = 1.4                   # levels: what varies more than that near a point is the picture's, too
CLOSE = 0.8                  # scale under which a clip is a close-up of the marked frame
GRID = 48                    # shifts tried in each direction: less than three units apart
FINE = 128                   # ... where the scale is known: one unit apart
SHORT_SIDES = (96, 128, 192, 256, 384, 480, 512, 576, 704, 720, 768, 1080)      # pixels that clips are made with
SLACK = 3.0                  # units that a likely place may lie outside the frame
BEST = 8                     # places that a search tells, best first
APART = (1.6, 0.03, 6.0)     # of two of them: degrees, logarithm of the scale, or units
TURNED_FROM = 0.9            # scale from which a likely place may be turned
# From Cb, Cr in levels to R, G, B: ITU-R BT.709.
TO_RGB = np.array([[0.0, 1.5748], [-0.1873, -0.4681], [1.8556, 0.0]])
FROM_RGB = np.array([[0.2126, 0.7152, 0.0722], [-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]])     # to Y, Cb, Cr

U = np.arange(-int(HIGH), int(HIGH) + 1)
V = np.arange(0, int(HIGH) + 1)
_RADIUS = np.hypot(U[:, None], V[None])
BAND = (_RADIUS >= LOW) & (_RADIUS < HIGH) & ((V[None] > 0) | (U[:, None] > 0))         # one of each pair u,v / -u,-v


@dataclass(frozen=True)
class Match:
    """The best of `tries` places: the clip's shorter side spans `scale` times 128 units of the marked frame there."""

    z: float
    tries: int
    scale: float
    turn: float              # degrees
    is_mirrored: bool
    shift: tuple[float, float]      # units, down and across


@cache
def coefficients(key: bytes) -> np.ndarray:
    """Waves of the two colour patterns of a key, complex (2, u, v); zero outside the band."""
    numbers = normal(key, "picture colours", 2 * 2 * BAND.size).reshape(2, 2, *BAND.shape)
    waves = numbers[0] + 1j * numbers[1]
    return waves / np.abs(waves) * BAND


def pattern(key: bytes, height: int, width: int) -> np.ndarray:
    """What is added to R, G and B, in levels of 255: float32 (3, H, W)."""
    unit = UNITS / min(height, width)
    down = np.exp(2j * np.pi * np.outer((np.arange(height) - (height - 1) / 2) * unit / UNITS, U))
    across = np.exp(2j * np.pi * np.outer(V, (np.arange(width) - (width - 1) / 2) * unit / UNITS))
    colours_CHW = np.stack([(down @ waves @ across).real for waves in coefficients(key)])
    rgb_CHW = np.einsum("rc,chw->rhw", TO_RGB, colours_CHW)
    expected = np.sqrt(BAND.sum() / 2 * (TO_RGB ** 2).sum() / 3)
    return (rgb_CHW * (STRENGTH / expected)).astype(np.float32)


def residual(colour_YX: np.ndarray, width: float = SMOOTH) -> np.ndarray:
    """What a mark could be: a colour without what is smooth over `width` units, without edges, and with a limit.

    What is smooth but for edges is told by a guided filter (He, Sun and Tang, "Guided image filtering", 2010, equations
    5 and 6, with the picture as its own guide): a Gaussian one leaves a seam of the picture along every edge.
    """
    mean = _smooth(colour_YX, width)
    variance = np.maximum(_smooth(colour_YX ** 2, width) - mean ** 2, 0)
    slope = variance / (variance + EDGE ** 2)
    rest = colour_YX - _smooth(slope, width) * colour_YX - _smooth((1 - slope) * mean, width)
    limit = np.clip(0.4 * np.median(np.abs(rest)), 0.05, 4.0)      # nearly a sign: edges count no more than the mark
    return np.clip(rest, -limit, limit)


def native_scales(short_side: int) -> list[float]:
    """What part of a frame of a usual size a clip's shorter side is if no pixel was scaled: 1, and some below it."""
    return [1.0] + [short_side / side for side in SHORT_SIDES if SCALES[0] <= short_side / side < 0.995]


def native_surfaces(colours_CYX: np.ndarray, key: bytes, scales: list[float]) -> np.ndarray:
    """Correlation with a key's pattern for all shifts at those scales, as it is and mirrored, (2, P, FINE, FINE)."""
    waves_PCUV = np.stack([_analyse(np.stack([residual(colour, width_at(scale)) for colour in colours_CYX]), scale)
                           for scale in scales])
    return np.stack([correlate(waves_PCUV, coefficients(key), is_mirrored, FINE) for is_mirrored in (False, True)])


def detect_home(colours_CYX: np.ndarray, keys: list[bytes]) -> list[Match]:
    """Look for the patterns of some keys where they were written, or mirrored there."""
    found = []
    for key in keys:
        home = native_surfaces(colours_CYX, key, [1.0])[:, 0, 0, 0]
        found.append(Match(float(home.max()), 2, 1.0, 0.0, bool(home.argmax()), (0.0, 0.0)))
    return found


def detect(colours_CYX: np.ndarray, keys: list[bytes]) -> list[tuple[list[Match], list[Match]]]:
    """Look for the patterns of some keys in the average frame of a clip, over scales, turns and shifts.

    Args:
        colours_CYX: Cb and Cr in levels, (2, Y, X), the shorter side 128 units.
        keys: whose patterns to look for.

    Returns:
        For each key the best of the likely places, which a crop of the frame could show, and the best of all; some of
        each, apart from one another, best first.
    """
    places, waves_PCUV, is_likely = searched(colours_CYX)
    found = []
    for key in keys:
        surfaces = np.stack([correlate(waves_PCUV, coefficients(key), is_mirrored, GRID)
                             for is_mirrored in (False, True)])
        found.append(tuple(best_of(surfaces, places, region) for region in (is_likely, np.ones_like(is_likely))))
    return found


def best_of(surfaces: np.ndarray, places: list[tuple[float, float]], region: np.ndarray) -> list[Match]:
    """The best places of surfaces (2, P, y, x), as it is and mirrored, in a region (P, y, x); none near a better."""
    flat = np.where(region, surfaces, np.float32(-np.inf)).reshape(2, len(places), -1)
    best: list[Match] = []
    tries = 2 * int(region.sum())
    for index in np.argsort(-flat.max(axis=2), axis=None):
        side, at = np.unravel_index(index, flat.shape[:2])
        y, x = np.unravel_index(int(flat[side, at].argmax()), surfaces.shape[2:])
        match = Match(float(flat[side, at].max()), tries, places[at][1], places[at][0], bool(side),
                      (float(y * UNITS / GRID), float(x * UNITS / GRID)))
        if all(_are_apart(match, other) for other in best):
            best.append(match)
        if len(best) == BEST:
            break
    return best


def _are_apart(one: Match, other: Match) -> bool:
    turn, scale, units = APART
    away = max(abs((a - b + UNITS / 2) % UNITS - UNITS / 2) for a, b in zip(one.shift, other.shift, strict=True))
    return (one.is_mirrored != other.is_mirrored or abs(one.turn - other.turn) > turn or away > units
            or abs(np.log(one.scale / other.scale)) > scale)


def searched(colours_CYX: np.ndarray) -> tuple[list[tuple[float, float]], np.ndarray, np.ndarray]:
    """Turn and scale of each place that `detect` looks at, its waves (P, C, u, v), and its likely shifts (P, y, x)."""
    places = [(turn, float(scale)) for turn in TURNS for scale in SCALES]
    rests = {width: [residual(colour, width) for colour in colours_CYX] for width in {width_at(s) for s in SCALES}}
    parts = {(turn, width): np.stack([turned(rest, turn) for rest in rests[width]])
             for turn in TURNS for width in rests}
    waves_PCUV = np.stack([_analyse(parts[turn, width_at(scale)], scale) for turn, scale in places])
    return places, waves_PCUV, _likely(places, max(colours_CYX.shape[1:]) / UNITS)


def width_at(scale: float) -> float:
    """Units over which a picture's own is smooth: seen from close by, the mark's waves are longer."""
    return SMOOTH / CLOSE ** 2 if scale < CLOSE else SMOOTH


def _likely(places: list[tuple[float, float]], aspect: float) -> np.ndarray:
    """Which shifts of which places lie within the frame, (P, GRID, GRID): far fewer, so less is owed to chance."""
    shift = np.abs(np.fft.fftfreq(GRID, 1 / UNITS))
    result = np.zeros((len(places), GRID, GRID), bool)
    for (turn, scale), region in zip(places, result, strict=True):
        if turn == 0 or scale >= TURNED_FROM:
            near = shift <= UNITS / 2 * abs(1 - scale) * aspect + SLACK
            region[:] = near[:, None] & near[None]
    return result


def _analyse(residuals_CYX: np.ndarray, scale: float) -> np.ndarray:
    """Whitened waves of the tile in a picture that spans `scale` tiles, complex (C, u, v)."""
    down_UY, across_XV = transforms(*residuals_CYX.shape[1:], scale)
    waves_CUV = down_UY @ residuals_CYX @ across_XV
    return waves_CUV * whitening(waves_CUV)


def transforms(height: int, width: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """What a picture is multiplied by from the left and from the right to find its waves, (u, Y) and (X, v)."""
    down = np.exp(-2j * np.pi * np.outer(U, (np.arange(height) - (height - 1) / 2) * scale / UNITS))
    across = np.exp(-2j * np.pi * np.outer((np.arange(width) - (width - 1) / 2) * scale / UNITS, V))
    return down, across


def whitening(waves_CUV: np.ndarray) -> np.ndarray:
    """One over the size of the waves nearby; zero outside the band."""
    power = np.pad(np.abs(waves_CUV) ** 2, ((0, 0), (1, 1), (1, 1)), mode="edge")
    near = sum(power[:, i:i + len(U), j:j + len(V)] for i in range(3) for j in range(3)) / 9
    return BAND / np.sqrt(near + 1e-6 * near.max() + 1e-12)


def mirrored(waves_CUV: np.ndarray) -> np.ndarray:
    """A pattern's waves seen in a mirror: x -> -x turns wave (u, v) into (u, -v), the conjugate of (-u, v)."""
    result = np.conj(waves_CUV[:, ::-1])
    result[..., 0] = waves_CUV[..., 0]
    return result


def correlate(waves_PCUV: np.ndarray, reference_CUV: np.ndarray, is_mirrored: bool, grid: int) -> np.ndarray:
    """Correlation in standard deviations with a pattern written from the middle, for all shifts, (P, grid, grid).

    Over keys its phases are independent and uniform, so that no place exceeds z more often than a Gaussian would.
    """
    products = waves_PCUV * np.conj(mirrored(reference_CUV) if is_mirrored else reference_CUV)
    deviations = np.sqrt((np.abs(products) ** 2).sum(axis=(1, 2, 3)) / 2) + 1e-12
    spectra = np.zeros((len(products), grid, grid // 2 + 1), np.complex64)
    spectra[:, (U % grid)[:, None], V[None]] = products.sum(axis=1) / 2
    spectra[:, :, 0] += np.conj(np.roll(spectra[:, ::-1, 0], 1, axis=1))        # irfft2 wants both halves there
    surfaces = torch.fft.irfft2(torch.from_numpy(spectra), s=(grid, grid), norm="forward").numpy()
    return surfaces / deviations[:, None, None].astype(np.float32)


def turned(picture_YX: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned about its middle, bilinear, zero outside."""
    if degrees == 0:
        return picture_YX
    height, width = picture_YX.shape
    y, x = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    at_y, at_x = cosine * y - sine * x + (height - 1) / 2, sine * y + cosine * x + (width - 1) / 2
    top, left = np.floor(at_y).astype(int), np.floor(at_x).astype(int)
    padded = np.pad(picture_YX, 1)
    result = np.zeros_like(picture_YX)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (1 - np.abs(at_y - top - dy)) * (1 - np.abs(at_x - left - dx))
        result += weight * padded[np.clip(top + dy + 1, 0, height + 1), np.clip(left + dx + 1, 0, width + 1)]
    return result


def _smooth(picture_YX: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian blur with mirrored edges."""
    reach = round(3 * width)
    kernel = np.exp(-np.arange(-reach, reach + 1) ** 2 / (2 * width ** 2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if axis == other else (0, 0) for other in (0, 1)]
        padded = np.pad(picture_YX, pad, mode="symmetric")
        picture_YX = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=axis) @ kernel
    return picture_YX
