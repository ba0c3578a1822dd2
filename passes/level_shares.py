"""How often a tensor is on each of its levels, channel by channel, as far as weights and quantisers tell.

Where nothing is known, as of a network's input, every level is as likely as any other. Behind a convolution or a matrix
product and its quantiser levels are as sums of independent inputs fall on them: normal ones, of the mean and the
variance that the inputs' levels and the weights give. Max-pooling takes the highest of independent pixels.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from ..ops.window import window
from .schedule import base

Floats = NDArray[np.float64]
_below = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)), otypes=[np.float64])


def level_shares(value: ir.Value) -> Floats:
    """[channels, levels] of the integer tensor `value`, lowest level first; each row adds up to 1."""
    whole = base(value)
    found = _shares(whole)
    channels = int(shape_of(value)[1]) if len(shape_of(value)) > 1 else 1
    # A view of fewer dimensions has the pixels of a channel one after the other.
    return np.repeat(found, channels // len(found), axis=0) if channels % len(found) == 0 else _alike(found, channels)


def normal_sums(node: ir.Node, w: Array) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each output channel of `node`, a Conv or MatMul of integer weights `w`, in the
    integers of the graph."""
    shares, levels = level_shares(operand(node, 0)), _levels(qtype(operand(node, 0)))
    mean, square = shares @ levels, shares @ levels**2
    rows = w.T if node.op_type == "MatMul" else w.reshape(len(w), w.shape[1], -1)
    if node.op_type == "MatMul":
        return rows @ mean, np.sqrt(rows**2 @ (square - mean**2)) + 1e-9
    seen, each = inside(node, w), len(w) // integer(node, "group", 1)
    first = np.arange(len(w)) // each * w.shape[1]
    channel = first[:, None] + np.arange(w.shape[1])  # [outputs, inputs]
    squares = rows.astype(np.float64) ** 2
    means = ((rows * seen).sum(axis=2) * mean[channel]).sum(axis=1)
    spread = (squares * seen).sum(axis=2) * square[channel] - (squares * seen**2).sum(axis=2) * mean[channel] ** 2
    return means, np.sqrt(np.maximum(0.0, spread.sum(axis=1))) + 1e-9


def inside(node: ir.Node, w: Array) -> Floats:
    """Of each place of the Conv `node`'s kernel, which share of the outputs finds a pixel there, and no border."""
    win, out = window(node, w.shape[2:]), shape_of(result(node))[2:]
    found = np.ones(1)
    for axis, size in enumerate(shape_of(operand(node, 0))[2:]):
        places = np.arange(win.kernel[axis]) * win.dilations[axis] - win.begin[axis]
        at = places[:, None] + np.arange(out[axis]) * win.strides[axis]
        found = np.multiply.outer(found, ((at >= 0) & (at < size)).mean(axis=1)).reshape(-1)
    return found


def _shares(value: ir.Value) -> Floats:
    node, q = value.producer(), qtype(value)
    if node is not None and is_cardc(node, "Threshold", "Requantize"):
        sums = operand(node, 0).producer()
        w = constant(operand(sums, 1)) if sums is not None and is_cardc(sums, "Conv", "MatMul") else None
        if sums is not None and w is not None:
            return _quantised(node, q, *normal_sums(sums, w.astype(np.int64)))
    if node is not None and is_cardc(node, "MaxPool"):
        before = level_shares(operand(node, 0))
        return np.diff(np.cumsum(before, axis=1) ** math.prod(window(node).kernel), axis=1, prepend=0.0)
    return np.full((1, q.levels), 1.0 / q.levels)


def _quantised(node: ir.Node, q: QType, mean: Floats, spread: Floats) -> Floats:
    """Shares behind the quantiser `node` of normal sums."""
    given = [constant(operand(node, k)) for k in range(1, len(node.inputs))]
    if is_cardc(node, "Threshold") and given[0] is not None:
        d = given[1] if len(given) > 1 and given[1] is not None else np.ones(1)
        over = _below((d * mean)[:, None] / spread[:, None] - (given[0] - 0.5) / spread[:, None])
    elif is_cardc(node, "Requantize") and given[0] is not None and given[1] is not None:
        one = 2.0 ** integer(node, "shift", 0)
        scaled, wide = (mean * given[0] + given[1]) / one, spread * np.abs(given[0]) / one + 1e-9
        over = _below((scaled[:, None] - np.arange(q.lo + 1, q.hi + 1)) / wide[:, None])
    else:
        return np.full((1, q.levels), 1.0 / q.levels)
    ends = np.ones((len(over), 1))
    return -np.diff(np.concatenate([ends, over, 0 * ends], axis=1), axis=1)


def _alike(found: Floats, channels: int) -> Floats:
    return np.repeat(found.mean(axis=0, keepdims=True), channels, axis=0)


def _levels(q: QType) -> Floats:
    return np.arange(q.lo, q.hi + 1, q.step, dtype=np.float64)
