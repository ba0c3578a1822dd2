"""What convolutions that copy their input by phases have in common: the column of tap j, j d, is k s + phase."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Columns:
    """`kernel`, `stride`, `dilation` as (down, across); `pad` above and to the left; `height`, `width` of the output;
    `depth` input channels of a group."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int]
    height: int
    width: int
    depth: int

    def places(self) -> list[tuple[int, int]]:
        """Of each tap across: (phase, k), where its column is k * stride + phase."""
        each = [j * self.dilation[1] for j in range(self.kernel[1])]
        return [(at % self.stride[1], at // self.stride[1]) for at in each]

    @property
    def phases(self) -> int:
        return 1 + max(phase for phase, _ in self.places())
