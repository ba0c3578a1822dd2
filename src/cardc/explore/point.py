"""What an exploration holds: candidates, points with their figures, and which of these none beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ..backends.hls4ml import Options
from ..report import Figure

# What a point is judged by, less is better.
OBJECTIVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"c": ("instructions", "flash_bytes", "ram_bytes"), "hls4ml": ("latency_cycles", "ii", "lut", "dsp", "bram18")}
)
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Options that are to be tried. `encodings` and `optimize` are a microcontroller's, all else an FPGA's.

    `share`: layers without a reuse factor are folded until they fit this share of the board (0: none are left).
    Mappings are plain dicts, since candidates travel between processes.
    """

    label: str
    encodings: Mapping[str, str] = field(default_factory=dict)
    io_type: str = ""
    reuse: Mapping[str, int] = field(default_factory=dict)
    strategy: Mapping[str, str] = field(default_factory=dict)
    share: float = 0.0
    optimize: str = "speed"

    def options(self) -> dict[str, Any]:
        """As JSON has it, keys sorted by layer."""
        if not self.io_type:
            return {"encodings": dict(sorted(self.encodings.items())), "optimize": self.optimize}
        layers = {
            name: {"strategy": self.strategy[name], "reuse_factor": factor}
            for name, factor in sorted(self.reuse.items())
        }
        return {"io_type": self.io_type, "layers": layers}


@dataclass(frozen=True, slots=True)
class Point:
    """Options that were tried: `figures` by their names in reports, whether they fit the board, and whether no other
    point beats them (`on_front`). `share` is that of the fullest resource, `limiting`."""

    candidate: Candidate
    figures: Mapping[str, Figure]
    fits: bool
    share: float
    limiting: str
    on_front: bool = False

    @property
    def label(self) -> str:
        return self.candidate.label

    @property
    def options(self) -> dict[str, Any]:
        return self.candidate.options()

    @property
    def hls(self) -> Options:
        """For `cardc.compile(..., hls=point.hls)` on an FPGA."""
        c = self.candidate
        return Options(io_type=c.io_type or "auto", reuse=dict(c.reuse), strategy=dict(c.strategy))

    @property
    def arguments(self) -> tuple[str, ...]:
        """For `cardc compile MODEL --target BOARD`."""
        c = self.candidate
        if not c.io_type:
            words = tuple(word for pair in sorted(c.encodings.items()) for word in ("--encoding", "=".join(pair)))
            return (*words, "--optimize", c.optimize) if c.optimize != "speed" else words
        found = ["--io-type", c.io_type]
        for name, factor in sorted(c.reuse.items()):
            found += ["--reuse-factor", f"{name}={factor}", "--strategy", f"{name}={c.strategy[name]}"]
        return tuple(found)

    def objective(self, name: str) -> float:
        """The value of one of OBJECTIVES."""
        return self.figures[name].value


@dataclass(frozen=True, slots=True)
class Refused:
    """Options that the model or the board does not take, and why."""

    candidate: Candidate
    reason: str


def with_front(points: Sequence[Point], objectives: Sequence[str]) -> tuple[Point, ...]:
    """`points` with `on_front` set: of those that fit (of all, where none does), the ones that no other equals or beats
    in every objective and beats in one. Of equals, the first is on the front."""
    contest = [k for k, point in enumerate(points) if point.fits] or list(range(len(points)))
    scores = {k: tuple(points[k].objective(name) for name in objectives) for k in contest}
    front = {k for k in contest if not any(_beats(scores[j], scores[k], j < k) for j in contest if j != k)}
    return tuple(replace(point, on_front=k in front) for k, point in enumerate(points))


def _beats(one: Sequence[float], other: Sequence[float], earlier: bool) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and (earlier or tuple(one) != tuple(other))
