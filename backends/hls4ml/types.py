"""Integer types of HLS: `ap_int<W>` and `ap_uint<W>`, always as narrow as the range allows.

Where a part of hls4ml takes fixed-point types only, the same integers are `ap_fixed<W,W>`: no bit behind the point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_TYPE = re.compile(r"ap_(u?)(?:int<(\d+)>|fixed<(\d+),\3(?:,AP_TRN,AP_WRAP(?:,0)?)?>)")


@dataclass(frozen=True, slots=True)
class HlsInt:
    """`ap_int<width>` where signed, else `ap_uint<width>`; spelled `ap_fixed<width,width>` where `fixed`, which holds
    the same integers, and so is equal."""

    width: int
    signed: bool
    fixed: bool = field(default=False, compare=False)

    @property
    def cpp(self) -> str:
        sign = "" if self.signed else "u"
        return f"ap_{sign}fixed<{self.width},{self.width}>" if self.fixed else f"ap_{sign}int<{self.width}>"

    @property
    def lo(self) -> int:
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def hi(self) -> int:
        return (1 << (self.width - int(self.signed))) - 1


def narrowest(lo: int, hi: int) -> HlsInt:
    """The type of the fewest bits that holds every integer from `lo` to `hi`."""
    if lo >= 0:
        return HlsInt(max(1, hi.bit_length()), signed=False)
    return HlsInt(1 + max((-lo - 1).bit_length(), max(hi, 0).bit_length()), signed=True)


def signed(lo: int, hi: int) -> HlsInt:
    """The narrowest signed type for `lo` to `hi`; comparisons and products are done in such types."""
    return narrowest(min(lo, -1), hi)


def tabled(values: NDArray[np.int64]) -> HlsInt:
    """The type of a table of constants: signed, a multiple of eight bits.

    Tables of one length then share the code that reads them from text files, which is a third of what g++ compiles in
    a large network. Hardware does not see the width: tables are split into constants, which synthesis trims.
    """
    exact = signed(int(values.min()), int(values.max()))
    return HlsInt(-(-exact.width // 8) * 8, signed=True)


def parse_type(text: str) -> HlsInt | None:
    """`ap_int<5>`, `ap_uint<5>`, `ap_fixed<5,5>` and `ap_ufixed<5,5>` to a type, anything else to None."""
    found = _TYPE.fullmatch(text.replace(" ", ""))
    return HlsInt(int(found[2] or found[3]), found[1] == "", found[3] is not None) if found else None
