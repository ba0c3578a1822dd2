"""What moves, loads, pools and finishes whole tensors, against numpy, exactly, on every place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from tests.backends.c.kernels.finishes import kinds, tail
from tests.backends.c.kernels.places import Ints, chw, drawn, outside_is, stored

from cardc.backends.c.runtime.call import Constant, Place
from cardc.backends.c.runtime.structs import FloatLevels, Map, Pool, pack
from cardc.ops.threshold import apply_thresholds
from cardc.ops.window import Window
from cardc.passes.encodings import bit_planes, fold

FILL = 99
seeds = st.integers(0, 2**32)


@st.composite
def maps(draw: st.DrawFn) -> Map:
    """A random layout with gaps behind rows and planes."""
    c, h, w = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 19))
    row = w + draw(st.integers(0, 5))
    return Map(c, h, w, row * h + draw(st.integers(0, 9)), row)


def put_map(place: Place, to: Map) -> int:
    return place.put(pack(to.fields(), place.pointer))


def output(place: Place, to: Map, width: int = 1) -> tuple[int, int]:
    size = to.plane * to.channels * width
    return place.put(bytes([FILL]) * size, read_only=False), size


def check(place: Place, dst: int, size: int, to: Map, want: Ints, dtype: type[np.generic] = np.uint8) -> None:
    got = np.frombuffer(place.read(dst, size), dtype)
    np.testing.assert_array_equal(chw(got, to), want)
    assert outside_is(got, to, int(np.frombuffer(bytes([FILL]) * np.dtype(dtype).itemsize, dtype)[0]))


@drawn("cardc_load_i8 cardc_load_u8", maps(), seeds)
def test_load_bytes(place: Place, to: Map, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for kernel, dtype in (("cardc_load_i8", np.int8), ("cardc_load_u8", np.uint8)):
        info = np.iinfo(dtype)
        x = rng.integers(info.min, info.max, (to.channels, to.height, to.width), endpoint=True).astype(dtype)
        step, lo = int(rng.integers(1, 3)), int(rng.integers(-128, 50))
        hi = lo + step * int(rng.integers(0, 256))
        dst, size = output(place, to)
        place.call(kernel, place.put(x.tobytes()), lo, hi, step, put_map(place, to), dst)
        check(place, dst, size, to, (np.clip(x.astype(np.int64), lo, hi) - lo) // step)


def floats(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Ordinary numbers, ties of each other, both zeros, infinities and subnormals."""
    special = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38, 1, -1, 0.5], np.float32)
    ordinary = rng.normal(0, 2, shape).astype(np.float32)
    return np.where(rng.random(shape) < 0.4, rng.choice(special, shape), ordinary).astype(np.float32)


