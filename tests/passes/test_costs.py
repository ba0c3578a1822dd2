"""What each kernel is estimated to cost on each core, against what is measured: chains of layers of shapes, densities
and finishes that no rate was fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import BIPOLAR, IntegerGraph, uint
from tests.tools import need_avr, need_qemu

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import Array
from cardc.ops.qtype import QType
from cardc.passes.choose_encodings import ChooseEncodings, weights_of
from cardc.passes.straight_costs import straight_cost

CORES = ("cortex-m4", "cortex-m0plus", "rv32imc", "rv32ec", "avr5")
OFF = 1.15
LOOSE = {
    ("runs", "cortex-m0plus"): 1.25,  # maps whose rows touch
    ("runs", "rv32imc"): 1.2,
}
"""Where the model falls short."""


def ternary_convs() -> IntegerGraph:
    """Ternary ones: padded, strided, pointwise, of two groups, of 5x5; each kind of finish."""
    graph = IntegerGraph((5, 11, 13), uint(4), seed=31).conv(9, density=0.15).scaled(uint(4), 40)
    graph.conv(12, density=0.3, stride=2).threshold(uint(2)).conv(10, (1, 1), pads=0, density=0.4).scaled(uint(3), 12)
    return (
        graph.conv(8, density=0.25, group=2).threshold(uint(4)).conv(7, (5, 5), pads=2, density=0.1).scaled(uint(4), 60)
    )


def many_bits() -> IntegerGraph:
    """Weights of 4 and of 8 bits."""
    rng = np.random.default_rng(32)

    def weights(*shape: int, bits: int) -> Array:
        return rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape)

    graph = IntegerGraph((4, 8, 9), uint(4), seed=33).conv(9, weights=weights(9, 4, 3, 3, bits=4)).scaled(uint(4), 700)
    graph.conv(8, (1, 1), pads=0, weights=weights(8, 9, 1, 1, bits=8)).scaled(uint(2), 4000)
    return graph.conv(6, (2, 2), pads=0, weights=weights(6, 8, 2, 2, bits=4)).scaled(uint(4), 60)


def dense_layers() -> IntegerGraph:
    """Of many bits, ternary on bits and on 4 bits, binary."""
    w = np.random.default_rng(34).integers(-128, 128, (150, 41))
    graph = IntegerGraph((150,), uint(4), seed=35).dense(41, weights=w).scaled(uint(4), 30_000)
    graph.dense(60, density=0.15).threshold(uint(2)).dense(70, density=0.4).scaled(uint(4), 25)
    return (
        graph.dense(32, binary=True).threshold(BIPOLAR).dense(40, binary=True).threshold(uint(2)).dense(10, density=0.3)
    )


CONVS = ("taps", "straight", "lanes", "runs", "rice", "int8", "pairs")
DENSE = ("sparse", "straight", "ternary", "binary", "rice", "int8")
CHAINS = {
    "ternary convolutions": (ternary_convs, CONVS),
    "convolutions of many bits": (many_bits, ("int8", "pairs")),
    "dense layers": (dense_layers, DENSE),
}
UNKNOWN = {"avr5": {"lanes", "runs", "rice"}, "rv32ec": {"runs"}}
"""Kernels that are never chosen there."""


CASES = [
    (chain, encoding, core)
    for chain, (_, encodings) in CHAINS.items()
    for encoding in encodings
    for core in CORES
    if chain == "dense layers" or encoding not in UNKNOWN.get(core, ())
]
CASES += [("dense layers", encoding, "rv32imac_zbb") for encoding in ("binary", "ternary", "sparse", "int8")]
CASES += [("ternary convolutions", encoding, "rv32imac_zbb") for encoding in ("taps", "straight")]


def need(core: str) -> None:
    if core == "avr5":
        need_avr()
    if core == "rv32imac_zbb":
        need_qemu(core)


@pytest.mark.parametrize(("chain", "encoding", "core"), CASES)
def test_estimates_follow_what_is_measured(chain: str, encoding: str, core: str) -> None:
    need(core)
    features = sorted(get_core(core).features)
    case = in_c(CHAINS[chain][0](), inputs=1, force=(encoding,), features=features)
    spent = case.built.measure(core, case.inputs).by_layer
    choose, off = ChooseEncodings(tuple(features), ram=1 << 20), {}
    for step, symbol in zip(case.built.program.steps, case.built.symbols(), strict=True):
        if step.node is not None and step.encoding == encoding:
            if encoding == "straight":
                cost = straight_cost(step.node, weights_of(step.node), frozenset(features))
            else:
                cost = choose.options(step.node, 1 << 20)[encoding]
            assert cost is not None
            off[f"{step.node.name} {weights_of(step.node).shape}"] = round(cost.instructions / spent[symbol], 3)
    assert off
    most = LOOSE.get((encoding, core), OFF)
    assert all(1 / most <= ratio <= most for ratio in off.values()), off


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("outputs", "density", "ends"), [(70, 1.0, BIPOLAR), (45, 0.3, uint(1)), (64, 0.6, uint(2))])
def test_counters_cost_what_the_worst_input_takes(outputs: int, density: float, ends: QType, core: str) -> None:
    """`vertical` is estimated at its most: half of the inputs 1, and those that are 0 are fewer."""
    need(core)
    features = sorted(get_core(core).features)
    graph = IntegerGraph((151,), uint(1), seed=36).dense(outputs, density=density, binary=density == 1.0)
    case = in_c(graph.threshold(ends).dense(4), inputs=1, force=("vertical",), features=features)
    worst = np.arange(151, dtype=np.int64)[None] * 75 % 151 < 76
    layer, symbol = case.built.program.steps[1], case.built.symbols()[1]
    assert layer.encoding == "vertical"
    assert layer.node is not None
    spent = case.built.measure(core, worst.astype(np.int64)).by_layer[symbol]
    estimate = ChooseEncodings(tuple(features)).options(layer.node, 0)["vertical"].instructions
    assert 1 / OFF <= estimate / spent <= OFF, (estimate, spent)
