"""What a pass is, and the one loop that runs passes and checks the graph after each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import onnx_ir as ir

from ..errors import CompileError


@dataclass(frozen=True, slots=True)
class Declined:
    """Where a pass could have fired and did not, and why."""

    node: str
    reason: str


@dataclass(slots=True)
class PassLog:
    """What a pass has to say beyond its count: where it declined, and what a report should note."""

    declined: list[Declined] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def decline(self, node: ir.Node, reason: str) -> None:
        self.declined.append(Declined(node.name or node.op_type, reason))


class Pass(ABC):
    """Rewrites a model in place. Stateless: options are fields of a frozen dataclass."""

    name: ClassVar[str]

    @abstractmethod
    def run(self, model: ir.Model, log: PassLog) -> int:
        """Rewrite `model`; return how many rewrites were done, 0 meaning that it is unchanged."""


@dataclass(frozen=True, slots=True)
class PassTrace:
    """One line of a compilation's history."""

    name: str
    rewrites: int
    declined: tuple[Declined, ...] = ()
    notes: tuple[str, ...] = ()


Check = Callable[[ir.Model], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A pass, the checker of the level that it leaves the graph in, and why it stands where it does."""

    transform: Pass
    check: Check
    reason: str


def run_steps(
    model: ir.Model,
    steps: Sequence[Step],
    *,
    stop_after: str | None = None,
    after: Callable[[str, ir.Model], None] = lambda name, model: None,
) -> tuple[PassTrace, ...]:
    """Run `steps` in order on `model`, in place, checking after each; `after` sees the graph each time.

    Raises CompileError with the pass's name in its `stage`.
    """
    traces: list[PassTrace] = []
    for index, step in enumerate(steps, 1):
        log = PassLog()
        name = step.transform.name
        try:
            count = step.transform.run(model, log)
            step.check(model)
        except CompileError as error:
            error.stage = error.stage or f"pass {name} ({index} of {len(steps)})"
            raise
        traces.append(PassTrace(name, count, tuple(log.declined), tuple(log.notes)))
        after(name, model)
        if name == stop_after:
            break
    return tuple(traces)
