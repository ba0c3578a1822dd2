"""Tensors that are kept in another order than the user's model has them: what each stands for, and how to get it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from ..ops.base import ONNX, Array, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, make_node

SOURCE_LAYOUT = "cardc.source_layout"
"""Metadata of an imported tensor that is kept in another order than the user's model has it: JSON of `shape` (the
user's, without the batch) and `perm`: kept = user.reshape(N, *shape).transpose(perm), to the kept tensor's shape."""

ALIAS = "cardc.alias"
"""Metadata of a tensor that a rewrite made: the user's tensor that it is in another order, whose name it is to get."""

USER_NAME = "cardc.user_name"
"""Metadata of an imported tensor that stands for the model's output in another order: the output's name, which the
output itself keeps."""

Perm = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """The tensor transpose(value, perm); where `shape` is not empty, that tensor (of `shape`) flattened to [1, F]."""

    value: ir.Value
    perm: Perm
    shape: tuple[int, ...] = ()


def inverse(perm: Sequence[int]) -> Perm:
    return tuple(int(i) for i in np.argsort(perm))


def compose(first: Perm, then: Sequence[int]) -> Perm:
    """The permutation of transpose(transpose(x, first), then)."""
    return tuple(first[i] for i in then)


def squeezed_alike(shape: Sequence[int], perm: Perm) -> bool:
    """Whether only axes of size 1 change places, so that the elements keep their order."""
    wide = [p for p in perm if shape[p] != 1]
    return wide == sorted(wide)


def _set_layout(kept: ir.Value, user: ir.Value, moved: Moved) -> None:
    layout = {"shape": list(moved.shape or shape_of(user)[1:]), "perm": list(inverse(moved.perm))}
    kept.metadata_props[SOURCE_LAYOUT] = json.dumps(layout, separators=(",", ":"))


