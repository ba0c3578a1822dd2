"""Concat on integers: tensors joined along the channels (axis 1), each channel with the scale that it had."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import gcd

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, shape_of
from .qtype import QType, qtype


def joined_type(types: Sequence[QType]) -> QType:
    """The range and step that hold every input's integers, all of the same scale or scales."""
    lo, hi = min(q.lo for q in types), max(q.hi for q in types)
    step = reduce(gcd, (q.step for q in types), hi - lo)
    step = reduce(gcd, (q.lo - lo for q in types), step)
    scale = types[0].scale
    return QType(lo, hi, scale if len(scale) == 1 else scale * len(types), max(1, step))


def _infer(node: ir.Node) -> TensorType:
    values = [v for v in node.inputs if v is not None]
    shapes = [shape_of(v) for v in values]
    if len({(s[0], *s[2:]) for s in shapes}) > 1:
        raise CompileError(
            f"Concat of shapes {shapes}", node=node, fix="give the tensors one size but for the channels"
        )
    types = [qtype(v) for v in values]
    shape = (shapes[0][0], sum(s[1] for s in shapes), *shapes[0][2:])
    each = [s for q, of in zip(types, shapes, strict=True) for s in (q.scale if len(q.scale) > 1 else q.scale * of[1])]
    joined = joined_type(types)
    scale = tuple(each) if len(set(each)) > 1 else (each[0],)
    return TensorType(shape, QType(joined.lo, joined.hi, scale, joined.step))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.concatenate(args, axis=1)


OPS = (OpDef(CARDC, "Concat", arity(1, 64), _infer, _execute),)
