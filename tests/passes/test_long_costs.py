"""Convolutions by long multiplications: what they are estimated to cost, and where they are chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import text
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings


def conv(
    shape: tuple[int, int, int], out: int, kernel: tuple[int, int], pads: int, stride: int, *, group: int = 1,
    bits: int = 4, exact: bool = True,
) -> IntegerGraph:  # fmt: skip
    """Weights of `bits` bits, behind them a quantiser as trained ones are, or (with `exact` False) any thresholds."""
    half = 2 ** (bits - 1)
    w = np.random.default_rng(5).integers(1 - half, half, (out, shape[0] // group, *kernel))
    graph = IntegerGraph(shape, uint(4)).conv(out, kernel, pads=pads, stride=stride, group=group, weights=w)
    spread = 2.5 * 16 / 3.5 * float(np.sqrt((w[0] ** 2).sum()))
    return (graph.scaled(uint(4), spread) if exact else graph.threshold(uint(4))).flatten().dense(1, density=0.1)


LAYERS: dict[str, Callable[[], IntegerGraph]] = {
    "depthwise, five pixels wide": lambda: conv((16, 12, 5), 16, (3, 3), 1, 1, group=16),
    "depthwise, twelve pixels wide": lambda: conv((12, 12, 12), 12, (3, 3), 1, 1, group=12),
    "depthwise 5x5": lambda: conv((8, 10, 10), 8, (5, 5), 2, 1, group=8, bits=3),
    "strided, of one channel": lambda: conv((1, 33, 10), 24, (10, 4), 1, 2),
    "strided, of three channels": lambda: conv((3, 16, 16), 12, (3, 3), 1, 2, bits=3),
    "depthwise to any thresholds": lambda: conv((16, 12, 5), 16, (3, 3), 1, 1, group=16, exact=False),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_estimates_follow_what_is_measured(layer: str) -> None:
    features = sorted(get_core("cortex-m4").features)
    case = in_c(LAYERS[layer](), inputs=1, force=("long",), features=features)
    spent = case.built.measure("cortex-m4", case.inputs).by_layer[case.built.symbols()[1]]
    log, model = PassLog(), LAYERS[layer]().model()
    ChooseEncodings(tuple(features), ram=1 << 20).run(model, log)
    assert text(next(n for n in model.graph if n.op_type == "Conv"), "encoding", "") == "long"
    guess = float(log.notes[0].split("long ~")[1].split(",")[0].rstrip(")"))
    assert abs(guess / spent - 1) <= 0.15, (guess, spent)


@pytest.mark.parametrize(
    ("core", "ram", "bits", "by"),
    [
        ("cortex-m4", 1 << 20, 4, "long"),
        ("cortex-m3", 1 << 20, 4, "long"),
        ("cortex-m4", 900, 4, "pairs"),  # no room for copies
        ("cortex-m4", 1 << 20, 7, "stacked"),  # sums of more than 12 bits
        ("cortex-m0plus", 1 << 20, 4, "stacked"),  # products of 32 bits
        ("rv32imc", 1 << 20, 4, "stacked"),
    ],
)
def test_where_it_is_chosen(core: str, ram: int, bits: int, by: str) -> None:
    model = conv((16, 12, 5), 16, (3, 3), 1, 1, group=16, bits=bits).model()
    ChooseEncodings(tuple(sorted(get_core(core).features)), ram=ram).run(model, PassLog())
    assert text(next(n for n in model.graph if n.op_type == "Conv"), "encoding", "") == by
