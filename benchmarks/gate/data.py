"""Images as integers: scikit-learn's digits, the test images of MNIST and CIFAR-10, and ones that push every word."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from cardc.errors import CompileError
from cardc.frontend.train.parquet import read_parquet
from cardc.ops.base import Array


def _digits(limit: int, root: Path | None) -> Array:
    from sklearn.datasets import load_digits

    return np.asarray(load_digits(return_X_y=True)[0][:limit], np.int64).reshape(-1, 1, 8, 8)


def _stored(name: str) -> Callable[[int, Path | None], Array]:
    def load(limit: int, root: Path | None) -> Array:
        if root is None:
            raise CompileError(f"{name} is not there", fix="give --data FOLDER or set CARDC_DATA")
        x = read_parquet(root / name / "test.parquet", limit=limit)[0]
        return np.rint(x * 255).astype(np.int64)

    return load


SETS: Mapping[str, tuple[int, Callable[[int, Path | None], Array]]] = {
    "digits": (16, _digits), "mnist": (255, _stored("mnist")), "cifar10": (255, _stored("cifar10")),
}  # fmt: skip
"""The largest integer of a pixel, and what loads at most so many images [N, C, H, W]."""


def folder(given: str | None) -> Path | None:
    """Where mnist/ and cifar10/ lie: --data, or CARDC_DATA."""
    found = given or os.environ.get("CARDC_DATA")
    return Path(found) if found else None


def noisy(q: Array, hi: int) -> Array:
    """With Gaussian noise of a tenth of the range, rounded and cut off; the same each time."""
    noise = np.random.default_rng(0).normal(size=q.shape) * 0.1 * hi
    return np.clip(np.rint(q + noise), 0, hi).astype(np.int64)


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
