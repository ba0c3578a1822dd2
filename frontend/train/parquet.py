"""Image data sets in Hugging Face style Parquet, and in folders by class as torchvision has them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CompileError
from .recipe import FloatArray, IntArray

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm")
_LARGEST = 4096  # pixels a side: what an image may claim before it is decoded


def read_parquet(
    path: str | Path, *, image: str | None = None, label: str = "label", limit: int | None = None
) -> tuple[FloatArray, IntArray]:
    """Images float32 [N, C, H, W] in [0, 1] and labels int64 [N] of one Parquet file, in its order.

    `image` is the column that holds {bytes, path} or bytes of encoded images; by default the one of that kind.
    `limit` takes the first so many rows. Raises CompileError for a missing column or images of different sizes.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CompileError("pyarrow is not installed", fix="pip install 'cardc[data]'") from error
    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise CompileError(f"cannot read: {error}", node=str(path), fix="give a Parquet file") from error
    column = image or next((n for n in ("image", "img") if n in table.column_names), "image")
    for name in (column, label):
        if name not in table.column_names:
            raise CompileError(
                f"no column {name!r}", node=str(path), fix=f"use one of: {', '.join(sorted(table.column_names))}"
            )
    if limit is not None:
        table = table.slice(0, limit)
    cells = (cell.as_py() for cell in table.column(column))
    encoded = [cell["bytes"] if isinstance(cell, dict) else cell for cell in cells]
    labels = np.asarray(table.column(label).to_pylist())
    if not np.issubdtype(labels.dtype, np.integer):
        raise CompileError(f"labels of type {labels.dtype}", node=str(path), fix="number the classes 0, 1, 2, ...")
    return decode(encoded, str(path)), labels.astype(np.int64)


def read_folders(path: str | Path, *, limit: int | None = None) -> tuple[FloatArray, IntArray, list[str]]:
    """Images [N, C, H, W], labels [N] and class names of a folder with a subfolder of images for each class.

    Classes are numbered in sorted order of their names, as torchvision's ImageFolder does; `limit` is a class's.
    """
    root = Path(path)
    classes = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if not classes:
        raise CompileError("no folder of classes", node=str(root), fix="give a folder with one subfolder a class")
    files: list[tuple[Path, int]] = []
    for number, name in enumerate(classes):
        found = sorted(p for p in (root / name).iterdir() if p.suffix.lower() in _SUFFIXES)
        files += [(p, number) for p in found[:limit]]
    x = decode([p.read_bytes() for p, _ in files], str(root))
    return x, np.asarray([number for _, number in files], np.int64), classes


def decode(encoded: Sequence[Any], where: str) -> FloatArray:
    """Encoded images as float32 [N, C, H, W] in [0, 1]: one channel where the first image is grey, else three."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise CompileError("pillow is not installed", fix="pip install 'cardc[data]'") from error
    if not encoded:
        raise CompileError("no image", node=where, fix="give at least one")
    arrays: list[Any] = []
    mode = ""
    for i, data in enumerate(encoded):
        try:
            with Image.open(io.BytesIO(data)) as image:
                if max(image.size) > _LARGEST:
                    raise ValueError(f"{image.size} pixels")
                mode = mode or ("L" if image.mode in ("1", "L", "I", "I;16") else "RGB")
                arrays.append(np.asarray(image.convert(mode)))
        except (OSError, ValueError, TypeError, SyntaxError, zlib.error, UnidentifiedImageError) as error:
            raise CompileError(f"image {i} cannot be decoded: {error}", node=where, fix="give PNG or JPEG") from error
        if arrays[-1].shape != arrays[0].shape:
            raise CompileError(
                f"image {i} has shape {list(arrays[-1].shape)}, the first {list(arrays[0].shape)}",
                node=where, fix="give images of one size",
            )  # fmt: skip
    stack = np.stack(arrays)
    stack = stack[:, None] if stack.ndim == 3 else stack.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(stack).astype(np.float32) / np.float32(255)
