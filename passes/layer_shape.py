"""What a node of the graph is for the cost models: its shape, its weights, what follows its sums."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from ..ops.window import window
from .choose_layout import choose_layout
from .conv_terms import ConvShape
from .schedule import finish_of
from .tails import Tail
from .turns import turns_of


def tail_of(node: ir.Node) -> Tail:
    """What follows `node` in its stage."""
    finish = finish_of(node)
    if finish is None or is_cardc(finish, "Affine"):
        return Tail("plain")
    if is_cardc(finish, "Requantize") and text(finish, "rounding", "floor") == "floor":
        return Tail("scaled")
    t = constant(operand(finish, 1)) if is_cardc(finish, "Threshold") else None
    levels = 0 if t is None else t.shape[1]
    rising = len(finish.inputs) < 3
    # Kernels search among 2^k - 1 thresholds; fewer are filled up where all rise.
    filled = (1 << levels.bit_length()) - 1 if rising and 1 < levels <= 31 else levels
    return Tail("thresholds", filled)


def to_bytes(node: ir.Node) -> bool:
    """Whether what comes out of the stage of `node` is stored as bytes."""
    finish = finish_of(node)
    return choose_layout(result(node if finish is None else finish), word_rows=False).is_bytes


def conv_shape(node: ir.Node, w: Array, features: frozenset[str]) -> ConvShape:
    """What the Conv `node` of weights `w` is for its cost."""
    out, stride = shape_of(result(node)), window(node, w.shape[2:]).strides[-1]
    w4 = w.reshape(len(w), w.shape[1], 1, -1) if w.ndim == 3 else w
    plane = int(np.prod(shape_of(operand(node, 0))[2:]))
    levels = qtype(operand(node, 0)).levels
    return ConvShape(
        w4, int(np.prod(out[2:-1])), int(out[-1]), stride, plane, levels, tail_of(node), "unaligned" in features,
        turns_of(node, w, features), to_bytes(node),
    )  # fmt: skip
