"""Quantisers of 9 to 16 bits: thresholds by bisection, multiply and shift where it is exact, in little time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.ops.base import Array
from cardc.ops.requantize import ROUNDINGS, apply_dyadic
from cardc.ops.threshold import apply_thresholds
from cardc.passes.bisect import integer_thresholds
from cardc.passes.requantize_dyadic import first_that_rounds_to, fit_channel

WIDE = 2**60
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_many_thresholds_equal_the_function(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, levels = int(rng.integers(1, 4)), int(rng.integers(257, 2**16))
    reach = int(rng.integers(2, 2**26))
    slope = rng.choice([-1, 1], channels) * np.exp2(rng.uniform(-14, 2, channels))
    power = float(rng.choice([1.0, 0.5, 3.0]))

    def f(x: Array) -> Array:
        y = np.sign(x) * np.abs(slope * x) ** power
        return np.clip(np.rint(y), -(levels // 2), levels - levels // 2).astype(np.int64) + levels // 2

    lo, hi = np.full(channels, -reach), rng.integers(0, reach, channels)
    found = integer_thresholds(f, lo, hi, levels, monotone=True)
    x = np.concatenate([rng.integers(lo, hi + 1, (500, channels)), [lo, hi]])
    # Both sides of thresholds too.
    at = found.t[np.arange(channels), rng.integers(0, levels, (500, channels))] * found.d
    x = np.concatenate([x, at.clip(lo, hi), (at - 1).clip(lo, hi)])
    assert np.array_equal(apply_thresholds(x, found.t, found.d, 0, 1), f(x))


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_multiplier_is_found_again_and_equals_every_threshold(seed: int) -> None:
    """Thresholds made by a multiplier, an offset and a shift are met by some such, at any width."""
    rng = np.random.default_rng(seed)
    rounding, shift = str(rng.choice(ROUNDINGS)), int(rng.integers(1, 25))
    m = int(rng.integers(1, 2**16))
    levels = int(rng.integers(300, 2**16))
    edges = first_that_rounds_to(np.arange(1, levels + 1) - levels // 2, shift, rounding)
    b = int(rng.integers(-(2**20), 2**20))
    t = -((b - edges) // m)  # the smallest x with m x + b >= edge
    low, high = int(t[0] - rng.integers(-5, 50)), int(t[-1] + rng.integers(-5, 50))
    found = fit_channel(t, low, high, edges, WIDE)
    assert found is not None
    assert found[0] <= m
    x = np.unique(np.concatenate([t, t - 1, [low, high]]).clip(low, high))[:, None]
    q = (-(levels // 2), levels - levels // 2)
    got = apply_dyadic(x, np.asarray(found[:1]), np.asarray(found[1:]), shift, *q, rounding)
    assert np.array_equal(got, apply_thresholds(x, t[None], None, q[0], 1))


def test_thresholds_that_no_line_meets_have_no_multiplier() -> None:
    k = np.arange(1, 2**16)
    t = 8 * k + 3 * (k % 2) + (k > 2**15) * 40
    assert fit_channel(t, 0, 2**20, k << 20, WIDE) is None


@pytest.mark.parametrize("channels", [64])
def test_sixteen_bits_of_many_channels_take_seconds(channels: int) -> None:
    scale = np.float32(1e-3) * np.linspace(0.5, 2, channels, dtype=np.float32)

    def f(x: Array) -> Array:
        return np.clip(np.rint(x.astype(np.float32) * scale), 0, 2**16 - 1).astype(np.int64)

    start = time.process_time()
    reach = np.full(channels, 2**27)
    found = integer_thresholds(f, -reach, reach, 2**16 - 1, monotone=True)
    assert time.process_time() - start < 20
    assert np.array_equal(
        f(found.t.T[::99]), np.broadcast_to(np.arange(1, 2**16)[::99, None], (len(found.t.T[::99]), channels))
    )
