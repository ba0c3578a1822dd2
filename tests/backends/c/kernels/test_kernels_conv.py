"""Convolutions against their meaning in numpy, exactly, on every place and at the edges of every range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from tests.backends.c.kernels.convs import (
    Layer,
    compare,
    dense_layer,
    layers,
    level_counts,
    lines_of,
    seeds,
    shared_tail,
)
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import PLACES, ROOMY, drawn, stored

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import ConvDense, ConvPairs, ConvRuns, ConvSparse, Map
from cardc.ops.window import Window
from cardc.passes.encodings import fold, int8, lines, pairs, runs, sparse_conv


def run(place: Place, kernel: str, layer: Layer, kind: str, levels: int, seed: int, *table: int) -> None:
    """Call `kernel` and compare all of the output's memory."""
    rng = np.random.default_rng(seed)
    lo, step = int(rng.integers(-3, 2)), int(rng.integers(1, 3))
    sums = fold.of_bytes(layer.rows, fold.Stored(lo, step, layer.max_u))
    acc = step * layer.sums + (lo * layer.rows.sum(axis=1)).reshape(-1, 1, 1)
    end = tail(kind, levels, acc, sums, rng)
    if kernel == "cardc_conv_int8":
        g = layer.geometry()
        struct = ConvDense(
            int8.encode(layer.w), g.origin, g.plane, g.row, g.row * layer.win.strides[0], layer.win.strides[1],
            g.dilation, layer.group, layer.to,
        ).put(place)  # fmt: skip
    elif kernel == "cardc_conv_pairs":
        g = layer.geometry()
        encoded_pairs = pairs.encode(layer.w, layer.group, layer.max_u)
        np.testing.assert_array_equal(pairs.decode(encoded_pairs, layer.w.shape, layer.group), layer.w)
        struct = ConvPairs(
            encoded_pairs, layer.w.shape, g.origin, g.plane, g.row, g.row * layer.win.strides[0], layer.win.strides[1],
            g.dilation, layer.group, layer.to,
        ).put(place)  # fmt: skip
    else:
        encoded = sparse_conv.encode(layer.w, layer.geometry())
        row_step = layer.source.row * layer.win.strides[0]
        struct = ConvSparse(encoded, row_step, layer.win.strides[1], layer.max_u, layer.to).put(place)
    src = place.put(stored(layer.x, layer.source, layer.interior, layer.size, layer.zero, rng))
    compare(place, kernel, struct, end, layer.to, src, *table)


def run_by_runs(
    place: Place, layer: Layer, kind: str, levels: int, seed: int, rows: int, table: int, by_line: bool = False,
    by_shared: bool = False,
) -> list[int]:  # fmt: skip
    """The same for `cardc_conv_runs`, in bands of `rows` rows, with finish tables of `table` bytes, with one for all
    channels, or with lines: of which kinds."""
    rng = np.random.default_rng(seed)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end, one, bias = tail(kind, levels, layer.sums, sums, rng), None, 0
    if by_shared:
        (end, one), bias = shared_tail(levels, layer.sums, sums, rng), -int(sums.low.min())
    at, win = layer.geometry(), layer.win
    g = runs.RunsGeometry(
        at.in_channels, at.origin, at.row, (win.kernel[0], win.kernel[1]), (win.strides[0], win.strides[1]),
        at.dilation, layer.group, layer.to.width, min(rows, layer.to.height), 2 if layer.max_u > 63 else 1,
    )  # fmt: skip
    encoded = runs.encode(layer.w, g)
    shape = layer.w.shape
    np.testing.assert_array_equal(runs.decode(encoded, (shape[0], shape[1], shape[2], shape[3]), g), layer.w)
    work = runs.work(encoded.taps, layer.to.height, layer.max_u, table, g)
    found = lines_of(end, layer, sums) if by_line else None
    struct = ConvRuns(encoded, g, work, layer.source.plane, layer.max_u, layer.to, found, 255, one, bias).put(place)
    src = place.put(stored(layer.x, layer.source, layer.interior, layer.size, layer.zero, rng))
    scratch = place.put(rng.integers(0, 256, work.size, np.uint8).tobytes(), read_only=False)
    compare(place, "cardc_conv_runs", struct, end, layer.to, src, scratch)
    return [line.kind for line in found or []]


@drawn("cardc_conv_lanes", layers(), kinds, level_counts, st.sampled_from([0, 64, 600, 70000]), seeds)
def test_lanes(place: Place, layer: Layer, kind: str, levels: int, table: int, seed: int) -> None:
    assume(table <= 600 or place.pointer > 2)
    scratch = place.put(bytes(table), read_only=False) if table else 0
    run(place, "cardc_conv_lanes", layer, kind, levels, seed, scratch, table)


@drawn("cardc_conv_runs", layers(), kinds, level_counts, st.integers(1, 12), st.sampled_from([0, 64, 600, 4096]), seeds)
def test_runs(place: Place, layer: Layer, kind: str, levels: int, rows: int, table: int, seed: int) -> None:
    run_by_runs(place, layer, kind, levels, seed, rows, table)


