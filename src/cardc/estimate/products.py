"""What a matrix of constants costs in hardware: counts of its products by how many signed digits they take.

An unrolled product by a constant is a sum of shifted copies of the input, one for each signed digit of the
constant: no digit is nothing, one is a wire, two an adder, three and more a multiplier. HLS makes equal products
of one input once, so products are counted by use (`used`) and by kind (`made`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

# Constants that the tools multiply in fabric though they take three digits: four bits without a sign (in the
# calibration data 11 and 13, and no other, on 12 matrices).
_NARROW = 15


@dataclass(frozen=True, slots=True)
class Products:
    """Counts over a weight matrix; fractions where they are expectations or were not published.

    `used` are non-zero weights with one, two, and three or more signed digits, `made` the distinct (input, weight)
    pairs among them, `negated` those of `made[0]` that are negative, `wide` those of `made[2]` that take a DSP when
    the tool may choose. `weights` counts all, zeros too; `columns` the outputs that have any weight, `longest` the
    most weights of an output, `biases` the biases that are not zero. `expected` marks counts that come from no
    actual weights.
    """

    weights: int
    used: tuple[float, float, float]
    made: tuple[float, float, float]
    negated: float
    wide: float
    columns: float
    longest: float
    biases: float = 0.0
    expected: bool = False

    @property
    def nonzeros(self) -> float:
        return sum(self.used)

    @property
    def adders(self) -> float:
        """Two-input additions: a tree of n inputs has n - 1."""
        return max(0.0, self.nonzeros + self.biases - self.columns)


def signed_digits(weights: NDArray[np.integer]) -> NDArray[np.int64]:
    """How many signed binary digits each integer needs at least: how many shifted copies of the input are added.

    0 for 0, 1 for any power of two of either sign (so for every ternary weight), 2 for 3, 5, 7. The
    non-adjacent form has the fewest, and as many as 3w and w differ in bits (Reitwiesner, 1960).
    """
    magnitude = np.abs(weights.astype(np.int64))
    return np.bitwise_count((3 * magnitude) ^ magnitude).astype(np.int64)


def count_products(weights: NDArray[np.integer], biases: int = 0) -> Products:
    """Count `weights`, integers [inputs, outputs] in units of their last place. ValueError for other shapes."""
    if weights.ndim != 2:
        raise ValueError(f"weights of {weights.ndim} axes, not [inputs, outputs]")
    rows, columns = np.nonzero(weights)
    values = weights[rows, columns].astype(np.int64)
    used = _by_digits(values)
    heights = np.bincount(columns, minlength=weights.shape[1])
    low = int(values.min(initial=0))
    span = int(values.max(initial=0)) - low + 1
    kinds = np.unique(rows.astype(np.int64) * span + (values - low)) % span + low
    digits = signed_digits(kinds)
    return Products(
        weights=int(weights.size),
        used=used,
        made=_by_digits(kinds),
        negated=float(np.count_nonzero((digits == 1) & (kinds < 0))),
        wide=float(np.count_nonzero((digits >= 3) & ~((kinds > 0) & (kinds <= _NARROW)))),
        columns=float(np.count_nonzero(heights)),
        longest=float(heights.max(initial=0)),
        biases=float(biases),
    )


def count_factors(values: NDArray[np.integer]) -> tuple[tuple[float, float], int]:
    """Shares of the constants `values`, one for each unit, that take two digits, and three or more, and the bits of
    the widest with its sign."""
    digits = signed_digits(values)
    bits = int(np.abs(values).max(initial=0)).bit_length() + 1
    return (float(np.mean(digits == 2)), float(np.mean(digits >= 3))), bits


def top_bits(stored: NDArray[np.integer], reuse_factor: int) -> int:
    """Bits of the signed numbers in the highest part of a folded weight memory: the last `reuse_factor` of the flat
    weights `stored`, as hls4ml's resource strategy stores them (outputs first)."""
    last = stored[(ceil(stored.size / reuse_factor) - 1) * reuse_factor :]
    lo, hi = int(last.min(initial=0)), int(last.max(initial=0))
    return 1 + max(hi.bit_length(), (-lo - 1).bit_length() if lo < 0 else 0)


def expected_products(inputs: int, outputs: int, bits: int, fraction: int, positions: int = 0) -> Products:
    """Expectations where nothing is known of the weights: uniform, as untrained ones are.

    A dense layer's lie between +-sqrt(3 / inputs) (LeCun et al., 1998), those of a convolution whose kernel has
    `positions` elements a channel between +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio, 2010); in `bits` bits of
    which `fraction` are behind the point.
    """
    bound = sqrt(6 / (inputs + positions * outputs)) if positions else sqrt(3 / max(1, inputs))
    top = min(2 ** (bits - 1) - 1, max(1, int(bound * 2.0**fraction)), 1 << 16)
    kinds = np.arange(-top, top + 1)
    digits = signed_digits(kinds)
    present = 1 - (1 - 1 / kinds.size) ** outputs  # that an output of some input has this weight

    def used(which: NDArray[np.bool_]) -> float:
        return inputs * outputs * float(which.sum()) / kinds.size

    def made(which: NDArray[np.bool_]) -> float:
        return inputs * float(which.sum()) * present

    one, two, more = digits == 1, digits == 2, digits >= 3
    return Products(
        weights=inputs * outputs,
        used=(used(one), used(two), used(more)),
        made=(made(one), made(two), made(more)),
        negated=made(one & (kinds < 0)),
        wide=made(more & ~((kinds > 0) & (kinds <= _NARROW))),
        columns=outputs,
        longest=ceil(inputs * float((digits > 0).mean())),
        expected=True,
    )


def _by_digits(values: NDArray[np.integer]) -> tuple[float, float, float]:
    counts = np.bincount(np.minimum(signed_digits(values), 3), minlength=4)
    return float(counts[1]), float(counts[2]), float(counts[3])
