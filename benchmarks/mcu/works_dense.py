"""Fully connected layers that are counted: bytes in, bytes of the next activations out, each result checked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from benchmarks.mcu.drawn import equal, finish_of, ternary

from cardc.backends.c.runtime.call import Emulated, EmulatedByQemu
from cardc.backends.c.runtime.structs import DenseInt8, DenseSparse, DenseVertical
from cardc.ops.threshold import apply_thresholds
from cardc.passes.encodings import fold, sparse_dense, vertical

Work = Callable[[Emulated | EmulatedByQemu], int]  # an instruction count


def on_bits(density: float, inputs: int = 256, outputs: int = 128) -> Work:
    """+-1 (density 1) or ternary weights by +-1 activations, to +-1 activations; both as bytes of 0 and 1.

    What this takes depends on how many inputs are 1, and is the most for about half of them: the highest of 32 counts
    around the half is the result.
    """

    def run(core: Emulated | EmulatedByQemu) -> int:
        rng = np.random.default_rng(2)
        w = rng.choice([-1, 1], (outputs, inputs)) if density == 1 else ternary(rng, (outputs, inputs), density)
        t, order = rng.integers(-16, 17, (outputs, 1)), rng.permutation(inputs)
        f, encoded = fold.thresholds(t, None, fold.of_vertical(w, fold.Stored(-1, 2, 1))), vertical.encode(w)
        digits = vertical.thresholds(np.broadcast_to(f.t[:, 0], outputs), f.falling, encoded.bits)
        layer = DenseVertical(encoded, outputs, digits).put(core)
        dst, scratch = (core.put(bytes(n), read_only=False) for n in (outputs, vertical.list_bytes(inputs)))
        counts = []
        for ones in range(inputs // 2 - 15, inputs // 2 + 17):
            u = np.isin(np.arange(inputs), order[:ones]).astype(np.uint8)
            core.call("cardc_dense_vertical_bits", layer, core.put(u.tobytes()), dst, scratch)
            acc = w @ (2 * u.astype(np.int64) - 1)
            got = np.frombuffer(core.read(dst, outputs), np.uint8).astype(np.int64)
            equal(got, apply_thresholds(acc[None], t, None, 0, 1)[0])
            counts.append(core.instructions)
        return max(counts)

    return run


def sparse(density: float, bits: int = 8, inputs: int = 256, outputs: int = 128) -> Work:
    """Ternary weights by columns, activations of `bits` bits, to +-1 activations; on cores with vectors by columns or
    as bytes, whichever is faster."""

    def run(core: Emulated | EmulatedByQemu) -> int:
        rng = np.random.default_rng(4)
        top = 2**bits - 1
        w, u = ternary(rng, (outputs, inputs), density), rng.integers(0, top + 1, inputs)
        acc, sums, t = w @ u, fold.of_bytes(w, fold.Stored(0, 1, top)), rng.integers(-99, 99, (outputs, 1))
        layers = {"cardc_dense_sparse": DenseSparse(sparse_dense.encode(w)).put(core)}
        if isinstance(core, EmulatedByQemu):
            layers["cardc_dense_int8"] = DenseInt8(w.astype(np.int8)).put(core)
        finish, src, counts = finish_of(t, sums).put(core), core.put(u.astype(np.uint8).tobytes()), []
        for kernel, layer in layers.items():
            dst = core.put(bytes(outputs), read_only=False)
            core.call(kernel, layer, finish, src, dst)
            got = np.frombuffer(core.read(dst, outputs), np.uint8).astype(np.int64)
            equal(got, apply_thresholds(acc[None], t, None, 0, 1)[0])
            counts.append(core.instructions)
        return min(counts)

    return run
