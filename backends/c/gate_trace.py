"""Every intermediate word of the integer gate, in the order in which the kernels come by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...ops.base import Array
from ...ops.spectral import IntegerGate, Plan
from ...ops.spectral.gate import sliding
from ...ops.spectral.spectrum import words
from ...ops.spectral.transform import Complex
from .gate_arrays import kept

Words = NDArray[np.uint32]


def trace_words(gate: IntegerGate, images: Array) -> Words:
    """uint32 [N, T] for a sequence q [N, C, H, W] from an empty window: what CARDC_TRACED kernels report."""
    plan, n = gate.plan, len(images)
    found = words(plan, np.asarray(images, np.int64))
    p, y = _slots(gate, found.spectrum)
    parts: list[Array] = []
    for plane in range(plan.planes):
        pixels = found.pixels[:, plane]
        parts.append(packed(plan, (pixels[..., 0::2], pixels[..., 1::2])))
        parts += [packed(plan, (re[:, plane], im[:, plane])) for re, im in found.row_stages]
        at = 0
        for _, columns, slots in pairs(gate):
            parts += [packed(plan, (re[:, plane, columns], im[:, plane, columns])) for re, im in found.column_stages]
            parts += [_whole(plan, p[:, plane, at : at + slots]), y[:, plane, at : at + slots] & 0xFFFFFFFF]
            at += slots
    sums = sliding(gate.scores(images), gate.window)
    parts.append(np.stack([sums & 0xFFFFFFFF, sums >> 32 & 0xFFFFFFFF], -1))
    return np.concatenate([part.reshape(n, -1) for part in parts], 1).astype(np.uint32)


def pairs(gate: IntegerGate) -> list[tuple[int, list[int], int]]:
    """For each step of the kernel: kx, the columns that are transformed, how many slots it fills."""
    plan = gate.plan
    first, other, columns = kept(gate)
    rows = first + plan.rows - other
    found = []
    for kx in range(min(plan.half // 2 + 1, columns)):
        behind = plan.half - kx
        both = behind != kx and behind < columns
        found.append((kx, [kx] if kx in (0, behind) else [kx, behind], 2 * rows if both else rows))
    return found


def _slots(gate: IntegerGate, spectrum: Complex) -> tuple[Array, Array]:
    """|X|^2 and what the gate makes of it, [N, planes, slots], frequency 0 always among them."""
    plan = gate.plan
    first, other, columns = kept(gate)
    rows = np.asarray([*range(first), *range(other, plan.rows)])
    at: list[tuple[Array, Array]] = []
    for kx, _, _ in pairs(gate):
        at.append((rows, np.full(len(rows), kx)))
        behind = plan.half - kx
        if behind != kx and behind < columns:
            at.append((-rows % plan.rows, np.full(len(rows), behind)))
    ky, kx_ = (np.concatenate(part) for part in zip(*at, strict=True))
    return gate.curve((spectrum[0][..., ky, kx_], spectrum[1][..., ky, kx_]), (ky == 0) & (kx_ == 0))


def packed(plan: Plan, z: Complex) -> Array:
    """Numbers of 16 bits in a word, or two words each."""
    if plan.wide:
        return np.stack([part & 0xFFFFFFFF for part in z], -1)
    return (z[0] & 0xFFFF) | (z[1] & 0xFFFF) << 16


def _whole(plan: Plan, p: Array) -> Array:
    return np.stack([p & 0xFFFFFFFF, p >> 32], -1) if plan.wide else p
