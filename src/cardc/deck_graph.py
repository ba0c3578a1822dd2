"""The whole deck as one integer graph, for people and for Netron: pixels, gate, every card, and what joins them."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
from onnx.compose import add_prefix_graph

from .compiler import Lowered
from .deck_compile import LoweredDeck
from .frontend.deck.integer_files import gate_model
from .ops.base import CARDC, Array, result
from .ops.deck_join import Line
from .ops.graph import add_initializer, make_node
from .ops.qtype import QType, qtype, set_qtype
from .ops.softmax_fixed import ONE, SoftmaxPlan
from .ops.softmax_fixed import attributes as softmax_attributes
from .verify.run import entry


def deck_graph(deck: LoweredDeck) -> ir.Model:
    """The graph of `deck`: the batch is a sequence in time. Every card stands in it with all inputs, and DeckJoin takes
    those that were picked; a device runs only these."""
    first = deck.first
    proto = ir.to_proto(first.integer)
    names = entry(first.integer)
    merged = onnx.GraphProto()
    merged.CopyFrom(add_prefix_graph(proto.graph, f"{deck.deck.cards[0].name}/", rename_inputs=False))
    shared = f"{deck.deck.cards[0].name}/{names}"
    ends = [merged.output[0].name]
    for card, source in list(zip(deck.cards, deck.deck.cards, strict=True))[1:]:
        ends.append(_append(merged, _behind_entrance(card), f"{source.name}/", shared))
    picks = ""
    if deck.gate is not None:
        gate = ir.to_proto(gate_model(deck.gate)).graph
        gate.input[0].name, node = "pixels", gate.node[0]
        node.input[0] = "pixels"
        picks = _append(merged, gate, "gate/", shared)
    merged.name = deck.name
    merged.value_info.extend([*merged.output][:1])  # the first card's result is no longer that of the graph
    del merged.output[:]
    model = onnx.ModelProto(ir_version=10, graph=merged)
    model.opset_import.extend(proto.opset_import)
    if not any(o.domain == CARDC for o in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(CARDC, 1))
    return _joined(ir.from_proto(model), deck, ends, picks)


def _behind_entrance(card: Lowered) -> onnx.GraphProto:
    """The card's graph without its input quantiser; its input is the quantised tensor."""
    graph = ir.to_proto(card.integer).graph
    name = entry(card.integer)
    kept = [node for node in graph.node if name not in node.output]
    used = {i for node in kept for i in node.input}
    tensors = [t for t in graph.initializer if t.name in used]
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensors)
    graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None))
    return graph


def _append(into: onnx.GraphProto, graph: onnx.GraphProto, prefix: str, source: str) -> str:
    """Add `graph`, its names behind `prefix` and its input `source`; the name of its output."""
    own = add_prefix_graph(graph, prefix)
    entrance = own.input[0].name
    for node in own.node:
        node.input[:] = [source if name == entrance else name for name in node.input]
    into.node.extend(own.node)
    into.initializer.extend(own.initializer)
    into.value_info.extend(v for v in [*own.value_info, *own.output] if v.name != entrance)
    return str(own.output[0].name)


def _joined(model: ir.Model, deck: LoweredDeck, ends: list[str], picks: str) -> ir.Model:
    graph, joint = model.graph, deck.joint
    values = {v.name: v for node in graph for v in node.outputs}
    if joint.picked > 1 and deck.gate is not None:
        old = values[picks].producer()
        assert old is not None
        top = make_node(CARDC, "SlidingTop", [v for v in old.inputs if v is not None], name="gate/decision_top",
                        out="gate/picks", attributes={"window": deck.gate.window, "top": joint.picked})  # fmt: skip
        graph.append(top)
        graph.remove(old, safe=True)
        values["gate/picks"], picks = result(top), "gate/picks"
    parts = [_part(graph, values[end], joint.parts[k], deck.deck.cards[k].name) for k, end in enumerate(ends)]
    inputs = [*([values[picks]] if picks else []), *parts]
    attributes = {"groups": list(joint.groups), "picked": joint.picked, "weights": list(joint.weights)}
    node = make_node(CARDC, "DeckJoin", inputs, name="join", out="answer", attributes=attributes)
    graph.append(node)
    graph.outputs.append(result(node))
    return model


def _part(graph: ir.Graph, value: ir.Value, part: Line | SoftmaxPlan, name: str) -> ir.Value:
    """What a card gave, in the deck's unit."""
    if isinstance(part, SoftmaxPlan):
        node = make_node(CARDC, "FixedSoftmax", [value], name=f"{name}/softmax", out=f"{name}/probabilities",
                         attributes=softmax_attributes(part))  # fmt: skip
        graph.append(node)
        set_qtype(result(node), QType(0, ONE, (1 / ONE,)))
        return result(node)
    if part == Line(1, 0):
        return value
    numbers: list[Array] = [np.asarray([part.multiplier], np.int64), np.asarray([part.offset], np.int64)]
    m, b = (add_initializer(graph, f"{name}/unit", n, QType(int(n[0]), int(n[0]))) for n in numbers)
    q = qtype(value)
    bounds = sorted((q.lo * part.multiplier + part.offset, q.hi * part.multiplier + part.offset))
    node = make_node(CARDC, "Affine", [value, m, b], name=f"{name}/unit", out=f"{name}/in_one_unit",
                     q=QType(bounds[0], bounds[1]))  # fmt: skip
    graph.append(node)
    return result(node)
