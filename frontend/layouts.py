"""Transpositions carried along instead of computed, so that those of two layouts cancel.

    f(T(x)) = T(f(x))                               f acts on each element; constants along an axis move with it
    MatMul(flat(T(x)), W) = MatMul(flat(x), P W)    the rows of a dense layer in the new order

A tensor T(u) is known by u and its permutation. It is computed, by a Transpose, only where an operator needs that
very layout: in front of convolutions and pools, at the output. Where just axes of size 1 move, a Reshape does.
"""

from __future__ import annotations

import onnx_ir as ir

from ..ops import lookup
from ..ops.base import CARDC, ONNX, QONNX, integer, ints, operand, result, shape_of
from ..ops.graph import fresh, replace, rewire
from ..ops.qtype import SOURCE
from ..ops.reshape import reshaped
from .moved import ALIAS, USER_NAME, Moved, Tracker, compose, inverse, squeezed_alike

_AXIS_1 = ((ONNX, "BatchNormalization"), (QONNX, "MultiThreshold"))
"""Element-wise operators whose constants are vectors along axis 1."""

_NORMALISING = (*((ONNX, op) for op in ("Add", "Sub", "Mul", "Div")), (QONNX, "Quant"), (QONNX, "BipolarQuant"))


def _enters(value: ir.Value) -> bool:
    """Whether only element-wise operators stand between the model's input and `value`."""
    while (node := value.producer()) is not None:
        if node.domain != ONNX or not lookup(node).elementwise:
            return False
        value = operand(node, 0)
    return value.is_graph_input()


