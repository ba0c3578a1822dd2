"""When each function of a streaming project reads and writes: one row an iteration of its loops.

Every function that the backend writes runs a fixed number of iterations whatever the numbers are; an iteration reads
so many packets of each input, then writes at most one packet to each output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .written import Call, Struct, Written

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Rhythm:
    """`reads[k]` packets of each input [n, inputs], and whether it writes [n], in iteration k."""

    reads: Counts
    writes: Counts

    @property
    def steps(self) -> int:
        return len(self.writes)


def rhythm(call: Call, inputs: int, sizes: tuple[int, ...], written: Written) -> Rhythm | None:
    """The rhythm of `call`; `sizes` are the elements of its inputs' and its output's packets.

    None for a function that is not known here: it may read everything before it writes anything.
    """
    make = _RHYTHMS.get(call.function.removesuffix("_apart"))
    if make is None:
        return None
    config = written.structs.get(call.types[inputs + 1]) if call.function not in _COUNTED else None
    return make(_Numbers(config, call), sizes)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers of a function's configuration, or of a function without one its count of elements."""

    config: Struct | None
    call: Call

    def __getitem__(self, name: str) -> int:
        found = self.config.number(name) if self.config is not None else None
        if found is None:
            raise KeyError(name)
        return found

    @property
    def elements(self) -> int:
        return int(self.call.types[2])


def _all_then_all(reads: int, writes: int) -> Rhythm:
    zeros = np.zeros(reads + writes, np.int64)
    r, w = zeros.copy(), zeros.copy()
    r[:reads], w[reads:] = 1, 1
    return Rhythm(r[:, None], w)


def _dense(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    return _all_then_all(n["n_in"] // sizes[0], n["n_out"] // sizes[1])


def _reorder(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    return _all_then_all(n["n_in"] // sizes[0], n["n_in"] // sizes[1])


def _repacked(elements: int, size: int, size_out: int) -> Rhythm:
    """Element by element into packets of another size, one of which holds whole others."""
    places = np.arange(0, elements, min(size, size_out))
    reads = (places % size == 0).astype(np.int64)
    last = places + min(size, size_out)
    return Rhythm(reads[:, None], (last % size_out == 0).astype(np.int64))


def _elementwise(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    return _repacked(n["n_in"], *sizes)


def _moved(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    return _repacked(n.elements, sizes[0], sizes[1])


def _add(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    packets = np.arange(n["n_in"] // sizes[2])
    ends = [-(-(packets * sizes[2]) // s) for s in sizes[:2]]  # packets read before this one
    after = [-(-((packets + 1) * sizes[2]) // s) for s in sizes[:2]]
    return Rhythm(np.stack([b - a for a, b in zip(ends, after, strict=True)], axis=1), np.ones_like(packets))


def _concat(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    ones = np.ones(n["n_pixels"], np.int64)
    each = [-(-n[f"n_chan{i + 1}"] // sizes[i]) for i in range(2)]
    return Rhythm(np.stack([ones * e for e in each], axis=1), ones)


def _argmax(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    ones = np.ones(n["n_pixels"], np.int64)
    return Rhythm(ones[:, None] * -(-n["n_chan"] // sizes[0]), ones)


def _grid(height: int, width: int) -> tuple[Counts, Counts]:
    y, x = np.divmod(np.arange(height * width, dtype=np.int64), width)
    return y, x


def _window(n: _Numbers) -> Counts:
    """Where a window over the padded image is complete and its output due, one number a pixel."""
    y, x = _grid(n["in_height"], n["in_width"])
    y, x = y - (n["filt_height"] - 1), x - (n["filt_width"] - 1)
    oy, ox = y // n["stride_height"], x // n["stride_width"]
    due = (y >= 0) & (x >= 0) & (y % n["stride_height"] == 0) & (x % n["stride_width"] == 0)
    return np.asarray(due & (oy < n["out_height"]) & (ox < n["out_width"]), np.int64)


def _conv(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    due = _window(n)
    return Rhythm(np.ones_like(due)[:, None], due)


def _pool(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    y, x = _grid(n["in_height"], n["in_width"])
    y, x = y - n["pad_top"], x - n["pad_left"]
    held = (y >= 0) & (y < n["height"]) & (x >= 0) & (x < n["width"])
    return Rhythm(held.astype(np.int64)[:, None], _window(n))


def _zero_pad(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    y, x = _grid(n["out_height"], n["out_width"])
    y, x = y - n["pad_top"], x - n["pad_left"]
    held = (y >= 0) & (y < n["in_height"]) & (x >= 0) & (x < n["in_width"])
    return Rhythm(held.astype(np.int64)[:, None], np.ones_like(y))


def _spread(n: _Numbers, sizes: tuple[int, ...]) -> Rhythm:
    y, x = _grid(n["out_height"], n["out_width"])
    y, x = y - n["pad_top"], x - n["pad_left"]
    row, column = y // n["factor_height"], x // n["factor_width"]
    on = (y % n["factor_height"] == 0) & (x % n["factor_width"] == 0)
    held = on & (y >= 0) & (x >= 0) & (row < n["height"]) & (column < n["width"])
    return Rhythm(held.astype(np.int64)[:, None], np.ones_like(y))


_COUNTED = ("clone_stream", "repack_stream")
_RHYTHMS: Mapping[str, Callable[[_Numbers, tuple[int, ...]], Rhythm]] = MappingProxyType(
    {
        "conv_2d_cl": _conv,
        "pointwise_conv_2d_cl": _conv,
        "dense": _dense,
        "cardc_xnor": _dense,
        "cardc_xnor_conv": _conv,
        "cardc_threshold": _elementwise,
        "cardc_requantize": _elementwise,
        "cardc_add": _add,
        "cardc_concat": _concat,
        "cardc_argmax": _argmax,
        "cardc_pool": _pool,
        "cardc_spread": _spread,
        "cardc_reorder": _reorder,
        "zeropad2d_cl": _zero_pad,
        "clone_stream": _moved,
        "repack_stream": _moved,
    }
)
