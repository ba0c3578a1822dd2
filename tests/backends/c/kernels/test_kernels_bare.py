"""Convolutions by runs of tensors that have no border left and right, rows of all channels one behind the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.backends.c.kernels.convs import Layer, compare, layers, level_counts, lines_of, seeds
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import PLACES, ROOMY

from cardc.backends.c.runtime.structs import ConvRuns, Map
from cardc.passes.encodings import fold, runs

SLACK = 16


def bare(layer: Layer) -> Layer:
    """The same numbers in rows of all channels, with border above and below only."""
    cin, height, width = layer.x.shape
    pitch, (top, left) = -(-width // 4) * 4, layer.win.begin
    bottom, right = layer.win.end
    source = Map(cin, height, width, pitch, cin * pitch)
    lead = -(-left // 4) * 4
    size = lead + (top + height + bottom) * source.row + -(-right // 4) * 4
    return replace(layer, source=source, interior=top * source.row + lead, size=size)


def storage(layer: Layer, rng: np.random.Generator) -> bytes:
    """What a kernel may find: anything but for the elements and the rows of border."""
    cin, height, width = layer.x.shape
    raw = rng.integers(0, 256, layer.size + SLACK, np.uint8)
    start, row = layer.interior, layer.source.row
    raw[start - layer.win.begin[0] * row : start] = layer.zero
    raw[start + height * row : start + (height + layer.win.end[0]) * row] = layer.zero
    c, y, x = np.ogrid[:cin, :height, :width]
    raw[start + c * layer.source.plane + y * row + x] = layer.x
    return raw.tobytes()


@pytest.mark.parametrize("name", ROOMY)
@given(
    layers(), kinds, level_counts, st.integers(1, 12), st.sampled_from([0, 600]), st.booleans(), seeds
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_copies_get_the_border(
    name: str, padded: Layer, kind: str, levels: int, rows: int, table: int, by_line: bool, seed: int
) -> None:
    place = PLACES[name]()
    layer, rng = bare(padded), np.random.default_rng(seed)
    assume(layer.source.row <= 0xFFFF)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end = tail(kind, levels, layer.sums, sums, rng)
    at, win = layer.geometry(), layer.win
    g = runs.RunsGeometry(
        at.in_channels, at.origin, at.row, (win.kernel[0], win.kernel[1]), (win.strides[0], win.strides[1]),
        at.dilation, layer.group, layer.to.width, min(rows, layer.to.height), 2 if layer.max_u > 63 else 1,
        (win.begin[1], layer.source.width, layer.zero),
    )  # fmt: skip
    assume(g.copy_bytes <= runs.MAX_OFFSET)
    encoded = runs.encode(layer.w, g)
    work = runs.work(encoded.taps, layer.to.height, layer.max_u, table, g)
    found = lines_of(end, layer, sums) if by_line else None
    struct = ConvRuns(encoded, g, work, layer.source.plane, layer.max_u, layer.to, found, 255, None, 0).put(place)
    src = place.put(storage(layer, rng))
    scratch = place.put(rng.integers(0, 256, work.size, np.uint8).tobytes(), read_only=False)
    compare(place, "cardc_conv_runs", struct, end, layer.to, src, scratch)
