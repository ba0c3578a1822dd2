"""Convolutions by patches: what they are estimated to cost, and which layers run so."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint
from tests.passes.test_vectors_plan import FEATURES, chosen
from tests.tools import need_qemu

from cardc.backends.c.emulate.cores import get_core
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings

Layer = tuple[int, int, int, int, tuple[int, int], int, int, int]
# Channels, height, width, output channels, kernel, bits of inputs, stride, groups.
LAYERS: list[Layer] = [
    (3, 24, 24, 16, (3, 3), 8, 1, 1),
    (16, 12, 12, 24, (3, 3), 4, 2, 1),
    (24, 10, 10, 7, (1, 1), 8, 1, 1),
    (16, 12, 12, 16, (3, 3), 4, 1, 2),
    (1, 25, 10, 12, (10, 4), 4, 2, 1),
]


FURTHER: list[Layer] = [
    (8, 16, 16, 16, (1, 1), 8, 1, 1),
    (64, 6, 6, 32, (1, 1), 8, 1, 1),
    (40, 7, 5, 9, (3, 3), 8, 1, 1),
]
DSP = tuple(sorted(get_core("cortex-m4").features))


def deviation(layer: Layer, core: str, bits: int) -> float:
    """What `layer` with outputs of `bits` is estimated to take on `core`, by what it takes."""
    cin, height, width, out, kernel, of_inputs, stride, group = layer
    weights = np.random.default_rng(1).integers(-8, 8, (out, cin // group, *kernel))
    features = tuple(sorted(get_core(core).features))

    def graph() -> IntegerGraph:
        graph = IntegerGraph((cin, height, width), uint(of_inputs), seed=3)
        graph.conv(out, kernel, pads=kernel[0] // 2, stride=stride, group=group, weights=weights)
        return graph.requantize(uint(bits)).flatten().dense(1, density=0.1)

    case = in_c(graph(), inputs=1, force=("patches",), features=features)
    spent = case.built.measure(core, case.inputs).by_layer[case.built.symbols()[1]]
    log = PassLog()
    ChooseEncodings(features, ram=2**20).run(graph().model(), log)
    return float(log.notes[0].split("patches ~")[1].split(",")[0].rstrip(")")) / spent


@pytest.mark.parametrize("layer", LAYERS)
def test_estimates_follow_what_is_measured(layer: Layer) -> None:
    """To 5 %: patches that overlap, strides, one tap, groups."""
    need_qemu("cortex-m55")
    assert abs(deviation(layer, "cortex-m55", 4) - 1) <= 0.05


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33"])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("layer", [*LAYERS, *FURTHER])
def test_estimates_follow_what_the_dsp_extension_takes(layer: Layer, bits: int, core: str) -> None:
    """To 10 %, with and without clipping to fewer than 8 bits."""
    assert abs(deviation(layer, core, bits) - 1) <= 0.10


def test_patches_are_for_vectors_and_memory() -> None:
    def dense(weight: int = 7, bits: int = 4) -> IntegerGraph:
        graph = IntegerGraph((8, 16, 16), uint(bits)).conv(8, weights=np.full((8, 8, 3, 3), weight))
        return graph.requantize(uint(4)).flatten().dense(1, density=0.1)

    def best(ram: int, features: tuple[str, ...] = FEATURES, weight: int = 7, bits: int = 4) -> str:
        log = PassLog()
        ChooseEncodings(features, ram=ram).run(dense(weight, bits).model(), log)
        return log.notes[0].split(": ")[1].split(" ")[0]

    assert best(2**20) == "patches"
    assert best(2**13) == "products"  # without a copy
    assert best(2**20, DSP, 99, 8) == "patches"
    assert best(2**20, DSP) == "stacked"  # two sums to a word
    assert best(2**11, DSP, 99, 8) == "pairs"
    assert best(2**20, ("unaligned",)) != "patches"
    assert chosen(dense(), ("unaligned",), force=("patches",)) == "patches"


def test_what_patches_cannot_hold() -> None:
    wide = IntegerGraph((1, 4, 4), uint(4)).conv(1, weights=np.full((1, 1, 3, 3), 300))
    assert chosen(wide, force=("patches",)) != "patches"
    far = IntegerGraph((700, 3, 90), uint(1)).conv(1, weights=np.ones((1, 700, 3, 3), np.int64))
    assert chosen(far, force=("patches",)) != "patches"  # the last places are beyond 16 bits