@drawn("cardc_conv_runs", layers(aligned=False), kinds, level_counts, seeds, avr=False)
def test_runs_from_rows_of_any_length(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run_by_runs(place, layer, kind, levels, seed, 3, 64)


@pytest.mark.parametrize("name", ROOMY)
def test_runs_of_more_outputs_than_a_row_has_inputs(name: str) -> None:
    """Rows share a border as wide as the padding on either side: copies of rows overlap."""
    win = Window((1, 1), (1, 1), (1, 1), (0, 2), (0, 2))
    w, x = np.array([[1, -1], [0, 0]]).reshape(2, 2, 1, 1), np.arange(2 * 3 * 5).reshape(2, 3, 5) % 16
    layer = Layer(x, w, win, 1, 15, 7, Map(2, 3, 5, 24, 8), 2, 56, Map(2, 3, 9, 30, 10))
    run_by_runs(PLACES[name](), layer, "threshold", 15, 1, 2, 64)


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("cin", "max_u"), [(2, 15), (17, 15), (28, 255), (60, 36), (90, 1)])
def test_runs_at_their_edges(name: str, cin: int, max_u: int, sign: int) -> None:
    """Exactly full bytes, almost full halves, chunk after chunk."""
    for table in (0, 4096):
        run_by_runs(PLACES[name](), dense_layer(cin, max_u, sign), "threshold", 15, 1, 2, table)


@drawn(
    "cardc_conv_runs", layers(), st.sampled_from(["threshold", "requantize"]), level_counts, st.integers(1, 12),
    seeds, avr=False,
)  # fmt: skip
def test_runs_by_line(place: Place, layer: Layer, kind: str, levels: int, rows: int, seed: int) -> None:
    run_by_runs(place, layer, kind, levels, seed, rows, 0, by_line=True)


@drawn("cardc_conv_runs", layers(), level_counts, st.integers(1, 12), seeds, avr=False)
def test_runs_by_one_table(place: Place, layer: Layer, levels: int, rows: int, seed: int) -> None:
    run_by_runs(place, layer, "threshold", levels, seed, rows, 0, by_shared=True)


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("cin", "max_u", "kind"),
    [
        (1, 15, lines.BYTES),
        (2, 15, lines.HALVES),
        (7, 15, lines.HALVES),
        (20, 15, lines.HALVES),
        (8, 255, lines.HALVES),
    ],
)
def test_runs_by_line_at_their_edges(name: str, cin: int, max_u: int, kind: int, sign: int) -> None:
    """One chunk whose bytes are full, two, more, more than have a place, sums in halves; rising, falling, constant."""
    layer = dense_layer(cin, max_u, sign)
    found = [run_by_runs(PLACES[name](), layer, "requantize", 15, seed, 2, 0, by_line=True) for seed in range(6)]
    assert kind in {k for kinds in found for k in kinds}


@drawn("cardc_conv_taps", layers(aligned=False), kinds, level_counts, seeds)
def test_taps(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, "cardc_conv_taps", layer, kind, levels, seed, 0, 0)


@drawn("cardc_conv_int8", layers(ternary=False, aligned=False), kinds, level_counts, seeds)
def test_int8(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, "cardc_conv_int8", layer, kind, levels, seed)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("cin", "max_u"), [(2, 15), (17, 15), (29, 255), (60, 255), (90, 1), (64, 36)])
def test_lanes_at_their_edges(name: str, cin: int, max_u: int, sign: int) -> None:
    """Exactly full bytes, exactly full halves (257 * 255), more than fits 16 bits, more than 255 taps of a class."""
    layer = dense_layer(cin, max_u, sign)
    for table in (0, 66000 if name in ROOMY else 4000):
        place = PLACES[name]()
        scratch = place.put(bytes(table), read_only=False) if table else 0
        run(place, "cardc_conv_lanes", layer, "threshold", 15, 1, scratch, table)


@st.composite
def few_bits(draw: st.DrawFn) -> Layer:
    """Dense weights of up to 8 bits on inputs of as many as leave room in 16."""
    layer = draw(layers(ternary=False, aligned=False))
    bits = draw(st.sampled_from([1, 2, 3, 4, 4, 4, 5, 6, 8]))
    w = np.clip(layer.w >> (8 - bits), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return replace(layer, w=w)


@drawn("cardc_conv_pairs", few_bits(), kinds, level_counts, seeds)
def test_pairs(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    work = place.put(bytes(4 * layer.rows.shape[1]), read_only=False)
    run(place, "cardc_conv_pairs", layer, kind, levels, seed, work)


@pytest.mark.parametrize("end", [0, 1])
def test_pairs_at_the_ends_of_their_range(end: int) -> None:
    """Sums of 32,640 and -32,640 in both halves, in all four combinations, one input channel at a time."""
    signs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)]).reshape(8)
    w = np.zeros((8, 3, 1, 4), np.int64)
    w[:, :, 0] = np.array([127, 1, 0, 0]) * signs[:, None, None]
    x = np.full((3, 2, 9), 255 if end else 0)
    window = Window((1, 4), (1, 1), (1, 1), (0, 0), (0, 0))
    assert pairs.room_of(w, 255) == 1
    layer = Layer(x, w, window, 1, 255, 0, Map(3, 2, 9, 18, 9), 0, 56, Map(8, 2, 6, 12, 6))
    for name in PLACES:
        place = PLACES[name]()
        run(place, "cardc_conv_pairs", layer, "affine", 255, 3, place.put(bytes(48), read_only=False))
