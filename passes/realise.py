"""Make a real tensor integer without a quantiser: exact, where its scale and offset have a common unit.

    a[c] q + b[c] = u (m[c] q + k[c]),  m and k whole    ->  Dequantize(Affine(q, m, k)), unit u
    max(u q, 0) = u max(q, 0)                            ->  Dequantize(Requantize(q, 1, 0) clipped at 0)

Used where an operator joins branches (a residual addition, an average, a concatenation) or reads a tensor that has
only been scaled since its quantiser.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import CARDC, constant, operand, real, result, shape_of
from ..ops.graph import add_initializer, fresh, is_cardc, make_node
from ..ops.qtype import QType, qtype
from .chain import reachable
from .rational import AFFINE, Line, common_unit, extend, start, whole

LIMIT = 2**31 - 1
CLIPS = ("Relu", "Clip")
LAYERS = ("Conv", "ConvTranspose", "MatMul")
_ENTRANCE = "put a quantiser in front (brevitas.nn.QuantIdentity), or name one: --input-bits with --calibrate"


def integers_of(value: ir.Value) -> ir.Value | None:
    """The integer tensor behind a dequantised one."""
    producer = value.producer()
    return operand(producer, 0) if producer is not None and is_cardc(producer, "Dequantize") else None


def realise(graph: ir.Graph, value: ir.Value, before: ir.Node) -> ir.Value:
    """The integers whose scaled value is `value`, computed by new nodes in front of `before` where need be.

    Raises CompileError, naming the first node in the way, where no integers stand for `value` exactly.
    """
    nodes: list[ir.Node] = []
    here = value
    while (found := integers_of(here)) is None:
        node = here.producer()
        if node is None:
            raise CompileError(f"the input of {before.op_type} is not quantised", node=before, fix=_ENTRANCE)
        others = node.inputs[1:]
        if node.op_type not in (*AFFINE, *CLIPS) or any(v is not None and v.const_value is None for v in others):
            raise CompileError(
                f"the input of {before.op_type} is not quantised", node=before, fix=_how_to_quantise(node)
            )
        nodes.append(node)
        here = operand(node, 0)
    return _along(graph, found, nodes[::-1], before)


def _along(graph: ir.Graph, q: ir.Value, nodes: list[ir.Node], before: ir.Node) -> ir.Value:
    width = shape_of(q)[1]
    line = start(qtype(q), width)
    touched = False
    for node in nodes:
        if node.op_type in CLIPS:
            q = _clip(graph, affine(graph, q, line, node, before) if touched else q, node, before)
            line, touched = start(qtype(q), width), False
        elif node.op_type != "Identity":
            line, touched = extend(line, node), True
    return affine(graph, q, line, nodes[-1], before) if touched else q


def affine(
    graph: ir.Graph, x: ir.Value, line: Line, cause: ir.Node, before: ir.Node, *,
    limit: int = LIMIT, unit: Fraction | None = None,
) -> ir.Value:  # fmt: skip
    """Integers m x + k of `unit`, or of the common unit of `line`; the real value is theirs times it.

    Raises CompileError (naming `cause`) where they exceed `limit`.
    """
    unit = unit or line.unit()
    m, k = whole(line.a, unit), whole(line.b, unit)
    lo, hi = (np.broadcast_to(v, (len(m),)) for v in reachable(x))
    ends = [mc * int(v) + kc for mc, kc, low, high in zip(m, k, lo, hi, strict=True) for v in (low, high)]
    if max(abs(v) for v in (*ends, *m, *k)) > limit:
        raise CompileError(
            f"what {cause.op_type} adds to or scales an integer tensor by is no whole multiple of its unit",
            node=cause,
            fix="put a quantiser behind it (brevitas.nn.QuantIdentity), or quantise its constant to the same scale",
        )
    scale = (float(unit),)
    if len(set(m)) == 1 and len(set(k)) == 1:
        m, k = m[:1], k[:1]
    stem = fresh(graph, f"{result(cause).name}_units")
    inputs = [
        x,
        add_initializer(graph, f"{stem}_multiplier", np.asarray(m, np.int64), QType(min(m), max(m))),
        add_initializer(graph, f"{stem}_offset", np.asarray(k, np.int64), QType(min(k), max(k))),
    ]
    q = QType(min(ends), max(ends), scale)
    node = make_node(CARDC, "Affine", inputs, name=fresh(graph, f"{cause.name}_units"), out=stem, q=q)
    graph.insert_before(before, node)
    return result(node)


def in_units(graph: ir.Graph, x: ir.Value, unit: Fraction, before: ir.Node) -> ir.Value:
    """`x` as multiples of `unit`, which divides its scales. CompileError where those are larger than LIMIT."""
    q = qtype(x)
    if q.scale == (float(unit),):
        return x
    return affine(graph, x, start(q, shape_of(x)[1]), x.producer() or before, before, unit=unit)


def one_scale(graph: ir.Graph, x: ir.Value, before: ir.Node) -> ir.Value:
    """`x` with one scale for all of its channels. CompileError where theirs have no common unit."""
    scales = qtype(x).scale
    try:
        return in_units(graph, x, common_unit([Fraction(s) for s in scales]), before) if len(scales) > 1 else x
    except CompileError as error:
        raise CompileError(
            f"the input of {before.op_type} has one scale a channel, without a common unit",
            node=before,
            fix="use one scale for the tensor, or powers of two",
        ) from error


def _clip(graph: ir.Graph, x: ir.Value, node: ir.Node, before: ir.Node) -> ir.Value:
    q = qtype(x)
    low, high = _bounds(node)
    units = [Fraction(s) for s in q.scale]
    lows = {low / u if low is not None else None for u in units}
    highs = {high / u if high is not None else None for u in units}
    whole_bounds = all(v is None or v.denominator == 1 for v in (*lows, *highs))
    if not whole_bounds or len(lows) > 1 or len(highs) > 1:
        raise CompileError(
            f"{node.op_type}'s bounds are no whole multiples of the tensor's unit",
            node=node,
            fix="put a quantiser behind it (brevitas.nn.QuantReLU)",
        )
    bottom, top = lows.pop(), highs.pop()
    lo = q.lo if bottom is None else min(max(q.lo, int(bottom)), max(q.hi, int(bottom)))
    hi = max(q.hi, lo) if top is None else max(lo, min(q.hi, int(top)))
    stem = fresh(graph, f"{result(node).name}_int")
    one = add_initializer(graph, f"{stem}_multiplier", np.ones(1, np.int64), QType(1, 1))
    zero = add_initializer(graph, f"{stem}_offset", np.zeros(1, np.int64), QType(0, 0))
    clipped = make_node(
        CARDC, "Requantize", [x, one, zero], name=fresh(graph, f"{node.name}_int"), out=stem,
        q=QType(lo, hi, q.scale), attributes={"shift": 0},
    )  # fmt: skip
    graph.insert_before(before, clipped)
    return result(clipped)


def _bounds(node: ir.Node) -> tuple[Fraction | None, Fraction | None]:
    if node.op_type == "Relu":
        return Fraction(0), None
    found: list[Fraction | None] = []
    for index, name in ((1, "min"), (2, "max")):
        array = constant(node.inputs[index]) if index < len(node.inputs) else None
        value = float(array.ravel()[0]) if array is not None else real(node, name, np.nan)
        found.append(Fraction(value) if np.isfinite(value) else None)
    return found[0], found[1]


def _how_to_quantise(node: ir.Node) -> str:
    here: ir.Node | None = node
    while here is not None and not is_cardc(here, "Dequantize"):
        if any(v is not None and v.const_value is None for v in here.inputs[1:]) or here.op_type in LAYERS:
            break
        here = operand(here, 0).producer()
    if here is None:  # nothing but moves and constants behind the graph's input
        return _ENTRANCE
    return f"put a quantiser (brevitas.nn.QuantIdentity, QuantReLU) after {node.op_type} {node.name!r}"
