"""sink-moves: f(Move(x)) -> Move(f(x)), reshapes and max-pools behind the element-wise operators that follow them.

    f(Reshape(x)) = Reshape(f(x))          f acts on each element alike
    Quantize(MaxPool(x)) = MaxPool(Quantize(x))    a quantiser never falls; for what does, see pools.py
    MaxPool(f(x)) = f(MaxPool(x))          where no quantiser follows (raise_moves), so that the pool meets integers

Applies where f has no per-channel constant (but where the move keeps the channels: [N, C] and [N, C, 1, 1]) and is the
only user of the move. It brings accumulator and quantiser together, so that thresholds can replace what stands between
them, and pools then work on few-bit integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import onnx_ir as ir

from ..ops import lookup
from ..ops.base import ONNX, constant, operand, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, is_cardc, replace
from ..ops.qtype import find_qtype, qtype, set_qtype
from .base import Pass, PassLog
from .branches import part_concat
from .pools import by_channel, sink_chain
from .raise_moves import SINKING, quantiser_follows, raise_moves, same_channels
from .split_quantizers import SOURCE

_MOVES = ("Reshape", "Flatten", "Transpose", "MaxPool")


@dataclass(frozen=True)
class SinkMoves(Pass):
    name: ClassVar[str] = "sink-moves"

    def run(self, model: ir.Model, log: PassLog) -> int:
        # A node that sank behind one move may stand behind the next.
        total = raise_moves(model.graph) + sum(part_concat(model.graph, node) for node in list(model.graph))
        while done := self._sweep(model.graph, log):
            total += done
        return total

    def _sweep(self, graph: ir.Graph, log: PassLog) -> int:
        done = 0
        log.declined.clear()
        for node in list(graph):
            move = operand(node, 0).producer() if lookup(node).elementwise else None
            if move is None or move.domain != ONNX or move.op_type not in _MOVES:
                continue
            reason = _obstacle(graph, node, move)
            if reason:
                if move.op_type == "MaxPool" and sink_chain(graph, move):
                    return done + 1  # nodes further on in the list may be gone
                log.decline(node, reason)
                continue
            _swap(graph, node, move)
            done += 1
        return done


def _obstacle(graph: ir.Graph, node: ir.Node, move: ir.Node) -> str:
    if len(result(move).uses()) > 1 or result(move) in graph.outputs:
        return f"{move.name} is used elsewhere too"
    alike = same_channels(move)
    if is_cardc(node, "Quantize") and len(qtype(result(node)).scale) > 1 and move.op_type != "MaxPool" and not alike:
        return f"{node.op_type} behind {move.name} has a scale for each channel"
    others = [constant(v) for v in node.inputs[1:] if v is not None]
    if node.op_type == "MultiThreshold" and others[0] is not None and others[0].shape[0] == 1:
        others = []  # one row of thresholds for all channels
    if alike and by_channel(node, shape_of(result(move))[1], len(shape_of(result(move)))):
        others = []
    if any(c is None or c.size != 1 or c.ndim > len(result(move).shape or ()) for c in others):
        return f"{node.op_type} behind {move.name} has a constant for each channel"
    if move.op_type == "MaxPool" and not (is_cardc(node, "Quantize") or node.op_type in SINKING):
        return f"{node.op_type} may fall, and a maximum does not commute with what falls"
    if not is_cardc(node, "Quantize") and not quantiser_follows(move):
        return f"no quantiser follows {node.op_type} that could go in front of {move.name}"
    return ""


def _laid(graph: ir.Graph, node: ir.Node, move: ir.Node, value: ir.Value | None) -> ir.Value | None:
    """A constant of `node` for where it stands in front of `move`: one a channel loses or gains axes with it."""
    array = constant(value)
    if value is None or array is None or array.size == 1 or array.ndim < 2 or node.op_type == "MultiThreshold":
        return value
    rank = len(shape_of(operand(move, 0)))
    return add_initializer(graph, f"{value.name}_laid", array.reshape(1, -1, *(1,) * (rank - 2)))


def _swap(graph: ir.Graph, node: ir.Node, move: ir.Node) -> None:
    name = result(node).name or "moved"
    others = [_laid(graph, node, move, v) if same_channels(move) else v for v in node.inputs[1:]]
    inputs = [operand(move, 0), *others]
    first = ir.node(node.op_type, inputs, {**node.attributes}, domain=node.domain, num_outputs=1, name=node.name)
    result(first).name = fresh(graph, f"{name}_early")
    q = find_qtype(result(node))
    if q is not None:
        set_qtype(result(first), q)
    infer_node(first)
    # A pool of integers is the integer operator; what it computes is still the tensor that the model names.
    domain = "cardc" if q is not None and move.op_type == "MaxPool" else move.domain
    inputs = [result(first), *move.inputs[1:]]
    second = ir.node(move.op_type, inputs, {**move.attributes}, domain=domain, num_outputs=1, name=move.name)
    infer_node(second)
    source = result(node).metadata_props.get(SOURCE)
    if source is not None:
        result(second).metadata_props[SOURCE] = source
    replace(graph, node, [first, second])
    graph.remove(move, safe=True)
