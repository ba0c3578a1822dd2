"""Data sets in Parquet and folders, and corrupted test sets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cardc.errors import CompileError
from cardc.frontend.train.corruptions import CORRUPTIONS, HELD_OUT, corrupted
from cardc.frontend.train.own_corruptions import fog, glass_blur, impulse_noise, plasma
from cardc.frontend.train.parquet import decode, read_folders, read_parquet

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (5, 9, 7), np.uint8)
COLOUR = RANDOM.integers(0, 256, (5, 9, 7, 3), np.uint8)


def _png(image: np.ndarray) -> bytes:  # type: ignore[type-arg]
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def _parquet(path: Path, images: np.ndarray, column: str = "image", struct: bool = True) -> Path:  # type: ignore[type-arg]
    cells = [{"bytes": _png(i), "path": None} if struct else _png(i) for i in images]
    pq.write_table(pa.table({column: cells, "label": [3, 1, 2, 0, 9]}), path)
    return path


@pytest.mark.parametrize("struct", [True, False])
@pytest.mark.parametrize("column", ["image", "img"])
def test_parquet(tmp_path: Path, column: str, struct: bool) -> None:
    x, y = read_parquet(_parquet(tmp_path / "a.parquet", GREY, column, struct))
    assert x.dtype == np.float32
    assert np.array_equal(x, GREY[:, None].astype(np.float32) / np.float32(255))
    assert y.tolist() == [3, 1, 2, 0, 9]
    x, y = read_parquet(_parquet(tmp_path / "b.parquet", COLOUR, column, struct), limit=2)
    assert np.array_equal(x, COLOUR[:2].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    assert y.tolist() == [3, 1]


def test_folders_are_numbered_by_name(tmp_path: Path) -> None:
    for name, image in (("zebra", GREY[0]), ("ant", GREY[1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(_png(image))
        (tmp_path / name / "notes.txt").write_text("no image")
    x, y, classes = read_folders(tmp_path)
    assert classes == ["ant", "zebra"]
    assert y.tolist() == [0, 1]
    assert np.array_equal(x[0, 0], GREY[1].astype(np.float32) / np.float32(255))


def test_bad_data_is_refused(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "a.parquet", GREY)
    (tmp_path / "b.parquet").write_bytes(b"nothing")
    for run, says in [
        (lambda: read_parquet(path, label="class"), "no column 'class'"),
        (lambda: read_parquet(path, image="picture"), "no column 'picture'"),
        (lambda: read_parquet(tmp_path / "b.parquet"), "cannot read"),
        (lambda: read_parquet(tmp_path / "missing.parquet"), "cannot read"),
        (lambda: read_folders(tmp_path / "missing"), "no folder of classes"),
        (lambda: decode([_png(GREY[0]), b"junk"], "here"), "image 1 cannot be decoded"),
        (lambda: decode([_png(GREY[0]), _png(GREY[1][:4])], "here"), r"shape \[4, 7\]"),
        (lambda: decode([], "here"), "no image"),
    ]:
        with pytest.raises(CompileError, match=says):
            run()


@pytest.mark.parametrize("name", [*CORRUPTIONS, *(n for n in HELD_OUT if n != "saturate")])
def test_corruptions_grow_with_severity_and_repeat(name: str) -> None:
    i, j = np.mgrid[:28, :28]
    disc = (i - 13.3) ** 2 + (j - 12.7) ** 2 < 60
    x = (np.linspace(0.4, 1, 4)[:, None, None, None] * disc).astype(np.float32)
    np.random.seed(5)  # the caller's random state is none of their business
    expected = np.random.random()
    np.random.seed(5)
    weak, strong = (corrupted(x, name, s) for s in (1, 5))
    assert np.random.random() == expected
    assert strong.shape == x.shape
    assert strong.dtype == np.float32
    assert 0 <= strong.min() <= strong.max() <= 1
    assert 0 < np.abs(weak - x).mean() < np.abs(strong - x).mean()
    assert np.array_equal(corrupted(x, name, 5), strong)


def test_saturation_is_for_colours() -> None:
    """Weak saturation leaves grey as it is, up to a rounding of HSV to bytes."""
    grey = (np.arange(4 * 32 * 32) % 256 / 255).reshape(4, 1, 32, 32).astype(np.float32)
    assert np.abs(corrupted(grey, "saturate", 1) - grey).max() <= 1.01 / 255
    x = np.random.default_rng(1).random((2, 3, 32, 32), np.float32)
    assert np.abs(corrupted(x, "saturate", 1) - x).mean() > 0.05


def test_colour_is_kept_and_noise_follows_its_seed() -> None:
    x = RANDOM.random((2, 3, 32, 32), np.float32)
    a, b = (corrupted(x, "gaussian_noise", 2, seed=s) for s in (0, 1))
    assert a.shape == x.shape
    assert not np.array_equal(a, b)
    assert not np.array_equal(a[:, 0], a[:, 1])
    bright = corrupted(x, "jpeg_compression", 1)
    assert np.abs(bright - x).mean() < 0.15


def test_own_corruptions() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[8:24, 12:20] = 200
    random = np.random.default_rng(0)
    hit = (impulse_noise(np.full((200, 200, 3), 128, np.uint8), 5, random) != 128).mean()
    assert hit == pytest.approx(0.27, abs=0.01)
    blurred = glass_blur(image, 3, random)
    assert int(blurred.sum()) == pytest.approx(int(image.sum()), rel=0.03)  # it moves light, and makes none
    misty = fog(image, 3, random)
    assert misty[:4].mean() > 20
    assert misty.max() <= 200
    height = plasma(16, 2.0, random)
    assert (height.min(), height.max()) == (0, 1)


def test_bad_corruptions_are_refused() -> None:
    x = np.zeros((1, 1, 8, 8), np.float32)
    for run in (
        lambda: corrupted(x, "rain", 1), lambda: corrupted(x, "fog", 6), lambda: corrupted(x[0], "fog", 1),
        lambda: corrupted(np.zeros((1, 2, 8, 8), np.float32), "fog", 1),
    ):  # fmt: skip
        with pytest.raises(CompileError):
            run()
