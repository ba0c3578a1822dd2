"""The layers of hls4ml and of cardc's extension, from their calls and configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from ..errors import CompileError
from .hls_matrix import HlsReader, depthwise_matrix, matrix, scaling, sign_matrix
from .hls_source import Call, Config, number
from .layer import FpgaLayer

_SIMPLE: Mapping[str, str] = {
    "relu": "relu", "leaky_relu": "leaky_relu", "prelu": "prelu", "elu": "elu", "sigmoid": "sigmoid", "tanh": "tanh",
    "softmax": "softmax", "normalize": "batchnorm", "add": "add", "subtract": "add", "average": "add",
    "maximum": "add", "minimum": "add", "thresholded_relu": "relu", "hard_sigmoid": "relu", "hard_tanh": "relu",
    "softplus": "tanh", "softsign": "tanh", "selu": "tanh", "cardc_add": "add", "cardc_argmax": "argmax",
    "cardc_requantize": "requantise", "cardc_threshold": "threshold", "cardc_reorder": "reorder",
}  # fmt: skip
# Layers that only move data: nothing but what streams between them take.
_MOVES = (
    "linear", "zeropad1d_cl", "zeropad2d_cl", "transpose", "resize_nearest", "clone_stream", "repack_stream",
    "concatenate1d", "concatenate2d", "concatenate3d", "cardc_concat", "cardc_spread",
)  # fmt: skip


def read_layer(call: Call, reader: HlsReader) -> FpgaLayer:
    """The layer that `call` makes; the reader keeps the shape of its result. CompileError where it is contradictory."""
    try:
        return _read(call, reader)
    except CompileError as error:
        if error.where:
            raise
        raise CompileError(error.what, node=f"{call.function} {call.name!r}", fix=error.fix) from error


def _read(call: Call, reader: HlsReader) -> FpgaLayer:
    config = reader.configs.get(call.types[-1]) if call.types else None
    make = _MAKERS.get(call.function)
    if make is not None and config is None:
        raise CompileError(
            f"parameters.h has no configuration {call.types[-1] if call.types else ''!r}",
            node=call.name,
            fix="let hls4ml write the project again (hls_model.write())",
        )
    layer = _other(call, config, reader) if make is None or config is None else make(call, config, reader)
    results = call.arguments[1 : 1 + max(1, len(call.types) - 2)] if call.function == "clone_stream" else ()
    inputs = 2 if layer.op == "add" else 1
    made = results or call.arguments[inputs : inputs + 1]
    for name in made:
        reader.shapes[name] = layer.out_shape
    return replace(layer, depth=max((reader.depths.get(name, 0) for name in made), default=0))


def _common(call: Call, config: Config | None, reader: HlsReader) -> dict[str, Any]:
    """What every layer has: names, element widths, and how it is built."""
    kinds = [number(name, reader.types) for name in call.types[:-1] if name != "CONFIG_T"] or [number("ap_int<16>", {})]
    reuse = config.count("reuse_factor", 1) if config else 1
    if reuse < 1:
        raise CompileError("a reuse factor of 0", node=call.name, fix="use 1 or more")
    return {
        "name": call.name or call.function, "act_bits": kinds[0].bits, "out_bits": kinds[-1].bits,
        "io_type": reader.io_type, "reuse_factor": reuse,
    }  # fmt: skip


def _incoming(call: Call, reader: HlsReader, size: int) -> tuple[int, ...]:
    """The shape of the first argument, where a layer has said it; else a vector of `size`."""
    shape = reader.shapes.get(call.arguments[0] if call.arguments else "", ())
    return shape if shape and (not size or prod(shape) == size) else (max(1, size),)


def _other(call: Call, config: Config | None, reader: HlsReader) -> FpgaLayer:
    """An activation, a layer of cardc's, or one that moves data; whatever is not known is said to be missing."""
    size = config.count("n_in", 0) if config else 0
    shape = _incoming(call, reader, size)
    op = _SIMPLE.get(call.function, "other")
    if op == "other" and call.function not in _MOVES:
        name = call.name or call.function
        reader.notes.append(f"{name}: no estimate of layers of kind {call.function}; the totals lack it")
    if config and call.function == "zeropad2d_cl":
        shape = (config.count("in_height"), config.count("in_width"), config.count("n_chan"))
    out = shape
    if config and "out_height" in config.constants:
        out = (config.count("out_height"), config.count("out_width"), config.count("n_chan", shape[-1]))
    if op == "argmax":
        out = (1,)
    common = _common(call, config, reader)
    if op == "requantise" and config:
        common |= scaling(call, config, reader)
    return FpgaLayer(
        op=op, in_shape=shape, out_shape=out, acc_bits=common["act_bits"],
        levels=config.count("n_levels", 0) if config else 0, **common,
    )  # fmt: skip


