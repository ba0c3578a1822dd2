"""The works that are counted: random layers of fixed seed, each run on a core and checked against numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from benchmarks.mcu.drawn import Ints, equal, finish_of, ternary
from benchmarks.mcu.works_dense import on_bits, sparse

from cardc.backends.c.runtime.call import SLACK, Emulated, EmulatedByQemu
from cardc.backends.c.runtime.structs import ConvRuns, ConvSparse, ConvVectors, Map
from cardc.ops.conv import correlate
from cardc.ops.threshold import apply_thresholds
from cardc.ops.window import Window
from cardc.passes.encodings import fold, lines, runs, sparse_conv, vectors

Work = Callable[[Emulated | EmulatedByQemu], int]  # an instruction count


def levels_of(acc: Ints, count: int) -> Ints:
    """`count` thresholds a channel that cut its accumulators into levels of about one size: int64 [C, count]."""
    cuts = np.linspace(0, 1, count + 2)[1:-1]
    return np.quantile(acc.reshape(len(acc), -1), cuts, axis=1).T.round().astype(np.int64)


def even_levels(acc: Ints, count: int, rng: np.random.Generator) -> Ints:
    """`count` thresholds a channel that lie evenly, as those of a scale, an offset and a quantiser of each channel do:
    int64 [C, count]."""
    flat = acc.reshape(len(acc), -1)
    spread = flat.std(axis=1) * rng.uniform(0.7, 1.4, len(acc)) + 1e-6
    first, step = flat.mean(axis=1) - spread, 3 * spread / count
    return np.ceil(first[:, None] + step[:, None] * (np.arange(count) + 0.5)).astype(np.int64)


def conv(density: float, bits: int = 4, *, even: bool = True) -> Work:
    """16x16x16, 3x3, padding 1, 16 output channels, activations of `bits` bits in and out: the faster of lanes and
    runs; vectors where the core has them. Outputs are requantised, each channel by a scale of its own, as the peer's
    are; with `even` False by thresholds that no scale gives."""

    def run(core: Emulated | EmulatedByQemu) -> int:
        kernels = ("vectors",) if isinstance(core, EmulatedByQemu) else ("lanes", "runs")
        return min(conv_by(kernel, density, bits, even=even)(core) for kernel in kernels)

    return run


def conv_by(kernel: str, density: float, bits: int = 4, *, even: bool = True) -> Work:
    """The same convolution by one `kernel`: lanes, runs or vectors."""

    def run(core: Emulated | EmulatedByQemu) -> int:
        rng = np.random.default_rng(1)
        top = 2**bits - 1
        x, w = rng.integers(0, top + 1, (16, 16, 16)), ternary(rng, (16, 16, 3, 3), density)
        padded = np.pad(x, [(0, 0), (1, 1), (1, 1)])
        acc = correlate(padded[None], w, Window((3, 3), (1, 1), (1, 1), (0, 0), (0, 0)), 1)[0]
        # The border right of a row is the one left of the next. Words ask for 4 bytes of it, vectors for one.
        side = 1 if kernel == "vectors" else 4
        row, plane, interior = 16 + side, (16 + side) * 17, 16 + 2 * side
        storage = np.zeros(interior + 15 * plane + 17 * row + SLACK, np.uint8)
        c, i, j = np.ogrid[:16, :16, :16]
        storage[interior + c * plane + i * row + j] = x
        t = even_levels(acc, top, rng) if even else levels_of(acc, top)
        sums = fold.of_bytes(w.reshape(16, -1), fold.Stored(0, 1, top))
        finish = finish_of(t, sums)
        src, dst = core.put(storage.tobytes()), core.put(bytes(16 * plane), read_only=False)
        to, origin = Map(16, 16, 16, plane, row), interior - row - 1
        table = int(np.count_nonzero(w.reshape(16, -1), axis=1).max()) * top + 8 & ~3
        if kernel == "lanes":
            lanes = sparse_conv.encode(w, sparse_conv.ConvGeometry(16, plane, row, origin))
            layer = ConvSparse(lanes, row, 1, top, to).put(core)
            scratch = (core.put(bytes(table), read_only=False), table)
        elif kernel == "vectors":
            by_vectors = vectors.encode(w, sparse_conv.ConvGeometry(16, plane, row, origin))
            room = vectors.work(16, 16, row, top, table)
            found = _lines(t, sums, top, room.lane)
            layer = ConvVectors(by_vectors, room, row, top, to, found, top).put(core)
            scratch = (core.put(bytes(room.size), read_only=False),)
        else:
            g = runs.RunsGeometry(16, origin, row, (3, 3), (1, 1), (1, 1), 1, 16, 16, 2 if bits > 6 else 1)
            encoded = runs.encode(w, g)
            work = runs.work(encoded.taps, 16, top, table, g)
            found = _lines(t, sums, top, g.lane) if core.packed else None
            layer = ConvRuns(encoded, g, work, plane, top, to, found, top).put(core)
            scratch = (core.put(bytes(work.size), read_only=False),)
        core.call(f"cardc_conv_{kernel}", layer, finish.put(core), src, dst, *scratch)
        got = np.frombuffer(core.read(dst, 16 * plane), np.uint8).astype(np.int64)
        equal(got[c * plane + i * row + j], apply_thresholds(acc[None], t, None, 0, 1)[0])
        return core.instructions

    return run


def _lines(t: Ints, sums: fold.Sums, top: int, lane: int) -> list[lines.Line]:
    """What the compiler finds for cores with the DSP extension."""
    reach = zip(t, sums.low, sums.high, strict=True)
    stairs = [np.searchsorted(row, np.arange(low, high + 1), side="right") for row, low, high in reach]
    return [lines.fit(s, top, -int(low) if lane == 1 else None) for s, low in zip(stairs, sums.low, strict=True)]


_CONV, _DENSE = "conv 16x16x16 3x3->16", "dense 256x128"
# Name, the peer's name for the shape, the work.
WORKS: tuple[tuple[str, str, Work], ...] = (
    (f"{_CONV}, ternary 95 % sparse, 4-bit activations", _CONV, conv(0.05)),
    (f"{_CONV}, ternary 90 % sparse, 4-bit activations", _CONV, conv(0.10)),
    (f"{_CONV}, ternary 50 % sparse, 4-bit activations", _CONV, conv(0.50)),
    (f"{_CONV}, ternary 90 % sparse, 4 bits in uneven levels", _CONV, conv(0.10, even=False)),
    (f"{_CONV}, ternary 90 % sparse, 1-bit activations", _CONV, conv(0.10, bits=1)),
    (f"{_CONV}, ternary 90 % sparse, 8-bit activations", _CONV, conv(0.10, bits=8)),
    (f"{_DENSE}, binary x binary", _DENSE, on_bits(1.0)),
    (f"{_DENSE}, ternary 90 % sparse x binary", _DENSE, on_bits(0.10)),
    (f"{_DENSE}, ternary 90 % sparse, 8-bit activations", _DENSE, sparse(0.10)),
    (f"{_DENSE}, ternary 50 % sparse, 8-bit activations", _DENSE, sparse(0.50)),
)