class Tracker:
    """The moved tensors of one graph, the nodes that compute them where they must be, and constants in their order."""

    def __init__(self, graph: ir.Graph, sampled: set[ir.Value]) -> None:
        self._graph = graph
        self._sampled = sampled
        self._moved: dict[ir.Value, Moved] = {}
        self._made: dict[tuple[ir.Value, Perm], ir.Value] = {}
        self._pending: dict[ir.Node, tuple[ir.Value, Moved]] = {}

    def __contains__(self, value: ir.Value) -> bool:
        return value in self._moved

    def get(self, value: ir.Value | None) -> Moved | None:
        return None if value is None else self._moved.get(value)

    def is_sampled(self, value: ir.Value) -> bool:
        return value in self._sampled

    def note(self, value: ir.Value, moved: Moved) -> None:
        """`value`, which nothing computes any more, is `moved`."""
        self._moved[value] = moved
        self._sampled.add(value)
        if moved.value.metadata_props.pop(ALIAS, None) == value.name:
            moved.value.name = value.name
            _set_layout(moved.value, value, moved)

    def turned(self, value: ir.Value, before: ir.Node) -> Moved:
        """`value` [N, ..., C], kept as [N, C, ...] from here on, by a Transpose in front of `before`."""
        rank = len(shape_of(value))
        kept = self._transposed(value, (0, rank - 1, *range(1, rank - 1)), before)
        infer_node(kept.producer() or before)
        self._moved[value] = Moved(kept, (0, *range(2, rank), 1))
        return self._moved[value]

    def detach(self, node: ir.Node) -> None:
        """Take `node` out of the graph, while its result is still spoken of."""
        for k in range(len(node.inputs)):
            node.replace_input_with(k, None)
        self._graph.remove(node)

    def put(self, old: ir.Node, new: ir.Node, moved: Moved) -> ir.Node:
        """Put `new` where `old` is; what `old` computed is `moved` from then on. Its name goes to the kept tensor."""
        out = result(old)
        self._graph.insert_before(old, new)
        result(new).name = out.name
        self.detach(old)
        self._pending[new] = (out, moved)
        return new

    def settle(self, node: ir.Node) -> None:
        if node not in self._pending:
            return
        out, moved = self._pending.pop(node)
        kept = shape_of(result(node))
        out.shape = ir.Shape(kept if moved.shape else [kept[p] for p in moved.perm])
        self.note(out, moved)
        _set_layout(result(node), out, moved)

    def again(self, node: ir.Node, inputs: Sequence[ir.Value | None], like: Moved) -> ir.Node:
        """`node` on other `inputs`, its result in the order of `like`."""
        new = ir.node(node.op_type, inputs, {**node.attributes}, domain=node.domain, num_outputs=1, name=node.name)
        result(new).type = result(node).type
        result(new).metadata_props.update(result(node).metadata_props)
        return self.put(node, new, Moved(result(new), like.perm, like.shape))

    def available(self, value: ir.Value, like: Moved) -> bool:
        """Whether `in_order` can give `value`."""
        size = prod(shape_of(value))
        if size == 1:
            return True
        if not self.is_sampled(value):
            return not like.shape or value.const_value is not None
        own = self.get(value)
        if like.shape:
            return own is not None and (own.shape, own.perm) == (like.shape, like.perm)
        return len(shape_of(value)) == len(like.perm) and (own is None or not own.shape)

    def in_order(self, value: ir.Value, like: Moved, node: ir.Node) -> ir.Value:
        """The tensor that gives `value` when it is moved as `like` is; constants broadcast against it."""
        own = self.get(value)
        if like.shape and own is not None:
            return own.value
        if prod(shape_of(value)) == 1 and own is None:
            return value
        back = inverse(like.perm)
        if self.is_sampled(value):
            base, perm = (value, tuple(range(len(back)))) if own is None else (own.value, own.perm)
            return self._transposed(base, compose(perm, back), node)
        if like.shape:
            return self.reordered(value, 0 if node.op_type == "MultiThreshold" else -1, like, node)
        return self._constant(value, back, node)

    def reordered(self, value: ir.Value, axis: int, like: Moved, node: ir.Node) -> ir.Value:
        """A constant with one number (or row) a feature along `axis`, features in the order of the kept tensor."""
        shape = shape_of(value)
        axis %= len(shape)
        back = [axis + i - 1 for i in inverse(like.perm)[1:]]
        grown = (*shape[:axis], *like.shape, *shape[axis + 1 :])
        perm = (*range(axis), *back, *range(axis + len(back), len(grown)))
        if value.const_value is not None:
            array = value.const_value.numpy().reshape(grown).transpose(perm).reshape(shape)
            return add_initializer(self._graph, f"{value.name}_reordered", array)
        apart = self.insert(self.reshape(value, grown), node)
        turned = self.insert(self._node("Transpose", [apart], value, {"perm": list(perm)}), node)
        return self.insert(self.reshape(turned, shape), node)

    def user_order(self, value: ir.Value, before: ir.Node | None) -> ir.Value:
        """`value` itself, computed; in front of `before` or at the end."""
        own = self._moved[value]
        if not own.shape:
            return self._transposed(own.value, own.perm, before)
        user = (1, *own.shape)
        apart = self.insert(self.reshape(own.value, [user[i] for i in inverse(own.perm)]), before)
        turned = self._transposed(apart, own.perm, before)
        return self.insert(self.reshape(turned, shape_of(value)), before)

    def insert(self, node: ir.Node, before: ir.Node | None) -> ir.Value:
        if before is None:
            self._graph.append(node)
        else:
            self._graph.insert_before(before, node)
        if any(v in self._sampled for v in node.inputs):
            self._sampled.add(result(node))
        return result(node)

    def reshape(self, value: ir.Value, shape: Sequence[int]) -> ir.Node:
        """Reshape of `value`, not yet in the graph, named after it."""
        target = add_initializer(self._graph, f"{value.name}_shape", np.asarray(shape, np.int64))
        return self._node("Reshape", [value, target], value)

    def _node(
        self, op: str, inputs: Sequence[ir.Value], like: ir.Value, attributes: dict[str, object] | None = None
    ) -> ir.Node:
        out = fresh(self._graph, f"{like.name}_{op.lower()}")
        return make_node(ONNX, op, inputs, name=fresh(self._graph, f"{out}_node"), out=out, attributes=attributes)

    def _transposed(self, base: ir.Value, perm: Perm, before: ir.Node | None) -> ir.Value:
        if perm == tuple(range(len(perm))):
            return base
        if (base, perm) not in self._made:
            shape = shape_of(base)
            if squeezed_alike(shape, perm):
                node = self.reshape(base, [shape[p] for p in perm])
            else:
                node = self._node("Transpose", [base], base, {"perm": list(perm)})
            self._made[base, perm] = self.insert(node, before)
        return self._made[base, perm]

    def _constant(self, value: ir.Value, back: Perm, node: ir.Node) -> ir.Value:
        shape = (1,) * (len(back) - len(shape_of(value))) + shape_of(value)
        if value.const_value is not None:
            array: Array = value.const_value.numpy().reshape(shape).transpose(back)
            return add_initializer(self._graph, f"{value.name}_moved", array)
        wide = self.insert(self.reshape(value, shape), node)
        return self._transposed(wide, back, node)
