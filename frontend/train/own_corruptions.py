"""Corruptions that `imagecorruptions` cannot compute here, after Hendrycks and Dietterich (ICLR 2019), appendix A."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))  # sigma, reach, rounds
_FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))  # thickness, decay of the roughness
_IMPULSE = (0.03, 0.06, 0.09, 0.17, 0.27)  # share of pixels
_GAUSSIAN = (1, 2, 3, 4, 6)  # sigma in pixels


def impulse_noise(image: Image, severity: int, random: np.random.Generator) -> Image:
    """Salt and pepper: a share of the values of `image` [H, W, 3] becomes 0 or 255."""
    hit = random.random(image.shape) < _IMPULSE[severity - 1]
    salt = random.random(image.shape) < 0.5
    return np.where(hit, np.where(salt, 255, 0), image).astype(np.uint8)


def gaussian_blur(image: Image, severity: int, random: np.random.Generator) -> Image:
    """`image` [H, W, 3] blurred; nothing is random."""
    return _bytes(_blurred(image / 255, _GAUSSIAN[severity - 1]))


def glass_blur(image: Image, severity: int, random: np.random.Generator) -> Image:
    """Blurred, pixels of `image` [H, W, 3] swapped with near ones, blurred again."""
    sigma, reach, rounds = _GLASS[severity - 1]
    x = _blurred(image / 255, sigma)
    h, w = x.shape[:2]
    # Swaps depend on each other, so they are made one by one, on a plain list of where each pixel comes from.
    source = list(range(h * w))
    rows, columns = range(h - reach - 1, reach - 1, -1), range(w - reach - 1, reach - 1, -1)
    places = [i * w + j for i in rows for j in columns]
    for _ in range(rounds):
        moves = random.integers(-reach, reach, (len(places), 2)) @ np.array([w, 1])
        for here, move in zip(places, moves.tolist(), strict=True):
            there = here + move
            source[here], source[there] = source[there], source[here]
    x = x.reshape(h * w, -1)[source].reshape(x.shape)
    return _bytes(_blurred(x, sigma))


def fog(image: Image, severity: int, random: np.random.Generator) -> Image:
    """A random height map laid over `image` [H, W, 3], which loses contrast in turn."""
    thickness, decay = _FOG[severity - 1]
    x = image / 255
    brightest = x.max()
    size = 1 << (max(x.shape[:2]) - 1).bit_length()
    haze = plasma(size, decay, random)[: x.shape[0], : x.shape[1], None]
    return _bytes((x + thickness * haze) * brightest / (brightest + thickness))


def plasma(size: int, decay: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Height map [size, size] in [0, 1] by the diamond-square algorithm on a torus; `size` is a power of two."""
    grid = np.zeros((size, size))
    step, wobble = size, 100.0

    def noisy(total: NDArray[np.float64]) -> NDArray[np.float64]:
        return total / 4 + wobble * random.uniform(-wobble, wobble, total.shape)

    while step >= 2:
        half = step // 2
        corners = grid[::step, ::step]
        square = corners + np.roll(corners, -1, 0)
        grid[half::step, half::step] = noisy(square + np.roll(square, -1, 1))
        middles = grid[half::step, half::step]
        across, down = corners + np.roll(corners, -1, 1), middles + np.roll(middles, 1, 0)
        grid[::step, half::step] = noisy(down + across)
        along, beside = corners + np.roll(corners, -1, 0), middles + np.roll(middles, 1, 1)
        grid[half::step, ::step] = noisy(along + beside)
        step, wobble = half, wobble / decay
    grid -= grid.min()
    return np.asarray(grid / grid.max())


def _blurred(x: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    out: Any = gaussian_filter(x, (sigma, sigma, 0), mode="nearest", truncate=4.0)
    return np.asarray(out)


def _bytes(x: NDArray[np.float64]) -> Image:
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)
