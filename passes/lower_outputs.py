"""lower-outputs: Affine(Dequantize(acc)) -> acc, the graph's result as integers; what a unit is worth is noted.

    y = a acc + c, the same a > 0 and c for every channel   ->  integers acc, y = a acc + c kept as metadata
    y[k] = a[k] acc + c[k]                                  ->  integers acc * m[k] + b[k] with one unit

The second form needs a unit u with a[k] = m[k] u and c[k] = b[k] u exactly, found in rational arithmetic. Where none
fits 32 bits the model is refused: its logits are real numbers that no integer represents.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import CARDC, ONNX, Array, constant, operand, real, result, shape_of
from ..ops.graph import add_initializer, drop_unused, fresh, is_cardc, make_node, rewire
from ..ops.qtype import QType, find_qtype, qtype
from .base import Pass, PassLog
from .chain import reachable
from .split_quantizers import SOURCE

OUT_SCALE, OUT_OFFSET = "cardc.out_scale", "cardc.out_offset"
"""Metadata of the graph's integer output: real value = scale * integer + offset (decimal float64)."""

_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Line:
    """y = a x + c for each channel, in exact rationals."""

    a: tuple[Fraction, ...]
    c: tuple[Fraction, ...]


@dataclass(frozen=True)
class LowerOutputs(Pass):
    name: ClassVar[str] = "lower-outputs"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph = model.graph
        (output,) = graph.outputs
        if find_qtype(output) is not None:
            return 0
        source_name = output.name or "y"
        chain, moves, start = _walk(output)
        integers = operand(start, 0)
        width = shape_of(integers)[1] if len(shape_of(integers)) > 1 else 1
        line = _compose(chain, qtype(integers), width)
        uniform = line.a[0] > 0 and len(set(line.a)) == 1 and len(set(line.c)) == 1
        if uniform:
            value, unit, offset = integers, line.a[0], line.c[0]
        else:
            value, unit = self._affine(graph, integers, line, start)
            offset = Fraction(0)
        for move in reversed(moves):
            value = _again(graph, move, value)
        if chain or not uniform:
            log.notes.append(f"output {source_name} = {float(unit):.9g} * integer + {float(offset):.9g}")
        rewire(graph, output, value)
        value.metadata_props[OUT_SCALE] = repr(float(unit))
        value.metadata_props[OUT_OFFSET] = repr(float(offset))
        value.metadata_props.setdefault(SOURCE, source_name)
        drop_unused(graph)
        if all(v.name != source_name for n in graph for v in n.outputs) and source_name not in graph.initializers:
            value.name = source_name
        return 1

    def _affine(self, graph: ir.Graph, x: ir.Value, line: _Line, node: ir.Node) -> tuple[ir.Value, Fraction]:
        numbers = [v for v in (*line.a, *line.c) if v]
        common = lcm(*(v.denominator for v in numbers))
        unit = Fraction(gcd(*(int(v * common) for v in numbers)), common) if numbers else Fraction(1)
        m, b = ([int(v / unit) for v in part] for part in (line.a, line.c))
        lo, hi = (np.broadcast_to(v, (len(m),)) for v in reachable(x))
        ends = [mk * int(v) + bk for mk, bk, low, high in zip(m, b, lo, hi, strict=True) for v in (low, high)]
        if max(abs(v) for v in (*ends, *m, *b)) > _INT32:
            raise CompileError(
                "the output's scale or bias differs by channel, and no common unit of 32 bits makes them integers",
                node=node,
                fix="end the model in a quantiser (brevitas.nn.QuantIdentity), or give its last layer one scale",
            )
        typed = [
            add_initializer(graph, f"output_{name}", np.asarray(v), QType(min(v), max(v)))
            for name, v in (("multiplier", m), ("offset", b))
        ]
        q = QType(min(0, *ends), max(0, *ends), (float(unit),))
        new = make_node(CARDC, "Affine", [x, *typed], name="output_affine", out=fresh(graph, "output_affine_out"), q=q)
        graph.append(new)
        return result(new), unit


