"""Images and gates for tests: real digits, and images that push every word to its end."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from benchmarks.gate.data import adversarial
from sklearn.datasets import load_digits

from cardc.frontend.deck import Gate, Spectrum, fit_gate
from cardc.frontend.deck.integer_gate import fit_integer_gate
from cardc.ops.base import Array
from cardc.ops.spectral import IntegerGate

__all__ = ["adversarial", "digits", "float_gate", "noisy", "random_gate"]


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


def random_gate(
    shape: tuple[int, int, int], lo: int, hi: int, spectrum: Spectrum, window: int = 1, names: int = 2,
    goal_db: float | None = None,
) -> IntegerGate:  # fmt: skip
    """A gate for images lo ... hi, fitted to noise of several strengths; without a goal its words have 16 bits."""
    q = np.random.default_rng(0).integers(lo, hi + 1, (10 * names, *shape))
    scale = 1 / (hi - lo)
    parts = {f"a{i}": q[10 * i : 10 * i + 10] * (scale * (1 - 0.2 * i)) for i in range(names)}
    gate = fit_gate({name: x.astype(np.float32) for name, x in parts.items()}, spectrum, window)
    found = fit_integer_gate(dataclasses.replace(gate, window=1), shape, lo, hi, scale, q, goal_db=goal_db)
    return dataclasses.replace(found, window=window)
