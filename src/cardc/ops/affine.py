"""Affine: y = x * m[c] + b[c] on integers, exactly; gives the logits of a last layer one common scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .base import CARDC, Array, OpDef, TensorType, arity, in_range, per_channel, result, shape_of
from .qtype import qtype


def _infer(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), qtype(result(node)))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    x, m, b = (a.astype(np.int64) for a in args)
    return in_range(node, x * per_channel(m, x.ndim) + per_channel(b, x.ndim), qtype(result(node)))


OPS = (OpDef(CARDC, "Affine", arity(3), _infer, _execute),)
