"""Random weights, thresholds as a kernel's finish, and the check that all works share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardc.backends.c.runtime.structs import Finish
from cardc.passes.encodings import fold

Ints = NDArray[np.int64]


def ternary(rng: np.random.Generator, shape: tuple[int, ...], density: float) -> Ints:
    """Exactly round(density * size) non-zero weights at random places, of random signs."""
    w = np.zeros(int(np.prod(shape)), np.int64)
    places = rng.permutation(w.size)[: round(density * w.size)]
    w[places] = rng.choice([-1, 1], places.size)
    return w.reshape(shape)


def finish_of(t: Ints, sums: fold.Sums) -> Finish:
    f = fold.thresholds(t, None, sums)
    return Finish(1, 0, f.shared, levels=f.t.shape[1], t16=f.t.astype(np.int16), falling=f.falling)


def equal(got: Ints, want: Ints) -> None:
    if not np.array_equal(got, want):
        raise AssertionError(f"{(got != want).sum()} of {want.size} outputs differ")
