"""lift-integers: op(Dequantize(x), ...) -> Dequantize(op(x, ...)), arithmetic moved from floats to integers.

    Conv(s x, t w) = (s t) Conv(x, w)      MatMul likewise
    MaxPool(s x)   = s MaxPool(x), s > 0   Reshape(s x) = s Reshape(x)

Applies to Conv and MatMul of a quantised input and a quantised weight, and to pools and reshapes of quantised
inputs. Keeps: the real value of every tensor (float executors round it, the integers do not).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops.base import CARDC, ONNX, operand, result
from ..ops.graph import drop_unused, fresh, infer_node, is_cardc, make_node, replace
from ..ops.qtype import one_scale, qtype
from .base import Pass, PassLog

_LINEAR = ("Conv", "MatMul")
_MOVES = ("MaxPool", "Reshape", "Flatten")


@dataclass(frozen=True)
class LiftIntegers(Pass):
    name: ClassVar[str] = "lift-integers"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        errors: list[CompileError] = []
        for node in list(graph):
            if node.domain != ONNX or node.op_type not in (*_LINEAR, *_MOVES):
                continue
            try:
                done += self._lift(graph, node)
            except CompileError as error:
                error.node = error.node or node
                errors.append(error)
        raise_all(errors)
        drop_unused(graph)
        return done

    def _lift(self, graph: ir.Graph, node: ir.Node) -> int:
        x = integers_of(operand(node, 0))
        if node.op_type in _LINEAR:
            w = integers_of(operand(node, 1))
            if x is None:
                raise CompileError(
                    f"the input of {node.op_type} is not quantised",
                    node=node,
                    fix=_how_to_quantise(operand(node, 0)),
                )
            if w is None:
                raise CompileError(
                    f"the weights of {node.op_type} are not quantised",
                    node=node,
                    fix="train the layer with a weight quantiser (brevitas.nn.QuantConv2d, QuantLinear)",
                )
            if not one_scale(qtype(x).scale):
                raise CompileError(
                    f"the input of {node.op_type} has one scale a channel",
                    node=node,
                    fix="use one scale for the tensor",
                )
            inputs, domain = [x, w], CARDC
        elif x is None or (node.op_type != "MaxPool" and not one_scale(qtype(x).scale)):
            return 0
        else:
            inputs = [x, *(v for v in node.inputs[1:] if v is not None)]
            domain = CARDC if node.op_type == "MaxPool" else ONNX
        attributes = {**node.attributes}
        name = result(node).name or "lifted"
        lifted = ir.node(node.op_type, inputs, attributes, domain=domain, num_outputs=1, name=node.name)
        result(lifted).name = fresh(graph, f"{name}_int")
        infer_node(lifted)
        back = make_node(
            CARDC,
            "Dequantize",
            [result(lifted)],
            name=f"{node.name}_dequantize",
            out=fresh(graph, f"{name}_value"),
        )
        replace(graph, node, [lifted, back])
        return 1


def integers_of(value: ir.Value) -> ir.Value | None:
    """The integer tensor behind a dequantised one."""
    producer = value.producer()
    return operand(producer, 0) if producer is not None and is_cardc(producer, "Dequantize") else None


def _how_to_quantise(value: ir.Value) -> str:
    producer = value.producer()
    if producer is None:
        return "put a quantiser in front of the first layer (brevitas.nn.QuantIdentity)"
    return f"put a quantiser (brevitas.nn.QuantIdentity, QuantReLU) after {producer.op_type} {producer.name!r}"
