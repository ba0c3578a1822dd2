"""What there is to choose on an FPGA: io type, reuse factors and strategies; priced by the estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import onnx_ir as ir

from ..backends.hls4ml import Options, cost_layers, make_plan, tool_of
from ..backends.hls4ml.options import IO_TYPES
from ..builds.hls_search import fit_reuse
from ..errors import CompileError
from ..estimate import estimate, routed
from ..report import fits, latency_seconds
from ..targets.base import Target
from .point import Candidate, Point

# The search for reuse factors is asked for designs within these shares of the board.
_SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)
_STEPS = 4  # of one layer's own ladder, the rest unrolled


def candidates(model: ir.Model, target: Target) -> list[Candidate]:
    """Options for the integer graph `model`, the most telling first: folded until it fits, one reuse factor for all
    layers, each layer folded alone, then folded to shares of the board.

    CompileError where no io type takes the model.
    """
    kinds: list[list[Candidate]] = [[], [], []]
    errors = []
    for io_type in target.io_types or IO_TYPES:
        try:
            choices = make_plan(model, target, Options(io_type=io_type)).choices
        except CompileError as error:
            errors.append(error)
            continue
        kinds[0] += [
            Candidate(f"{io_type}, within {100 * share:g} % of the board", io_type=io_type, share=share)
            for share in (_SHARES if choices else _SHARES[:1])
        ]
        most = max((reuse for steps in choices.values() for _, reuse in steps), default=1)
        for power in range(most.bit_length()):
            steps = {name: _nearest(ladder, 1 << power) for name, ladder in choices.items()}
            kinds[1].append(_settled(f"{io_type}, reuse {1 << power} everywhere", io_type, steps))
        for name, ladder in choices.items():
            fastest = {other: choices[other][0] for other in choices}
            for step in _spread(ladder[1:]):
                label = f"{io_type}, {name} alone: reuse {step[1]}"
                kinds[2].append(_settled(label, io_type, fastest | {name: step}))
    if not kinds[0]:
        raise errors[0]
    within, everywhere, alone = kinds
    # The search takes seconds where a network is large, all else milliseconds: its first answer leads, the rest wait.
    first = [candidate for candidate in within if candidate.share == _SHARES[0]]
    return [*first, *everywhere, *alone, *(candidate for candidate in within if candidate not in first)]


def measure(model: ir.Model, target: Target, candidate: Candidate) -> Point:
    """The estimated figures of `candidate`; no project is written, no simulation runs."""
    options = Options(io_type=candidate.io_type, reuse=candidate.reuse, strategy=candidate.strategy)
    if candidate.share:
        options, _ = fit_reuse(model, _part_of(target, candidate.share), options)
    plan = make_plan(model, target, options)
    found = estimate(cost_layers(plan), tool_of(target))
    totals = dict(found.totals) | routed(found.totals)
    totals["latency_s"] = latency_seconds(totals["latency_cycles"], target)
    fit = fits(totals, target)
    settled = replace(
        candidate, io_type=plan.io_type, reuse=dict(options.reuse), strategy=dict(options.strategy), share=0.0
    )
    return Point(settled, totals, fit.fits, fit.limiting.share, fit.limiting.resource)


def _part_of(target: Target, share: float) -> Target:
    lut, ff, dsp, bram18 = (max(1, int(most * share)) for most in (target.lut, target.ff, target.dsp, target.bram18))
    return replace(target, lut=lut, ff=ff, dsp=dsp, bram18=bram18)


def _settled(label: str, io_type: str, steps: dict[str, tuple[str, int]]) -> Candidate:
    return Candidate(
        label,
        io_type=io_type,
        reuse={name: reuse for name, (_, reuse) in steps.items()},
        strategy={name: strategy for name, (strategy, _) in steps.items()},
    )


def _nearest(ladder: Sequence[tuple[str, int]], reuse: int) -> tuple[str, int]:
    return min(ladder, key=lambda step: (abs(step[1] - reuse), step[1]))


def _spread(ladder: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    if len(ladder) <= _STEPS:
        return list(ladder)
    return [ladder[round(k * (len(ladder) - 1) / (_STEPS - 1))] for k in range(_STEPS)]
