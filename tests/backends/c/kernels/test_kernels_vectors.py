"""Convolutions by vectors against their meaning in numpy, exactly, on every place and at the edges of every range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
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

from cardc.backends.c.emulate.process import EmulationError
from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import ConvVectors, pack
from cardc.passes.encodings import fold, lines, products, vectors
from cardc.passes.encodings.phases import Phases
from cardc.passes.vectors_plan import products_lane

flat = layers(aligned=False)


def phases_of(layer: Layer) -> Phases | None:
    """The copies that `layer` needs."""
    g, win = layer.geometry(), layer.win
    kernel, stride = (win.kernel[0], win.kernel[1]), (win.strides[0], win.strides[1])
    to = layer.to
    found = Phases(len(layer.x), layer.group, kernel, stride, g.dilation, to.width, to.height, g.origin, g.row)
    return None if stride == (1, 1) else found


def run(
    place: Place, layer: Layer, kind: str, levels: int, seed: int, table: int = 0, by: str = "", off: int = 0,
    dense: bool = False,
) -> list[int]:  # fmt: skip
    """Call the kernel, finished by `by`: a "line", one table for all channels ("shared"), or with a finish table of
    `table` bytes, and compare all of the output's memory: the kinds of the lines. `off` moves the input off its
    words. `dense`: every weight multiplied."""
    rng = np.random.default_rng(seed)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end, one, bias = tail(kind, levels, layer.sums, sums, rng), None, 0
    if by == "shared":
        (end, one), bias = shared_tail(levels, layer.sums, sums, rng), -int(sums.low.min())
    g, shape, copies = layer.geometry(), layer.w.shape, phases_of(layer)
    pitch, plane, room = (copies.pitch, copies.channel, copies.size) if copies else (g.row, g.plane, 0)
    where = copies or g
    encoded: vectors.Vectors | products.Products
    lane = products_lane(layer.w, layer.max_u + 1) if dense else 0
    work = vectors.work(layer.to.height, layer.to.width, pitch, layer.max_u, table, lane, room)
    if dense:
        encoded = products.encode(layer.w, where, lane, layer.max_u)
    else:
        encoded = vectors.encode(layer.w, where)
        np.testing.assert_array_equal(vectors.decode(encoded, (shape[0], shape[1], shape[2], shape[3]), where), layer.w)
    found = lines_of(end, layer, sums, dense) if by == "line" and work.lane < 4 else None
    group = (shape[1] * plane, shape[0] // layer.group, copies, g.plane)
    struct = ConvVectors(encoded, work, pitch, layer.max_u, layer.to, found, 255, one, bias, *group).put(place)
    storage = stored(layer.x, layer.source, layer.interior, layer.size, layer.zero, rng)
    src = place.put(bytes(off) + storage) + off
    scratch = place.put(rng.integers(0, 256, work.size, np.uint8).tobytes(), read_only=False)
    compare(place, "cardc_conv_vectors", struct, end, layer.to, src, scratch)
    return [line.kind for line in found or []]


@drawn(
    "cardc_conv_vectors", flat, kinds, level_counts, st.sampled_from([0, 64, 600, 4096]), st.integers(0, 3), seeds,
    avr=False,
)  # fmt: skip
def test_vectors(place: Place, layer: Layer, kind: str, levels: int, table: int, off: int, seed: int) -> None:
    run(place, layer, kind, levels, seed, table, off=off)


@drawn("cardc_conv_vectors", flat, st.sampled_from(["threshold", "requantize"]), level_counts, seeds, avr=False)
def test_vectors_by_line(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, layer, kind, levels, seed, by="line")


@drawn("cardc_conv_vectors", flat, level_counts, seeds, avr=False)
def test_vectors_by_one_table(place: Place, layer: Layer, levels: int, seed: int) -> None:
    run(place, layer, "threshold", levels, seed, by="shared")


@drawn(
    "cardc_conv_vectors", layers(ternary=False, aligned=False), kinds, level_counts,
    st.sampled_from([0, 4, 7]), seeds, avr=False,
)  # fmt: skip
def test_products(place: Place, layer: Layer, kind: str, levels: int, cut: int, seed: int) -> None:
    """Weights of 8, 4 and 1 bits: sums in 32 and 16."""
    run(place, replace(layer, w=layer.w >> cut), kind, levels, seed, off=seed % 4, dense=True)


@drawn(
    "cardc_conv_vectors", layers(ternary=False, aligned=False),
    st.sampled_from(["threshold", "requantize"]), seeds, avr=False,
)  # fmt: skip
def test_products_by_line(place: Place, layer: Layer, kind: str, seed: int) -> None:
    run(place, replace(layer, w=layer.w >> 5), kind, 15, seed, by="line", dense=True)


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize(
    ("weights", "lane"), [((127, 127, 3), 2), ((-128, -127, -2), 2), ((127, -127, 3), 2), ((127, -128, 3), 4)]
)
def test_products_at_the_end_of_16_bits(name: str, weights: tuple[int, int, int], lane: int) -> None:
    """Sums that reach 65,535 apart, and one weight more."""
    layer = replace(dense_layer(1, 255, 1), w=np.zeros((2, 1, 3, 3), np.int64))
    layer.w[:, 0, 0, :] = weights
    assert products_lane(layer.w, 256) == lane
    for kind in ("affine", "requantize"):
        run(PLACES[name](), layer, kind, 15, 1, dense=True)


EDGES = [
    (1, 15, lines.BYTES),
    (2, 15, lines.HALVES),
    (7, 15, lines.HALVES),
    (20, 15, lines.HALVES),
    (8, 255, lines.HALVES),
]


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("cin", "max_u", "kind"), EDGES)
def test_vectors_by_line_at_their_edges(name: str, cin: int, max_u: int, kind: int, sign: int) -> None:
    """Bytes that are full, chunk after chunk of them, sums in halves; rising, falling, constant lines."""
    layer = dense_layer(cin, max_u, sign)
    found = [run(PLACES[name](), layer, "requantize", 15, seed, by="line") for seed in range(6)]
    assert kind in {k for kinds_of in found for k in kinds_of}


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("cin", "max_u"), [(2, 15), (17, 15), (28, 255), (60, 36), (90, 1)])
def test_vectors_at_their_edges(name: str, cin: int, max_u: int, sign: int) -> None:
    """Exactly full bytes, almost full halves, chunk after chunk."""
    for table in (0, 4096):
        run(PLACES[name](), dense_layer(cin, max_u, sign), "threshold", 15, 1, table)


def test_bands_are_as_high_as_their_sums_have_room() -> None:
    assert vectors.work(16, 16, 17, 15, 0).rows == 16
    low = vectors.work(96, 96, 97, 15, 0)
    assert low.rows == 21
    assert low.size == 3 * (20 * 97 + 96 + 12 + 16)
    assert vectors.work(3, 5000, 5002, 15, 0).rows == 1


def test_a_store_beside_a_buffer_is_seen_on_the_m55() -> None:
    """What guards the tests above: their machine has protected memory."""
    for beside in (False, True):
        place = PLACES["cortex-m55"]()
        sums = place.put(np.arange(8, dtype=np.int32).tobytes())
        m, b = place.put(np.ones(1, np.int32).tobytes()), place.put(np.zeros(1, np.int32).tobytes())
        finish = place.put(
            pack(
                [("u8", v) for v in (0, 2, 1, 0, 0, 1)]
                + [("u16", 0), ("i32", 0), ("i32", 0)]
                + [("ptr", v) for v in (0, 0, 0, m, b, 0)],
                place.pointer,
            )
        )
        dst = place.put(bytes(32), read_only=False)
        if not beside:
            place.call("cardc_finish_row", finish, 0, sums, 1, 0, 8, dst, 0)
            assert place.read(dst, 32) == place.read(sums, 32)
            continue
        with pytest.raises(EmulationError, match="FAULT"):
            place.call("cardc_finish_row", finish, 0, sums, 1, 0, 1, dst, 8)
