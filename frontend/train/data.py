"""scikit-learn's digits: 1,797 real 8x8 grey images of handwritten digits (UCI, optdigits test set)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import CompileError
from .recipe import FloatArray, IntArray

TEST_IMAGES = 360


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images float32 [N, 1, 8, 8] in [0, 1] (17 grey levels) and labels int64 [N], for training and for testing."""

    x_train: FloatArray
    y_train: IntArray
    x_test: FloatArray
    y_test: IntArray


def digits(seed: int = 0) -> Split:
    """The digits split into 1,437 training and 360 test images, stratified by class, the same for the same `seed`."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise CompileError("scikit-learn is not installed", fix="pip install 'cardc[train]'") from error
    pixels, target = load_digits(return_X_y=True)
    x = (np.asarray(pixels) / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    y = np.asarray(target).astype(np.int64)
    halves = train_test_split(np.arange(len(x)), test_size=TEST_IMAGES, stratify=y, random_state=seed)
    train, test = (np.asarray(half) for half in halves)
    return Split(x[train], y[train], x[test], y[test])
