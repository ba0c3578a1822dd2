"""Convolutions by long multiplications against their meaning in numpy, exactly, at the edges of every range too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from tests.backends.c.kernels.convs import Layer, compare, layers, level_counts, lines_of, seeds, shared_tail
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import PLACES, ROOMY, drawn, stored

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import ConvLong, Map
from cardc.errors import CompileError
from cardc.ops.window import Window
from cardc.passes.encodings import fold, lines, long


@st.composite
def few_bits(draw: st.DrawFn) -> Layer:
    """Weights of up to 8 bits, as many of them as leave room for the inputs' bits in 12; output rows with gaps and
    without, and padding that differs from side to side."""
    layer = draw(layers(ternary=False, aligned=False))
    layer = replace(layer, max_u=min(layer.max_u, 127), x=np.minimum(layer.x, 127), zero=min(layer.zero, 127))
    bits = draw(st.sampled_from([2, 3, 4, 4, 5, 8]))
    w = np.maximum(layer.w >> (8 - bits), 1 - 2 ** (bits - 1))
    rng, flat = np.random.default_rng(draw(seeds)), w.reshape(len(w), -1)
    for row in flat:  # as many weights as there is room for
        order = rng.permutation(row.size)
        row[order[np.cumsum(np.abs(row[order])) * layer.max_u >= 4096]] = 0
    behind = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    win = replace(layer.win, end=behind)
    reach = [d * (k - 1) + 1 for k, d in zip(win.kernel, win.dilations, strict=True)]
    assume(all(p < r for side in (win.begin, win.end) for p, r in zip(side, reach, strict=True)))
    height, width = win.out(layer.x.shape[1:])
    assume(min(height, width) > 0)
    row = width + draw(st.sampled_from([0, 0, 3]))
    to = Map(len(w), height, width, row * height + draw(st.integers(0, 3)), row)
    zero = layer.zero if draw(st.booleans()) else 0
    return replace(layer, w=flat.reshape(w.shape), win=win, zero=zero, to=to)


def geometry_of(layer: Layer) -> long.LongGeometry:
    win = layer.win
    return long.LongGeometry(
        (win.kernel[0], win.kernel[1]), (win.strides[0], win.strides[1]), (win.dilations[0], win.dilations[1]),
        (win.begin[0], win.begin[1]), layer.to.height, layer.to.width, layer.w.shape[1],
    )  # fmt: skip


def run(place: Place, layer: Layer, kind: str, levels: int, seed: int, end_by: str = "") -> list[int]:
    """Call the kernel and compare all of the output's memory; with `end_by` "lines" or "shared" it finishes so.
    Kinds of the lines."""
    rng, g = np.random.default_rng(seed), geometry_of(layer)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end, one, bias = tail(kind, levels, layer.sums, sums, rng), None, 0
    if end_by == "shared":
        (end, one), bias = shared_tail(levels, layer.sums, sums, rng), -int(sums.low.min())
    found = lines_of(end, replace(layer, max_u=64), sums) if end_by == "lines" else None  # 64: lines of sums in halves
    encoded = long.encode(layer.w, layer.max_u, layer.zero, g)
    o, i, kh, kw = layer.w.shape
    np.testing.assert_array_equal(long.decode(encoded, (o, i, kh, kw), g), layer.w)
    struct = ConvLong(
        encoded, g, layer.source, layer.interior, layer.zero, len(layer.w) // layer.group, layer.to, found, 255, one,
        bias,
    ).put(place)  # fmt: skip
    src = place.put(stored(layer.x, layer.source, layer.interior, layer.size, 77, rng))
    work = place.put(rng.integers(0, 256, g.work_bytes, np.uint8).tobytes(), read_only=False)
    compare(place, "cardc_conv_long", struct, end, layer.to, src, work)
    return [line.kind for line in found or []]


@drawn("cardc_conv_long", few_bits(), kinds, level_counts, seeds, avr=False)
def test_long(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, layer, kind, levels, seed)


@drawn("cardc_conv_long", few_bits(), st.sampled_from(["threshold", "requantize"]), level_counts, seeds, avr=False)
def test_long_by_line(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, layer, kind, levels, seed, "lines")


@drawn("cardc_conv_long", few_bits(), level_counts, seeds, avr=False)
def test_long_by_one_table(place: Place, layer: Layer, levels: int, seed: int) -> None:
    run(place, layer, "threshold", levels, seed, "shared")


def full(kernel: tuple[int, int], group: int, weights: tuple[int, ...], max_u: int, x: int, zero: int) -> Layer:
    """Every input `x`, weights that alternate between `weights`."""
    win = Window(kernel, (1, 1), (1, 1), ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2), (0, 0))
    height, width = win.out((6, 9))
    source, to = Map(group, 6, 9, 54, 9), Map(group, height, width, height * width, width)
    w = np.resize(np.array(weights), (group, 1, *kernel))
    return Layer(np.full((group, 6, 9), x), w, win, group, max_u, zero, source, 0, 54 * group + 2, to)


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("zero", [0, 15])
@pytest.mark.parametrize("x", [0, 15])
@pytest.mark.parametrize("weights", [(39,), (-39,), (39, -39), (-39, 39, 39), (127, 0, 0, 0), (0, 0, -127, 0)])
def test_long_at_its_edges(name: str, weights: tuple[int, ...], x: int, zero: int) -> None:
    """Sums of all but 12 bits: 7 * 39 * 15 = 4,095."""
    for group in (1, 3):
        kinds_of = {k for seed in range(3) for k in run(PLACES[name](), full((1, 7), group, weights, 15, x, zero),
                    "requantize", 15, seed, "lines")}  # fmt: skip
        assert kinds_of <= {lines.NONE, lines.HALVES}


def test_what_does_not_fit_is_refused() -> None:
    g = long.LongGeometry((1, 7), (1, 1), (1, 1), (0, 3), 6, 9, 1)
    w = np.full((1, 1, 1, 7), 39)
    assert long.fits(w, 15)
    assert not long.fits(w, 16)  # 4,368
    assert not long.fits(np.full((1, 1, 1, 1), -128), 1)
    assert not long.fits(np.ones((1, 1, 1, 1), np.int64), 128)
    assert not long.fits(np.zeros((0, 1, 1, 1), np.int64), 1)
    with pytest.raises(CompileError, match="12"):
        long.encode(w, 16, 0, g)
