"""What changed between two builds, as data and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .figure import TOTALS, Figure
from .layers import Layer
from .model import Report

SCHEMA = "cardc.compare/1"
# What a layer says of itself beside its figures.
_FACTS = ("op", "encoding", "in_bits", "out_bits", "macs", "weights", "nonzeros", "weight_bytes", "requantise")


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after; None where a build has no such figure."""

    name: str
    before: Figure | None
    after: Figure | None

    @property
    def relative(self) -> float | None:
        """The change as a share of what was before; None where there is nothing to compare with."""
        if self.before is None or self.after is None or not self.before.value:
            return None
        return self.after.value / self.before.value - 1

    @property
    def certain(self) -> bool:
        """Whether the figures differ by more than what both may be off."""
        if self.before is None or self.after is None:
            return True
        lows = [figure.value if figure.low is None else figure.low for figure in (self.before, self.after)]
        return lows[0] > self.after.most or lows[1] > self.before.most


@dataclass(frozen=True, slots=True)
class LayerChange:
    """A layer that both builds have and that is not the same: facts as (name, before, after), and figures."""

    name: str
    facts: tuple[tuple[str, Any, Any], ...]
    figures: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports, and only what differs between them (`totals` of both boards where the boards differ too)."""

    before: Report
    after: Report
    totals: tuple[Change, ...]
    layers: tuple[LayerChange, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def worse(self) -> bool:
        """Whether the later build does not fit its board, or is not exact where it was verified."""
        return not self.after.fits or (self.after.exact is not None and not self.after.exact.equal)

    def to_json(self) -> str:
        """Keys sorted: same reports, same bytes. Schema `cardc.compare/1`."""
        return json.dumps(_table(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """A verdict, the totals and the layers that changed, as GitHub and GitLab show it."""
        from .compare_markdown import lines

        return "\n".join(lines(self)) + "\n"


def compare(before: Report, after: Report) -> Comparison:
    """What changed from `before` to `after`; layers are the same where their names are."""
    old, new = ({layer.name: layer for layer in report.layers} for report in (before, after))
    changed = (_layer(old[name], new[name]) for name in new if name in old)
    return Comparison(
        before,
        after,
        _changes(before.totals, after.totals),
        tuple(layer for layer in changed if layer.facts or layer.figures),
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
    )


def _changes(before: Mapping[str, Figure], after: Mapping[str, Figure]) -> tuple[Change, ...]:
    names = [name for name in TOTALS if name in before or name in after]
    found = (Change(name, before.get(name), after.get(name)) for name in names)
    return tuple(change for change in found if _value_of(change.before) != _value_of(change.after))


def _value_of(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def _layer(before: Layer, after: Layer) -> LayerChange:
    facts = ((name, getattr(before, name), getattr(after, name)) for name in _FACTS)
    return LayerChange(
        after.name, tuple(fact for fact in facts if fact[1] != fact[2]), _changes(before.figures, after.figures)
    )


def _table(found: Comparison) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "before": _build(found.before),
        "after": _build(found.after),
        "totals": [_change(change) for change in found.totals],
        "layers": [
            {
                "name": layer.name,
                "facts": {name: {"before": old, "after": new} for name, old, new in layer.facts},
                "figures": [_change(change) for change in layer.figures],
            }
            for layer in found.layers
        ],
        "added": list(found.added),
        "removed": list(found.removed),
        "worse": found.worse,
    }


def _build(report: Report) -> dict[str, Any]:
    exact = None if report.exact is None else report.exact.equal
    return {"model": report.model, "target": report.target, "fits": report.fits, "exact": exact}


def _change(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "before": None if change.before is None else change.before.value,
        "after": None if change.after is None else change.after.value,
        "relative": change.relative,
        "certain": change.certain,
    }
