"""An existing hls4ml project as layers of the estimator: what `cardc estimate` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CompileError
from .hls_folder import HlsFolder, open_folder, read_weights
from .hls_source import Call, Config, calls, configs, number, typedefs
from .layer import FpgaLayer, Tool
from .products import count_products, top_bits

_FAMILIES = {
    "Vivado": "vivado", "VivadoAccelerator": "vivado", "Vitis": "vitis", "VitisUnified": "vitis",
}  # fmt: skip
_SIMPLE = {
    "relu": "relu", "leaky_relu": "leaky_relu", "prelu": "prelu", "elu": "elu", "sigmoid": "sigmoid", "tanh": "tanh",
    "softmax": "softmax", "normalize": "batchnorm", "add": "add", "cardc_add": "add", "cardc_argmax": "argmax",
    "cardc_requantize": "requantise", "cardc_threshold": "threshold", "cardc_reorder": "reorder",
}  # fmt: skip
# Layers that only move data: nothing but what streams between them take.
_MOVES = (
    "linear", "zeropad1d_cl", "zeropad2d_cl", "transpose", "resize_nearest", "clone_stream", "repack_stream",
    "concatenate1d", "concatenate2d", "concatenate3d", "cardc_concat", "cardc_spread",
)  # fmt: skip
_MOST_WEIGHTS = 1 << 28


@dataclass(frozen=True, slots=True)
class HlsProject:
    """The layers of a project in order, the tool it is for, and what could not be read of it."""

    name: str
    tool: Tool
    io_type: str
    layers: tuple[FpgaLayer, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Reader:
    folder: HlsFolder
    types: Mapping[str, str]
    configs: Mapping[str, Config]
    io_type: str
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_project(path: Path) -> HlsProject:
    """Read the project that hls4ml (1.x; Vivado and Vitis) wrote to `path`.

    CompileError where the folder is no such project, is for another tool, or contradicts itself.
    """
    folder = open_folder(path)
    tool, io_type = _tool(folder), folder.settings["IOType"]
    if io_type not in ("io_parallel", "io_stream"):
        raise CompileError(f"IOType {io_type!r} is not known", node=str(path), fix="use io_parallel or io_stream")
    reader = _Reader(folder, typedefs(folder.defines), configs(folder.parameters), io_type)
    found = [_layer(call, reader) for call in calls(folder.top)]
    if not found:
        raise CompileError(
            f"firmware/{folder.project}.cpp calls no layers",
            node=str(path),
            fix="let hls4ml write the project again (hls_model.write())",
        )
    return HlsProject(folder.project, tool, io_type, tuple(found), tuple(reader.notes))


def _tool(folder: HlsFolder) -> Tool:
    backend, period = folder.settings["Backend"], folder.settings["ClockPeriod"]
    if backend not in _FAMILIES:
        raise CompileError(
            f"no estimates for hls4ml's backend {backend[:40]!r}",
            node=str(folder.path),
            fix=f"use one of {', '.join(sorted(_FAMILIES))}",
        )
    try:
        return Tool(_FAMILIES[backend], float(period))
    except ValueError as error:
        raise CompileError(
            f"ClockPeriod {period[:40]!r} is no clock period in ns", node=str(folder.path), fix="write it as `5`"
        ) from error


def _layer(call: Call, reader: _Reader) -> FpgaLayer:
    try:
        return _read(call, reader)
    except CompileError as error:
        if error.where:
            raise
        raise CompileError(error.what, node=f"{call.function} {call.name!r}", fix=error.fix) from error


def _read(call: Call, reader: _Reader) -> FpgaLayer:
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
    for name in results or call.arguments[inputs : inputs + 1]:
        reader.shapes[name] = layer.out_shape
    return layer


def _common(call: Call, config: Config | None, reader: _Reader) -> dict[str, Any]:
    """What every layer has: names, element widths, and how it is built."""
    kinds = [number(name, reader.types) for name in call.types[:-1] if name != "CONFIG_T"] or [number("ap_int<16>", {})]
    reuse = config.count("reuse_factor", 1) if config else 1
    if reuse < 1:
        raise CompileError("a reuse factor of 0", node=call.name, fix="use 1 or more")
    return {
        "name": call.name or call.function, "act_bits": kinds[0].bits, "out_bits": kinds[-1].bits,
        "io_type": reader.io_type, "reuse_factor": reuse,
    }  # fmt: skip


def _incoming(call: Call, reader: _Reader, size: int) -> tuple[int, ...]:
    """The shape of the first argument, where a layer has said it; else a vector of `size`."""
    shape = reader.shapes.get(call.arguments[0] if call.arguments else "", ())
    return shape if shape and (not size or prod(shape) == size) else (max(1, size),)


def _other(call: Call, config: Config | None, reader: _Reader) -> FpgaLayer:
    """An activation, a layer of cardc's, or one that moves data; whatever is not known is said to be missing."""
    size = config.count("n_in", 0) if config else 0
    shape = _incoming(call, reader, size)
    op = _SIMPLE.get(call.function, "other")
    if op == "other" and call.function not in _MOVES:
        reader.notes.append(f"{call.name or call.function}: no estimate of layers of kind {call.function}")
    out = shape
    if config and "out_height" in config.constants:
        out = (config.count("out_height"), config.count("out_width"), config.count("n_chan", shape[-1]))
    if op == "argmax":
        out = (1,)
    common = _common(call, config, reader)
    return FpgaLayer(
        op=op, in_shape=shape, out_shape=out, acc_bits=common["act_bits"],
        levels=config.count("n_levels", 0) if config else 0, **common,
    )  # fmt: skip