@drawn("cardc_load_f32", maps(), st.sampled_from([1, 2, 15, 100, 255]), st.booleans(), st.booleans(), seeds)
def test_load_floats(place: Place, to: Map, levels: int, shared: bool, falls: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = floats(rng, (to.channels, to.height, to.width))
    x[rng.random(x.shape) < 0.1] = np.nan
    rows = 1 if shared else to.channels
    t = np.sort(floats(rng, (rows, levels)), axis=1)
    d = rng.choice([-1, 1], rows) if falls else None
    step = int(rng.integers(1, 3)) if levels < 100 else 1
    found = fold.float_keys(t, d)
    struct = FloatLevels(found.t.astype(np.int32), found.falling, 0, step, found.shared).put(place)
    dst, size = output(place, to)
    place.call("cardc_load_f32", place.put(x.tobytes()), struct, put_map(place, to), dst)
    want = apply_thresholds(x[None], t, None if d is None else d.astype(np.float32), 0, step)[0]
    check(place, dst, size, to, want)


@drawn("cardc_finish_i16 cardc_finish_i32", maps(), kinds, st.sampled_from([1, 3, 15, 255]), seeds)
def test_finish(place: Place, to: Map, kind: str, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for kernel, dtype, reach in (("cardc_finish_i16", np.int16, 2**15 - 1), ("cardc_finish_i32", np.int32, 2**20)):
        acc = rng.integers(-reach, reach, (to.channels, to.height, to.width)) // int(rng.choice([1, 100]))
        low, high = (np.full(to.channels, v) for v in (-reach, reach))
        end = tail(kind, levels, acc, fold.raw(low, high), rng)
        dst, size = output(place, to, np.dtype(end.dtype).itemsize)
        place.call(kernel, end.finish.put(place), place.put(acc.astype(dtype).tobytes()), put_map(place, to), dst)
        check(place, dst, size, to, end.want, end.dtype)


@drawn("cardc_finish_u8", maps(), maps(), kinds, st.sampled_from([1, 3, 15, 255]), seeds)
def test_finish_of_bytes(place: Place, source: Map, to: Map, kind: str, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = replace(source, channels=to.channels, height=to.height, width=to.width)
    row = to.width + int(rng.integers(0, 3))
    source = replace(source, row=row, plane=row * to.height + int(rng.integers(0, 4)))
    x = rng.integers(0, 256, (to.channels, to.height, to.width))
    low, high = (np.full(to.channels, v) for v in (0, 255))
    end = tail(kind, levels, x, fold.raw(low, high), rng)
    dst, size = output(place, to, np.dtype(end.dtype).itemsize)
    src = place.put(stored(x, source, 0, source.plane * to.channels + row, 7, rng))
    place.call("cardc_finish_u8", end.finish.put(place), src, source.plane, source.row, put_map(place, to), dst)
    check(place, dst, size, to, end.want, end.dtype)


@drawn("cardc_lookup", maps(), maps(), seeds)
def test_lookup(place: Place, source: Map, to: Map, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = min(source.channels, to.channels), min(source.height, to.height), min(source.width, to.width)
    source, to = Map(*shape, source.plane, source.row), Map(*shape, to.plane, to.row)
    x, table = rng.integers(0, 256, shape), rng.integers(0, 256, 256)
    src = place.put(stored(x, source, 0, source.plane * shape[0], 7, rng))
    dst, size = output(place, to)
    where = place.put(Constant(table.astype(np.uint8).tobytes()))
    place.call("cardc_lookup", where, src, source.plane, source.row, put_map(place, to), dst)
    check(place, dst, size, to, table[x])


@drawn(
    "cardc_maxpool", maps(), st.tuples(*[st.integers(1, 3)] * 6), st.tuples(*[st.integers(0, 2)] * 2), st.integers(1,
    9), seeds,
)  # fmt: skip
def test_maxpool(
    place: Place, source: Map, window: tuple[int, ...], pad: tuple[int, int], width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kernel, stride, dilation = window[0:2], window[2:4], window[4:6]
    assume(pad[0] < kernel[0] and pad[1] < kernel[1])
    assume(all(p <= d * (k - 1) for p, d, k in zip(pad, dilation, kernel, strict=True)))
    win = Window(kernel, stride, dilation, pad, pad)
    out = win.out((source.height, source.width))
    assume(min(out) > 0)
    x = rng.integers(0, 256, (source.channels, source.height, source.width))
    want = win.view(x[None], -1).max(axis=(-1, -2))[0]
    assume(want.min() >= 0)
    to = Map(source.channels, *out, out[0] * (out[1] + width), out[1] + width)
    src = place.put(stored(x, source, 0, source.plane * source.channels, 255, rng))
    dst, size = output(place, to)
    place.call("cardc_maxpool", Pool(source, to, kernel, stride, dilation, pad).put(place), src, dst)
    check(place, dst, size, to, want)


@drawn("cardc_copy cardc_fill_border", maps(), maps(), seeds)
def test_copy_and_border(place: Place, source: Map, to: Map, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = min(source.channels, to.channels), min(source.height, to.height), min(source.width, to.width)
    source, to = Map(*shape, source.plane, source.row), Map(*shape, to.plane, to.row)
    x = rng.integers(0, 256, shape)
    src = place.put(stored(x, source, 0, source.plane * shape[0], 7, rng))
    dst, size = output(place, to)
    place.call("cardc_copy", src, source.plane, source.row, put_map(place, to), dst)
    check(place, dst, size, to, x)
    interior = int(rng.integers(0, 9))
    storage = place.put(bytes([FILL]) * (size + interior), read_only=False)
    place.call("cardc_fill_border", storage, size + interior, interior, put_map(place, to), 5)
    got = np.frombuffer(place.read(storage, size + interior), np.uint8)
    assert (got[:interior] == 5).all()
    assert (chw(got, to, interior) == FILL).all()
    assert outside_is(got[interior:], to, 5)


@drawn("cardc_pack_planes", st.integers(1, 200), st.integers(1, 8), seeds)
def test_pack_planes(place: Place, count: int, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    u = rng.integers(0, 2**bits, count)
    want = bit_planes.pack(np.stack([(u >> p) & 1 for p in range(bits)]) != 0)
    dst = place.put(bytes([FILL]) * want.nbytes, read_only=False)
    place.call("cardc_pack_planes", place.put(u.astype(np.uint8).tobytes()), count, bits, dst)
    np.testing.assert_array_equal(np.frombuffer(place.read(dst, want.nbytes), np.uint32).reshape(want.shape), want)


@drawn(
    "cardc_argmax_u8 cardc_argmax_i16 cardc_argmax_i32 cardc_argmax_i64", st.integers(1, 40), st.integers(1, 5), seeds
)
def test_argmax(place: Place, count: int, spread: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for dtype, suffix in ((np.uint8, "u8"), (np.int16, "i16"), (np.int32, "i32"), (np.int64, "i64")):
        info = np.iinfo(dtype)
        x = rng.choice(np.array([info.min, info.max, *range(spread)], dtype), count)
        assert place.call(f"cardc_argmax_{suffix}", place.put(x.tobytes()), count) == int(np.argmax(x))
