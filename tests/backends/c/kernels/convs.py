"""Random convolutions, and what their sums end in: for the tests of every kernel of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.backends.c.kernels.finishes import Tail, stairs
from tests.backends.c.kernels.places import Ints, chw, outside_is

from cardc.backends.c.runtime.call import Place
from cardc.backends.c.runtime.structs import Finish, Map
from cardc.ops.conv import correlate
from cardc.ops.threshold import apply_thresholds
from cardc.ops.window import Window
from cardc.passes.encodings import fold, lines, sparse_conv

FILL = 99
"""What the output's memory holds before."""


@dataclass(frozen=True)
class Layer:
    """A random convolution of stored bytes 0 .. max_u whose border means `zero`, and its input's layout."""

    x: Ints
    w: Ints
    win: Window
    group: int
    max_u: int
    zero: int
    source: Map
    interior: int
    size: int
    to: Map

    @property
    def sums(self) -> Ints:
        """Sums of w * u with the border's byte around, [O, h, w]."""
        pads = [(0, 0), *zip(self.win.begin, self.win.end, strict=True)]
        x = np.pad(self.x, pads, constant_values=self.zero)
        inner = Window(self.win.kernel, self.win.strides, self.win.dilations, (0, 0), (0, 0))
        return np.asarray(correlate(x[None], self.w, inner, self.group)[0])

    @property
    def rows(self) -> Ints:
        return self.w.reshape(len(self.w), -1)

    def geometry(self) -> sparse_conv.ConvGeometry:
        origin = self.interior - self.win.begin[0] * self.source.row - self.win.begin[1]
        dilation = self.win.dilations[0], self.win.dilations[1]
        return sparse_conv.ConvGeometry(len(self.x), self.source.plane, self.source.row, origin, dilation, self.group)


@st.composite
def layers(draw: st.DrawFn, *, ternary: bool = True, aligned: bool = True, strided: bool = True) -> Layer:
    pick = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    most = 3 if strided else 1
    kernel, strides, dilations = ((pick(1, 3), pick(1, 4)), (pick(1, most), pick(1, most)), (pick(1, 2), pick(1, 2)))
    pad, group = (pick(0, 2), pick(0, 2)), draw(st.sampled_from([1, 1, 1, 2, 3]))
    height, width = pick(1, 12), draw(st.one_of(st.integers(1, 19), st.sampled_from([28, 32, 33, 49])))
    win = Window(kernel, strides, dilations, pad, pad)
    assume(min(win.out((height, width))) > 0)
    cin, cout = group * pick(1, 5), group * pick(1, 3)
    max_u = draw(st.sampled_from([1, 2, 3, 7, 15, 36, 37, 127, 255]))
    rng = np.random.default_rng(pick(0, 2**32))
    density = draw(st.sampled_from([0.0, 0.05, 0.2, 0.6, 1.0]))
    shape = (cout, cin // group, *kernel)
    signs = draw(st.sampled_from([(-1, 1), (1,), (-1,)]))
    w = rng.choice(signs, shape) if ternary else rng.integers(-128, 128, shape)
    w = np.where(rng.random(shape) < density, w, 0)
    x = (
        np.full((cin, height, width), max_u)
        if draw(st.booleans())
        else rng.integers(0, max_u + 1, (cin, height, width))
    )
    # As choose-layout has it: a window does not reach past the next row.
    row = max(width + pad[1], dilations[1] * (kernel[1] - 1) + 1)
    row = -(-row // 4) * 4 if aligned else row
    plane, interior = row * max(height + pad[0], dilations[0] * (kernel[0] - 1) + 1), pad[0] * row + pad[1]
    end = interior + (cin - 1) * plane + (height - 1 + pad[0]) * row + width + pad[1]
    out = win.out((height, width))
    to_row = out[1] + pick(0, 3)
    to = Map(cout, out[0], out[1], to_row * (out[0] + pick(0, 1)), to_row)
    source = Map(cin, height, width, plane, row)
    return Layer(x, w, win, group, max_u, pick(0, max_u), source, interior, -(-end // 4) * 4, to)


def lines_of(end: Tail, layer: Layer, sums: fold.Sums, halves: bool = False) -> list[lines.Line] | None:
    """The lines that finish all sums of `layer` that can be, where it ends in bytes; with `halves` none of sums in
    bytes."""
    if end.dtype is not np.uint8:
        return None
    found = []
    for c, (low, high) in enumerate(zip(sums.low, sums.high, strict=True)):
        steps = stairs(end.finish, c, np.arange(low, high + 1))
        found.append(lines.fit(steps, 255, -int(low) if layer.max_u <= 63 and not halves else None))
    return found


def shared_tail(levels: int, acc: Ints, sums: fold.Sums, rng: np.random.Generator) -> tuple[Tail, NDArray[np.uint8]]:
    """Thresholds that are those of all channels, and what they store from the lowest sum on. Sums are accumulators."""
    reach = int(np.abs(acc).max(initial=0)) + 2
    t = np.sort(rng.integers(-reach, reach, (1, levels)), axis=1)
    end = Tail(
        Finish(1, 0, True, levels=levels, t32=t.astype(np.int32)),
        apply_thresholds(acc[None], t, None, 0, 1)[0],
        np.uint8,
    )
    return end, stairs(end.finish, 0, np.arange(sums.low.min(), sums.high.max() + 1)).astype(np.uint8)


def dense_layer(cin: int, max_u: int, sign: int) -> Layer:
    """All weights `sign`, all inputs as large as they can be: every lane at its edge."""
    win = Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    source, to = Map(cin, 5, 18, 6 * 20, 20), Map(2, 5, 18, 5 * 18, 18)
    x, w = np.full((cin, 5, 18), max_u), np.full((2, cin, 3, 3), sign)
    return Layer(x, w, win, 1, max_u, max_u, source, 21, 21 + (cin - 1) * 120 + 5 * 20 + 19, to)


def compare(place: Place, kernel: str, struct: int, end: Tail, to: Map, src: int, *scratch: int) -> None:
    """Call `kernel` on the input at `src`, and compare all of the output's memory: what lies outside of its rows
    stays."""
    width = np.dtype(end.dtype).itemsize
    size = to.plane * to.channels * width
    dst = place.put(bytes([FILL]) * size, read_only=False)
    place.call(kernel, struct, end.finish.put(place), src, dst, *scratch)
    got = np.frombuffer(place.read(dst, size), end.dtype)
    np.testing.assert_array_equal(chw(got, to), end.want)
    fill = int(np.frombuffer(bytes([FILL]) * width, end.dtype)[0])
    assert outside_is(got, to, fill), "wrote outside of its rows"


seeds = st.integers(0, 2**32)
level_counts = st.sampled_from([1, 2, 3, 15, 63, 255])
