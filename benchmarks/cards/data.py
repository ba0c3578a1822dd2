"""Images of a plan: for training, validation and testing, and corrupted ones, computed once and kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from benchmarks.cards.plan import Exam

from cardc.errors import CompileError
from cardc.frontend.train.corruptions import SEVERITIES, corrupted
from cardc.frontend.train.data import digits
from cardc.frontend.train.parquet import read_parquet
from cardc.frontend.train.recipe import FloatArray, IntArray

Pair = tuple[FloatArray, IntArray]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a data set is; `path` is a folder with train.parquet and test.parquet, None for digits."""

    dataset: str
    path: Path | None
    work: Path


def source(dataset: str, given: str | None, work: Path) -> Source:
    """The folder `given`, or CARDC_DATA/<dataset>; digits come with scikit-learn."""
    if dataset == "digits":
        return Source(dataset, None, work)
    path = Path(given or os.path.join(os.environ.get("CARDC_DATA", ""), dataset))
    if not (path / "train.parquet").is_file():
        raise CompileError(
            f"{dataset} is not there", node=str(path), fix="give --data FOLDER with train.parquet and test.parquet"
        )
    return Source(dataset, path, work)


@cache
def _whole(dataset: str, path: Path | None) -> tuple[Pair, Pair]:
    """All training and all test images; read once a process."""
    if path is None:
        split = digits()
        return (split.x_train, split.y_train), (split.x_test, split.y_test)
    return read_parquet(path / "train.parquet"), read_parquet(path / "test.parquet")


def training(s: Source, exam: Exam, count: int) -> Pair:
    """The first `count` training images; never one of the last `exam.validation`."""
    x, y = _whole(s.dataset, s.path)[0]
    if count + exam.validation > len(x):
        raise CompileError(
            f"{count} images for training and {exam.validation} for validation of {len(x)}", fix="take fewer"
        )
    return x[:count], y[:count]


def validation(s: Source, exam: Exam) -> Pair:
    """The last images of the training set."""
    x, y = _whole(s.dataset, s.path)[0]
    return x[-exam.validation :], y[-exam.validation :]


def testing(s: Source, exam: Exam) -> Pair:
    """The first `exam.test` test images."""
    x, y = _whole(s.dataset, s.path)[1]
    return x[: exam.test], y[: exam.test]


def cells(s: Source, exam: Exam, names: tuple[str, ...], *, test: bool) -> Pair:
    """Images [len(names) * 5, n, C, H, W] and labels [.., n]: each corruption by name, severities 1 to 5.

    Of the test images (`test`), or of the validation images: n is `exam.a_cell`, or what there is of them. Each cell
    has the next n images, starting anew at the end.
    """
    x, y = testing(s, exam) if test else validation(s, exam)
    n = min(exam.a_cell, len(x))
    kept = s.work / f"{'test' if test else 'validation'}-{len(x)}-{n}-{len(names)}.npz"
    if not kept.exists():
        images, labels = [], []
        for cell, (name, severity) in enumerate((name, s) for name in names for s in SEVERITIES):
            chosen = (np.arange(n) + cell * n) % len(x)
            # Bytes: what a camera would give, and an eighth of the space.
            images.append(np.rint(corrupted(x[chosen], name, severity) * 255).astype(np.uint8))
            labels.append(y[chosen])
        s.work.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}.npz")
        np.savez_compressed(part, x=np.stack(images), y=np.stack(labels))
        os.replace(part, kept)
    with np.load(kept, allow_pickle=False) as file:
        return file["x"].astype(np.float32) / np.float32(255), file["y"]
