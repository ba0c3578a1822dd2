"""MNIST with 15 corruptions of 5 severities, computed once and kept in the working folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardc.errors import CompileError
from cardc.frontend.train.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from cardc.frontend.train.parquet import read_parquet
from cardc.frontend.train.recipe import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Size:
    """How much is trained and tested: images, epochs, and test images for each corruption and severity."""

    train: int
    test: int
    epochs: int
    rewound_epochs: int
    a_cell: int


FULL = Size(train=20_000, test=10_000, epochs=6, rewound_epochs=4, a_cell=300)
SMOKE = Size(train=256, test=64, epochs=2, rewound_epochs=2, a_cell=4)


def folder(given: str | None) -> Path:
    """Where train.parquet and test.parquet of MNIST lie: --data, or CARDC_DATA/mnist."""
    root = given or os.path.join(os.environ.get("CARDC_DATA", ""), "mnist")
    path = Path(root)
    if not (path / "train.parquet").is_file():
        raise CompileError(
            "MNIST is not there", node=str(path), fix="give --data FOLDER with train.parquet and test.parquet"
        )
    return path


def training(data: Path, size: Size) -> tuple[FloatArray, IntArray]:
    """The first `size.train` images and labels."""
    return read_parquet(data / "train.parquet", limit=size.train)


def testing(data: Path, size: Size) -> tuple[FloatArray, IntArray]:
    """The first `size.test` images and labels."""
    return read_parquet(data / "test.parquet", limit=size.test)


def cells() -> Iterator[tuple[int, str, int]]:
    """(number, corruption, severity) of every cell of the table."""
    for c, name in enumerate(CORRUPTIONS):
        for s in SEVERITIES:
            yield c * len(SEVERITIES) + s - 1, name, s


def cell_indices(cell: int, size: Size) -> IntArray:
    """Which test images a cell has: the next `a_cell`, starting anew at the end."""
    return (np.arange(size.a_cell) + cell * size.a_cell).astype(np.int64) % size.test


def corrupted_test(data: Path, size: Size, work: Path) -> tuple[FloatArray, IntArray]:
    """Images [75, a_cell, 1, 28, 28] and labels [75, a_cell]."""
    kept = work / f"corrupted-{size.test}-{size.a_cell}.npz"
    if kept.exists():
        with np.load(kept, allow_pickle=False) as file:
            return file["x"].astype(np.float32) / np.float32(255), file["y"]
    x, y = testing(data, size)
    images, labels = [], []
    for cell, name, severity in cells():
        chosen = cell_indices(cell, size)
        # Bytes: what a camera would give, and an eighth of the space.
        images.append(np.rint(corrupted(x[chosen], name, severity) * 255).astype(np.uint8))
        labels.append(y[chosen])
    work.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept, x=np.stack(images), y=np.stack(labels))
    return np.stack(images).astype(np.float32) / np.float32(255), np.stack(labels)
