"""drop-identities: f(x) -> x, where f gives back every integer that x can hold.

Applies to Requantize, Threshold and Affine whose result equals their input on its whole range (at most 2^16
integers), in every channel: a quantiser behind an equal quantiser, a rescaling without arithmetic. Keeps: every
integer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand, per_channel, result, shape_of, text
from ..ops.graph import drop_unused, infer_node, is_cardc, rewire
from ..ops.qtype import find_qtype, qtype
from ..ops.requantize import apply_dyadic
from ..ops.threshold import apply_thresholds
from .base import Pass, PassLog

_MOST = 1 << 16
_SCALE_FREE = ("Conv", "MatMul", "Threshold", "Requantize", "Affine", "Add")
"""Operators behind which the scales are recorded already, or no tensor of the imported model is named."""


@dataclass(frozen=True)
class DropIdentities(Pass):
    name: ClassVar[str] = "drop-identities"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        for node in list(graph):
            if not is_cardc(node, "Requantize", "Threshold", "Affine") or not _is_identity(node):
                continue
            x, y = operand(node, 0), result(node)
            if y in graph.outputs:
                log.decline(node, "it gives the model's output its name and scale")
                continue
            if qtype(x).scale != qtype(y).scale and (len(qtype(x).scale) > 1 or _hands_scale_on(y)):
                log.decline(node, "what reads it asks for its scale")
                continue
            rewire(graph, y, x)
            done += 1
        drop_unused(graph)
        if done:
            for node in graph:  # what reads `x` for `y` may now see a narrower range
                infer_node(node)
        return done


def _hands_scale_on(value: ir.Value) -> bool:
    """Whether some reader of `value` hands its scale on to its own result, or joins it with others of that scale."""
    return not all(is_cardc(use.node, *_SCALE_FREE) for use in value.uses())


def _is_identity(node: ir.Node) -> bool:
    q = find_qtype(operand(node, 0))
    if q is None or q.levels > _MOST:
        return False
    values = np.arange(q.lo, q.hi + 1, q.step)
    # [V, C]: every value in every channel.
    x = np.repeat(values[:, None], shape_of(operand(node, 0))[1], axis=1)
    y = _on_values(node, x, [c for c in (constant(v) for v in node.inputs[1:]) if c is not None])
    return bool((y == x).all())


def _on_values(node: ir.Node, x: Array, constants: list[Array]) -> Array:
    """`node` on [V, C] integers, which may lie outside what one channel can reach."""
    to = qtype(result(node))
    if node.op_type == "Threshold":
        d = constants[1] if len(constants) > 1 else None
        return apply_thresholds(x, constants[0], d, integer(node, "base", to.lo), to.step)
    m, b = (c.astype(np.int64) for c in constants)
    if node.op_type == "Affine":
        return x * per_channel(m, 2) + per_channel(b, 2)
    return apply_dyadic(x, m, b, integer(node, "shift", 0), to.lo, to.hi, text(node, "rounding", "floor"))
