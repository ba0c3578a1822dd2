"""Additions of bytes against numpy, by table and by packed arithmetic, on every place."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from tests.backends.c.kernels.places import chw, drawn, outside_is, stored

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import AddBytes, Map


@drawn(
    "cardc_add_bytes", st.integers(1, 3), st.integers(1, 4), st.one_of(st.integers(1, 20), st.just(32)),
    st.integers(2, 128), st.integers(2, 128), st.sampled_from(["table", "sum", "clip"]), st.integers(0, 2**32),
)  # fmt: skip
def test_add_bytes(place: Place, channels: int, height: int, width: int, la: int, lb: int, how: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [Map(channels, height, width, row * (height + k), row) for k in (0, 1, 1) for row in [width + 3 * k]]
    if how == "table":
        la, lb = min(la, 40), min(lb, 40)
    a, b = (rng.integers(0, n, (channels, height, width)) for n in (la, lb))
    low, top = int(rng.integers(0, la + lb)), int(rng.integers(1, 256))
    shift, clip = 0, (low, top) if how == "clip" else None
    table = rng.integers(0, 256, la + lb - 1)
    if how == "clip":
        table = np.clip(np.arange(la + lb - 1) - low, 0, top)
    elif how == "table":
        shift = (lb - 1).bit_length()
        table = rng.integers(0, 256, la << shift)
    layer = AddBytes(table.astype(np.uint8), shift, clip, *((m.plane, m.row) for m in maps[:2]), maps[2]).put(place)
    sources = [place.put(stored(x, m, 0, m.plane * channels, 77, rng)) for x, m in zip((a, b), maps[:2], strict=True)]
    dst = place.put(bytes([99]) * maps[2].plane * channels, read_only=False)
    place.call("cardc_add_bytes", layer, *sources, dst)
    got = np.frombuffer(place.read(dst, maps[2].plane * channels), np.uint8)
    np.testing.assert_array_equal(chw(got, maps[2]), table[(a << shift) + b])
    assert outside_is(got, maps[2], 99)
