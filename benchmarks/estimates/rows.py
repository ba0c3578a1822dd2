"""Rows of synthesis results as designs: physical features only, never a name or an id.

The weights behind `weights_key` where they are given, the counts in the columns otherwise, expectations where
neither is there (random weights that were not published).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any, TypeVar

import numpy as np
from network_rows import adder_bits, network_layers
from table import DataError, Folder, Record

from cardc.estimate import FpgaLayer, Products, Tool, count_products, expected_products, top_bits
from cardc.estimate.parts import TABULATED

_OPS = {
    "avgpool1d": "avgpool", "avgpool2d": "avgpool", "maxpool1d": "maxpool", "maxpool2d": "maxpool", "conv1d": "conv2d",
}  # fmt: skip
_POOLS = ("avgpool", "maxpool")
KNOWN = ("dense", "conv2d", *TABULATED, "softmax", "batchnorm", *_POOLS)
STRATEGIES = ("latency", "resource")
_MOST_SIZE = 1 << 24  # inputs or outputs of a layer; what is beyond is no layer
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Design:
    """One row: what it is (`layers`, `tool`), what synthesis reported (`actual`), and how rows are grouped.

    `kind` is 'layer' or 'network'; `group` names what must be held out together; `strategy`, `label` (the tool) and
    `dense` are for the tables. `stage` is the tool stage; `adder_bits` is known of distributed arithmetic only.
    """

    id: str
    kind: str
    group: str
    strategy: str
    label: str
    dense: bool
    layers: tuple[FpgaLayer, ...]
    tool: Tool
    actual: Mapping[str, float]
    stage: str
    adder_bits: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


def designs(folder: Folder, faults: list[str] | None = None) -> list[Design]:
    """Every row of the folder that can be read; why the others cannot goes to `faults`, without which it is raised."""
    said: list[str] = [*folder.faults]
    live = _live_outputs(folder)
    by_id: dict[str, Record] = {}
    made: dict[str, FpgaLayer] = {}
    found = []
    for record in folder.layers:
        name = record.text("id") or record.where
        if name in by_id:
            said.append(f"{record.where}: the id {name[:60]!r} is there twice")
            continue
        design = checked(_layer_design, said, record, name, folder, live.get(name, 1.0))
        if design is not None:
            by_id[name], made[name] = record, design.layers[0]
            found.append(design)
    for record in folder.networks:
        design = checked(_network_design, said, record, made, by_id)
        if design is not None:
            found.append(design)
    if faults is None and said:
        raise DataError(said[0])
    if faults is not None:
        faults += said
    return found


def checked(read: Callable[..., T], faults: list[str], *arguments: Any) -> T | None:
    """What `read` makes of a row, or None and its fault: a row is input, whatever stands in it."""
    try:
        return read(*arguments)
    except DataError as error:
        faults.append(str(error))
    except (ValueError, OverflowError, ArithmeticError, MemoryError, KeyError) as error:
        where = getattr(arguments[0], "where", "") or getattr(arguments[0], "id", "")
        faults.append(f"{where}: {type(error).__name__}: {error}")
    return None


def _layer_design(record: Record, name: str, folder: Folder, live: float) -> Design:
    op = record.text("op")
    if _OPS.get(op, op) not in KNOWN:
        raise DataError(f"{record.where}: no estimate of layers of kind {op[:40]!r}")
    layer = _layer(record, folder, live)
    if layer.products is not None and layer.strategy not in STRATEGIES:
        raise DataError(f"{record.where}: no estimate of strategy {layer.strategy[:40]!r}")
    return Design(
        name, "layer", _group(record), layer.strategy, record.text("tool"), layer.products is not None, (layer,),
        _tool(record), record.targets(), record.text("stage") or "csynth",
    )  # fmt: skip


def _network_design(record: Record, made: Mapping[str, FpgaLayer], by_id: Mapping[str, Record]) -> Design:
    parts = [name for name in record.text("layer_ids").split(";") if name]
    known = parts and all(name in made for name in parts)
    layers = tuple(made[name] for name in parts) if known else network_layers(record)
    return Design(
        record.text("id") or record.where, "network", _group(record), record.text("strategy"), record.text("tool"),
        True, layers, _tool(record), record.targets(), record.text("stage") or "csynth", adder_bits(record),
        _sums([by_id[name].targets() for name in parts]) if known else {},
    )  # fmt: skip


def _sums(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """LUT and FF of all layers, where all are known."""
    return {name: sum(part[name] for part in parts) for name in ("lut", "ff") if all(name in part for part in parts)}


def _tool(record: Record) -> Tool:
    word, clock = record.text("tool").lower(), record.number("clock_ns")
    family = next((name for name in ("vitis", "vivado") if name in word), "")
    if not family:
        raise DataError(f"{record.where}: no estimate for tool {record.text('tool')[:40]!r}")
    try:
        return Tool(family, 5.0 if clock is None else clock, record.text("mul_impl") or "auto")
    except ValueError as error:
        raise DataError(f"{record.where}: {error}") from None


def _group(record: Record) -> str:
    """Rows that say nearly the same: one network in all its settings, one shape, one kind of layer."""
    network = record.text("network").split("/")[0]
    if network:
        return network
    if record.text("op") == "dense":
        return f"{record.text('n_in')}x{record.text('n_out')}"
    if "+" in record.text("op"):
        return f"{record.text('op')} {record.text('io_type')}"
    return f"{record.text('op')} {record.text('out_shape')}"


def _live_outputs(folder: Folder) -> dict[str, float]:
    """The share of outputs that are not constant, handed on from a dense layer to those behind it."""
    shares, last, network = {}, 1.0, ""
    for record in folder.layers:
        if record.text("network") != network:
            last, network = 1.0, record.text("network")
        if record.text("op") == "dense":
            try:
                columns, outputs = _columns(record), record.of("n_out", 1)
            except DataError:  # said where the row itself is read
                last = 1.0
                continue
            last = min(1.0, columns / outputs) if network and outputs else 1.0
        elif network and record.text("op") != "softmax":
            shares[record.text("id")] = last
    return shares


def _columns(record: Record) -> float:
    """Outputs with any weight. Columns differ in length; far fewer than all would hold the weights of a layer only
    where some have none."""
    nonzeros, longest, outputs = record.number("n_nonzero"), record.number("max_col_nonzero"), record.of("n_out", 1)
    if not nonzeros or not longest or nonzeros / longest >= 0.8 * outputs:
        return outputs
    return min(outputs, ceil(nonzeros / longest))


def _shape(record: Record, name: str) -> tuple[int, ...]:
    text = record.text(name)
    try:
        return tuple(int(size) for size in text.split("x")) if text else ()
    except ValueError:
        raise DataError(f"{record.where}: {text[:40]!r} is no shape") from None


def _layer(record: Record, folder: Folder, live: float) -> FpgaLayer:
    op = _OPS.get(record.text("op"), record.text("op"))
    inputs, outputs = int(record.of("n_in", 1)), int(record.of("n_out", 1))
    in_shape, out_shape = _shape(record, "in_shape") or (inputs,), _shape(record, "out_shape") or (outputs,)
    if op == "dense":
        in_shape, out_shape = (inputs,), (outputs,)
    products = _products(record, folder, inputs, outputs) if op in ("dense", "conv2d") else None
    reuse = int(record.of("reuse_factor", 1))
    if reuse < 1 or not all((*in_shape, *out_shape)):
        raise DataError(f"{record.where}: sizes and reuse factors start at 1")
    if max(prod(in_shape), prod(out_shape), inputs, outputs) > _MOST_SIZE:
        raise DataError(f"{record.where}: a layer of more than {_MOST_SIZE:,} inputs or outputs")
    kernel = (1, 1)
    if op in _POOLS:
        sizes = [max(1, round(a / b)) for a, b in zip(in_shape[:-1], out_shape[:-1], strict=False)]
        kernel = (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])
    elif op == "conv2d":
        area = max(1, inputs // in_shape[-1])
        kernel = (1, area) if len(in_shape) < 3 else (round(area**0.5), area // max(1, round(area**0.5)))
    bits = int(record.of("weight_bits", 16))
    act, out_bits = int(record.of("act_bits_in", 16)), record.of("act_bits_out", 16)
    return FpgaLayer(
        name=record.where, op=op, in_shape=in_shape, out_shape=out_shape, act_bits=act,
        out_bits=int(record.of("accum_bits", out_bits) if products else out_bits),
        acc_bits=int(record.of("accum_bits", 16)), weight_bits=bits, products=products, kernel=kernel,
        top_bits=_top_bits(record, folder, reuse), strategy=record.text("strategy") or "latency",
        io_type=record.text("io_type") or "io_parallel", reuse_factor=reuse, live=live,
    )  # fmt: skip


def _matrix(record: Record, folder: Folder) -> np.ndarray | None:
    key = record.text("weights_key")
    if not key or not folder.weights:
        return None
    if key not in folder.weights:
        if record.number("n_csd1") is None:
            raise DataError(f"{record.where}: no weights {key[:60]!r} in weights.npz, and no counts of them")
        return None
    matrix = folder.weights[key]
    shape = (int(record.of("n_in", matrix.shape[0])), int(record.of("n_out", matrix.shape[1])))
    if matrix.shape != shape:
        raise DataError(f"{record.where}: weights of {list(matrix.shape)} in a layer of {list(shape)}")
    return matrix


def _products(record: Record, folder: Folder, inputs: int, outputs: int) -> Products:
    matrix = _matrix(record, folder)
    if matrix is not None:
        return count_products(matrix, int(record.of("n_nonzero_bias", 0)))
    used = [record.number(name) for name in ("n_csd1", "n_csd2", "n_csd3p")]
    if any(count is None for count in used):
        bits = int(record.of("weight_bits", 16))
        channels = (_shape(record, "in_shape") or (inputs,))[-1]
        area = max(1, inputs // channels) if record.text("op").startswith("conv") else 0
        return expected_products(inputs, outputs, bits, bits - record.whole_bits("weight_int_bits", 6), area)
    one, two, three = (float(count or 0) for count in used)
    made2, made3 = record.of("n_uniq_csd2", two), record.of("n_uniq_csd3p", three)
    made1 = max(0.0, record.of("n_uniq", one + made2 + made3) - made2 - made3)
    nonzeros = one + two + three
    return Products(
        weights=int(record.of("n_weights", inputs * outputs)),
        used=(one, two, three),
        made=(made1, made2, made3),
        negated=made1 / 2,
        wide=record.of("n_uniq_dsp", made3),
        columns=_columns(record) if nonzeros else 0,
        longest=record.of("max_col_nonzero", ceil(nonzeros / outputs)),
        biases=record.of("n_nonzero_bias", 0),
    )


def _top_bits(record: Record, folder: Folder, reuse: int) -> int:
    """As `cardc.estimate.top_bits`, where the weights are there; 0 where nothing is folded or known."""
    matrix = _matrix(record, folder)
    if matrix is None or record.text("strategy") != "resource" or reuse == 1:
        return 0
    return top_bits(matrix.T.ravel(), reuse)
