"""A sum of two quantised branches and the quantiser behind it, as one function of two integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import ONNX, Array, constant, integer, operand, real, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import QType, find_qtype, qtype
from ..ops.quant import SIGN, rounded
from .chain import Chain, apply_each, chain_behind, reachable
from .rational import AFFINE, extend, start

Ints = NDArray[np.int64]
_BENT = ("Relu", "LeakyRelu", "Clip")
"""Operators of one or two straight pieces that are known in float64 too."""


def is_sum(node: ir.Node) -> bool:
    """Whether `node` adds or subtracts two computed tensors of one shape."""
    return (
        (node.domain, node.op_type) in ((ONNX, "Add"), (ONNX, "Sub"))
        and all(v is not None and v.const_value is None for v in node.inputs)
        and shape_of(operand(node, 0)) == shape_of(operand(node, 1))
    )


def left_sums(graph: ir.Graph) -> Iterator[ir.Node]:
    """The sums of two computed tensors that are still real numbers."""
    for node in list(graph):
        if is_sum(node):
            yield node


def quantisers_behind(total: ir.Node) -> list[ir.Node]:
    """The Quantize nodes that alone use the sum, through element-wise operators; none where anything else uses it."""
    found: list[ir.Node] = []
    open_ = [result(total)]
    while open_:
        value = open_.pop()
        uses = list(value.uses())
        if not uses or value.is_graph_output():
            return []
        for use in uses:
            node = use.node
            others = (v for k, v in enumerate(node.inputs) if k != use.idx)
            constants = all(v is None or v.const_value is not None for v in others)
            if is_cardc(node, "Quantize"):
                found.append(node)
            elif use.idx == 0 and constants and lookup(node).elementwise and not is_cardc(node):
                open_.append(result(node))
            else:
                return []
    return found


@dataclass(frozen=True, slots=True)
class QuantisedSum:
    """Quantize(tail(a(x) +- b(y))): integers x and y behind element-wise chains, and element-wise operators behind.

    `b` is the branch whose integers are fewer; `swapped` says that it stands first.
    """

    a: Chain
    b: Chain
    swapped: bool
    total: ir.Node
    tail: tuple[ir.Node, ...]

    @property
    def q(self) -> QType:
        return qtype(result(self.tail[-1]))

    @property
    def channels(self) -> int:
        """Channels along axis 1, or 1 where no constant tells channels apart."""
        behind = Chain(result(self.total), self.tail)
        return max(self.a.channels, self.b.channels, behind.channels)

    @property
    def monotone(self) -> bool:
        """Whether the function can turn in neither integer, whatever the constants."""
        return self.a.monotone and self.b.monotone and all(lookup(n).monotone for n in self.tail)

    @property
    def plain(self) -> bool:
        """Whether `real_levels` knows every operator."""
        nodes = (*self.a.nodes, *self.b.nodes, *self.tail)
        return all(is_cardc(n) or n.op_type in (*AFFINE, *_BENT) for n in nodes)

    def levels(self, x: Array, y: Array) -> Ints:
        """Level 0.. of the quantiser for integers x, y [V, C]: the float32 operators themselves."""
        rank = len(shape_of(result(self.total)))
        left, right = (apply_each(c.nodes, v, rank) for c, v in ((self.a, x), (self.b, y)))
        if self.swapped:
            left, right = right, left
        both = lookup(self.total).execute(self.total, [left, right])
        found: Ints = (apply_each(self.tail, both, rank) - self.q.lo) // self.q.step
        return found

    def real_levels(self, x: Array, y: Array) -> Ints:
        """As `levels`, in float64: the quantiser of the real sum, where float32 rounds it across a boundary."""
        quantize, q = self.tail[-1], self.q
        mode, v = text(quantize, "rounding_mode", "ROUND"), self.real_value(x, y)
        zero = integer(quantize, "zero_point", 0)
        if mode == SIGN or q.bipolar:
            return (v >= 0).astype(np.int64)
        levels = np.clip(rounded(v, mode) - zero, q.lo, q.hi)
        return np.asarray((levels - q.lo) // q.step, np.int64)

    def real_value(self, x: Array, y: Array, bends: Sequence[str] = _BENT) -> Array:
        """What the quantiser rounds, in float64, with no other bent operators than `bends`: [V, C]."""
        c = x.shape[1]
        left, right = (
            _in_float64(n.nodes, v * _units(qtype(n.source)), c, bends) for n, v in ((self.a, x), (self.b, y))
        )
        if self.swapped:
            left, right = right, left
        total = left - right if self.total.op_type == "Sub" else left + right
        behind = _in_float64(self.tail, total, c, bends)
        return behind / _units(self.q) + integer(self.tail[-1], "zero_point", 0)

    def slopes(self) -> tuple[Array, Array]:
        """How much the quantiser's input, in its units, rises with x and with y: [C] float64 each.

        Operators that are not affine count as slope 1: this is where a search starts, and proves nothing.
        """
        c = self.channels
        sign = -1.0 if self.total.op_type == "Sub" else 1.0
        signs = (sign, 1.0) if self.swapped else (1.0, sign)
        tail = _slope(self.tail, c) / np.asarray(self.q.scale)
        a, b = (s * _slope(n.nodes, c) * _units(qtype(n.source)) for s, n in zip(signs, (self.a, self.b), strict=True))
        return np.broadcast_to(a * tail, c), np.broadcast_to(b * tail, c)

    def ranges(self) -> tuple[Ints, Ints]:
        """Lowest and highest x, [C] each."""
        lo, hi = reachable(self.a.source)
        if self.channels == 1:
            return lo.min(keepdims=True), hi.max(keepdims=True)
        return np.broadcast_to(lo, self.channels).copy(), np.broadcast_to(hi, self.channels).copy()


def quantised_sum(total: ir.Node, quantize: ir.Node) -> QuantisedSum:
    """The sum `total` as far as `quantize`, one of `quantisers_behind` it.

    Raises CompileError where a branch does not start at integers.
    """
    tail = [quantize]
    while (node := operand(tail[-1], 0).producer()) is not total:
        if node is None:
            raise AssertionError("the quantiser stands behind the sum")
        tail.append(node)
    branches = [chain_behind(operand(total, k)) for k in (0, 1)]
    for chain in branches:
        if find_qtype(chain.source) is None:
            raise CompileError(
                f"a branch of {total.op_type} is not quantised", node=total, fix="put a quantiser in front of it"
            )
    swapped = qtype(branches[0].source).levels < qtype(branches[1].source).levels
    a, b = branches[::-1] if swapped else branches
    return QuantisedSum(a, b, swapped, total, tuple(tail[::-1]))


def _units(q: QType) -> Array:
    """The scale, float64: [C] or [1]."""
    return np.asarray(q.scale, np.float64)


def _slope(nodes: Sequence[ir.Node], channels: int) -> Array:
    line = start(QType(0, 0), channels)
    for node in nodes:
        if node.domain == ONNX and node.op_type in AFFINE:
            line = extend(line, node)
    return np.asarray([float(v) for v in line.a])


def _in_float64(nodes: Sequence[ir.Node], x: Array, channels: int, bends: Sequence[str]) -> Array:
    """The affine operators among `nodes`, and the bent ones of those names, on real numbers x [V, C or 1]."""
    y = np.asarray(x, np.float64)
    for node in nodes:
        if node.domain != ONNX:
            continue
        if node.op_type in AFFINE:
            line = extend(start(QType(0, 0), channels), node)
            a, b = (np.asarray([float(v) for v in part]) for part in (line.a, line.b))
            y = y * a + b
        elif node.op_type in bends:
            y = _bent(node, y)
    return y


def _bent(node: ir.Node, x: Array) -> Array:
    if node.op_type == "LeakyRelu":
        return np.where(x >= 0, x, x * float(np.float32(real(node, "alpha", 0.01))))
    low, high = (0.0, np.inf) if node.op_type == "Relu" else (real(node, "min", -np.inf), real(node, "max", np.inf))
    bounds = [constant(v) for v in node.inputs[1:]]
    low, high = (
        d if c is None else float(c.ravel()[0]) for d, c in zip((low, high), (*bounds, None, None), strict=False)
    )
    return np.minimum(np.maximum(x, low), high)
