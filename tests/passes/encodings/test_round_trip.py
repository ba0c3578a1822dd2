"""Encodings are exact: decode(encode(w)) == w, in the size they state, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.errors import CompileError
from cardc.passes.encodings import bit_planes, int8, pairs, sparse_conv, sparse_dense, vertical

some = settings(max_examples=100, deadline=None, derandomize=True, database=None)
seeds, densities = st.integers(0, 2**32), st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


def ternary(shape: tuple[int, ...], density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < density, rng.choice([-1, 1], shape), 0).astype(np.int64)


@some
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5),
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.sampled_from([40, 3000, 60000]), densities, seeds,
)  # fmt: skip
def test_sparse_conv(
    group: int, out: int, depth: int, kh: int, kw: int, dilation: tuple[int, int], plane: int, density: float, seed: int
) -> None:
    w = ternary((group * out, depth, kh, kw), density, seed)
    row = dilation[1] * kw + 3
    reach = dilation[0] * kh * row
    g = sparse_conv.ConvGeometry(group * depth, max(plane, reach), row, seed % 50, dilation, group)
    if g.plane > plane:
        return
    e = sparse_conv.encode(w, g)
    assert (sparse_conv.decode(e, (group * out, depth, kh, kw), g) == w).all()
    assert e.taps.tolist() == np.abs(w).sum(axis=(1, 2, 3)).tolist()
    assert sparse_conv.size_bytes(e) == 2 * int(np.abs(w).sum()) + e.counts.size
    first = 0
    for row_counts in e.counts.reshape(-1, len(e.residue)):
        for count, residue in zip(row_counts, e.residue, strict=True):
            assert (e.offsets[first : first + int(count)] % 4 == residue).all()
            first += int(count)


def test_more_than_255_taps_of_a_class_are_cut_into_parts() -> None:
    w = np.ones((2, 300, 1, 2), np.int64)
    g = sparse_conv.ConvGeometry(300, 16, 8, 0)
    e = sparse_conv.encode(w, g)
    assert e.parts == 2
    assert (sparse_conv.decode(e, w.shape, g) == w).all()


def test_an_input_beyond_64_kb_is_cut_into_parts() -> None:
    w = ternary((3, 100, 3, 3), 0.2, 1)
    g = sparse_conv.ConvGeometry(100, 36 * 36, 36, 0)
    e = sparse_conv.encode(w, g)
    assert e.parts == 2
    assert e.part_stride == 50 * 36 * 36
    assert (sparse_conv.decode(e, w.shape, g) == w).all()


@pytest.mark.parametrize(
    ("w", "geometry"),
    [
        (np.full((1, 1, 1, 1), 2), sparse_conv.ConvGeometry(1, 16, 4, 0)),
        (np.ones((1, 2, 1, 1), np.int64), sparse_conv.ConvGeometry(3, 16, 4, 0)),
        (np.ones((1, 1, 1, 1), np.int64), sparse_conv.ConvGeometry(1, 16, 4, -1)),
        (np.ones((1, 1, 300, 1), np.int64), sparse_conv.ConvGeometry(1, 90000, 300, 0)),
    ],
)
def test_sparse_conv_refuses(w: np.ndarray, geometry: sparse_conv.ConvGeometry) -> None:
    with pytest.raises(CompileError) as error:
        sparse_conv.encode(w, geometry)
    assert error.value.fix


@some
@given(st.integers(1, 6), st.one_of(st.integers(1, 80), st.integers(250, 2000)), densities, seeds)
def test_sparse_dense(outputs: int, inputs: int, density: float, seed: int) -> None:
    w = ternary((outputs, inputs), density, seed)
    e = sparse_dense.encode(w)
    assert (sparse_dense.decode(e, inputs) == w).all()
    assert sparse_dense.size_bytes(e) == np.abs(w).sum() + 2 * outputs * e.blocks
    assert e.block <= 256
    assert e.block * (e.blocks - 1) < inputs <= e.block * e.blocks


@pytest.mark.parametrize(("width", "blocks"), [(32, 1), (33, 2), (64, 2), (65, 3), (600, 19)])
def test_full_rows_are_cut_so_that_no_list_is_too_long(width: int, blocks: int) -> None:
    w = np.ones((1, width), np.int64)
    e = sparse_dense.encode(w)
    assert (e.blocks, e.block) == (blocks, -(-width // blocks))
    assert (sparse_dense.decode(e, width) == w).all()


@some
@given(st.integers(1, 70), st.integers(1, 300), densities, seeds)
def test_vertical(outputs: int, inputs: int, density: float, seed: int) -> None:
    w = ternary((outputs, inputs), density, seed)
    for full in (w, np.where(w == 0, -1, w)):
        e = vertical.encode(full)
        assert (vertical.decode(e, outputs) == full).all()
        matrices, words = len(e.weights), -(-outputs // 32)
        assert matrices == (1 if full.all() else 2)
        assert vertical.size_bytes(e) == 4 * words * (matrices * (inputs + 1) + vertical.bits_of(inputs))


def test_outputs_four_apart_are_neighbouring_bits() -> None:
    for output, bit in ((0, 0), (1, 8), (3, 24), (4, 1), (31, 31), (32, 0)):
        row = np.full((33, 1), -1)
        row[output] = 1
        assert vertical.encode(row).weights[0, 0].tolist() == [(output < 32) << bit, int(output == 32)]


@some
@given(st.integers(1, 5), st.integers(1, 100), densities, seeds)
def test_bit_planes(outputs: int, inputs: int, density: float, seed: int) -> None:
    w = ternary((outputs, inputs), density, seed)
    words = bit_planes.encode_ternary(w)
    assert (bit_planes.decode_ternary(words, inputs) == w).all()
    assert bit_planes.size_bytes(words) == 8 * outputs * -(-inputs // 32)
    binary = np.where(w == 0, -1, w)
    assert (bit_planes.decode_binary(bit_planes.encode_binary(binary), inputs) == binary).all()


@some
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 8), st.sampled_from([1, 15, 255]))
def test_pairs(group: int, channels: int, depth: int, bits: int, max_u: int) -> None:
    half = 2 ** (bits - 1)
    w = np.random.default_rng(bits).integers(-half, half, (group * channels, depth, 3, 2))
    encoded = pairs.encode(w, group, max_u)
    assert (pairs.decode(encoded, w.shape, group) == w).all()
    rows = group * -(-channels // 2) if encoded.room else group * channels
    by_weight = 1 if encoded.bits == 4 or not encoded.room else 2
    assert pairs.size_bytes(encoded) == rows * depth * 6 * by_weight


def test_pairs_have_room_for_as_many_channels_as_always_fit() -> None:
    w = np.full((2, 10, 1, 1), 64)  # 64 * 255 = 16,320, and 2 of them fit 32,767
    assert pairs.room_of(w, 255) == 2
    assert pairs.room_of(-w, 255) == 2
    assert pairs.room_of(np.full((1, 1, 3, 3), 127), 255) == 0
    assert pairs.room_of(np.ones((4, 7, 1, 1), np.int64), 1) == 7


def test_int8() -> None:
    w = np.arange(-128, 128).reshape(2, 128)
    assert (int8.decode(int8.encode(w)) == w).all()
    assert int8.size_bytes(int8.encode(w)) == 256


@pytest.mark.parametrize(
    ("encode", "w"),
    [
        (int8.encode, np.array([[128]])),
        (sparse_dense.encode, np.array([[2]])),
        (bit_planes.encode_ternary, np.array([[3]])),
        (vertical.encode, np.array([[3]])),
        (vertical.encode, np.ones((1056, 512), np.int64)),
        (bit_planes.encode_binary, np.array([[0]])),
    ],
)
def test_what_does_not_fit_is_refused(encode: object, w: np.ndarray) -> None:
    assert callable(encode)
    with pytest.raises(CompileError) as error:
        encode(w)
    assert error.value.fix
