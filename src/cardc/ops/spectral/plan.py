"""The word lengths of a gate's transform: chosen by ranges so that nothing overflows, checked when it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...errors import CompileError
from .transform import radices

SMALLEST, LARGEST = 8, 64
TWIDDLE_BITS = 14
"""Q14: 1.0 is an integer of 16 bits, and four exact products of 16 bits sum in 32."""
LONGEST_WORD, LONGEST_TWIDDLE = 30, 30
"""Of the kernels of more than 16 bits: sums of four words stay in 32 bits, 1.0 is an integer of 32."""
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as the float gate's."""
_MIX_SHIFT = 8  # places at most
_NARROW = 16
_WEIGHT_BITS, _WIDE_WEIGHT_BITS = 14, 22


@dataclass(frozen=True, slots=True)
class Plan:
    """A real 2-D transform of images q [C, height, width], integers lo ... hi, padded with zeros to `rows` x `columns`.

    A pixel becomes v = (sum over c of mix[c] * q[c] + bias) >> mix_shift: grey where `mix` holds one weight a channel,
    else each channel is transformed alone with v = mix[0] * q + bias. `bias` takes the middle of the range away, which
    only frequency 0 notices, where `offset` is given back. Neighbours v[2n], v[2n + 1] are real and imaginary part of
    a transform of half the width. Words have `data_bits`, twiddles `twiddle_bits`. The first stage of the rows adds
    without scaling, each other stage divides by its radix.
    """

    channels: int
    height: int
    width: int
    lo: int
    hi: int
    mix: tuple[int, ...]
    bias: int
    mix_shift: int
    data_bits: int = 16
    twiddle_bits: int = TWIDDLE_BITS

    def __post_init__(self) -> None:
        _check(self)

    @property
    def planes(self) -> int:
        """How many transforms an image takes."""
        return 1 if self.grey else self.channels

    @property
    def grey(self) -> bool:
        return len(self.mix) > 1

    @property
    def wide(self) -> bool:
        """Whether words have more than 16 bits; their arithmetic is that of `wide`."""
        return self.data_bits > _NARROW

    @property
    def rows(self) -> int:
        return padded(self.height)

    @property
    def columns(self) -> int:
        return padded(self.width)

    @property
    def half(self) -> int:
        """Complex samples a row."""
        return self.columns // 2

    @property
    def gain(self) -> float:
        """v for a step of 1 in q."""
        return sum(self.mix) / (1 << self.mix_shift)

    @property
    def scaling(self) -> float:
        """Integers of the spectrum for 1 of the exact transform of q."""
        return self.gain * (1 if self.wide else 2) * radices(self.half)[0] / (self.rows * self.columns)

    @property
    def offset(self) -> int:
        """What frequency 0 lacks, since `bias` was taken away."""
        return (-self.bias * (1 if self.wide else 2) * radices(self.half)[0]) >> self.mix_shift

    @property
    def largest(self) -> int:
        """No |v| is larger."""
        at = [(w * q) for w in (sum(self.mix),) for q in (self.lo, self.hi)]
        return max(abs((a + self.bias + (1 << self.mix_shift >> 1)) >> self.mix_shift) for a in at)

    def magnitudes(self) -> tuple[list[float], float]:
        """Bounds of |z| behind each stage, rows first, and of |X|: range of exact arithmetic plus all roundings."""
        delta = math.sqrt(0.5) / (1 << self.twiddle_bits)
        bound, error = math.sqrt(2) * self.largest, 0.0
        found = []
        one = 4 * math.sqrt(2) if self.wide else math.sqrt(0.5)  # no rounding of a stage is larger
        for at, radix in enumerate((*radices(self.half), *radices(self.rows))):
            if at == 0:
                bound *= radix
            else:
                error = (bound + error) * delta + error + one
            found.append(bound + error)
        if self.wide:
            return found, bound * math.sqrt(0.5) * (1 + delta) + error + 3
        return found, bound * math.sqrt(2) * (1 + delta) + 2 * error + 1

    @property
    def power_bits(self) -> int:
        """Of the largest |X|^2 that can be, `offset` given back."""
        spectrum = math.ceil(self.magnitudes()[1])
        return 2 * (spectrum + abs(self.offset)).bit_length() if self.wide else 32


