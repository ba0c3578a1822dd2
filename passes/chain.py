"""The element-wise chain between an integer accumulator (or the graph input) and a quantiser, as one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import ONNX, Array, constant, ints, operand, shape_of
from ..ops.graph import is_cardc
from ..ops.linear import channel_ranges
from ..ops.qtype import find_qtype, qtype


@dataclass(frozen=True, slots=True)
class Chain:
    """`nodes` from just behind `source` (float graph input, or integer tensor when they start at a Dequantize).

    `turn`: a Transpose of the float input that stands before, or among, the nodes, which see its channels along axis 1.
    """

    source: ir.Value
    nodes: tuple[ir.Node, ...]
    turn: ir.Node | None = None

    @property
    def axis(self) -> int:
        """The axis of `source` that its channels lie along."""
        return 1 if self.turn is None else ints(self.turn, "perm", ())[1]

    @property
    def channels(self) -> int:
        """Channels along axis 1, or 1 where no constant of the chain tells channels apart."""
        wide = any(
            c is not None and (c.shape[0] if node.op_type == "MultiThreshold" else c.size) > 1
            for node in self.nodes
            for c in (constant(v) for v in node.inputs[1:] if v is not None)
        )
        types = (find_qtype(v) for v in (self.source, *(node.outputs[0] for node in self.nodes)))
        wide = wide or any(q is not None and len(q.scale) > 1 for q in types)
        return shape_of(self.source)[self.axis] if wide else 1

    @property
    def monotone(self) -> bool:
        """Whether no operator of the chain can turn, whatever its constants."""
        return all(lookup(node).monotone for node in self.nodes)

    def __call__(self, x: Array) -> NDArray[np.int64]:
        """Run the chain on [V, C] values of the source: the float operators themselves, then the quantiser."""
        return apply_each(self.nodes, x, len(shape_of(self.source)))


def apply_each(nodes: Sequence[ir.Node], x: Array, rank: int) -> Array:
    """Element-wise `nodes`, one after another, on [V, C] values of a tensor of `rank` axes.

    Raises CompileError where a constant tells positions apart.
    """
    y = x.reshape(*x.shape, *(1,) * (rank - 2))
    # The extremes of float32 overflow on purpose: infinities compare as they should.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for node in nodes:
            constants = [c for c in (constant(v) for v in node.inputs[1:] if v is not None) if c is not None]
            y = lookup(node).execute(node, [y, *constants])
    if y.shape[:2] != x.shape or y.size != x.size:
        raise CompileError(
            "a constant in front of a quantiser varies over positions, not only over channels",
            node=nodes[-1],
            fix="use constants of shape [C, 1, 1] or scalars",
        )
    return y.reshape(x.shape)


def chain_to(quantize: ir.Node) -> Chain:
    """Walk up from a Quantize node to the integers or the graph input that it depends on.

    Raises CompileError at the first operator that is not element-wise.
    """
    return chain_behind(operand(quantize, 0), (quantize,))


def chain_behind(value: ir.Value, after: Sequence[ir.Node] = ()) -> Chain:
    """Walk up from `value`, with the nodes `after` it, to integers or the graph input. Raises as `chain_to`."""
    nodes = list(after)
    turn: ir.Node | None = None
    while True:
        node = value.producer()
        if node is None:
            return Chain(value, tuple(reversed(nodes)), turn)
        if is_cardc(node, "Dequantize"):
            return Chain(operand(node, 0), (node, *reversed(nodes)))
        if turn is None and (node.domain, node.op_type) == (ONNX, "Transpose") and _enters_alike(node):
            turn, value = node, operand(node, 0)
            continue
        if not lookup(node).elementwise or any(v is not None and v.const_value is None for v in node.inputs[1:]):
            raise CompileError(
                f"{node.op_type} stands between the layer and its quantiser and is not element-wise",
                node=node,
                fix="quantise its inputs, or move it behind the quantiser",
            )
        nodes.append(node)
        value = operand(node, 0)


def _enters_alike(turn: ir.Node) -> bool:
    """Whether `turn` moves what the model is given, up to then treated alike in every channel."""
    value = operand(turn, 0)
    while (node := value.producer()) is not None:
        constants = [constant(v) for v in node.inputs[1:] if v is not None]
        if is_cardc(node) or not lookup(node).elementwise or any(c is None or c.size > 1 for c in constants):
            return False
        value = operand(node, 0)
    return True


def reachable(value: ir.Value) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Exact lowest and highest integer of `value`, for each channel or as one number for all."""
    node = value.producer()
    if node is not None and is_cardc(node, "Conv", "MatMul"):
        w = constant(node.inputs[1])
        if w is not None:
            rows = w.astype(np.int64).reshape(w.shape[0], -1) if node.op_type == "Conv" else w.astype(np.int64).T
            pads = node.attributes.get("pads")
            padded = pads is not None and any(pads.as_ints())
            return channel_ranges(rows, qtype(operand(node, 0)), padded)
    if node is not None and is_cardc(node, "MaxPool", "Resize"):
        return reachable(operand(node, 0))
    q = qtype(value)
    return np.asarray([q.lo]), np.asarray([q.hi])
