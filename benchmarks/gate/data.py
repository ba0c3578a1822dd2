"""Real images as integers: scikit-learn's digits, the test images of MNIST and CIFAR-10."""

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