def _dense(call: Call, config: Config, reader: _Reader) -> FpgaLayer:
    inputs, outputs = config.count("n_in"), config.count("n_out")
    weights = _weights(call, config, config, reader, inputs, outputs)
    return FpgaLayer(op="dense", in_shape=(inputs,), out_shape=(outputs,), **_common(call, config, reader), **weights)


def _conv(call: Call, config: Config, reader: _Reader) -> FpgaLayer:
    flat = "filt_height" not in config.constants
    kernel = (1 if flat else config.count("filt_height"), config.count("filt_width"))
    channels, filters = config.count("n_chan"), config.count("n_filt")
    into = (config.count("in_width"), channels)
    out = (config.count("out_width"), filters)
    product = reader.configs.get(config.types.get("mult_config", ""), config)
    weights = _weights(call, config, product, reader, prod(kernel) * channels, filters)
    return FpgaLayer(
        op="conv2d",
        in_shape=into if flat else (config.count("in_height"), *into),
        out_shape=out if flat else (config.count("out_height"), *out),
        kernel=kernel,
        **_common(call, config, reader),
        **weights,
    )


def _xnor(call: Call, config: Config, reader: _Reader) -> FpgaLayer:
    """cardc's products of signs, dense and as a convolution; weights are stored inputs first."""
    inputs, outputs = config.count("n_in"), config.count("n_out")
    known = {**reader.types, **config.types}
    if len(call.arguments) < 3 or not 0 < inputs * outputs <= _MOST_WEIGHTS:
        raise CompileError(
            f"{inputs} x {outputs} weights cannot be read", node=call.name, fix="write the project again"
        )
    kind = number("weight_t", known)
    values = read_weights(reader.folder, call.arguments[2], inputs * outputs, kind)
    if not kind.signed and kind.bits == 1:
        values = 2 * values - 1
    flat = call.function == "cardc_xnor"
    common = _common(call, config, reader)
    return FpgaLayer(
        op="dense" if flat else "conv2d",
        in_shape=(inputs,) if flat else tuple(config.count(key) for key in ("in_height", "in_width", "n_chan")),
        out_shape=(outputs,) if flat else (config.count("out_height"), config.count("out_width"), outputs),
        kernel=(1, 1) if flat else (config.count("filt_height"), config.count("filt_width")),
        acc_bits=common["out_bits"],
        weight_bits=kind.bits,
        products=count_products(values.reshape(inputs, outputs)),
        signs=True,
        **common,
    )


def _pool(call: Call, config: Config, reader: _Reader) -> FpgaLayer:
    flat = "out_height" not in config.constants
    channels = config.count("n_filt", config.count("n_chan", 0))
    kernel = (1 if flat else config.count("pool_height", 1), config.count("pool_width", config.count("filt_width", 1)))
    into, out = (config.count("in_width", config.count("n_in", 1)), channels), (config.count("out_width", 1), channels)
    average = "Average" in config.constants.get("pool_op", "")
    own = call.function.startswith("cardc")
    op = "pool" if own or reader.io_type == "io_stream" else "avgpool" if average else "maxpool"
    if own:
        kernel = (config.count("filt_height", 1), config.count("filt_width", 1))
        channels = config.count("n_chan")
        into, out = (config.count("width"), channels), (config.count("out_width"), channels)
    height = config.count("height", 1) if own else config.count("in_height", 1)
    return FpgaLayer(
        op=op,
        in_shape=into if flat else (height, *into),
        out_shape=out if flat else (config.count("out_height"), *out),
        kernel=kernel,
        **_common(call, config, reader),
    )


def _weights(call: Call, config: Config, product: Config, reader: _Reader, rows: int, columns: int) -> dict[str, Any]:
    """The counts of a layer's matrix as hls4ml stored it, and the widths that go with it."""
    if len(call.arguments) < 3 or not 0 < rows * columns <= _MOST_WEIGHTS:
        raise CompileError(
            f"{rows} x {columns} weights cannot be read", node=call.name, fix="let hls4ml write the project again"
        )
    known = {**reader.types, **config.types}
    kind, accumulator = number("weight_t", known), number("accum_t", known)
    values = read_weights(reader.folder, call.arguments[2], rows * columns, kind)
    if "binary" in product.types.get("product", "") and not kind.signed and kind.bits == 1:
        values = 2 * values - 1  # a bit is a sign
    folded = product.constants.get("strategy", "") in ("nnet::resource", "nnet::Resource")
    reuse = config.count("reuse_factor", 1)
    matrix = values.reshape(columns, rows).T if folded else values.reshape(rows, columns)
    biases = 0
    if len(call.arguments) > 3:
        bias = read_weights(reader.folder, call.arguments[3], columns, number("bias_t", known))
        biases = int(np.count_nonzero(bias))
    if "distributed" in product.constants.get("strategy", ""):
        reader.notes.append(f"{call.name}: distributed arithmetic is estimated as strategy latency, and takes less")
    return {
        "products": count_products(matrix, biases), "weight_bits": kind.bits, "acc_bits": accumulator.bits,
        "strategy": "resource" if folded else "latency",
        "top_bits": top_bits(values, reuse) if folded and reuse > 1 else 0,
    }  # fmt: skip


_MAKERS: Mapping[str, Callable[[Call, Config, _Reader], FpgaLayer]] = {
    "dense": _dense,
    "conv_1d_cl": _conv, "conv_2d_cl": _conv, "pointwise_conv_1d_cl": _conv, "pointwise_conv_2d_cl": _conv,
    "pooling1d_cl": _pool, "pooling2d_cl": _pool, "global_pooling1d_cl": _pool, "global_pooling2d_cl": _pool,
    "cardc_xnor": _xnor, "cardc_xnor_conv": _xnor, "cardc_pool": _pool, "cardc_pool_apart": _pool,
}  # fmt: skip
