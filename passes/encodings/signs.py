"""Ternary weights as two lists for each output channel: where its -1 taps lie, then where its +1 taps do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def by_sign(w: NDArray[np.int64], places: NDArray[np.int64]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Lists and their lengths, uint16 [taps] and [O, 2], of weights [O, ...] that lie at `places` of the same shape."""
    lists = [places[o][w[o] == sign] for o in range(len(w)) for sign in (-1, 1)]
    counts = np.array([len(x) for x in lists], np.uint16).reshape(len(w), 2)
    return np.concatenate([*lists, np.zeros(0, np.int64)]).astype(np.uint16), counts


def from_signs(offsets: NDArray[np.uint16], counts: NDArray[np.uint16], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The weights of the shape of `places`: the exact inverse of `by_sign`."""
    w = np.zeros(places.shape, np.int64)
    start = 0
    for o in range(len(w)):
        for k, sign in enumerate((-1, 1)):
            stop = start + int(counts[o, k])
            w[o][np.isin(places[o], offsets[start:stop])] = sign
            start = stop
    return w
