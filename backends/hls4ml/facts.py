"""What each layer became in hardware: the rows of the report."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import onnx_ir as ir

from ...targets.base import Target
from .layer import Layer, Plan
from .options import Options
from .plan import make_plan


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer of an hls4ml project; sizes without the batch, `shape` channels-last.

    `macs` counts multiplications per inference, zeros included; `multipliers` those that exist side by side
    in hardware; `levels` the thresholds of a channel (0 for other layers).
    """

    node: str
    value: str
    layer: str
    op: str
    shape: str
    io_type: str
    strategy: str
    reuse_factor: int
    result_type: str
    accumulator_bits: int
    weight_bits: int
    weights: int
    nonzeros: int
    macs: int
    multipliers: int
    levels: int


def layer_facts(model: ir.Model, target: Target, options: Options | None = None) -> list[LayerFacts]:
    """The layers of `model` on `target` in order, without the input; needs no hls4ml.

    CompileError as for `emit`.
    """
    return plan_facts(make_plan(model, target, options or Options()))


def plan_facts(plan: Plan) -> list[LayerFacts]:
    return [_facts(x, plan.io_type) for x in plan.layers if x.class_name not in ("InputLayer", "Reshape")]


def _op(layer: Layer) -> str:
    """The operator of the graph; what only puts elements in order for it goes by another name."""
    return "Reorder" if layer.class_name == "CardcReorder" or layer.node is None else layer.node.op_type


def _facts(layer: Layer, io_type: str) -> LayerFacts:
    w = layer.weights[0] if layer.accum is not None else None
    count = w.values.size if w is not None else 0
    nonzeros = int(np.count_nonzero(w.values)) if w is not None else 0
    positions = prod(layer.layout.hls_shape[:-1]) if layer.class_name in ("Conv2D", "CardcXnorConv") else 1
    # In parallel, hls4ml still walks a convolution's positions one after the other unless told otherwise.
    unrolled = nonzeros if layer.strategy == "latency" else count
    return LayerFacts(
        node=(layer.node.name or "") if layer.node is not None else "",
        value=layer.value,
        layer=layer.name,
        op=_op(layer),
        shape="x".join(map(str, layer.layout.hls_shape)),
        io_type=io_type,
        strategy=layer.strategy,
        reuse_factor=layer.reuse,
        result_type=layer.result.cpp,
        accumulator_bits=layer.accum.width if layer.accum is not None else 0,
        weight_bits=w.type.width if w is not None else 0,
        weights=count,
        nonzeros=nonzeros,
        macs=count * positions,
        multipliers=ceil(unrolled / layer.reuse),
        levels=int(layer.constants.get("n_levels", 0)),
    )