def _walk(output: ir.Value) -> tuple[list[ir.Node], list[ir.Node], ir.Node]:
    """The affine nodes behind the output (nearest the integers first), the reshapes, and the Dequantize."""
    chain: list[ir.Node] = []
    moves: list[ir.Node] = []
    value = output
    while True:
        node = value.producer()
        if node is None:
            raise CompileError(
                f"output {output.name!r} does not depend on a quantised layer",
                fix="quantise the model's layers",
            )
        if is_cardc(node, "Dequantize"):
            return chain[::-1], moves, node
        if node.domain == ONNX and node.op_type in ("Reshape", "Flatten"):
            moves.append(node)
        elif node.op_type in ("Add", "Sub", "Mul", "Div", "BatchNormalization", "Identity", "Neg") and all(
            v is not None and v.const_value is not None for v in node.inputs[1:]
        ):
            chain.append(node)
        else:
            raise CompileError(
                f"the model ends in {node.op_type}, which gives real numbers",
                node=node,
                fix="end the model in its last layer or in a quantiser (brevitas.nn.QuantIdentity)",
            )
        value = operand(node, 0)


def _compose(chain: list[ir.Node], q: QType, width: int) -> _Line:
    a = [Fraction(s) for s in (q.scale if len(q.scale) > 1 else q.scale * width)]
    c = [Fraction(0)] * width
    for node in chain:
        match node.op_type:
            case "BatchNormalization":
                gamma, beta, mean, var = (_vector(node, i, width) for i in range(1, 5))
                epsilon = np.float32(real(node, "epsilon", 1e-5))
                spread = [Fraction(float(np.sqrt(np.float32(float(v)) + epsilon))) for v in var]
                a = [x * g / s for x, g, s in zip(a, gamma, spread, strict=True)]
                c = [(x - m) * g / s + t for x, m, g, s, t in zip(c, mean, gamma, spread, beta, strict=True)]
            case "Neg":
                a, c = [-x for x in a], [-x for x in c]
            case "Mul":
                k = _vector(node, 1, width)
                a, c = ([x * y for x, y in zip(v, k, strict=True)] for v in (a, c))
            case "Div":
                k = _vector(node, 1, width)
                a, c = ([x / y for x, y in zip(v, k, strict=True)] for v in (a, c))
            case "Add" | "Sub":
                sign = 1 if node.op_type == "Add" else -1
                c = [x + sign * y for x, y in zip(c, _vector(node, 1, width), strict=True)]
    return _Line(tuple(a), tuple(c))


def _vector(node: ir.Node, index: int, width: int) -> list[Fraction]:
    """Constant input `index` of `node` as one exact number for each channel."""
    array: Array | None = constant(operand(node, index))
    shape = shape_of(operand(node, 0))
    # Behind a reshape axis 1 may count something else, and a constant broadcasts from the last axis.
    along = shape[1:2] if node.op_type == "BatchNormalization" else (width, *(1,) * (len(shape) - 2))
    laid = array is not None and (array.size == 1 or (shape[1] == width and array.shape in (along, (1, *along))))
    if array is None or not laid or not np.isfinite(array).all():
        raise CompileError(
            f"{node.op_type} at the output has a constant that is not one finite number a channel",
            node=node,
            fix="use scalars or one number a channel",
        )
    if node.op_type == "Div" and (array == 0).any():
        raise CompileError("division by zero at the output", node=node, fix="check the model's constants")
    values = [Fraction(float(v)) for v in array.ravel()]
    return values * width if len(values) == 1 else values


def _again(graph: ir.Graph, move: ir.Node, value: ir.Value) -> ir.Value:
    """`move` repeated on the integers."""
    new = make_node(
        ONNX, move.op_type, [value, *(v for v in move.inputs[1:] if v is not None)], name=f"{move.name}_int",
        out=fresh(graph, f"{result(move).name}_int"), attributes={**move.attributes},
    )  # fmt: skip
    graph.append(new)
    return result(new)
