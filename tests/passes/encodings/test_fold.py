"""Folding is exact on every sum a kernel can reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.errors import CompileError
from cardc.ops.requantize import apply_dyadic
from cardc.ops.threshold import apply_thresholds
from cardc.passes.encodings import fold

some = settings(max_examples=200, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32)


def some_sums(rng: np.random.Generator, channels: int) -> tuple[fold.Sums, np.ndarray, np.ndarray]:
    """Sums, every S that each channel reaches [C, n], and the accumulators."""
    gain = int(rng.choice([-2, -1, 1, 2, 3]))
    low = rng.integers(-40, 1, channels)
    high = low + 60
    sums = fold.Sums(gain, rng.integers(-50, 50, channels), low, high)
    s = low[:, None] + np.arange(61)
    return sums, s, gain * s + sums.offset[:, None]


@some
@given(st.integers(1, 4), st.integers(1, 20), st.booleans(), seeds)
def test_thresholds(channels: int, levels: int, falls: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sums, s, acc = some_sums(rng, channels)
    t = np.sort(rng.integers(-200, 200, (int(rng.choice([1, channels])), levels)), axis=1)
    d = rng.choice([-1, 1], channels) if falls else None
    want = apply_thresholds(acc[None], t, d, 0, 1)[0]
    found = fold.thresholds(t, d, sums)
    count = (s[:, None] >= found.t[:, :, None]).sum(axis=1)
    got = count if found.falling is None else np.where(found.falling[:, None] != 0, levels - count, count)
    np.testing.assert_array_equal(got, want)
    assert (np.diff(found.t, axis=1) >= 0).all()
    assert (found.t >= sums.low.min()).all()
    assert (found.t <= sums.high.max() + 1).all()


@some
@given(st.integers(1, 4), st.booleans(), seeds)
def test_requantize_and_affine(channels: int, as_bytes: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sums, s, acc = some_sums(rng, channels)
    shift = int(rng.integers(0, 30))
    m, b = rng.integers(-(2**shift), 2**shift, channels), rng.integers(-(2**35), 2**35, channels)
    lo, hi = -8, 7
    want = apply_dyadic(acc[None], m, b, shift, lo, hi)[0]
    f = fold.requantize(m, b, shift, lo, hi, sums, as_bytes)
    got = np.clip((s * f.m[:, None] + f.b[:, None]) >> f.shift, f.lo, f.hi)
    np.testing.assert_array_equal(got, want - (lo if as_bytes else 0))
    reach = np.abs(s * f.m[:, None]).max(), np.abs(s * f.m[:, None] + f.b[:, None]).max(), np.abs(f.b).max()
    assert f.wide or max(reach) < 2**31
    g = fold.affine(m // 2**20, b // 2**10, sums)
    np.testing.assert_array_equal(s * g.m[:, None] + g.b[:, None], acc * (m // 2**20)[:, None] + (b // 2**10)[:, None])


def test_what_does_not_fit_is_refused() -> None:
    sums = fold.raw(np.array([-(2**20)]), np.array([2**20]))
    with pytest.raises(CompileError):
        fold.affine(np.array([2**20]), np.array([0]), sums)
    with pytest.raises(CompileError):
        fold.requantize(np.array([2**40]), np.array([0]), 40, 0, 15, sums, True)


def test_shared_parameters_stay_shared() -> None:
    sums = fold.raw(np.full(3, -9), np.full(3, 9))
    assert fold.thresholds(np.array([[1, 2]]), None, sums).shared
    assert fold.affine(np.array([2]), np.array([1]), sums).shared
    assert not fold.affine(np.array([2, 3, 2]), np.array([1]), sums).shared


@pytest.mark.parametrize("planes", [1, 2, 4])
@some
@given(seeds)
def test_bit_plane_sums(planes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    top = 2**planes - 1
    u, x = rng.integers(0, top + 1, 40), fold.Stored(-1, 2, top)
    bits = [(u >> p) & 1 for p in range(planes)]
    w = rng.choice([-1, 1], (3, 40))
    s = sum((1 << p) * ((w > 0) != (a != 0)).sum(axis=1) for p, a in enumerate(bits))
    f = fold.of_binary_planes(w, x, planes)
    np.testing.assert_array_equal(f.gain * s + f.offset, w @ (x.lo + x.step * u))
    w = rng.integers(-1, 2, (3, 40))
    s = sum((1 << p) * (((a != 0) != (w < 0)) & (w != 0)).sum(axis=1) for p, a in enumerate(bits))
    f = fold.of_ternary_planes(w, x, planes)
    np.testing.assert_array_equal(f.gain * s + f.offset, w @ (x.lo + x.step * u))
    assert (f.low <= s).all()
    assert (s <= f.high).all()


def test_float_keys_refuse_nan() -> None:
    with pytest.raises(ValueError, match="not a number"):
        fold.float_keys(np.array([[np.nan]], np.float32), None)
