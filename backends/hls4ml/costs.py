"""A plan as the estimator sees it: what each layer's hardware is made of.

To search over settings (reuse factors, strategies, io types) count the weights once and change the layers:
`dataclasses.replace(layer, reuse_factor=4)`, then `cardc.estimate.estimate(layers, tool_of(target))`.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...estimate import FpgaLayer, Products, Tool, count_factors, count_products, top_bits
from ...targets.base import Target
from .fifo import IN_FLIGHT
from .layer import Layer, Plan

_OPS = {
    "Dense": "dense",
    "Conv2D": "conv2d",
    "CardcXnor": "dense",
    "CardcXnorConv": "conv2d",
    "CardcThreshold": "threshold",
    "CardcRequantize": "requantise",
    "CardcPool": "pool",
    "CardcAdd": "add",
    "CardcArgMax": "argmax",
    "CardcReorder": "reorder",
}
_PADS = ("pad_top", "pad_bottom", "pad_left", "pad_right")


def tool_of(target: Target) -> Tool:
    """The HLS tool and clock of an FPGA target."""
    return Tool(target.hls4ml_backend.lower(), target.clock_period_ns)


def cost_layers(plan: Plan) -> list[FpgaLayer]:
    """The layers of `plan` in order under their names, without the input and without views.

    Where a stream is padded, the layer that hls4ml inserts for it (`zp2d_...`) stands before the convolution.
    """
    layers = [layer for layer in plan.layers if layer.class_name not in ("InputLayer", "Reshape")]
    return [each for layer in layers for each in (*_padding(layer, plan), _layer(layer, plan))]


def _padding(layer: Layer, plan: Plan) -> list[FpgaLayer]:
    if plan.io_type != "io_stream" or layer.class_name != "Conv2D" or not any(map(layer.attributes.get, _PADS)):
        return []
    source, out = plan.layer(layer.inputs[0]), _image(layer, plan)
    bits, row = source.result.width, min(max(2, out[1]), prod(out[:-1]))
    return [
        FpgaLayer(
            name=f"zp2d_{layer.name}", op="other", in_shape=source.layout.hls_shape, out_shape=out, act_bits=bits,
            out_bits=bits, acc_bits=bits, io_type=plan.io_type,
            depth=min(row + IN_FLIGHT, prod(out[:-1])) if _branches(plan) else row,
        )
    ]  # fmt: skip


def _image(layer: Layer, plan: Plan) -> tuple[int, ...]:
    """The shape that `layer` reads: a stream's windows run over the padded image."""
    shape = plan.layer(layer.inputs[0]).layout.hls_shape
    if plan.io_type != "io_stream" or layer.class_name not in ("Conv2D", "CardcPool"):
        return shape
    return (layer.constants["in_height"], layer.constants["in_width"], shape[-1])


def _layer(layer: Layer, plan: Plan) -> FpgaLayer:
    source = plan.layer(layer.inputs[0])
    products, weight_bits, top_bits = _weights(layer)
    factors, factor_bits = _factors(layer)
    kernel = (int(layer.constants.get("filt_height", 1)), int(layer.constants.get("filt_width", 1)))
    return FpgaLayer(
        name=layer.name,
        op=_OPS.get(layer.class_name, "other"),
        in_shape=_image(layer, plan),
        out_shape=layer.layout.hls_shape,
        act_bits=source.result.width,
        out_bits=layer.result.width,
        acc_bits=layer.accum.width if layer.accum is not None else source.result.width,
        weight_bits=weight_bits or factor_bits,
        top_bits=top_bits,
        products=products,
        levels=int(layer.constants.get("n_levels", 0)),
        factors=factors,
        kernel=kernel,
        strategy=layer.strategy,
        io_type=plan.io_type,
        reuse_factor=layer.reuse,
        depth=_depth(layer, plan) if plan.io_type == "io_stream" else 0,
        signs=layer.class_name in ("CardcXnor", "CardcXnorConv"),
    )


def _depth(layer: Layer, plan: Plan) -> int:
    """Packets that the stream behind `layer` holds, as `fifo` makes it: a row, and more where tensors branch. How much
    waits at a join is known when the project is written; until then, the whole tensor."""
    shape = layer.layout.hls_shape
    total = prod(shape[:-1])
    row = min(max(2, shape[1] if len(shape) == 3 else 1), total)
    if not _branches(plan):
        return row
    joined = any(layer.name in other.inputs and len(other.inputs) > 1 for other in plan.layers)
    return total if joined else min(row + IN_FLIGHT, total)


def _branches(plan: Plan) -> bool:
    read = [name for other in plan.layers for name in other.inputs]
    return len(read) > len(set(read))


def _factors(layer: Layer) -> tuple[tuple[float, float], int]:
    """Shares of a requantisation's constants that take two digits, and more, and the bits of the widest."""
    if layer.class_name != "CardcRequantize":
        return (0.0, 1.0), 0
    return count_factors(layer.weights[0].values.ravel())


def _weights(layer: Layer) -> tuple[Products | None, int, int]:
    """The counts of a layer's matrix, the width of its weights, and of those at the top of a memory word."""
    if layer.accum is None or _OPS.get(layer.class_name) not in ("dense", "conv2d"):
        return None, 0, 0
    weights = layer.weights[0]
    biases = sum(int(np.count_nonzero(w.values)) for w in layer.weights if w.name == "bias")
    matrix = weights.values.reshape(-1, weights.values.shape[-1])
    folded = layer.strategy == "resource" and layer.reuse > 1
    top = top_bits(weights.in_file, layer.reuse) if folded else 0
    return count_products(matrix, biases), weights.type.width, top
