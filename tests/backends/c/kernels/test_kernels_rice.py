"""Layers of Rice codes against their meaning in numpy, exactly, on every place and at the edges of every range."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import strategies as st
from tests.backends.c.kernels.convs import Layer, compare, dense_layer, layers, level_counts, seeds
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import PLACES, ROOMY, drawn, stored

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import Field, Map, pack, put_array
from cardc.passes.encodings import fold, rice, sparse_conv


@dataclass(frozen=True)
class ConvRice:
    """cardc_conv_rice_layer"""

    layer: Layer

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        layer, g = self.layer, self.layer.geometry()
        e, (out, depth, kh, kw) = rice.encode(rice.in_order(layer.w)), layer.w.shape
        cells = sparse_conv.places((1, 1, kh, kw), replace(g, group=1, in_channels=1)).ravel()
        fields: list[Field] = [("ptr", put_array(place, e.codes)), ("u8", e.k), ("align", place.pointer)]
        fields += [("ptr", put_array(place, cells.astype(np.uint16)))]
        fields += [("u32", g.plane), ("u32", g.row * layer.win.strides[0])]
        fields += [("u16", v) for v in (kh * kw, depth, out // layer.group, max(1, rice.max_taps(layer.w)))]
        fields += [("u8", layer.win.strides[1]), ("u8", layer.max_u)]
        return place.put(pack([*fields, *layer.to.fields()], place.pointer))


def run(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    """Call `cardc_conv_rice` and compare all of the output's memory."""
    rng = np.random.default_rng(seed)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end = tail(kind, levels, layer.sums, sums, rng)
    src = place.put(stored(layer.x, layer.source, layer.interior, layer.size, layer.zero, rng))
    scratch = place.put(bytes(rice.work_bytes(layer.w)), read_only=False)
    compare(place, "cardc_conv_rice", ConvRice(layer).put(place), end, layer.to, src, scratch)


@drawn("cardc_conv_rice", layers(aligned=False), kinds, level_counts, seeds, avr=False)
def test_convolutions(place: Place, layer: Layer, kind: str, levels: int, seed: int) -> None:
    run(place, layer, kind, levels, seed)


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("cin", "max_u"), [(2, 15), (17, 15), (29, 255), (60, 255), (90, 1), (64, 36)])
def test_convolutions_at_their_edges(name: str, cin: int, max_u: int, sign: int) -> None:
    """Exactly full bytes, exactly full halves (257 * 255), more than fits 16 bits."""
    run(PLACES[name](), dense_layer(cin, max_u, sign), "requantize", 15, 1)


@drawn(
    "cardc_dense_rice", st.integers(1, 40), st.integers(1, 300), st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]),
    st.sampled_from([1, 15, 255]), kinds, level_counts, seeds,
)  # fmt: skip
def test_matrices(
    place: Place, outputs: int, inputs: int, density: float, max_u: int, kind: str, levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    w = np.where(rng.random((outputs, inputs)) < density, rng.choice([-1, 1], (outputs, inputs)), 0)
    u = rng.integers(0, max_u + 1, inputs)
    sums = fold.of_bytes(w, fold.Stored(0, 1, max_u))
    end = tail(kind, levels, (w @ u).reshape(-1, 1, 1), sums, rng)
    e = rice.encode(w)
    fields: list[Field] = [("ptr", put_array(place, e.codes)), ("u8", e.k), ("align", place.pointer)]
    struct = place.put(pack([*fields, ("u16", outputs), ("u16", inputs)], place.pointer))
    compare(place, "cardc_dense_rice", struct, end, Map(outputs, 1, 1, 1, 1), place.put(u.astype(np.uint8).tobytes()))
