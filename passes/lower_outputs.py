"""lower-outputs: Affine(Dequantize(acc)) -> acc, the graph's result as integers; what a unit is worth is noted.

    y = a acc + c, the same a > 0 and c for every channel   ->  integers acc, y = a acc + c kept as metadata
    y[k] = a[k] acc + c[k]                                  ->  integers acc * m[k] + b[k] with one unit
    Softmax(y), Sigmoid(y)                                  ->  as y: the order of classes is the same
    max(y, 0), Clip(y)                                      ->  the same of those integers, where they hold its bounds
    ArgMax(y), TopK(y)                                      ->  the same of those integers

The second form needs a unit u with a[k] = m[k] u and c[k] = b[k] u exactly, found in rational arithmetic. Where none
fits 62 bits, a and c are rounded to 24 bits or more, as float32 has, and the log says so; where a channel is left fewer
the model is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import CARDC, ONNX, integer, operand, result, shape_of
from ..ops.graph import drop_unused, fresh, is_cardc, make_node, rewire
from ..ops.qtype import find_qtype, qtype
from .base import Pass, PassLog
from .rational import AFFINE, Line, extend, start
from .realise import CLIPS, affine, realise
from .split_quantizers import SOURCE

OUT_SCALE, OUT_OFFSET = "cardc.out_scale", "cardc.out_offset"
"""Metadata of the graph's integer output: real value = scale * integer + offset (decimal float64)."""

LIMIT = 2**62
_BITS = 60
_FLOAT = 1 << 24
_MOVES = ("Reshape", "Flatten", "Transpose")
_PICKS = ("ArgMax", "TopK")
_MONOTONE = ("Softmax", "LogSoftmax", "Sigmoid", "Tanh")


@dataclass(frozen=True, slots=True)
class _Tail:
    """What stands behind the integers: affine nodes (nearest first), reshapes; an ArgMax or TopK, and what reshapes its
    result."""

    integers: ir.Value
    chain: tuple[ir.Node, ...]
    moves: tuple[ir.Node, ...]
    dropped: tuple[ir.Node, ...]
    pick: ir.Node | None
    behind: tuple[ir.Node, ...]


@dataclass(frozen=True)
class LowerOutputs(Pass):
    name: ClassVar[str] = "lower-outputs"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph = model.graph
        (output,) = graph.outputs
        if find_qtype(output) is not None:
            return 0
        tail = _walk(graph, output)
        x = tail.integers
        line = start(qtype(x), shape_of(x)[1] if len(shape_of(x)) > 1 else 1)
        for node in tail.chain:
            line = extend(line, node)
        value, scale, offset = _in_one_unit(graph, x, line, tail, log)
        for move in reversed(tail.moves):
            value = _again(graph, move, value)
        if tail.pick is not None:
            value = _again(graph, tail.pick, value, CARDC)
            if tail.pick.op_type == "ArgMax" or integer(tail.pick, "indices", 0):
                scale, offset = 1.0, 0.0
        for move in reversed(tail.behind):
            value = _again(graph, move, value)
        for node in tail.dropped:
            log.notes.append(f"{node.op_type} {node.name!r} is left to the caller; the order of classes is unchanged")
        if tail.chain:
            log.notes.append(f"output {output.name} = {scale:.9g} * integer + {offset:.9g}")
        _finish(graph, output, value, scale, offset, exact=not tail.dropped)
        return 1


def _in_one_unit(graph: ir.Graph, x: ir.Value, line: Line, tail: _Tail, log: PassLog) -> tuple[ir.Value, float, float]:
    if line.uniform:
        return x, float(line.a[0]), float(line.b[0])
    cause = tail.chain[-1] if tail.chain else x.producer()
    if cause is None:
        raise AssertionError("a graph input has one scale")
    end = graph.outputs[0].producer()
    if end is None:
        raise AssertionError("the output has a producer")
    try:
        value = affine(graph, x, line, cause, end, limit=LIMIT)
    except CompileError:
        fine = _rounded(line, x, cause)
        value = affine(graph, x, fine, cause, end, limit=LIMIT, unit=fine.unit())
        log.notes.append(
            f"the scales and biases of the output's channels have no common unit and are rounded to {_BITS} bits"
        )
    return value, qtype(value).scale[0], 0.0


