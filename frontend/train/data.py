"""scikit-learn's digits: 1,797 real 8x8 grey images of handwritten digits (UCI, optdigits test set)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import CompileError
from .recipe import FloatArray, IntArray

TEST_IMAGES = 360


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images float32 [N, 1, 8, 8] in [0, 1] (17 grey levels) and labels int64 [N], for training and for
    testing.
    """

    x_train: FloatArray
    y_train: IntArray
    x_test: FloatArray
    y_test: IntArray


def digits(seed: int = 0) -> Split:
    """The digits split into 1,437 training and 360 test images, stratified by class, the same for the same
    `seed`.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise CompileError("scikit-learn is not installed", fix="pip install 'cardc[train]'") from error
    raw = load_digits()
    x = (raw.data / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    y = raw.target.astype(np.int64)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=TEST_IMAGES, stratify=y, random_state=seed)
    return Split(x_train, y_train, x_test, y_test)
