"""Convolutions by patches: what they are estimated to cost, and which layers run so."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint
from tests.passes.test_vectors_plan import FEATURES, chosen
from tests.tools import need_qemu

from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings

# Channels, height, width, output channels, kernel, bits of inputs, stride, groups.
LAYERS = [
    (3, 24, 24, 16, (3, 3), 8, 1, 1),
    (16, 12, 12, 24, (3, 3), 4, 2, 1),
    (24, 10, 10, 7, (1, 1), 8, 1, 1),
    (16, 12, 12, 16, (3, 3), 4, 1, 2),
    (1, 25, 10, 12, (10, 4), 4, 2, 1),
]


@pytest.mark.parametrize(("cin", "height", "width", "out", "kernel", "bits", "stride", "group"), LAYERS)
def test_estimates_follow_what_is_measured(
    cin: int, height: int, width: int, out: int, kernel: tuple[int, int], bits: int, stride: int, group: int
) -> None:
    """To 5 %: patches that overlap, strides, one tap, groups."""
    need_qemu("cortex-m55")
    weights = np.random.default_rng(1).integers(-8, 8, (out, cin // group, *kernel))

    def layer() -> IntegerGraph:
        graph = IntegerGraph((cin, height, width), uint(bits), seed=3)
        graph.conv(out, kernel, pads=kernel[0] // 2, stride=stride, group=group, weights=weights)
        return graph.requantize(uint(4)).flatten().dense(1, density=0.1)

    case = in_c(layer(), inputs=1, force=("patches",), features=FEATURES)
    spent = case.built.measure("cortex-m55", case.inputs).by_layer[case.built.symbols()[1]]
    log = PassLog()
    ChooseEncodings(FEATURES, ram=2**20).run(layer().model(), log)
    guess = float(log.notes[0].split("patches ~")[1].split(",")[0].rstrip(")"))
    assert abs(guess / spent - 1) <= 0.05, (guess, spent)


def test_patches_are_for_vectors_and_memory() -> None:
    def dense() -> IntegerGraph:
        graph = IntegerGraph((8, 16, 16), uint(4)).conv(8, weights=np.full((8, 8, 3, 3), 7))
        return graph.requantize(uint(4)).flatten().dense(1, density=0.1)

    def best(ram: int, features: tuple[str, ...] = FEATURES) -> str:
        log = PassLog()
        ChooseEncodings(features, ram=ram).run(dense().model(), log)
        return log.notes[0].split(": ")[1].split(" ")[0]

    assert best(2**20) == "patches"
    assert best(2**13) == "products"  # without a copy
    assert best(2**20, ("dsp", "unaligned")) != "patches"
    assert chosen(dense(), ("dsp", "unaligned"), force=("patches",)) == "patches"


def test_what_patches_cannot_hold() -> None:
    wide = IntegerGraph((1, 4, 4), uint(4)).conv(1, weights=np.full((1, 1, 3, 3), 300))
    assert chosen(wide, force=("patches",)) != "patches"
    far = IntegerGraph((700, 3, 90), uint(1)).conv(1, weights=np.ones((1, 700, 3, 3), np.int64))
    assert chosen(far, force=("patches",)) != "patches"  # the last places are beyond 16 bits
