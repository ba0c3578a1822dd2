"""Answers of several networks that are added up, against numpy, exactly, on every place that decks are compiled for."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from tests.backends.c.kernels.places import Ints, drawn

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import pack
from cardc.ops.softmax_fixed import fixed_softmax, softmax_plan

seeds = st.integers(0, 2**32)
# scale, lo, hi, classes
CASES = (
    (0.044, -705, 630, 10), (1e-4, -30000, 30000, 10), (1e-6, -(2**31), 2**31 - 1, 1000), (5.0, -100, 100, 3),
    (30.0, -3, 3, 10), (0.5, 0, 1, 2), (1e-9, -5, 5, 7), (0.3, -50, 50, 1), (0.01, -2000, 2000, 300),
)  # fmt: skip


def answers(rng: np.random.Generator, lo: int, hi: int, count: int) -> Ints:
    """Anything between, all at one end, or ends alone."""
    ends = np.array([lo, hi])
    return [rng.integers(lo, hi, count, endpoint=True), np.full(count, rng.choice(ends)), rng.choice(ends, count)][
        int(rng.integers(3))
    ]


@drawn("cardc_add_softmax", st.sampled_from(CASES), st.integers(1, 9), seeds, avr=False)
def test_softmax(place: Place, case: tuple[float, int, int, int], weight: int, seed: int) -> None:
    scale, lo, hi, count = case
    plan, rng = softmax_plan(scale, lo, hi, count), np.random.default_rng(seed)
    fields = [("u32", v) for v in (plan.multiplier, plan.rounding, plan.limit)]
    struct = place.put(pack([*fields, ("u8", plan.shift - 12), ("u8", plan.headroom)], place.pointer))
    x = answers(rng, lo, hi, count)
    for wide, dtype in ((0, np.int16), (1, np.int32)):
        if wide == 0 and (lo < -(2**15) or hi >= 2**15):
            continue
        out = rng.integers(-(2**20), 2**20, count).astype(np.int32)
        at = place.put(out.tobytes(), read_only=False)
        place.call("cardc_add_softmax", place.put(x.astype(dtype).tobytes()), wide, count, struct, weight, at)
        want = out + weight * fixed_softmax(plan, x[None])[0]
        np.testing.assert_array_equal(np.frombuffer(place.read(at, 4 * count), np.int32), want)


@drawn(
    "cardc_add_logits", st.integers(1, 40), st.integers(-300, 300), st.integers(-9, 9), st.integers(0, 2**32), avr=False
)
def test_logits(place: Place, count: int, multiplier: int, weight: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    offset = int(rng.integers(-1000, 1000))
    for wide, dtype, reach in ((0, np.int16, 2**15 - 1), (1, np.int32, 2**19)):
        x, out = rng.integers(-reach, reach, count), rng.integers(-(2**20), 2**20, count).astype(np.int32)
        at = place.put(out.tobytes(), read_only=False)
        place.call(
            "cardc_add_logits", place.put(x.astype(dtype).tobytes()), wide, count, multiplier, offset, weight, at
        )
        want = out + weight * (x * multiplier + offset)
        np.testing.assert_array_equal(np.frombuffer(place.read(at, 4 * count), np.int32), want)
