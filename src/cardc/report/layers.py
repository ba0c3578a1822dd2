"""What a report says of each layer and of the arena."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .figure import Figure, check_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One node of the lowered graph.

    Shapes are without the batch; bits are of one element. `weights` counts all weights, `nonzeros` those that
    are not zero, `weight_bytes` what the encoding takes in flash (0 in hls4ml, whose weights are logic).
    `acc_bits` is the exact accumulator's width, `requantise` how its output is made: 'thresholds', 'dyadic',
    'none'. `figures` holds what is known of it alone, by the names of TOTALS. `notes` says what a pass
    declined to do, and why.
    """

    name: str
    op: str
    encoding: str = "none"
    in_shape: tuple[int, ...] = ()
    out_shape: tuple[int, ...] = ()
    in_bits: int = 0
    out_bits: int = 0
    macs: int = 0
    weights: int = 0
    nonzeros: int = 0
    weight_bytes: int = 0
    acc_bits: int = 0
    requantise: str = "none"
    levels: int = 0
    figures: Mapping[str, Figure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names(self.figures)
        if not 0 <= self.nonzeros <= self.weights:
            raise ValueError(f"{self.name}: {self.nonzeros} non-zeros among {self.weights} weights")

    @property
    def sparsity(self) -> float | None:
        """Share of weights that are zero, 0 to 1; None for a layer without weights."""
        return 1 - self.nonzeros / self.weights if self.weights else None


@dataclass(frozen=True, slots=True)
class MemoryTensor:
    """An activation in the arena: `bytes` from `offset`, alive from step `first` to `last`, both included."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MemoryMap:
    """The arena: its size, the largest live set (no plan can undercut it), the steps by name, all tensors."""

    arena_bytes: int
    lower_bound_bytes: int
    steps: tuple[str, ...]
    tensors: tuple[MemoryTensor, ...]

    def __post_init__(self) -> None:
        for t in self.tensors:
            inside = t.offset >= 0 and t.offset + t.bytes <= self.arena_bytes
            if not inside or not 0 <= t.first <= t.last < len(self.steps):
                raise ValueError(f"tensor {t.name!r} lies outside the arena or the schedule")
