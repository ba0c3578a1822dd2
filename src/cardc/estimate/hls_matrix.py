"""The weight matrices of a project's layers: read, put in order, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CompileError
from .hls_folder import HlsFolder, read_weights
from .hls_source import Call, Config, Number, number
from .products import count_factors, count_products, top_bits

_MOST_WEIGHTS = 1 << 28


@dataclass(slots=True)
class HlsReader:
    """What is known while layers are read: depths of streams, shapes of results so far, and notes on what is not."""

    folder: HlsFolder
    types: Mapping[str, str]
    configs: Mapping[str, Config]
    io_type: str
    depths: Mapping[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def matrix(call: Call, config: Config, product: Config, reader: HlsReader, rows: int, columns: int) -> dict[str, Any]:
    """The counts of a layer's matrix as hls4ml stored it, and the widths that go with it."""
    values, kind = _stored(call, config, reader, rows * columns)
    if "binary" in product.types.get("product", ""):
        values = _signs(values, kind)
    strategy = product.constants.get("strategy", "")
    folded = strategy in ("nnet::resource", "nnet::Resource")
    if "distributed" in strategy:
        reader.notes.append(f"{call.name}: distributed arithmetic is estimated as strategy latency, and takes less")
    ordered = values.reshape(columns, rows).T if folded else values.reshape(rows, columns)
    reuse = config.count("reuse_factor", 1)
    return {
        "products": count_products(ordered, _biases(call, config, reader, columns)), "weight_bits": kind.bits,
        "acc_bits": number("accum_t", {**reader.types, **config.types}).bits,
        "strategy": "resource" if folded else "latency",
        "top_bits": top_bits(values, reuse) if folded and reuse > 1 else 0,
    }  # fmt: skip


def depthwise_matrix(call: Call, config: Config, reader: HlsReader, rows: int, channels: int) -> dict[str, Any]:
    """Each channel's own weights [rows, channels] as the matrix that all channels would have: zeros elsewhere."""
    values, kind = _stored(call, config, reader, rows * channels)
    _check(call, rows * channels, channels)
    full = np.zeros((rows, channels, channels), np.int64)
    full[:, np.arange(channels), np.arange(channels)] = values.reshape(rows, channels)
    return {
        "products": count_products(full.reshape(-1, channels), _biases(call, config, reader, channels)),
        "weight_bits": kind.bits, "acc_bits": number("accum_t", {**reader.types, **config.types}).bits,
    }  # fmt: skip


def sign_matrix(call: Call, config: Config, reader: HlsReader) -> dict[str, Any]:
    """The signs of cardc's layers, stored inputs first: one bit each, or two where there are zeros."""
    inputs, outputs = config.count("n_in"), config.count("n_out")
    values, kind = _stored(call, config, reader, inputs * outputs)
    return {"products": count_products(_signs(values, kind).reshape(inputs, outputs)), "weight_bits": kind.bits}


def scaling(call: Call, config: Config, reader: HlsReader) -> dict[str, Any]:
    """The constants of cardc's requantisation: one for each channel, or one."""
    if len(call.arguments) < 3 or "multiplier_t" not in config.types:
        return {}
    kind = number("multiplier_t", {**reader.types, **config.types})
    factors, bits = count_factors(read_weights(reader.folder, call.arguments[2], config.count("n_m"), kind))
    return {"factors": factors, "weight_bits": bits}


def _stored(call: Call, config: Config, reader: HlsReader, count: int) -> tuple[NDArray[np.int64], Number]:
    if len(call.arguments) < 3:
        raise CompileError("its call names no weights", node=call.name, fix="let hls4ml write the project again")
    _check(call, count, 1)
    kind = number("weight_t", {**reader.types, **config.types})
    return read_weights(reader.folder, call.arguments[2], count, kind), kind


def _check(call: Call, rows: int, columns: int) -> None:
    if not 0 < rows * columns <= _MOST_WEIGHTS:
        raise CompileError(
            f"{rows * columns:,} weights cannot be read (1 to {_MOST_WEIGHTS:,})", node=call.name,
            fix="let hls4ml write the project again",
        )  # fmt: skip


def _biases(call: Call, config: Config, reader: HlsReader, columns: int) -> int:
    """How many biases are not zero."""
    if len(call.arguments) < 4:
        return 0
    kind = number("bias_t", {**reader.types, **config.types})
    return int(np.count_nonzero(read_weights(reader.folder, call.arguments[3], columns, kind)))


def _signs(values: NDArray[np.int64], kind: Number) -> NDArray[np.int64]:
    """A single bit is a sign: 0 stands for -1."""
    return 2 * values - 1 if kind.bits == 1 and not kind.signed else values
