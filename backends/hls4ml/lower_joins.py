"""Add and Concat, which read several tensors, and ArgMax."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...ops.base import integer, operand, shape_of
from ...ops.concat import joined_type
from ...ops.qtype import qtype
from .builder import Builder, integers
from .layer import Layer, Tensor, Weights
from .layout import Layout
from .lower_elementwise import product_range
from .types import narrowest, signed, tabled


def add(node: ir.Node, b: Builder) -> None:
    """cardc.Add -> CardcAdd: y = x1 * m1[c] + x2 * m2[c]."""
    m1, m2 = (integers(node, i).ravel() if len(node.inputs) > 2 else np.ones(1, np.int64) for i in (2, 3))
    x1, x2 = b.tensor(node, 0), b.tensor(node, 1)
    shared = m1.size == m2.size == 1 or len(x1.layout.shape) == 1
    if not (shared and x1.layout.like(x2.layout)):
        x1, x2 = b.natural(node, 0), b.natural(node, 1)
    q, layout = qtype(node.outputs[0]), x1.layout
    m1, m2 = layout.channel_parameters(m1), layout.channel_parameters(m2)
    constants = {"n_in": layout.order.size, "n_chan": layout.hls_shape[-1], "n_m1": m1.size, "n_m2": m2.size}
    zero = np.zeros(1, np.int64)
    ends = [*product_range(m1, zero, x1.q.lo, x1.q.hi), *product_range(m2, zero, x2.q.lo, x2.q.hi), q.lo, q.hi]
    b.add(
        node,
        "CardcAdd",
        layout,
        x1,
        x2,
        weights=tuple(Weights(name, m, tabled(m)) for name, m in (("factor1", m1), ("factor2", m2))),
        attributes={
            **constants,
            "sum_type": signed(min(ends), max(ends)).cpp,
            "out_shape": list(layout.hls_shape),
        },
        constants=constants,
        reuse=b.reuse(node),
    )


def concat(node: ir.Node, b: Builder) -> None:
    """cardc.Concat -> a chain of CardcConcat, each of which joins two tensors along the channels."""
    x = b.natural(node, 0)
    if len(node.inputs) == 1:
        b.view(node, x, x.layout)
        return
    for index in range(1, len(node.inputs)):
        x = _joined(node, b, x, b.natural(node, index), last=index == len(node.inputs) - 1)


def _joined(node: ir.Node, b: Builder, x1: Tensor, x2: Tensor, *, last: bool) -> Tensor:
    c1, c2 = (x.layout.shape[0] for x in (x1, x2))
    q = qtype(node.outputs[0]) if last else joined_type([x1.q, x2.q])
    layout = Layout.natural((c1 + c2, *x1.layout.shape[1:]))
    b.check_size(node, layout)
    constants = {"n_pixels": layout.order.size // (c1 + c2), "n_chan1": c1, "n_chan2": c2}
    layer = Layer(
        name=b.name((node.name or node.op_type) + ("" if last else "_part")),
        class_name="CardcConcat",
        node=node,
        value=(node.outputs[0].name or "") if last else "",
        inputs=(x1.layer, x2.layer),
        layout=layout,
        q=q,
        result=narrowest(q.lo, q.hi),
        attributes={**constants, "out_shape": list(layout.hls_shape)},
        constants=constants,
        reuse=b.reuse(node),
    )
    b.layers.append(layer)
    joined = Tensor(layer.value, layer.name, layout, q)
    if last:
        b.tensors[layer.value] = joined
    return joined


def argmax(node: ir.Node, b: Builder) -> None:
    """cardc.ArgMax -> CardcArgMax: the first of the largest channels."""
    x, shape = b.natural(node), shape_of(node.outputs[0])[1:]
    layout = Layout.natural((1, *shape[1:]) if integer(node, "keepdims", 1) else (1, *shape))
    if layout.shape != shape:
        # Without the axis of channels: the same numbers, pixel by pixel.
        layout = Layout(shape, layout.order, layout.hls_shape)
    channels = shape_of(operand(node, 0))[1]
    constants = {"n_pixels": layout.order.size, "n_chan": channels}
    b.add(
        node,
        "CardcArgMax",
        layout,
        x,
        attributes={**constants, "out_shape": list(layout.hls_shape)},
        constants=constants,
        reuse=b.reuse(node),
    )