def padded(size: int) -> int:
    """The next power of two, at least 8."""
    return max(SMALLEST, 1 << (size - 1).bit_length())


def make_plan(
    shape: tuple[int, int, int], lo: int, hi: int, *, grey: bool, data_bits: int = 16, twiddle_bits: int = TWIDDLE_BITS
) -> Plan:
    """The plan with the largest gain that cannot overflow, for images [C, H, W] of integers lo ... hi."""
    channels, height, width = shape
    if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
        fix = f"scale them to at most {LARGEST}x{LARGEST}, or use an agnostic deck"
        raise CompileError(f"images of {height}x{width}", node="gate", fix=fix)
    if grey and channels not in (1, 3):
        raise CompileError(f"{channels} channels have no grey", node="gate", fix='use colour = "channels"')
    lo, hi = min(lo, 0), max(hi, 0)  # zeros pad
    middle = (lo + hi + 1) >> 1
    reach = max(hi - middle, middle - lo, 1)
    first = radices(padded(width) // 2)[0]
    weight_bits = _WIDE_WEIGHT_BITS if data_bits > _NARROW else _WEIGHT_BITS
    # room for the roundings of all stages, which `magnitudes` then checks
    gain = int(((1 << (data_bits - 1)) - 16) / (first * math.sqrt(2) * reach))
    while gain >= 1:
        mix, shift = _mixed(gain, weight_bits) if grey and channels == 3 else ((gain,), 0)
        try:
            return Plan(channels, height, width, lo, hi, mix, -sum(mix) * middle, shift, data_bits, twiddle_bits)
        except CompileError:
            gain -= 1
    raise CompileError(f"pixels of {lo} ... {hi} do not fit {data_bits} bits", node="gate", fix="quantise the input")


def _mixed(gain: int, bits: int) -> tuple[tuple[int, ...], int]:
    """Weights of red, green and blue with as many binary places as `bits` leave, and how many these are."""
    places = max(0, min(_MIX_SHIFT, bits - gain.bit_length()))
    red, blue = (round(LUMA[c] * (gain << places)) for c in (0, 2))
    return (red, (gain << places) - red - blue, blue), places


def _check(plan: Plan) -> None:
    def refuse(what: str) -> CompileError:
        return CompileError(f"the gate's plan is wrong: {what}", node="gate", fix="fit the integer gate again")

    if not all(1 <= n <= LARGEST for n in (plan.height, plan.width)) or not 1 <= plan.channels <= 64:
        raise refuse(f"images of {plan.channels}x{plan.height}x{plan.width}")
    if not -(1 << 15) <= plan.lo <= min(0, plan.hi) <= max(0, plan.hi) < 1 << 16:
        raise refuse(f"pixels of {plan.lo} ... {plan.hi}")
    if len(plan.mix) not in (1, plan.channels) or not all(0 < w < 1 << (30 if plan.wide else 15) for w in plan.mix):
        raise refuse(f"weights {plan.mix} for {plan.channels} channels")
    twiddle_bits = LONGEST_TWIDDLE if plan.wide else TWIDDLE_BITS
    if not 0 <= plan.mix_shift <= 14 or not 4 <= plan.twiddle_bits <= twiddle_bits:
        raise refuse("words of a length that no kernel has")
    if not 6 <= plan.data_bits <= LONGEST_WORD or sum(plan.mix) * max(-plan.lo, plan.hi) + abs(plan.bias) >= 1 << 31:
        raise refuse("words of a length that no kernel has")
    if plan.bias * 2 * radices(plan.half)[0] % (1 << plan.mix_shift):
        raise refuse(f"a bias of {plan.bias}")
    stages, spectrum = plan.magnitudes()
    limit = ((1 << (plan.data_bits - 1)) - 1) / (1 + 2.0**-plan.twiddle_bits)
    room = (plan.data_bits, 31) if plan.wide else (_NARROW, _NARROW + 1)
    if max(*stages, plan.largest) >= limit or spectrum >= 1 << room[0] or spectrum + abs(plan.offset) >= 1 << room[1]:
        raise refuse(f"words of {plan.data_bits} bits can overflow")
