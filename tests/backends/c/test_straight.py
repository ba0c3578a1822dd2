"""Weights as code: exact on every core, in the instructions that they are meant to take."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.backends.c.networks import Case, in_c
from tests.backends.c.test_emit_run import check
from tests.graphs import BIPOLAR, IntegerGraph, uint
from tests.tools import need_avr

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.qtype import QType

CORES = ["host", "cortex-m0plus", "cortex-m4", "rv32imc", "rv32ec", "avr5"]


def straight(graph: IntegerGraph, core: str, inputs: int = 3) -> Case:
    if core == "avr5":
        need_avr()
    features = ("unaligned",) if core == "host" else sorted(get_core(core).features)
    return in_c(graph, inputs=inputs, force=("straight",), features=features)


def holes(shape: tuple[int, ...], seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Ternary weights; the outputs 1 and 2 have none."""
    w = np.random.default_rng(seed).choice(np.array([-1, 0, 0, 1]), shape)
    w[1:3] = 0
    return w


LAYERS: dict[str, Callable[[], IntegerGraph]] = {
    "padded": lambda: IntegerGraph((3, 7, 19), uint(4)).conv(5, weights=holes((5, 3, 3, 3), 0)).threshold(uint(2)),
    "strided": lambda: IntegerGraph((2, 9, 8), uint(3)).conv(4, (2, 3), stride=3, density=0.5).requantize(uint(4)),
    "in groups": lambda: IntegerGraph((6, 5, 5), uint(4)).conv(9, group=3, density=0.4).requantize(uint(4)),
    "depthwise": lambda: IntegerGraph((5, 6, 6), uint(4)).conv(5, group=5, density=0.6).requantize(uint(4)),
    "pointwise": lambda: IntegerGraph((9, 4, 4), uint(4)).conv(6, (1, 1), pads=0).threshold(QType(-4, 3), falling=0.5),
    "of one row": lambda: IntegerGraph((3, 21), uint(4)).conv(4, (5,), stride=2).threshold(uint(4)),
    "of -1 and +1, padded": lambda: IntegerGraph((3, 6, 5), BIPOLAR).conv(4, density=0.5).threshold(BIPOLAR),
    "sums beyond 16 bits": lambda: IntegerGraph((30, 3, 3), uint(8)).conv(2, density=1).requantize(uint(4), 16),
    "left as sums": lambda: IntegerGraph((2, 5, 5), uint(2)).conv(3),
}


def chain() -> IntegerGraph:
    """All at once: padded, strided, in groups, depthwise, pointwise."""
    graph = IntegerGraph((3, 7, 9), uint(4)).conv(6, weights=holes((6, 3, 3, 3), 1)).threshold(uint(2), falling=0.5)
    graph.conv(6, (2, 3), stride=2, group=3, density=0.5).requantize(uint(4))
    graph.conv(6, group=6, density=0.6).requantize(uint(4))
    return graph.conv(5, (1, 1), pads=0, density=0.5).threshold(BIPOLAR).flatten().dense(4)


@pytest.mark.parametrize("layer", LAYERS)
def test_convolutions_on_the_host(layer: str) -> None:
    case = straight(LAYERS[layer](), "host")
    assert case.built.program.steps[1].encoding == "straight"
    check(case, "host")


@pytest.mark.parametrize("core", CORES[1:])
@pytest.mark.parametrize("graph", [chain, LAYERS["sums beyond 16 bits"]])
def test_convolutions_on_every_core(graph: Callable[[], IntegerGraph], core: str) -> None:
    case = straight(graph(), core)
    assert {s.encoding for s in case.built.program.steps if s.op in ("conv", "matmul")} == {"straight"}
    check(case, core)


def test_equal_channels_share_their_code() -> None:
    w = np.tile(holes((1, 2, 3, 3), 3), (6, 1, 1, 1))
    case = straight(IntegerGraph((2, 5, 5), uint(4)).conv(6, weights=w).threshold(uint(2)), "host")
    assert case.built.sources()["net.c"].count("static void net_l1_c") == 1
    check(case, "host")


@pytest.mark.parametrize(("core", "most"), [("cortex-m4", 2.1), ("rv32imc", 2.3), ("cortex-m0plus", 4.3)])
def test_instructions_of_a_weight(core: str, most: float) -> None:
    """What a convolution takes more for more weights, per weight and output."""
    spent, weights = [], []
    for density in (0.1, 0.6):
        case = straight(IntegerGraph((4, 6, 6), uint(4)).conv(8, density=density).requantize(uint(4)), core, 1)
        spent.append(case.built.measure(core, case.inputs).by_layer[case.built.symbols()[1]])
        weights.append(sum(line.count("x[") for line in case.built.sources()["net.c"].splitlines()))
    assert (spent[1] - spent[0]) / (weights[1] - weights[0]) / 36 <= most


@pytest.mark.parametrize("core", CORES)
def test_fully_connected(core: str) -> None:
    """Several groups of 32 outputs, rows without a weight, sums and thresholds; two instructions a weight on the M4."""
    w = np.random.default_rng(0).choice([-1, 0, 0, 0, 1], (90, 70))
    w[:, 3] = 0
    graph = IntegerGraph((90,), uint(8)).dense(70, weights=w).requantize(uint(4)).dense(33, density=0.2)
    case = straight(graph.threshold(uint(2), falling=0.5).dense(40, density=0.3), core)
    assert [s.encoding for s in case.built.program.steps[1:4]] == ["straight"] * 3
    check(case, core)
    if core == "cortex-m4":
        spent = case.built.measure(core, case.inputs[:1]).by_layer[case.built.symbols()[1]]
        assert spent <= 2.1 * np.count_nonzero(w) + 20 * 70
