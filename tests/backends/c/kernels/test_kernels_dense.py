"""Fully connected layers against their meaning in numpy, exactly, on every place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import PLACES, Ints, drawn

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import DenseInt8, DensePlanes, DenseSparse, DenseVertical
from cardc.ops.threshold import apply_thresholds
from cardc.passes.encodings import bit_planes, fold, int8, sparse_dense, vertical

seeds = st.integers(0, 2**32)
level_counts = st.sampled_from([1, 2, 3, 15, 255])
output_counts = st.one_of(st.integers(1, 9), st.sampled_from([31, 32, 33, 65]))
input_counts = st.one_of(st.integers(1, 70), st.sampled_from([255, 256, 257, 600, 1030]))


def matrix(rng: np.random.Generator, outputs: int, inputs: int, density: float) -> Ints:
    w = np.where(rng.random((outputs, inputs)) < density, rng.choice([-1, 1], (outputs, inputs)), 0)
    w[:, rng.integers(0, inputs)] = rng.integers(-1, 2)  # a lone tap far from the others now and then
    return np.asarray(w, np.int64)


_AVR_TABLES = 16_384  # bytes of thresholds: half of what an 8-bit part has for all constants


def inputs_of(rng: np.random.Generator, count: int, max_u: int) -> Ints:
    return np.full(count, max_u) if rng.integers(3) == 0 else rng.integers(0, max_u + 1, count)


def run(
    place: Place, kernel: str, layer: int, src: bytes, acc: Ints, sums: fold.Sums, kind: str, levels: int, seed: int,
    *scratch: int,
) -> None:  # fmt: skip
    assume(place.pointer > 2 or kind != "threshold" or 4 * len(acc) * levels <= _AVR_TABLES)
    end = tail(kind, levels, acc, sums, np.random.default_rng(seed))
    size = len(acc) * np.dtype(end.dtype).itemsize
    dst = place.put(bytes(size), read_only=False)
    place.call(kernel, layer, end.finish.put(place), place.put(src), dst, *scratch)
    np.testing.assert_array_equal(np.frombuffer(place.read(dst, size), end.dtype), end.want)


def stored(rng: np.random.Generator, max_u: int) -> fold.Stored:
    return fold.Stored(int(rng.integers(-3, 2)), int(rng.integers(1, 3)), max_u)


@drawn(
    "cardc_dense_sparse", output_counts, input_counts, st.sampled_from([0.0, 0.004, 0.1, 0.5, 1.0]), kinds,
    level_counts, seeds,
)  # fmt: skip
def test_sparse(place: Place, outputs: int, inputs: int, density: float, kind: str, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, max_u = matrix(rng, outputs, inputs, density), int(rng.choice([1, 15, 255]))
    u, x = inputs_of(rng, inputs, max_u), stored(rng, max_u)
    layer = DenseSparse(sparse_dense.encode(w)).put(place)
    src = u.astype(np.uint8).tobytes()
    acc = w @ (x.lo + x.step * u)
    run(place, "cardc_dense_sparse", layer, src, acc, fold.of_bytes(w, x), kind, levels, seed)


@drawn("cardc_dense_int8", st.integers(1, 9), input_counts, kinds, level_counts, seeds)
def test_int8(place: Place, outputs: int, inputs: int, kind: str, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, max_u = rng.integers(-128, 128, (outputs, inputs)), int(rng.choice([1, 15, 255]))
    u, x = inputs_of(rng, inputs, max_u), stored(rng, max_u)
    layer = DenseInt8(int8.encode(w)).put(place)
    src = u.astype(np.uint8).tobytes()
    acc = w @ (x.lo + x.step * u)
    run(place, "cardc_dense_int8", layer, src, acc, fold.of_bytes(w, x), kind, levels, seed)


def planes_of(u: Ints, planes: int) -> bytes:
    return bit_planes.pack(np.stack([(u >> p) & 1 for p in range(planes)]) != 0).tobytes()


@drawn("cardc_dense_binary", st.integers(1, 9), input_counts, st.integers(1, 4), kinds, level_counts, seeds)
def test_binary(place: Place, outputs: int, inputs: int, planes: int, kind: str, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.choice([-1, 1], (outputs, inputs)) if rng.integers(4) else np.full((outputs, inputs), -1)
    u, x = inputs_of(rng, inputs, 2**planes - 1), stored(rng, 2**planes - 1)
    layer = DensePlanes(bit_planes.encode_binary(w), planes).put(place)
    acc, sums = w @ (x.lo + x.step * u), fold.of_binary_planes(w, x, planes)
    run(place, "cardc_dense_binary", layer, planes_of(u, planes), acc, sums, kind, levels, seed)


@drawn(
    "cardc_dense_ternary", st.integers(1, 9), input_counts, st.integers(1, 4), st.sampled_from([0.0, 0.1, 1.0]),
    kinds, level_counts, seeds,
)  # fmt: skip
def test_ternary(
    place: Place, outputs: int, inputs: int, planes: int, density: float, kind: str, levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    w = matrix(rng, outputs, inputs, density)
    u, x = inputs_of(rng, inputs, 2**planes - 1), stored(rng, 2**planes - 1)
    layer = DensePlanes(bit_planes.encode_ternary(w), planes).put(place)
    acc, sums = w @ (x.lo + x.step * u), fold.of_ternary_planes(w, x, planes)
    run(place, "cardc_dense_ternary", layer, planes_of(u, planes), acc, sums, kind, levels, seed)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("inputs", [255, 256, 512])
@pytest.mark.parametrize("bit", [0, 1])
def test_every_bit_counts_and_none_does(name: str, inputs: int, bit: int) -> None:
    """256 ones in eight words are one more than a byte holds."""
    u, x = np.full(inputs, bit), fold.Stored(-1, 2, 1)
    w = np.stack([np.full(inputs, 1), np.full(inputs, -1)])
    acc = w @ (x.lo + x.step * u)
    for kernel, words, sums in (
        ("cardc_dense_binary", bit_planes.encode_binary(w), fold.of_binary_planes(w, x, 1)),
        ("cardc_dense_ternary", bit_planes.encode_ternary(w), fold.of_ternary_planes(w, x, 1)),
    ):
        place = PLACES[name]()
        run(place, kernel, DensePlanes(words, 1).put(place), planes_of(u, 1), acc, sums, "affine", 1, 0)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_sparse_rows_of_a_full_list(name: str, sign: int) -> None:
    """32 of a sign is the most that a list holds; 33 make two blocks."""
    for inputs in (31, 32, 33, 64):
        place, u, x = PLACES[name](), np.arange(inputs) % 256, fold.Stored(0, 1, 255)
        w = np.full((33, inputs), sign)
        layer, src = DenseSparse(sparse_dense.encode(w)).put(place), u.astype(np.uint8).tobytes()
        run(place, "cardc_dense_sparse", layer, src, w @ u, fold.of_bytes(w, x), "affine", 1, inputs)


ones = st.sampled_from(["none", "all", "half", "one more", "any"])


def bits_of(which: str, inputs: int, rng: np.random.Generator) -> Ints:
    """Bytes of 0 and 1, so many of them 1 as `which` says."""
    count = {"none": 0, "all": inputs, "half": inputs // 2, "one more": inputs // 2 + 1}
    u = np.zeros(inputs, np.int64)
    u[rng.permutation(inputs)[: count.get(which, int(rng.integers(inputs + 1)))]] = 1
    return u


@drawn(
    "cardc_dense_vertical", output_counts, input_counts, st.sampled_from([0.0, 0.1, 1.0]), ones, kinds, level_counts,
    seeds,
)  # fmt: skip
def test_vertical(
    place: Place, outputs: int, inputs: int, density: float, which: str, kind: str, levels: int, seed: int
) -> None:
    run_vertical(place, outputs, inputs, density, which, kind, levels, seed)


def run_vertical(
    place: Place, outputs: int, inputs: int, density: float, which: str, kind: str, levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    w = rng.choice([-1, 1], (outputs, inputs)) if density == 1 else matrix(rng, outputs, inputs, density)
    u, x = bits_of(which, inputs, rng), stored(rng, 1)
    acc, sums = w @ (x.lo + x.step * u), fold.of_vertical(w, x)
    layer = DenseVertical(vertical.encode(w), outputs).put(place)
    scratch = place.put(bytes(vertical.list_bytes(inputs)), read_only=False)
    run(place, "cardc_dense_vertical", layer, u.astype(np.uint8).tobytes(), acc, sums, kind, levels, seed, scratch)


@drawn(
    "cardc_dense_vertical_bits", output_counts, input_counts, st.sampled_from([0.0, 0.1, 1.0]), ones, st.booleans(),
    seeds,
)  # fmt: skip
def test_vertical_bits(
    place: Place, outputs: int, inputs: int, density: float, which: str, extreme: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    w = rng.choice([-1, 1], (outputs, inputs)) if density == 1 else matrix(rng, outputs, inputs, density)
    u, x = bits_of(which, inputs, rng), stored(rng, 1)
    acc, sums = w @ (x.lo + x.step * u), fold.of_vertical(w, x)
    far = 3 * inputs + 9
    t = rng.choice([-far, far], (outputs, 1)) if extreme else (acc + rng.integers(-2, 3, outputs))[:, None]
    d = None if rng.integers(2) else rng.choice([-1, 1], outputs)
    t = t if d is None else t * d[:, None]
    f, base, step = fold.thresholds(t, d, sums), int(rng.integers(100)), int(rng.integers(1, 100))
    e = vertical.encode(w)
    digits = vertical.thresholds(np.broadcast_to(f.t[:, 0], outputs), f.falling, e.bits)
    dst = place.put(bytes(outputs), read_only=False)
    scratch = place.put(bytes(vertical.list_bytes(inputs)), read_only=False)
    layer = DenseVertical(e, outputs, digits, base, step).put(place)
    place.call("cardc_dense_vertical_bits", layer, place.put(u.astype(np.uint8).tobytes()), dst, scratch)
    want = base + step * apply_thresholds(acc[None], t, d, 0, 1)[0]
    np.testing.assert_array_equal(np.frombuffer(place.read(dst, outputs), np.uint8), want)


@pytest.mark.parametrize(("outputs", "inputs"), [(97, 40), (128, 256), (160, 33), (300, 70)])
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_vertical_counters_of_four_words_on_the_m55(outputs: int, inputs: int, density: float) -> None:
    """128 outputs at a time; the last words overlap those before."""
    for which in ("none", "all", "half", "one more"):
        run_vertical(PLACES["cortex-m55"](), outputs, inputs, density, which, "threshold", 3, outputs + inputs)
