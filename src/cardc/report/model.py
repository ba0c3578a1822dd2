"""The report as one frozen record; the modules beside write it as JSON, HTML or a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..passes.base import PassTrace
from ..targets import Target
from .deck import DeckFacts
from .exact import Exact
from .figure import Figure, check_names
from .fit import Fit
from .layers import Layer, MemoryMap
from .search import SearchStep

SCHEMA = "cardc.report/1"


@dataclass(frozen=True, slots=True)
class Board:
    """What the report needs of a target: its name, a line for people, how much of each resource it has."""

    name: str
    title: str
    summary: str
    backend: str
    clock_hz: int
    limits: Mapping[str, int]


def board(target: Target) -> Board:
    """The part of a target that a report keeps, so that an old report can be read without the board file."""
    return Board(target.name, target.title, target.summary(), target.backend, target.clock_hz, target.limits())


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One compilation. `exact` is None until `cardc verify` has run; `memory` is None on an FPGA, `deck` for one card.

    `ram_bytes` in `totals` is the arena and the static data; `stack_bytes` comes on top of it, and `fit`
    checks their sum. `provenance` holds versions and digests (never times or paths, so that equal input gives
    equal bytes).
    """

    model: str
    board: Board
    fit: Fit
    totals: Mapping[str, Figure]
    layers: tuple[Layer, ...]
    exact: Exact | None = None
    memory: MemoryMap | None = None
    deck: DeckFacts | None = None
    search: tuple[SearchStep, ...] = ()
    passes: tuple[PassTrace, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.totals)

    @property
    def target(self) -> str:
        """The name of the board."""
        return self.board.name

    @property
    def fits(self) -> bool:
        return self.fit.fits

    def to_json(self) -> str:
        """The report as JSON, keys sorted: same report, same bytes. Schema `cardc.report/1`."""
        from .to_json import report_to_json

        return report_to_json(self)

    def to_html(self) -> str:
        """The report as one HTML file that needs nothing else: no script, no font, no request."""
        from .html import report_to_html

        return report_to_html(self)

    def to_table(self) -> str:
        """The report as a short table for a terminal, as plain text at most 100 columns wide."""
        from .table import report_to_table

        return report_to_table(self)

    @staticmethod
    def from_json(text: str) -> Report:
        """Read what `to_json` wrote; CompileError says what is wrong with any other text."""
        from .from_json import report_from_json

        return report_from_json(text)

    def replace(self, **changes: Any) -> Report:
        """A copy with some fields changed, e.g. `report.replace(exact=verdict)`."""
        from dataclasses import replace

        return replace(self, **changes)
