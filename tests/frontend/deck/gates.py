"""Images and gates for tests: real digits, and images that push every word to its end."""

from __future__ import annotations

import functools

import numpy as np
from sklearn.datasets import load_digits

from cardc.frontend.deck import Gate, Spectrum, fit_gate
from cardc.frontend.deck.integer_gate import fit_integer_gate
from cardc.ops.base import Array
from cardc.ops.spectral import IntegerGate


@functools.cache
def digits() -> Array:
    """1,797 images [N, 1, 8, 8] of integers 0 ... 16."""
    return np.asarray(load_digits(return_X_y=True)[0], np.int64).reshape(-1, 1, 8, 8)


def noisy(q: Array, hi: int, seed: int = 0) -> Array:
    """With Gaussian noise of a tenth of the range, rounded and cut off."""
    noise = np.random.default_rng(seed).normal(size=q.shape) * 0.1 * hi
    return np.clip(np.rint(q + noise), 0, hi).astype(np.int64)


def float_gate(q: Array, hi: int, spectrum: Spectrum, window: int = 1) -> Gate:
    """Clean against noisy."""
    parts = {"clean": q, "noise": noisy(q, hi)}
    return fit_gate({name: (x / hi).astype(np.float32) for name, x in parts.items()}, spectrum, window)


def adversarial(shape: tuple[int, int, int], lo: int, hi: int) -> Array:
    """Constant, stripes, checkerboards, single pixels, cosines of full range, noise: [N, C, H, W]."""
    channels, height, width = shape
    y, x = np.mgrid[:height, :width]
    planes = [np.full((height, width), v) for v in (lo, hi, 0)]
    planes += [np.where(sign % 2 == 0, lo, hi) for sign in (x, y, x + y, x // 2, y // 2, x // 2 + y)]
    for at in ((0, 0), (height // 2, width - 1), (height - 1, width // 2)):
        for low, high in ((lo, hi), (hi, lo)):
            one = np.full((height, width), low)
            one[at] = high
            planes.append(one)
    for ky, kx in ((1, 1), (height // 4, width // 8), (height // 2, 1), (3, width // 2 - 1)):
        wave = np.cos(2 * np.pi * (ky * y / height + kx * x / width) + 0.3)
        planes.append(np.where(wave >= 0, hi, lo))  # the square wave: as large as this frequency can be
    planes += list(np.random.default_rng(1).integers(lo, hi + 1, (3, height, width)))
    return np.repeat(np.stack(planes)[:, None], channels, 1).astype(np.int64)


def random_gate(
    shape: tuple[int, int, int], lo: int, hi: int, spectrum: Spectrum, window: int = 1, names: int = 2
) -> IntegerGate:
    """A gate for images lo ... hi, fitted to noise of several strengths."""
    q = np.random.default_rng(0).integers(lo, hi + 1, (10 * names, *shape))
    scale = 1 / (hi - lo)
    parts = {f"a{i}": q[10 * i : 10 * i + 10] * (scale * (1 - 0.2 * i)) for i in range(names)}
    gate = fit_gate({name: x.astype(np.float32) for name, x in parts.items()}, spectrum, window)
    return fit_integer_gate(gate, shape, lo, hi, scale)
