"""The six figures of one layer, as plain numbers, with the set of constants that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from . import regime as rules
from .constants import Constants
from .layer import FpgaLayer, Tool
from .parts import (
    PART_TERMS,
    TABULATED,
    fifo,
    first_window,
    part_bram,
    part_cycles,
    part_dsps,
    part_interval,
    stated_luts,
    stream_ffs,
    stream_luts,
)
from .products import Products
from .terms import TERMS, Term
from .xnor import xnor_cycles, xnor_ffs, xnor_luts


@dataclass(frozen=True, slots=True)
class Cost:
    """`values` by the names of constants.QUANTITIES; `source` the set of constants, '' where none was measured."""

    values: Mapping[str, float]
    source: str


def layer_cost(layer: FpgaLayer, tool: Tool, constants: Constants) -> Cost:
    """What `layer` costs, without a band. Resources are whole numbers."""
    if layer.products is not None and layer.signs:
        return _of_signs(layer, layer.products)
    if layer.products is not None:
        kind = rules.regime(layer, tool)
        source = constants.find(tool.family, kind)
        dsp, bram, block, interval, table = (
            rules.dsps(layer, tool), rules.weight_bram(layer), rules.cycles(layer, tool),
            rules.interval(layer, tool), TERMS,
        )  # fmt: skip
    else:
        source = constants.find(tool.family, layer.op)
        dsp, bram, block, interval, table = (
            part_dsps(layer, tool), part_bram(layer), part_cycles(layer, tool), part_interval(layer), PART_TERMS,
        )  # fmt: skip
    fifo_luts, fifo_bram = fifo(layer)
    lut = _sum(constants, source, "lut", table, layer, tool) + stated_luts(layer) + stream_luts(layer) + fifo_luts
    ff = _sum(constants, source, "ff", table, layer, tool) + stream_ffs(layer)
    if layer.op in TABULATED and layer.streams:
        edge = constants.find(tool.family, "stream")
        lut += _sum(constants, edge, "lut", table, layer, tool)
        ff += _sum(constants, edge, "ff", table, layer, tool)
    if not source:
        ff += layer.units * layer.out_bits * (1 if layer.streams or block else 0)
    latency, ii = _over_positions(layer, block, interval)
    values = {"lut": lut, "ff": ff, "dsp": dsp, "bram18": bram + fifo_bram, "latency_cycles": latency, "ii": ii}
    return Cost({name: max(0, round(value)) for name, value in values.items()}, source)


def _of_signs(layer: FpgaLayer, products: Products) -> Cost:
    latency, ii = _over_positions(layer, xnor_cycles(layer, products), layer.reuse_factor)
    values = {
        "lut": xnor_luts(layer, products) + stream_luts(layer) + fifo(layer)[0],
        "ff": xnor_ffs(layer, products) + stream_ffs(layer),
        "dsp": 0,
        "bram18": fifo(layer)[1],
        "latency_cycles": latency,
        "ii": ii,
    }
    return Cost({name: round(value) for name, value in values.items()}, "")


def _sum(
    constants: Constants, source: str, quantity: str, table: Mapping[str, Term], layer: FpgaLayer, tool: Tool
) -> float:
    found = constants.sets.get(source, {}).get(quantity, {})
    return sum(each * table[name](layer, tool) for name, each in found.items())


def _over_positions(layer: FpgaLayer, block: int, interval: int) -> tuple[float, float]:
    """Latency and interval of all positions: the block's once, and an interval for each position more."""
    turns = layer.turns
    if turns == 1:
        return (max(1, block) if layer.streams else block), interval
    if layer.streams:
        ii = turns * interval
        return ceil(ii + block + first_window(layer)), ii
    if layer.products is None:  # pools and the like are unrolled over their positions
        return block, interval
    return turns * interval + block + 2, turns * interval + 1