def _rounded(line: Line, x: ir.Value, cause: ir.Node) -> Line:
    """`line` in the finest power of two in which its largest value has _BITS bits.

    CompileError where that leaves a channel's scale fewer bits than float32 has.
    """
    q = qtype(x)
    size = max(abs(q.lo), abs(q.hi), 1)
    most = max(abs(a) * size + abs(b) for a, b in zip(line.a, line.b, strict=True))
    unit = Fraction(1)
    while most / unit >= 1 << _BITS:
        unit *= 2
    while most / unit < 1 << (_BITS - 1):
        unit /= 2
    if any(0 < abs(a) / unit < _FLOAT for a in line.a):
        raise CompileError(
            "the output's scale or bias differs by channel, and no common unit of 62 bits makes them integers",
            node=cause,
            fix="end the model in a quantiser (brevitas.nn.QuantIdentity), or give its last layer one scale, no bias",
        )
    a, b = (tuple(round(v / unit) * unit for v in values) for values in (line.a, line.b))
    return Line(a, b)


def _finish(graph: ir.Graph, output: ir.Value, value: ir.Value, scale: float, offset: float, *, exact: bool) -> None:
    name = output.name or "y"
    rewire(graph, output, value)
    value.metadata_props[OUT_SCALE], value.metadata_props[OUT_OFFSET] = repr(scale), repr(offset)
    if exact:
        value.metadata_props.setdefault(SOURCE, name)
    drop_unused(graph)
    if all(v.name != name for n in graph for v in n.outputs) and name not in graph.initializers:
        value.name = name


def _walk(graph: ir.Graph, output: ir.Value) -> _Tail:
    chain: list[ir.Node] = []
    moves: list[ir.Node] = []
    behind: list[ir.Node] = []
    dropped: list[ir.Node] = []
    pick: ir.Node | None = None
    value = output
    while (node := value.producer()) is not None:
        if is_cardc(node, "Dequantize"):
            return _Tail(operand(node, 0), tuple(chain[::-1]), tuple(moves), tuple(dropped), pick, tuple(behind))
        constants = all(v is not None and v.const_value is not None for v in node.inputs[1:])
        if node.domain == ONNX and node.op_type in _MOVES and not (chain and node.op_type == "Transpose"):
            moves.append(node)
        elif node.op_type in _PICKS and not (chain or dropped or pick):
            pick, behind, moves = node, moves, []
        elif node.op_type in _MONOTONE and not chain:
            dropped.append(node)
        elif node.op_type in AFFINE and constants:
            chain.append(node)
        elif node.op_type in CLIPS and constants:
            return _Tail(
                realise(graph, value, node), tuple(chain[::-1]), tuple(moves), tuple(dropped), pick, tuple(behind)
            )
        else:
            raise CompileError(
                f"the model ends in {node.op_type}, which gives real numbers",
                node=node,
                fix="end the model in its last layer or in a quantiser (brevitas.nn.QuantIdentity)",
            )
        value = operand(node, 0)
    raise CompileError(
        f"output {output.name!r} does not depend on a quantised layer", fix="quantise the model's layers"
    )


def _again(graph: ir.Graph, node: ir.Node, value: ir.Value, domain: str = ONNX) -> ir.Value:
    """`node` repeated on the integers."""
    new = make_node(
        domain, node.op_type, [value, *(v for v in node.inputs[1:] if v is not None)], name=f"{node.name}_int",
        out=fresh(graph, f"{result(node).name}_int"), attributes={**node.attributes},
    )  # fmt: skip
    graph.append(new)
    return result(new)
