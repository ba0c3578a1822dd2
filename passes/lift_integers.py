"""lift-integers: op(Dequantize(x), ...) -> Dequantize(op(x, ...)), arithmetic moved from floats to integers.

    Conv(s x, t w) = (s t) Conv(x, w)               MatMul likewise
    s x + t y      = u (m x + k y), s = m u, t = k u    a residual connection with a common unit
    Mean(s x)      = (s / n) Sum(x)                 n the size of the window
    f(s x)         = s f(x), s > 0                  MaxPool, Concat of one scale, Resize, Pad, Reshape

Applies to every operator of that kind whose inputs are quantised, or can be made integer exactly (see realise).
Keeps: the real value of every tensor (float executors round it, the integers do not).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops.base import CARDC, ONNX, operand, result
from ..ops.graph import drop_unused, fresh, is_cardc, make_node, replace
from .base import Pass, PassLog
from .join import JOINS, lift_join
from .linear import LINEAR, integer_node, integer_weights, lift_linear
from .part_weights import part_weights
from .realise import integers_of

_MOVES = ("Reshape", "Flatten", "Transpose", "MaxPool")


@dataclass(frozen=True)
class LiftIntegers(Pass):
    name: ClassVar[str] = "lift-integers"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        errors: list[CompileError] = []
        broken: set[ir.Value] = set()
        for node in list(graph):
            if node.graph is None:  # part_weights has put others in its place
                continue
            if node.domain != ONNX or node.op_type not in (*LINEAR, *_MOVES, *JOINS):
                broken.update(node.outputs if any(v in broken for v in node.inputs) else ())
                continue
            if any(v in broken for v in node.inputs):
                # What follows from a fault that is reported already is no fault of its own; its weights may be.
                broken.update(node.outputs)
                if node.op_type not in LINEAR or node.inputs[1] in broken:
                    continue
            try:
                if node.outputs[0] in broken:
                    integer_weights(node)
                else:
                    done += lift(graph, node, notes=log.notes)
            except CompileError as error:
                error.node = error.node or node
                errors.append(error)
                broken.update(node.outputs)
        raise_all(errors)
        drop_unused(graph)
        return done


def lift(graph: ir.Graph, node: ir.Node, *, last_resort: bool = False, notes: list[str] | None = None) -> int:
    """Replace `node` by integer operators and a Dequantize; return whether that was done.

    `last_resort`: also where a sum needs large multipliers; `notes` takes what is to be said of it. Raises
    CompileError where it cannot be done exactly.
    """
    if node.op_type in JOINS:
        try:
            lifted = lift_join(graph, node, last_resort=last_resort)
        except CompileError:
            parts = part_weights(graph, node, notes if notes is not None else []) if node.op_type == "Concat" else []
            if not parts:
                raise
            return sum(lift(graph, total) for total in parts if not is_cardc(total)) + 1
    elif node.op_type in LINEAR:
        lifted = lift_linear(graph, node)
    else:
        x = integers_of(operand(node, 0))
        if x is None:
            return 0
        domain = CARDC if node.op_type == "MaxPool" else ONNX
        lifted = [integer_node(graph, node, [x, *(v for v in node.inputs[1:] if v is not None)], domain)]
    if not lifted:
        return 0
    name = result(node).name or "lifted"
    last = result(lifted[-1])
    back = make_node(CARDC, "Dequantize", [last], name=f"{node.name}_dequantize", out=fresh(graph, f"{name}_value"))
    replace(graph, node, [*lifted, back])
    return 1
