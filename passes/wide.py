"""What needs more than bytes and 32-bit sums: such layers and quantisers take kernels of 64 bits of their own."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops.base import constant, operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from .conv_terms import Terms
from .kernel_costs import Cost, is_int8, spent

Ints = NDArray[np.int64]
_BYTES = 256
_CHUNK = 16  # pixels that are summed before they are finished
_MULTIPLIER = 1 << 29  # leaves room for what a kernel's own way to sum makes of it


def wide_product(node: ir.Node) -> bool:
    """Whether the Conv or MatMul `node` reads more than 256 levels, or has weights of more than 8 bits."""
    w = constant(operand(node, 1))
    return not fits_bytes(qtype(operand(node, 0))) or (w is not None and not is_int8(w))


def beyond_32_bits(node: ir.Node, w: Ints) -> bool:
    """Whether a sum of weights `w` times stored bytes may exceed 32 bits. Inputs of up to 256 levels only."""
    rows = w.T if node.op_type == "MatMul" else w.reshape(w.shape[0], -1)
    return int(np.abs(rows).sum(axis=1).max(initial=0)) * _BYTES >= 2**31


def wide_terms(node: ir.Node, w: Ints) -> Terms:
    """How often the kernels of a wide layer of weights `w` do what rates are known for (runtime: `cardc_*_wide.c`)."""
    q = qtype(operand(node, 0))
    dense = node.op_type == "MatMul"
    rows = w.T if dense else w.reshape(len(w), -1)
    most = int(np.abs(rows).sum(axis=1).max(initial=0)) * max(abs(q.lo), abs(q.hi), q.hi - q.lo)
    sums = "short" if most < 2**31 else "long"  # of 32 bits or of 64
    out = shape_of(result(node))
    height, width = (1, 1) if dense else (int(np.prod(out[2:-1])), int(out[-1]))
    outputs, chunks = float(len(rows) * height * width), height * -(-width // _CHUNK)
    users = list(node.outputs[0].uses())
    found = {"wide_out": outputs, "wide_row": float(len(rows) * chunks)}
    if len(users) == 1 and is_cardc(users[0].node, "Threshold"):
        t = constant(operand(users[0].node, 1))
        found["wide_step"] = outputs * (0 if t is None else t.shape[1].bit_length())
    if dense:
        return found | {f"wide_dot_{sums}": float(w.size)}
    taken = int(np.count_nonzero(w))
    return found | {
        f"wide_tap_{sums}": float(taken * height * width), "wide_call": float(taken * chunks),
        "wide_seen": float(w.size * chunks),
    }  # fmt: skip


def wide_costs(node: ir.Node, w: Ints, features: frozenset[str]) -> dict[str, Cost]:
    """The one encoding of a wide layer, and its cost."""
    low, high = int(w.min(initial=0)), int(w.max(initial=0))
    width = next((n for n in (1, 2) if -(2 ** (8 * n - 1)) <= low and high < 2 ** (8 * n - 1)), 4)
    return {"wide": Cost(spent(wide_terms(node, w), features), float(width * w.size))}


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
