"""Convolutions by stacked rows against their meaning in numpy, exactly, at the edges of every range too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from tests.backends.c.kernels.convs import Layer, compare, layers, level_counts, seeds, shared_tail
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import EVERYWHERE, ROOMY, drawn, stored

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import ConvStacked, Map
from cardc.errors import CompileError
from cardc.ops.window import Window
from cardc.passes.encodings import fold, stacked


@st.composite
def any_bits(draw: st.DrawFn) -> Layer:
    """Weights and inputs of up to 8 bits, so that words have one lane to four; output rows with gaps and without, and
    padding that differs from side to side."""
    layer = draw(layers(ternary=False, aligned=False))
    bits = draw(st.sampled_from([2, 3, 4, 4, 5, 8]))
    behind = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    win = replace(layer.win, end=behind)
    height, width = win.out(layer.x.shape[1:])
    assume(min(height, width) > 0)
    row = width + draw(st.sampled_from([0, 0, 3]))
    to = Map(len(layer.w), height, width, row * height + draw(st.integers(0, 3)), row)
    return replace(layer, w=layer.w >> (8 - bits), win=win, to=to)


def geometry_of(layer: Layer, bits: int, lanes: int, part: int) -> stacked.StackedGeometry:
    win, to = layer.win, layer.to
    return stacked.StackedGeometry(
        (win.kernel[0], win.kernel[1]), (win.strides[0], win.strides[1]), (win.dilations[0], win.dilations[1]),
        (win.begin[0], win.begin[1]), to.height, to.width, layer.w.shape[1], layer.source.width, bits, lanes, part,
    )  # fmt: skip


def run(place: Place, layer: Layer, kind: str, levels: int, seed: int, *, one: bool = False) -> int:
    """Call the kernel and compare all of the output's memory; with `one` by one table for all channels. Its lanes."""
    rng = np.random.default_rng(seed)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end, table, bias = tail(kind, levels, layer.sums, sums, rng), None, 0
    if one:
        (end, table), bias = shared_tail(levels, layer.sums, sums, rng), -int(sums.low.min())
    encoded, lanes = stacked.encode(layer.w, layer.max_u), stacked.lanes_of(layer.w, layer.max_u)
    np.testing.assert_array_equal(stacked.decode(encoded, layer.w.shape), layer.w)  # type: ignore[arg-type]
    most = -(-layer.to.height // lanes)
    g = geometry_of(layer, encoded.bits, lanes, int(rng.integers(1, most + 1)))
    struct = ConvStacked(
        encoded, g, layer.source, layer.interior, layer.zero, len(layer.w) // layer.group, layer.to, table, bias
    ).put(place)
    src = place.put(stored(layer.x, layer.source, layer.interior, layer.size, 77, rng))
    work = place.put(rng.integers(0, 256, g.work_bytes, np.uint8).tobytes(), read_only=False)
    compare(place, "cardc_conv_stacked", struct, end, layer.to, src, work)
    return lanes


@drawn("cardc_conv_stacked", any_bits(), kinds, level_counts, seeds, avr=False)
def test_stacked(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, layer, kind, levels, seed)


@drawn("cardc_conv_stacked", any_bits(), level_counts, seeds, avr=False)
def test_stacked_by_one_table(place: Place, layer: Layer, levels: int, seed: int) -> None:
    run(place, layer, "threshold", levels, seed, one=True)


def full(group: int, weights: tuple[int, ...], max_u: int, x: int, zero: int) -> Layer:
    """Every input `x`, weights that alternate between `weights`."""
    win = Window((1, 7), (1, 1), (1, 1), (0, 3), (0, 0))
    height, width = win.out((6, 9))
    source, to = Map(group, 6, 9, 54, 9), Map(group, height, width, height * width, width)
    w = np.resize(np.array(weights), (group, 1, 1, 7))
    return Layer(np.full((group, 6, 9), x), w, win, group, max_u, zero, source, 0, 54 * group + 2, to)


# The largest sum: 7 * 12 * 3 = 252, 7 * 73 * 2 = 1,022, 7 * 81 * 115 = 65,205; one more of each is too many.
EDGES = [(12, 3, 4), (13, 3, 3), (73, 2, 3), (74, 2, 2), (81, 115, 2), (82, 115, 1), (127, 255, 1)]


@pytest.mark.parametrize("name", [*ROOMY, "rv32ec"])
@pytest.mark.parametrize(("weight", "max_u", "lanes"), EDGES)
def test_stacked_at_its_edges(name: str, weight: int, max_u: int, lanes: int) -> None:
    """Lanes that are all but full, of either sign, and borders of both ends."""
    place = EVERYWHERE[name]()
    for weights in ((weight,), (-weight,), (weight, -weight), (-weight, weight, weight)):
        for x, zero in ((0, 0), (0, max_u), (max_u, 0), (max_u, max_u)):
            assert run(place, full(2, weights, max_u, x, zero), "requantize", 15, 3) == lanes


@pytest.mark.parametrize("name", ["host", "rv32ec"])
def test_every_weight_of_8_bits(name: str) -> None:
    """Those of cores that do not multiply are sums of digits."""
    layer = replace(full(256, (0,), 1, 1, 0), w=np.repeat(np.arange(-128, 128).reshape(256, 1, 1, 1), 7, axis=3))
    assert run(EVERYWHERE[name](), layer, "affine", 15, 3) == 3


def test_what_does_not_fit_is_refused() -> None:
    assert stacked.lanes_of(np.full((1, 1, 1, 1), -129), 1) == 0
    assert stacked.lanes_of(np.full((1, 1, 1, 1), 128), 1) == 0
    assert stacked.lanes_of(np.ones((1, 1, 1, 1), np.int64), 256) == 0
    assert stacked.lanes_of(np.zeros((0, 1, 1, 1), np.int64), 1) == 0
    assert stacked.lanes_of(np.zeros((1, 1, 1, 1), np.int64), 255) == 4
    with pytest.raises(CompileError, match="8 bits"):
        stacked.encode(np.full((1, 1, 1, 1), 200), 1)
