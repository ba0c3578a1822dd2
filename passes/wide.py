"""What needs more than bytes and 32-bit sums: such layers and quantisers take kernels of 64 bits of their own."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops.base import constant, operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from .kernel_costs import Cost, is_int8

Ints = NDArray[np.int64]
_BYTES = 256
_PRODUCT = 10.0  # instructions
_MULTIPLIER = 1 << 29  # leaves room for what a kernel's own way to sum makes of it


def wide_product(node: ir.Node) -> bool:
    """Whether the Conv or MatMul `node` reads more than 256 levels, or has weights of more than 8 bits."""
    w = constant(operand(node, 1))
    return not fits_bytes(qtype(operand(node, 0))) or (w is not None and not is_int8(w))


def beyond_32_bits(node: ir.Node, w: Ints) -> bool:
    """Whether a sum of weights `w` times stored bytes may exceed 32 bits. Inputs of up to 256 levels only."""
    rows = w.T if node.op_type == "MatMul" else w.reshape(w.shape[0], -1)
    return int(np.abs(rows).sum(axis=1).max(initial=0)) * _BYTES >= 2**31


def wide_costs(node: ir.Node, w: Ints) -> dict[str, Cost]:
    """The one encoding of a wide layer, and a rough estimate of its cost."""
    pixels = 1 if node.op_type == "MatMul" else int(np.prod(shape_of(result(node))[2:]))
    low, high = int(w.min(initial=0)), int(w.max(initial=0))
    width = next((n for n in (1, 2) if -(2 ** (8 * n - 1)) <= low and high < 2 ** (8 * n - 1)), 4)
    return {"wide": Cost(_PRODUCT * w.size * pixels, float(width * w.size))}


def wide_finish(node: ir.Node) -> bool:
    """Whether the Threshold, Requantize or Affine `node` gives more than 256 levels by thresholds, or needs 64 bits."""
    q = qtype(result(node))
    if is_cardc(node, "Threshold") or text(node, "rounding", "floor") != "floor":
        return not fits_bytes(q)
    m, b = (constant(operand(node, k)) for k in (1, 2))
    if m is None or b is None:
        return False
    acc = qtype(operand(node, 0))
    factor = int(np.abs(m.astype(np.int64)).max(initial=0))
    if is_cardc(node, "Requantize"):
        return factor >= _MULTIPLIER
    # Bounded by Python's integers, which do not overflow.
    most = factor * max(abs(acc.lo), abs(acc.hi)) + int(np.abs(b.astype(np.int64)).max(initial=0))
    return most >= _MULTIPLIER and not (_fits_int32(q) and most < 2**31)


def fits_bytes(q: QType) -> bool:
    """Whether a byte holds every level, with one for the zero where steps pass over it."""
    levels = q.levels if q.lo <= 0 <= q.hi and q.lo % q.step == 0 else max(q.hi, 0) - min(q.lo, 0) + 1
    return levels <= _BYTES


def _fits_int32(q: QType) -> bool:
    return q.lo >= -(2**31) and q.hi < 2**31
