"""Convolutions by stacked rows: what they are estimated to cost, and where they are chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint
from tests.passes.test_long_costs import conv

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import text
from cardc.ops.qtype import QType
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings


def of_one_tap(levels: QType) -> IntegerGraph:
    """With a last layer behind it whose border leaves gaps between rows of what it makes."""
    w = np.random.default_rng(7).integers(-7, 8, (15, 6, 1, 1))
    graph = IntegerGraph((6, 13, 4), levels).conv(15, (1, 1), pads=0, weights=w).scaled(uint(4), 40.0 * levels.levels)
    return graph.conv(5, density=0.3)


def of_many_bits(shift: int) -> IntegerGraph:
    """With scales of so many bits, of which products have 64."""
    w = np.random.default_rng(9).integers(-127, 128, (9, 5, 3, 3))
    graph = IntegerGraph((5, 10, 11), uint(4)).conv(9, weights=w).scaled(uint(8), 1500.0, shift=shift)
    return graph.flatten().dense(1, density=0.1)


LAYERS: dict[str, Callable[[], IntegerGraph]] = {
    "depthwise, five pixels wide": lambda: conv((16, 25, 5), 16, (3, 3), 1, 1, group=16),
    "depthwise, twelve pixels wide": lambda: conv((12, 12, 12), 12, (3, 3), 1, 1, group=12),
    "depthwise 5x5": lambda: conv((8, 10, 10), 8, (5, 5), 2, 1, group=8, bits=3),
    "depthwise, strided": lambda: conv((8, 22, 14), 8, (3, 3), 1, 2, group=8),
    "strided, of one channel": lambda: conv((1, 33, 10), 24, (10, 4), 1, 2),
    "of 16 channels": lambda: conv((16, 16, 16), 12, (3, 3), 1, 1),
    "of 8 bits": lambda: conv((6, 11, 13), 5, (3, 3), 1, 1, bits=8),
    "of one tap": lambda: conv((16, 9, 7), 12, (1, 1), 0, 1),
    "depthwise to any thresholds": lambda: conv((16, 25, 5), 16, (3, 3), 1, 1, group=16, exact=False),
    "of one tap, with a border around what it makes": lambda: of_one_tap(uint(4)),
    "of one tap and two levels": lambda: of_one_tap(uint(1)),
    "of 8 bits and long scales": lambda: of_many_bits(24),
}


def off(graph: IntegerGraph, core: str) -> float:
    """What the estimate of the first layer of `graph` by stacked rows is of what it takes on `core`; ternary layers run
    by taps, which read a border."""
    features = sorted(get_core(core).features)
    case = in_c(graph, inputs=1, force=("taps", "stacked"), features=features)
    step, symbol = case.built.program.steps[1], case.built.symbols()[1]
    spent = case.built.measure(core, case.inputs).by_layer[symbol]
    assert step.node is not None
    assert step.encoding == "stacked"
    return ChooseEncodings(tuple(features), ram=1 << 20).options(step.node, 1 << 20)["stacked"].instructions / spent


@pytest.mark.parametrize("core", ["cortex-m0plus", "rv32imc", "cortex-m4", "rv32ec"])
@pytest.mark.parametrize("layer", LAYERS)
def test_estimates_follow_what_is_measured(layer: str, core: str) -> None:
    ratio = off(LAYERS[layer](), core)
    assert abs(ratio - 1) <= 0.15, ratio


@pytest.mark.parametrize("core", ["cortex-m0plus", "rv32imc", "cortex-m4", "rv32ec"])
def test_estimates_follow_what_is_measured_to_integers(core: str) -> None:
    w = np.random.default_rng(10).integers(-7, 8, (15, 6, 2, 2))
    ratio = off(IntegerGraph((6, 13, 5), uint(4)).conv(15, (2, 2), pads=0, weights=w), core)
    assert abs(ratio - 1) <= 0.15, ratio


@pytest.mark.parametrize("core", ["host", "rv32imc"])
def test_a_row_is_taken_as_a_column(core: str) -> None:
    """Windows of one dimension: their lanes lie along the row."""
    w = np.random.default_rng(3).integers(-7, 8, (6, 4, 5))
    graph = IntegerGraph((4, 60), uint(4)).conv(6, (5,), pads=2, stride=2, weights=w).scaled(uint(4), 40.0)
    case = in_c(graph.flatten().dense(1, density=0.1), inputs=3, force=("stacked",))
    assert case.built.program.steps[1].encoding == "stacked"
    for name, array in case.built.trace(case.inputs, core).items():
        np.testing.assert_array_equal(array, case.want[name], err_msg=name)


@pytest.mark.parametrize(("core", "ram", "by"), [("cortex-m23", 1 << 20, "stacked"), ("cortex-m0plus", 900, "pairs")])
def test_where_it_is_chosen(core: str, ram: int, by: str) -> None:
    model = conv((16, 12, 5), 16, (3, 3), 1, 1, group=16, bits=7).model()
    ChooseEncodings(tuple(sorted(get_core(core).features)), ram=ram).run(model, PassLog())
    assert text(next(n for n in model.graph if n.op_type == "Conv"), "encoding", "") == by
