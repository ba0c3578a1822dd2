"""Convolutions by dot products of patches against their meaning in numpy, exactly, on every place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st
from tests.backends.c.kernels.convs import Layer, compare, dense_layer, layers, level_counts, seeds
from tests.backends.c.kernels.finishes import kinds, stairs, tail
from tests.backends.c.kernels.places import EVERYWHERE, PLACES, ROOMY, drawn, stored

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import ConvPatches, Map
from cardc.errors import CompileError
from cardc.passes.encodings import fold, lines, patches

any_layer = layers(ternary=False, aligned=False)


def geometry(layer: Layer, rows: int) -> patches.PatchGeometry:
    """The patches of `layer` in bands of `rows` rows (0: as the compiler has them)."""
    g, win = layer.geometry(), layer.win
    kernel, stride = (win.kernel[0], win.kernel[1]), (win.strides[0], win.strides[1])
    depth, to = layer.w.shape[1], layer.to
    found = patches.PatchGeometry(depth, kernel, stride, g.dilation, to.width, 1, g.origin, g.row)
    return replace(found, rows=rows or patches.highest(found, to.height))


def run(
    place: Place, layer: Layer, kind: str, levels: int, seed: int, rows: int = 0, by: str = "", most: int = 16
) -> list[int]:
    """Call the kernel, finished by `by`: a "line" where there is one, and compare all of the output's memory: the kinds
    of the lines."""
    rng = np.random.default_rng(seed)
    sums = fold.of_bytes(layer.rows, fold.Stored(0, 1, layer.max_u))
    end = tail(kind, levels, layer.sums, sums, rng, most)
    g, shape = geometry(layer, min(rows, layer.to.height)), layer.w.shape
    touch = g.pointwise and g.stride == (1, 1) and layer.source.row == g.width == layer.to.row
    g = replace(g, touch=touch and not any(layer.win.begin))
    encoded = patches.encode(layer.w, layer.group, layer.max_u)
    whole = (shape[0], shape[1], shape[2], shape[3])
    np.testing.assert_array_equal(patches.decode(encoded, whole, layer.group), layer.w)
    found, words = [], None
    if by == "line" and end.dtype is np.uint8:
        reach = zip(sums.low, sums.high, strict=True)
        found = [lines.fit(stairs(end.finish, c, np.arange(a, b + 1)), 255, None) for c, (a, b) in enumerate(reach)]
        words = patches.lines(found, sums.low, encoded.bias)
    struct = ConvPatches(encoded, g, layer.source.plane, layer.group, layer.max_u, layer.to, words, 255).put(place)
    src = place.put(stored(layer.x, layer.source, layer.interior, layer.size, layer.zero, rng))
    scratch = place.put(rng.integers(0, 256, g.size, np.uint8).tobytes(), read_only=False)
    compare(place, "cardc_conv_patches", struct, end, layer.to, src, scratch)
    return [line.kind for line in found]


@drawn(
    "cardc_conv_patches", any_layer, kinds, level_counts, st.integers(0, 5), st.sampled_from([0, 4, 7]), seeds,
    avr=False,
)  # fmt: skip
def test_patches(place: Place, layer: Layer, kind: str, levels: int, rows: int, cut: int, seed: int) -> None:
    """Weights of 8, 4 and 1 bits, strides, dilations, groups, bands of any height."""
    run(place, replace(layer, w=layer.w >> cut), kind, levels, seed, rows)


@drawn("cardc_conv_patches", any_layer, st.sampled_from(["threshold", "requantize"]), seeds, avr=False)
def test_patches_by_line(place: Place, layer: Layer, kind: str, seed: int) -> None:
    run(place, replace(layer, w=layer.w >> 5), kind, 15, seed, by="line")


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize("depth", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("stride", [1, 2])
def test_patches_of_one_tap(name: str, depth: int, stride: int) -> None:
    """Where the copy is the patches; rows that touch, and strides."""
    rng = np.random.default_rng(depth)
    out = (3, 7, 5) if stride == 1 else (3, 4, 3)
    source, to = Map(depth, 7, 5, 35, 5), Map(*out, out[1] * out[2], out[2])
    x, w = rng.integers(0, 256, (depth, 7, 5)), rng.integers(-128, 128, (3, depth, 1, 1))
    one = replace(dense_layer(1, 255, 1).win, kernel=(1, 1), strides=(stride, stride), begin=(0, 0), end=(0, 0))
    layer = Layer(x, w, one, 1, 255, 0, source, 0, -(-depth * 35 // 4) * 4, to)
    for rows in (0, 3):
        run(PLACES[name](), layer, "requantize", 255, 1, rows)
        run(PLACES[name](), layer, "affine", 255, 1, rows)


@pytest.mark.parametrize("name", ROOMY)
@pytest.mark.parametrize(("cin", "max_u", "sign"), [(40, 255, -128), (40, 255, 127), (40, 127, -128), (16, 128, -128)])
def test_patches_at_their_edges(name: str, cin: int, max_u: int, sign: int) -> None:
    """All weights and inputs as large as they can be; bytes that do not fit signed ones."""
    run(PLACES[name](), dense_layer(cin, max_u, sign), "affine", 1, 1)
    run(PLACES[name](), dense_layer(cin, max_u, sign), "requantize", 15, 1)


@pytest.mark.parametrize("name", ["host", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
@pytest.mark.parametrize("sign", [127, -128])
def test_patches_to_all_bytes(name: str, sign: int) -> None:
    """Outputs 0 to 255, which some cores saturate to in one instruction; with 32 and 64 bits."""
    for seed in range(8):
        run(EVERYWHERE[name](), dense_layer(3, 255, sign), "requantize", 255, seed, most=255)


@pytest.mark.parametrize("sign", [1, -1])
def test_lines_of_patches(sign: int) -> None:
    found = [run(PLACES["host"](), dense_layer(4, 15, sign), "threshold", 1, seed, by="line") for seed in range(6)]
    assert lines.HALVES in {k for kinds_of in found for k in kinds_of}


def test_parts_are_what_lies_side_by_side() -> None:
    g = patches.PatchGeometry(64, (3, 3), (1, 1), (1, 1), 8, 1)
    assert (g.part, g.patch, g.columns, g.parts.tolist()) == (96, 576, 10, [0, 96, 640, 736, 1280, 1376])
    apart = replace(g, dilation=(1, 2))
    assert (apart.part, apart.columns, apart.parts.tolist()[:4]) == (64, 12, [0, 128, 256, 768])


def test_what_patches_refuse() -> None:
    with pytest.raises(CompileError, match="more than 8 bits"):
        patches.encode(np.full((1, 1, 1, 1), 128), 1, 1)
    with pytest.raises(CompileError, match="in 2 groups"):
        patches.encode(np.zeros((3, 1, 1, 1), np.int64), 2, 1)
