"""Does it fit: totals against a board, the figure that decides, and what to change when it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import CompileError, counted
from ..targets import Target, listing
from .figure import TOTALS, Figure, number
from .layers import Layer, MemoryMap

if TYPE_CHECKING:
    from .model import Report

_NEEDED = {"c": ("flash_bytes", "ram_bytes"), "hls4ml": ("lut", "ff", "dsp", "bram18")}


@dataclass(frozen=True, slots=True)
class Check:
    """One resource: what the design takes of it, what the board has, and in words what makes up `used`."""

    resource: str
    used: Figure
    available: int
    detail: str = ""

    @property
    def fits(self) -> bool:
        return self.used.value <= self.available

    @property
    def share(self) -> float:
        """Used over available; infinite where the board has none and some is needed."""
        if self.available:
            return self.used.value / self.available
        return float("inf") if self.used.value else 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a design fits a board, by resource; `advice` says what to change, if anything."""

    checks: tuple[Check, ...]
    advice: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        return all(check.fits for check in self.checks)

    @property
    def limiting(self) -> Check:
        """The resource that is fullest."""
        return max(self.checks, key=lambda check: check.share)


def fits(
    totals: Mapping[str, Figure],
    target: Target,
    *,
    layers: Sequence[Layer] = (),
    memory: MemoryMap | None = None,
    hint: str = "",
) -> Fit:
    """Check every resource of `target` against `totals`; `layers` and `memory` make the advice concrete.

    `hint` is what else to try where it does not fit. RAM is `ram_bytes` plus `stack_bytes`. Estimates are judged by
    their value; where only the upper end of the band is too big, the design fits and the advice says so. ValueError
    when a total that decides is missing, for then nothing could be said.
    """
    missing = [name for name in _NEEDED[target.backend] if name not in totals]
    if missing:
        raise ValueError(f"cannot tell whether it fits: no {', '.join(missing)} in the totals")
    checks = tuple(
        _check(resource, totals, available, layers)
        for resource, available in target.limits().items()
        if resource in totals or resource in _NEEDED[target.backend]
    )
    advice = [_advice(check, layers, memory) for check in checks if not check.fits]
    if advice:
        advice += [hint] if hint else []
        others = [t.title for t in listing() if t.backend == target.backend and _would_fit(totals, t)]
        advice += [f"or choose a board that is big enough: {', '.join(others)}"] if others else []
    for check in checks:
        if check.fits and check.used.most > check.available:
            advice.append(
                f"{TOTALS[check.resource][0]}: the estimate fits, but the upper end of its band "
                f"({number(check.used.most)}) exceeds the board's {check.available:,}; synthesise to be sure"
            )
    return Fit(checks, tuple(advice))


def require_fit(report: Report) -> None:
    """CompileError with exit code 1 unless the report's design fits its board."""
    if report.fits:
        return
    check = report.fit.limiting
    title = TOTALS[check.resource][0]
    raise CompileError(
        f"the model does not fit: {title} needs {number(check.used.value)} of {check.available:,}",
        node=f"{report.model} on {report.board.title}",
        fix="; ".join(report.fit.advice),
        exit_code=1,
    )


def _check(resource: str, totals: Mapping[str, Figure], available: int, layers: Sequence[Layer] = ()) -> Check:
    used, detail = totals[resource], ""
    weights = sum(layer.weight_bytes for layer in layers)
    if resource == "flash_bytes" and 0 < weights <= used.value:
        detail = f"{number(weights)} weights + {number(used.value - weights)} code and tables"
    if resource == "ram_bytes" and "stack_bytes" in totals:
        stack = totals["stack_bytes"]
        used = Figure(used.value + stack.value, used.stage, used.low, used.high)
        detail = f"{number(totals[resource].value)} arena and static data + {number(stack.value)} stack"
    return Check(resource, used, available, detail)


def _would_fit(totals: Mapping[str, Figure], target: Target) -> bool:
    limits = target.limits()
    return all(_check(name, totals, limits[name]).fits for name in limits if name in totals)


def _advice(check: Check, layers: Sequence[Layer], memory: MemoryMap | None) -> str:
    excess = check.used.value - check.available
    over = counted(round(excess), "bytes") if check.resource.endswith("_bytes") else number(excess)
    title = TOTALS[check.resource][0]
    if check.resource == "flash_bytes":
        biggest = max(layers, key=lambda layer: layer.weight_bytes, default=None)
        if biggest and (weights := sum(layer.weight_bytes for layer in layers)) < excess:
            return (
                f"{title} is {over} over, more than all weights take ({counted(weights, 'bytes')}): the rest is code, "
                "which fewer kinds of layers shrink"
            )
        where = f"; the biggest is {biggest.name!r} with {counted(biggest.weight_bytes, 'bytes')}" if biggest else ""
        return f"{title} is {over} over: prune or shrink the layers with the most weight bytes{where}"
    if check.resource == "ram_bytes":
        peak = _peak(memory)
        where = f"; the peak is at {peak!r}" if peak else ""
        return f"{title} is {over} over: use fewer channels, fewer activation bits or pool earlier{where}"
    most = [layer for layer in layers if check.resource in layer.figures]
    biggest = max(most, key=lambda layer: layer.figures[check.resource].value, default=None)
    where = f"; the biggest is {biggest.name!r}" if biggest else ""
    remedy = {
        "lut": "prune more (unrolled, each non-zero weight is an adder), use fewer activation bits or reuse more",
        "ff": "raise the clock period (fewer pipeline stages) or use io_stream for convolutions",
        "dsp": "keep weights binary or ternary, which need no multiplier",
        "bram18": "unroll layers (only a reuse factor keeps weights in memory), or shrink the feature maps in streams",
    }.get(check.resource, "shrink the model")
    return f"{title} is {over} over: {remedy}{where}"


def _peak(memory: MemoryMap | None) -> str:
    """The step at which most of the arena is alive."""
    if memory is None or not memory.steps:
        return ""
    alive = [sum(t.bytes for t in memory.tensors if t.first <= i <= t.last) for i in range(len(memory.steps))]
    return memory.steps[alive.index(max(alive))]
