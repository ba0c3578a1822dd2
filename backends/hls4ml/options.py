"""What a user may choose about an hls4ml project; everything left out is chosen by the backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ...errors import CompileError, did_you_mean

IO_TYPES = ("io_parallel", "io_stream")
DISTRIBUTED = "distributed_arithmetic"
STRATEGIES = ("latency", "resource", DISTRIBUTED)
_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "resource_unrolled": "hls4ml puts the weights into code that it generates, where they are not read back",
    }
)


@dataclass(frozen=True, slots=True)
class Options:
    """Choices for one project; keys of `reuse` and `strategy` are node names of the integer graph.

    `io_type`: io_parallel, io_stream or auto (io_stream where there are windows, io_parallel for dense nets).
    `reuse`: cycles that share one multiplier, per layer. `strategy`: latency (unrolled; zeros cost nothing),
    resource (weights in memory, zeros stay) or distributed_arithmetic (adders that outputs share, by da4ml).
    `backend`: hls4ml's, in place of the board's own; VivadoAccelerator gives the board's whole design. `auto`:
    `cardc.compile` chooses reuse and strategy of all other layers, so that the design fits the board. `golden`: test
    vectors put beside the test bench.
    CompileError for a word that is none of these.
    """

    io_type: str = "auto"
    reuse: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    strategy: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    backend: str = ""
    auto: bool = False
    golden: int = 16

    def __post_init__(self) -> None:
        if self.io_type not in ("auto", *IO_TYPES):
            raise CompileError(
                f"io_type {self.io_type!r} is not known", fix=did_you_mean(str(self.io_type), ("auto", *IO_TYPES))
            )
        for node, word in sorted(self.strategy.items()):
            if word not in STRATEGIES:
                why = f": {_REFUSED[word]}" if word in _REFUSED else ""
                what = "not supported" if word in _REFUSED else "not known"
                fix = f"use {' or '.join(STRATEGIES)}" if why else did_you_mean(word, STRATEGIES)
                raise CompileError(f"strategy {word!r} is {what}{why}", node=node, fix=fix)
        for node, factor in sorted(self.reuse.items()):
            if factor < 1:
                raise CompileError(f"reuse factor {factor} is not possible", node=node, fix="give 1 or more")
