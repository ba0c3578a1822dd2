"""What training looks at before it begins: data, the model that is to take them, and the device."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import CompileError
from .recipe import FloatArray, IntArray


def check_data(x: FloatArray, y: IntArray) -> tuple[Tensor, Tensor]:
    """Training data as tensors.

    Raises CompileError for NaN, lengths that differ, labels that are no integers, or images that are (bytes from 0 to
    255, say: cards take [0, 1]).
    """
    if x.ndim < 2 or y.ndim != 1 or len(x) != len(y) or len(x) < 2:
        raise CompileError(
            f"inputs of shape {list(x.shape)} with labels of shape {list(y.shape)}",
            fix="give x as [N, ...] and y as [N], with N of at least 2",
        )
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        raise CompileError(f"labels of type {y.dtype} from {y.min()}", fix="number the classes 0, 1, 2, ...")
    if not np.issubdtype(x.dtype, np.floating):
        raise CompileError(f"training images of type {x.dtype}", fix="give floats in [0, 1]: divide bytes by 255")
    if not np.isfinite(x).all():
        raise CompileError("the training images hold NaN or infinity", fix="clean the data")
    return torch.from_numpy(np.array(x, np.float32)), torch.from_numpy(np.array(y, np.int64))


@torch.no_grad()
def check_model(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Raise CompileError unless `model` turns two of the images x [N, ...] into logits for every label of y [N].

    The model is left in eval mode.
    """
    shape = list(x.shape[1:])
    try:
        logits = model.eval()(x[:2])
    except (RuntimeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise CompileError(f"the model takes no images of shape {shape}: {said}", fix="build it for them") from error
    classes = logits.shape[1] if logits.ndim == 2 else 0
    if int(y.max()) >= classes:
        raise CompileError(
            f"a label {int(y.max())}, and outputs of shape {list(logits.shape[1:])}",
            fix="build the model for as many classes as there are labels, numbered from 0",
        )


def digest(model: nn.Module, x: Tensor, y: Tensor) -> str:
    """What a checkpoint must agree with, besides the recipe: the model's tensors by name and shape, and the data."""
    shapes = repr([(n, list(t.shape)) for n, t in (*model.named_parameters(), *model.named_buffers())]).encode()
    return "-".join(f"{zlib.crc32(part):08x}" for part in (shapes, x.numpy().tobytes(), y.numpy().tobytes()))


def to_device(model: nn.Module, device: str) -> None:
    """Move `model`. Raises CompileError for a device that is none or is not there."""
    try:
        model.to(device)
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        raise CompileError(f"device {device!r}: {said}", fix='"cpu", or "cuda" with a GPU') from error
