"""Whether the networks fit a board: what the compiler makes of them, and what was estimated before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cards.data import Source, training
from benchmarks.cards.jobs import Outcome
from benchmarks.cards.plan import Exam, build

import cardc
from cardc.errors import CompileError
from cardc.frontend.train.budget import budget
from cardc.targets.base import load as load_target

BOARD = "nucleo-f446re"


@dataclass(frozen=True, slots=True)
class Fit:
    """Bytes and instructions of one network on `BOARD`; `compiled` is None where the compiler refuses it."""

    name: str
    fits: bool
    compiled: dict[str, int] | None
    estimated: dict[str, int]
    why: str = ""


FIGURES = ("flash_bytes", "ram_bytes", "instructions")


def fit(outcomes: Sequence[Outcome], source: Source, exam: Exam) -> tuple[Fit, ...]:
    """Compile each network for `BOARD`."""
    return tuple(_one(o, source, exam) for o in outcomes)


def _one(o: Outcome, source: Source, exam: Exam) -> Fit:
    board = load_target(BOARD)
    shape = training(source, exam, 1)[0].shape[1:]
    guess = budget(build(o.job.arch, o.job.seed, dense=False), shape, board, sparsity=o.job.sparsity)
    estimated = {name: int(getattr(guess, name)) for name in FIGURES}
    try:
        report = cardc.compile(o.job.file(source.work, "onnx"), board, name="card").report
    except CompileError as error:
        return Fit(o.job.title, False, None, estimated, error.what)
    return Fit(o.job.title, report.fits, {n: int(report.totals[n].value) for n in FIGURES}, estimated)


def examples(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """One network of each architecture and sparsity: the first by a learned mask, or the dense binary one."""
    found: dict[tuple[str, float], Outcome] = {}
    for o in outcomes:
        if o.job.recipe in ("binary", "biprop"):
            found.setdefault((o.job.arch, o.job.sparsity), o)
    return list(found.values())
