"""What a node of the graph is for the cost models: its shape, its weights, what follows its sums."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import Array, constant, integer, operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from ..ops.window import window
from .choose_layout import choose_layout
from .conv_terms import ConvShape
from .encodings import fold
from .schedule import base, finish_of
from .tails import Tail
from .turns import turns_of


def tail_of(node: ir.Node) -> Tail:
    """What follows `node` in its stage."""
    finish = finish_of(node)
    if finish is None or is_cardc(finish, "Affine"):
        return Tail("plain")
    if is_cardc(finish, "Requantize") and text(finish, "rounding", "floor") == "floor":
        return Tail("scaled", wide=_wide(node, finish))
    t = constant(operand(finish, 1)) if is_cardc(finish, "Threshold") else None
    levels = 0 if t is None else t.shape[1]
    rising = len(finish.inputs) < 3
    # Kernels search among 2^k - 1 thresholds; fewer are filled up where all rise.
    filled = (1 << levels.bit_length()) - 1 if rising and 1 < levels <= 31 else levels
    wide = t is not None and _wide(node, finish)
    return Tail("thresholds", levels if wide else filled, wide)


def _wide(node: ir.Node, finish: ir.Node) -> bool:
    """Whether the `finish` of the Conv or MatMul `node` needs thresholds of more than 16 bits, or products of more than
    32."""
    w = constant(operand(node, 1)) if is_cardc(node, "Conv", "MatMul") else None
    given = [constant(operand(finish, k)) for k in range(1, len(finish.inputs))]
    if w is None or any(c is None for c in given):
        return False
    source = choose_layout(base(operand(node, 0)), word_rows=False)
    rows = (w.T if node.op_type == "MatMul" else w.reshape(len(w), -1)).astype(np.int64)
    sums = fold.of_bytes(rows, fold.Stored(source.lo, source.step, max(0, source.levels - 1)))
    numbers = [c.astype(np.int64) for c in given if c is not None]
    if is_cardc(finish, "Threshold"):
        found = fold.thresholds(numbers[0], numbers[1] if len(numbers) > 1 else None, sums)
        return not found.fits_int16
    q, shift = qtype(result(finish)), integer(finish, "shift", 0)
    try:
        return fold.requantize(numbers[0], numbers[1], shift, q.lo, q.hi, sums, as_bytes=False).wide
    except CompileError:  # said later, by the emitter
        return True


def to_bytes(node: ir.Node) -> bool:
    """Whether what comes out of the stage of `node` is stored as bytes."""
    finish = finish_of(node)
    return choose_layout(result(node if finish is None else finish), word_rows=False).is_bytes


def stored_levels(node: ir.Node) -> int:
    """Levels of the bytes that the Conv or MatMul `node` reads: a tensor that is padded somewhere has one for the
    zero."""
    value = operand(node, 0)
    return choose_layout(base(value), word_rows=False).levels or qtype(value).levels


def conv_shape(node: ir.Node, w: Array, features: frozenset[str]) -> ConvShape:
    """What the Conv `node` of weights `w` is for its cost."""
    out, stride = shape_of(result(node)), window(node, w.shape[2:]).strides[-1]
    w4 = w.reshape(len(w), w.shape[1], 1, -1) if w.ndim == 3 else w
    plane = int(np.prod(shape_of(operand(node, 0))[2:]))
    dilation = window(node, w.shape[2:]).dilations[-1]
    return ConvShape(
        w4, int(np.prod(out[2:-1])), int(out[-1]), stride, plane, stored_levels(node), tail_of(node),
        "unaligned" in features, turns_of(node, w, features), to_bytes(node), integer(node, "group", 1), dilation,
    )  # fmt: skip