def _dense(call: Call, config: Config, reader: HlsReader) -> FpgaLayer:
    inputs, outputs = config.count("n_in"), config.count("n_out")
    weights = matrix(call, config, config, reader, inputs, outputs)
    return FpgaLayer(op="dense", in_shape=(inputs,), out_shape=(outputs,), **_common(call, config, reader), **weights)


def _conv(call: Call, config: Config, reader: HlsReader) -> FpgaLayer:
    flat = "filt_height" not in config.constants
    kernel = (1 if flat else config.count("filt_height"), config.count("filt_width"))
    channels, filters = config.count("n_chan"), config.count("n_filt")
    into = (config.count("in_width"), channels)
    out = (config.count("out_width"), filters)
    product = reader.configs.get(config.types.get("mult_config", ""), config)
    weights = matrix(call, config, product, reader, prod(kernel) * channels, filters)
    return FpgaLayer(
        op="conv2d",
        in_shape=into if flat else (config.count("in_height"), *into),
        out_shape=out if flat else (config.count("out_height"), *out),
        kernel=kernel,
        **_common(call, config, reader),
        **weights,
    )


def _depthwise(call: Call, config: Config, reader: HlsReader) -> FpgaLayer:
    """A kernel for each channel: the matrix of all channels, with zeros, which are free where it is unrolled."""
    channels = config.count("n_chan")
    if config.count("n_filt", channels) != channels:
        return _other(call, None, reader)
    kernel = (config.count("filt_height", 1), config.count("filt_width"))
    flat = "filt_height" not in config.constants
    into, out = (config.count("in_width"), channels), (config.count("out_width"), channels)
    return FpgaLayer(
        op="conv2d",
        in_shape=into if flat else (config.count("in_height"), *into),
        out_shape=out if flat else (config.count("out_height"), *out),
        kernel=kernel,
        **_common(call, config, reader),
        **depthwise_matrix(call, config, reader, prod(kernel), channels),
    )


def _xnor(call: Call, config: Config, reader: HlsReader) -> FpgaLayer:
    """cardc's products of signs, dense and as a convolution."""
    flat, outputs = call.function == "cardc_xnor", config.count("n_out")
    common = _common(call, config, reader)
    return FpgaLayer(
        op="dense" if flat else "conv2d",
        in_shape=(config.count("n_in"),) if flat else tuple(map(config.count, ("in_height", "in_width", "n_chan"))),
        out_shape=(outputs,) if flat else (config.count("out_height"), config.count("out_width"), outputs),
        kernel=(1, 1) if flat else (config.count("filt_height"), config.count("filt_width")),
        acc_bits=common["out_bits"],
        signs=True,
        **common,
        **sign_matrix(call, config, reader),
    )


def _pool(call: Call, config: Config, reader: HlsReader) -> FpgaLayer:
    flat = "out_height" not in config.constants
    channels = config.count("n_filt", config.count("n_chan", 0))
    kernel = (1 if flat else config.count("pool_height", 1), config.count("pool_width", config.count("filt_width", 1)))
    into, out = (config.count("in_width", config.count("n_in", 1)), channels), (config.count("out_width", 1), channels)
    average = "Average" in config.constants.get("pool_op", "")
    own, padded = call.function.startswith("cardc"), ""
    op = "pool" if own or reader.io_type == "io_stream" else "avgpool" if average else "maxpool"
    if call.function.startswith("global"):
        kernel, out = (config.count("in_height", 1), into[0]), (1, channels)
    if own:
        kernel = (config.count("filt_height", 1), config.count("filt_width", 1))
        channels = config.count("n_chan")
        padded = "in_" if reader.io_type == "io_stream" else ""  # a stream's windows run over the padded image
        into, out = (config.count(f"{padded}width"), channels), (config.count("out_width"), channels)
    height = config.count(f"{padded}height" if own else "in_height", 1)
    return FpgaLayer(
        op=op,
        in_shape=into if flat else (height, *into),
        out_shape=out if flat else (config.count("out_height"), *out),
        kernel=kernel,
        **_common(call, config, reader),
    )


_MAKERS: Mapping[str, Callable[[Call, Config, HlsReader], FpgaLayer]] = {
    "dense": _dense,
    "conv_1d_cl": _conv, "conv_2d_cl": _conv, "pointwise_conv_1d_cl": _conv, "pointwise_conv_2d_cl": _conv,
    "depthwise_conv_1d_cl": _depthwise, "depthwise_conv_2d_cl": _depthwise,
    "pooling1d_cl": _pool, "pooling2d_cl": _pool, "global_pooling1d_cl": _pool, "global_pooling2d_cl": _pool,
    "cardc_xnor": _xnor, "cardc_xnor_conv": _xnor, "cardc_pool": _pool, "cardc_pool_apart": _pool,
}  # fmt: skip
