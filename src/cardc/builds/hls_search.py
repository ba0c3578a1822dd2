"""reuse_factor = auto: the fastest design that the estimator says fits the board.

All layers start unrolled. While the design does not fit, the layer and reuse factor are taken that free most of the
resource that is fullest, for each cycle of the interval and latency that they cost. Estimates take microseconds, so
every layer is asked with every step of its ladder each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from ..backends.hls4ml import Options, cost_layers, make_plan, plan_facts, tool_of
from ..estimate import FpgaLayer, estimate
from ..report.search import SearchStep
from ..targets.base import Target

_RESOURCES = ("lut", "ff", "dsp", "bram18")
_SHOWN = (*_RESOURCES, "ii", "latency_cycles")
# A ladder of reuse factors has at most so many steps, spread evenly over its logarithm.
_LADDER = 16


@dataclass(frozen=True, slots=True)
class _Move:
    """A layer at another step of its ladder."""

    index: int
    strategy: str
    reuse: int


def fit_reuse(model: ir.Model, target: Target, options: Options) -> tuple[Options, tuple[SearchStep, ...]]:
    """`options` with a strategy and reuse factor for every layer that multiplies, and the steps that led there.

    What `options` gives for a layer stays. Where nothing more can be folded the last step does not fit, and the report
    will say so. CompileError as for `make_plan`.
    """
    free = {
        name: _ladder(steps)
        for name, steps in make_plan(model, target, options).choices.items()
        if name not in options.reuse and name not in options.strategy
    }
    start = replace(
        options,
        strategy={**options.strategy, **{name: steps[0][0] for name, steps in free.items()}},
        reuse={**options.reuse, **{name: steps[0][1] for name, steps in free.items()}},
    )
    plan = make_plan(model, target, start)
    layers, nodes = cost_layers(plan), {fact.layer: fact.node for fact in plan_facts(plan)}
    names = [nodes.get(layer.name, "") for layer in layers]
    ladders = {i: free[name] for i, name in enumerate(names) if name in free}
    moves, found = _descend(layers, ladders, target)
    strategy = {**start.strategy, **{names[m.index]: m.strategy for m in moves}}
    reuse = {**start.reuse, **{names[m.index]: m.reuse for m in moves}}
    steps = [SearchStep("", "", 0, found[0], _fits(found[0], target))]
    for move, totals in zip(moves, found[1:], strict=True):
        steps.append(SearchStep(names[move.index], move.strategy, move.reuse, totals, _fits(totals, target)))
    return replace(options, strategy=strategy, reuse=reuse), tuple(steps)


def _ladder(steps: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    if len(steps) <= _LADDER:
        return list(steps)
    low, high = 1.0, float(max(reuse for _, reuse in steps))
    marks = [low * (high / low) ** (i / (_LADDER - 1)) for i in range(_LADDER)]
    nearest = {min(range(len(steps)), key=lambda i: (abs(steps[i][1] - mark), i)) for mark in marks}
    return [steps[i] for i in sorted(nearest | {0})]


def _totals(layers: Sequence[FpgaLayer], target: Target) -> dict[str, float]:
    found = estimate(layers, tool_of(target)).totals
    return {name: found[name].value for name in _SHOWN}


def _shares(totals: Mapping[str, float], target: Target) -> dict[str, float]:
    limits = target.limits()
    return {name: totals[name] / max(1, limits[name]) for name in _RESOURCES}


def _fits(totals: Mapping[str, float], target: Target) -> bool:
    return all(totals[name] <= target.limits()[name] for name in _RESOURCES)


def _descend(
    layers: list[FpgaLayer], ladders: Mapping[int, list[tuple[str, int]]], target: Target
) -> tuple[list[_Move], list[dict[str, float]]]:
    """The moves until the design fits or nothing helps, and the totals before the first and after each."""
    at = dict.fromkeys(ladders, 0)
    found, moves = [_totals(layers, target)], []
    while not _fits(found[-1], target):
        best: tuple[float, _Move, int, dict[str, float]] | None = None
        for move, step in _open(ladders, at):
            totals = _totals(_moved(layers, move), target)
            score = _score(found[-1], totals, target)
            if score > 0 and (best is None or score > best[0]):
                best = (score, move, step, totals)
        if best is None:
            break
        _, move, at[move.index], totals = best
        layers = _moved(layers, move)
        moves.append(move)
        found.append(totals)
    return moves, found


def _open(ladders: Mapping[int, list[tuple[str, int]]], at: Mapping[int, int]) -> Iterator[tuple[_Move, int]]:
    for index, ladder in ladders.items():
        for step in range(at[index] + 1, len(ladder)):
            yield _Move(index, *ladder[step]), step


def _moved(layers: Sequence[FpgaLayer], move: _Move) -> list[FpgaLayer]:
    changed = list(layers)
    changed[move.index] = replace(layers[move.index], strategy=move.strategy, reuse_factor=move.reuse)
    return changed


def _score(before: Mapping[str, float], after: Mapping[str, float], target: Target) -> float:
    """How much less is over the board's limits, for each cycle that the design gets slower."""
    over = [sum(max(0.0, share - 1) for share in _shares(t, target).values()) for t in (before, after)]
    slower = sum(max(0.0, after[name] - before[name]) / max(1.0, before[name]) for name in ("ii", "latency_cycles"))
    return (over[0] - over[1]) / (slower + 0.01)
