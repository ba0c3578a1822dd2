"""Integer types of HLS: `ap_int<W>` and `ap_uint<W>`, always as narrow as the range allows."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TYPE = re.compile(r"ap_(u?)int<(\d+)>")


@dataclass(frozen=True, slots=True)
class HlsInt:
    """`ap_int<width>` where signed, else `ap_uint<width>`."""

    width: int
    signed: bool

    @property
    def cpp(self) -> str:
        return f"ap_{'' if self.signed else 'u'}int<{self.width}>"

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
    """`ap_int<5>` and `ap_uint<5>` to a type, anything else to None."""
    found = _TYPE.fullmatch(text.replace(" ", ""))
    return HlsInt(int(found[2]), found[1] == "") if found else None
