"""Convolutions by vectors: what they are estimated to cost, and which layers run so."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint
from tests.passes.test_runs_costs import conv
from tests.tools import need_qemu

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import text
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings

FEATURES = tuple(sorted(get_core("cortex-m55").features))


def chosen(graph: IntegerGraph, features: tuple[str, ...] = FEATURES, force: tuple[str, ...] = ()) -> str:
    model = graph.model()
    ChooseEncodings(features, force).run(model, PassLog())
    return next(text(node, "encoding", "") for node in model.graph if node.op_type == "Conv")


@pytest.mark.parametrize(
    ("density", "bits", "stride"), [(0.1, 4, 1), (0.5, 4, 1), (0.2, 8, 1), (0.1, 4, 2), (0.2, 8, 3)]
)
def test_estimates_follow_what_is_measured(density: float, bits: int, stride: int) -> None:
    """To 15 %: bytes by line, chunks of them, halves; copies for strides."""
    need_qemu("cortex-m55")
    layer = lambda: conv(12, 16, 12, density, bits=bits, stride=stride)  # noqa: E731
    case = in_c(layer(), inputs=1, force=("vectors",), features=FEATURES)
    spent = case.built.measure("cortex-m55", case.inputs).by_layer[case.built.symbols()[1]]
    log, model = PassLog(), layer().model()
    ChooseEncodings(FEATURES, ram=2**20).run(model, log)
    guess = float(log.notes[0].split("vectors ~")[1].split(",")[0].rstrip(")"))
    assert abs(guess / spent - 1) <= 0.15, (guess, spent)


@pytest.mark.parametrize(("bits", "group", "stride"), [(4, 1, 1), (8, 1, 1), (4, 8, 1), (4, 8, 2), (8, 8, 2)])
def test_estimates_of_products_follow_what_is_measured(bits: int, group: int, stride: int) -> None:
    """To 15 %: sums in 16 and in 32 bits, depthwise, strides."""
    need_qemu("cortex-m55")
    weights = np.random.default_rng(1).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (16, 8 // group, 3, 3))

    def layer() -> IntegerGraph:
        graph = IntegerGraph((8, 16, 16), uint(bits), seed=3).conv(16, group=group, weights=weights, stride=stride)
        return graph.requantize(uint(4)).flatten().dense(1, density=0.1)

    case = in_c(layer(), inputs=1, force=("products",), features=FEATURES)
    spent = case.built.measure("cortex-m55", case.inputs).by_layer[case.built.symbols()[1]]
    log, model = PassLog(), layer().model()
    ChooseEncodings(FEATURES, ram=2**20).run(model, log)
    guess = float(log.notes[0].split("products ~")[1].split(",")[0].rstrip(")"))
    assert abs(guess / spent - 1) <= 0.15, (guess, spent)


def test_vectors_are_for_cores_that_have_them() -> None:
    assert chosen(conv(16, 16, 16, 0.1)) == "vectors"
    assert chosen(conv(16, 16, 16, 0.1), ("dsp", "unaligned")) != "vectors"
    assert chosen(conv(16, 16, 16, 0.1), ("dsp", "unaligned"), force=("vectors",)) == "vectors"
    assert chosen(conv(4, 8, 4, 0.1), ("eight_bit",), force=("vectors",)) == "taps"


def test_what_vectors_cannot_hold() -> None:
    assert chosen(conv(8, 16, 8, 0.3, stride=2)) != "vectors"  # without memory for copies
    assert chosen(conv(8, 40, 8, 0.3, stride=17), force=("vectors",)) != "vectors"
    assert (
        chosen(IntegerGraph((4, 8, 8), uint(4)).conv(4, weights=np.full((4, 4, 3, 3), 7)), force=("vectors",))
        != "vectors"
    )
    assert chosen(conv(300, 16, 4, 0.01), force=("vectors",)) != "vectors"  # the last places are beyond 16 bits


@pytest.mark.parametrize(("inputs", "bits"), [(200, 4), (65, 8)])
def test_estimates_of_dot_products_follow_what_is_measured(inputs: int, bits: int) -> None:
    need_qemu("cortex-m55")
    layer = lambda: IntegerGraph((inputs,), uint(bits), seed=4).dense(48, density=0.5).requantize(uint(4))  # noqa: E731
    case = in_c(layer(), inputs=1, force=("int8",), features=FEATURES)
    spent = case.built.measure("cortex-m55", case.inputs).by_layer[case.built.symbols()[1]]
    log, model = PassLog(), layer().model()
    ChooseEncodings(FEATURES).run(model, log)
    guess = float(log.notes[0].split("int8 ~")[1].split(",")[0].rstrip(")"))
    assert abs(guess / spent - 1) <= 0.15, (guess, spent)
