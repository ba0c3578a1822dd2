"""Data and trained models that are not in the repository; tests that use them skip visibly where they are absent."""

from __future__ import annotations

import functools
import io
import os
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from cardc.ops.base import Array

_ROOT = Path(__file__).resolve().parent.parent


def data_path(*parts: str) -> Path:
    """A file of the optional data: under $CARDC_DATA, or in ../shared/data beside the repository."""
    places = [Path(p) for p in (os.environ.get("CARDC_DATA"),) if p] + [_ROOT.parent / "shared" / "data"]
    for place in places:
        if (path := place.joinpath(*parts)).exists():
            return path
    pytest.skip(f"the optional data {'/'.join(parts)} is absent (set CARDC_DATA to the folder that holds it)")


@functools.cache
def mnist_test() -> tuple[Array, Array]:
    """The 10,000 MNIST test images [10000, 1, 28, 28] float32 in 0..1 and their labels."""
    path = data_path("mnist", "test.parquet")
    frame = pandas.read_parquet(path)
    pixels = [np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in frame["image"]]
    return np.stack(pixels).astype(np.float32)[:, None] / np.float32(255), frame["label"].to_numpy()
