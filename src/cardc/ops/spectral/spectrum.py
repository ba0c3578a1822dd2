"""From images to the integers of their spectrum: pixels, rows, columns, and the split of two real transforms.

With Z the transform of z[y, n] = v[y, 2n] + i v[y, 2n + 1] over N = columns / 2 places, R = conj(Z[-ky, -kx]),
E2 = Z + R, O2 = Z - R and T = -i w O2, w = exp(-2 pi i kx / columns) with `twiddle_bits` bits:

    X[ky, kx]           = (E2 * 2^t + T + 2^t) >> (t + 1)           kx = 0 ... N / 2
    conj X[-ky, N - kx] = (E2 * 2^t - T + 2^t) >> (t + 1)           kx = 0 ... N / 2 - 1

In words of more than 16 bits half of that, rounded as `wide` says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .plan import Plan
from .transform import Complex, Ints, rotate, stage, transform, twiddles
from .wide import turned, wide_stage


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Every intermediate word of images [N, ...], P planes an image.

    `pixels` v [N, P, rows, columns]; `row_stages` (re, im) [N, P, rows, half] behind each stage of the rows;
    `column_stages` [N, P, half, rows] behind each of the columns; `spectrum` X [N, P, rows, half + 1], columns behind
    half / 2 conjugated (they come from the mirror) and without `offset`.
    """

    pixels: Ints
    row_stages: list[Complex]
    column_stages: list[Complex]
    spectrum: Complex


def pixels(plan: Plan, q: Ints) -> Ints:
    """q [N, C, height, width] -> v [N, planes, rows, columns]."""
    padded = np.zeros((len(q), plan.channels, plan.rows, plan.columns), np.int64)
    padded[:, :, : plan.height, : plan.width] = q
    mix = np.asarray(plan.mix, np.int64)
    mixed = np.tensordot(padded, mix, axes=(1, 0))[:, None] if plan.grey else padded * mix[0]
    half = (1 << plan.mix_shift) >> 1
    v: Ints = (mixed + plan.bias + half) >> plan.mix_shift
    return v


def words(plan: Plan, q: Ints) -> Words:
    """All intermediate words for q [N, C, height, width] within the plan's range."""
    v = pixels(plan, q)
    one = wide_stage if plan.wide else stage
    across = transform((v[..., 0::2], v[..., 1::2]), plan.twiddle_bits, first_scaled=False, one=one)
    last = across[-1]
    down = transform((last[0].swapaxes(-1, -2), last[1].swapaxes(-1, -2)), plan.twiddle_bits, one=one)
    return Words(v, across, down, split(plan, down[-1]))


def split(plan: Plan, columns: Complex) -> Complex:
    """Z by columns [N, P, half, rows] -> X [N, P, rows, half + 1]."""
    t, n = plan.twiddle_bits, plan.half
    zr, zi = (part.swapaxes(-1, -2)[..., : n // 2 + 1] for part in columns)
    down, across = -np.arange(plan.rows) % plan.rows, -np.arange(n // 2 + 1) % n
    rr, ri = (part.swapaxes(-1, -2)[..., down, :][..., across] for part in columns)
    cos, minus_sin = twiddles(plan.columns, n // 2 + 1, t)
    if plan.wide:
        even, odd, half, by = ((zr + rr) >> 2, (zi - ri) >> 2), turned((zr - rr, zi + ri), (minus_sin, -cos), t), 0, 0
    else:
        even, odd = ((zr + rr) << t, (zi - ri) << t), rotate((zr - rr, zi + ri), (minus_sin, -cos))
        half, by = 1 << t, t + 1
    low = [(e + o + half) >> by for e, o in zip(even, odd, strict=True)]
    high = [(e - o + half) >> by for e, o in zip(even, odd, strict=True)]
    # X[ky, N - kx] in the place of its own frequency: rows mirrored back, columns N/2 + 1 ... N
    back = [part[..., down, : n // 2][..., ::-1] for part in high]
    re, im = (np.concatenate([a, b], -1) for a, b in zip(low, back, strict=True))
    return re, im