class Layouts:
    """What is known of the tensors of one graph during its import; `sampled` are those that depend on its input."""

    def __init__(self, graph: ir.Graph, sampled: set[ir.Value]) -> None:
        self._graph = graph
        self._known = Tracker(graph, sampled)
        self._names = [v.name or "" for v in graph.outputs]

    def place(self, node: ir.Node) -> ir.Node | None:
        """The node to go on with: `node`, or one that does its work on tensors as they are kept; None if it went."""
        if node.op_type == "Transpose" and node.domain == ONNX:
            return self._transpose(node)
        first = next((m for v in node.inputs if (m := self._known.get(v)) is not None), None)
        if first is None and self._per_last(node):
            first = self._known.turned(operand(node, 0), node)
        if first is None:
            return node
        if node.op_type in ("Reshape", "Flatten") and node.domain == ONNX and not first.shape:
            return self._reshape(node, first)
        if first.shape and node.domain == ONNX and node.op_type in ("MatMul", "Gemm"):
            return self._dense(node, first)
        if self._acts_alike(node, first):
            return self._each(node, first)
        return self._as_the_user_has_it(node)

    def settle(self, node: ir.Node) -> None:
        """Note the layout of the result of `node`, whose shape is known now."""
        self._known.settle(node)

    def finish(self) -> None:
        """Compute the outputs as the user has them, under their names."""
        for node in self._graph:
            node.outputs[0].metadata_props.pop(ALIAS, None)
        for index, value in enumerate(list(self._graph.outputs)):
            if self._known.get(value) is not None:
                self._graph.outputs[index] = self._known.user_order(value, None)
            name, final = self._names[index], self._graph.outputs[index]
            if final.name == name or final.is_graph_input() or name in self._graph.initializers:
                continue
            for node in self._graph:
                for other in node.outputs:
                    if other.name == name and other is not final:
                        other.name = fresh(self._graph, f"{name}_kept")
                        other.metadata_props[USER_NAME] = name
                        for value in (v for n in self._graph for v in n.outputs):
                            if value.metadata_props.get(SOURCE) == name:
                                value.metadata_props[SOURCE] = other.name
            final.name = name

    def _transpose(self, node: ir.Node) -> ir.Node | None:
        value, out = operand(node, 0), result(node)
        shape = lookup(node).infer(node).shape
        perm = ints(node, "perm", tuple(range(len(shape)))[::-1])
        before = self._known.get(value)
        if perm[0] != 0 or (before is not None and before.shape):
            return self._as_the_user_has_it(node)
        base, total = (value, perm) if before is None else (before.value, compose(before.perm, perm))
        out.shape = ir.Shape(shape)
        if total == tuple(range(len(total))):
            rewire(self._graph, out, base)
            self._graph.remove(node, safe=True)
            return None
        if squeezed_alike(shape_of(base), total):
            replace(self._graph, node, [new := self._known.reshape(base, shape)])
            return new
        self._known.note(out, Moved(base, total))
        self._known.detach(node)
        return None

    def _per_last(self, node: ir.Node) -> bool:
        """Whether `node` treats each channel of what enters the model channels-last on its own (Keras' normalisation).

        Then that is turned once, so that channels are where every later step expects them.
        """
        if (node.domain, node.op_type) not in _NORMALISING or len(node.inputs) < 2:
            return False
        pair = [operand(node, k) for k in (0, 1)]
        rank = len(shape_of(pair[0]))
        if rank < 3 or pair[0].const_value is not None or pair[1].const_value is None or not _enters(pair[0]):
            return False
        laid = (1,) * (rank - len(shape_of(pair[1]))) + shape_of(pair[1])
        return len(laid) == rank and laid[-1] > 1 and set(laid[:-1]) == {1}

    def _acts_alike(self, node: ir.Node, first: Moved) -> bool:
        """Whether `node` acts on each element, with inputs that can all be had in the order of `first`."""
        if not lookup(node).elementwise and not (node.domain == CARDC and node.op_type == "Dequantize"):
            return False
        if (node.domain, node.op_type) in _AXIS_1 and not first.shape and first.perm[1] != 1:
            return False
        return all(v is None or self._known.available(v, first) for v in node.inputs)

    def _each(self, node: ir.Node, first: Moved) -> ir.Node:
        vectors = (node.domain, node.op_type) in _AXIS_1
        inputs = [
            v if v is None or (k and vectors and not first.shape) else self._known.in_order(v, first, node)
            for k, v in enumerate(node.inputs)
        ]
        return self._known.again(node, inputs, first)

    def _reshape(self, node: ir.Node, first: Moved) -> ir.Node | None:
        """Flattening keeps the order of the features in mind; adding and dropping axes of size 1 keeps them apart."""
        shape = shape_of(operand(node, 0))
        target = reshaped(node, shape)
        if len(target) == 2:
            new = self._known.reshape(first.value, target)
            return self._known.put(node, new, Moved(result(new), first.perm, shape[1:]))
        wide = [i for i, d in enumerate(target) if i and d != 1]
        if [target[i] for i in wide] != [d for d in shape[1:] if d != 1]:
            return self._as_the_user_has_it(node)
        # The kept tensor's wide axes in their order, then the ones; the user's wide axes in theirs.
        own = [i for i, d in enumerate(shape) if i and d != 1]
        kept = sorted(own, key=lambda i: first.perm[i])
        ones = [i for i, d in enumerate(target) if i and d == 1]
        perm = [0] * len(target)
        for axis, old in zip(wide, own, strict=True):
            perm[axis] = 1 + kept.index(old)
        for axis, place in zip(ones, range(1 + len(kept), len(target)), strict=True):
            perm[axis] = place
        new = self._known.reshape(first.value, [target[i] for i in inverse(perm)])
        return self._known.put(node, new, Moved(result(new), tuple(perm)))

    def _dense(self, node: ir.Node, first: Moved) -> ir.Node:
        weight = operand(node, 1)
        if operand(node, 0) not in self._known or self._known.is_sampled(weight):
            return self._as_the_user_has_it(node)
        axis = 1 if node.op_type == "Gemm" and integer(node, "transB", 0) else 0
        node.replace_input_with(1, self._known.reordered(weight, axis, first, node))
        node.replace_input_with(0, first.value)
        return node

    def _as_the_user_has_it(self, node: ir.Node) -> ir.Node:
        for k, value in enumerate(node.inputs):
            if value is not None and self._known.get(value) is not None:
                node.replace_input_with(k, self._known.user_order(value, node))
        return node
