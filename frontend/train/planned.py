"""One masked layer as cardc will plan it: the encoding that is chosen, its memory, instructions and bytes.

The passes that compile a model choose and plan here too, on a graph of this one layer, so that a budget follows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir

from ...ops.base import CARDC, ONNX, Array, shape_of, text
from ...ops.graph import add_initializer, make_node
from ...ops.qtype import QType, set_qtype
from ...passes.base import PassLog
from ...passes.choose_encodings import ChooseEncodings
from ...passes.plan_memory import ARENA, PlanMemory
from ...passes.runs_plan import spare_bytes
from ...passes.straight_costs import straight_cost
from ...targets.base import Target


@dataclass(frozen=True, slots=True)
class Planned:
    """`bytes` of the weights as `encoding`; `memory`: bytes of input, output and scratch while the layer runs."""

    encoding: str
    instructions: float
    bytes: float
    memory: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What a layer reads, `image` [C, H, W] or [C] of integers `reads`, and what a convolution's `window` is: strides,
    pads, dilations and group, as ONNX has them; empty for a fully connected layer."""

    image: tuple[int, ...]
    reads: QType
    window: Mapping[str, Any]


def planned(w: Array, shape: Shape, target: Target, beside: int) -> Planned:
    """The layer of integer weights `w` ([O, I / group, kh, kw], or [inputs, outputs]) with a quantiser to 4 bits behind
    it, on `target`, while `beside` bytes of other tensors are alive.

    Raises CompileError for what cannot be compiled.
    """
    model, layer = _model(w, shape)
    choose = ChooseEncodings(
        target.features, ram=max(1, target.ram_bytes - beside * 4 // 3), whole=True, flash=target.flash_bytes
    )  # fmt: skip
    options = choose.options(layer, spare_bytes(model, choose.ram, whole=True))
    choose.run(model, PassLog())
    PlanMemory().run(model, PassLog())
    encoding = text(layer, "encoding", "")
    code = straight_cost(layer, w, frozenset(target.features)) if encoding == "straight" else None
    cost = options[encoding] if code is None else code
    return Planned(encoding, cost.instructions, cost.bytes, int(model.metadata_props[ARENA]))


def _model(w: Array, shape: Shape) -> tuple[ir.Model, ir.Node]:
    """x -> layer -> quantiser -> one more layer, for which the result is stored as between two layers."""
    x = ir.Value(name="x", shape=ir.Shape((1, *shape.image)), type=ir.TensorType(ir.DataType.INT64))
    set_qtype(x, shape.reads)
    graph = ir.Graph([x], [], nodes=[], opset_imports={"": 17, CARDC: 1}, name="layer")
    convolution = w.ndim == 4
    weights = add_initializer(graph, "w", w, QType(min(int(w.min()), -1), max(int(w.max()), 1)))
    op, attributes = ("Conv", {"kernel_shape": w.shape[2:], **shape.window}) if convolution else ("MatMul", {})
    layer = make_node(CARDC, op, [x, weights], name="layer", out="sums", attributes=attributes)
    outputs = w.shape[0 if convolution else 1]
    # A spread of the scales, as after batch norm: one for all channels would be finished by fewer instructions.
    factors = [
        add_initializer(graph, name, np.arange(outputs) % 8 + 1, QType(0, 8)) for name in ("multiplier", "offset")
    ]
    q = QType(0, 15)
    end = make_node(
        CARDC, "Requantize", [layer.outputs[0], *factors], name="end", out="y", q=q, attributes={"shift": 6}
    )
    flat = make_node(ONNX, "Flatten", [end.outputs[0]], name="flat", out="flat")
    one = np.eye(prod(shape_of(end.outputs[0])), 1, dtype=np.int64)
    last = make_node(CARDC, "MatMul", [flat.outputs[0], add_initializer(graph, "one", one, QType(-1, 1))],
                     name="last", out="last")  # fmt: skip
    graph.extend([layer, end, flat, last])
    graph.outputs.append(last.outputs[0])
    return ir.Model(graph, ir_version=10), layer
