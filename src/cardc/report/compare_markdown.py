"""What changed between two builds as Markdown, for a comment in CI."""

from __future__ import annotations

from ..errors import counted, printable
from .compare import Change, Comparison, LayerChange
from .figure import TOTALS, Figure, show
from .model import Report


def lines(found: Comparison) -> list[str]:
    """A verdict, the totals and the layers that changed; names from models are no markup."""
    before, after = found.before, found.after
    said = [f"### {_text(after.model)} on {_text(after.board.title)}", ""]
    for what, old, new in (
        ("model", before.model, after.model),
        ("board", before.board.title, after.board.title),
        ("fits", _yes(before.fits), _yes(after.fits)),
        ("exact", _exact(before), _exact(after)),
    ):
        said.append(f"- {what}: {_text(new)}" if old == new else f"- {what}: {_text(old)} → **{_text(new)}**")
    said += [f"- {_text(line)}" for line in after.fit.advice if not after.fits]
    if found.totals:
        said += ["", "| | before | after | change |", "| --- | ---: | ---: | ---: |"]
        said += [f"| {TOTALS[change.name][0]} | {_cells(change)} |" for change in found.totals]
    rows = [row for layer in found.layers for row in _layer_rows(layer)]
    rows += [f"| {_text(name)} | layer | | new | |" for name in found.added]
    rows += [f"| {_text(name)} | layer | gone | | |" for name in found.removed]
    if rows:
        said += ["", "| layer | | before | after | change |", "| --- | --- | ---: | ---: | ---: |", *rows]
    if not found.totals and not rows:
        said += ["", "Nothing else changed."]
    return said


def _layer_rows(layer: LayerChange) -> list[str]:
    name = _text(layer.name)
    facts = [f"| {name} | {fact.replace('_', ' ')} | {_text(old)} | {_text(new)} | |" for fact, old, new in layer.facts]
    return facts + [f"| {name} | {TOTALS[change.name][0]} | {_cells(change)} |" for change in layer.figures]


def _cells(change: Change) -> str:
    """`9,120 bytes | 8,000 bytes | -12.3 %`; estimates whose bands overlap say so."""
    unit = TOTALS[change.name][1]
    old, new = (_value(figure, unit) for figure in (change.before, change.after))
    share = "" if change.relative is None else f"{change.relative:+.1%}".replace("%", " %")
    return f"{old} | {new} | {share}{'' if change.certain else ' (bands overlap)'}"


def _value(figure: Figure | None, unit: str) -> str:
    return "" if figure is None else show(Figure(figure.value, "measured:elf"), unit)


def _yes(fits: bool) -> str:
    return "yes" if fits else "no"


def _exact(report: Report) -> str:
    if report.exact is None:
        return "not verified"
    return f"equal on {counted(report.exact.inputs, 'inputs')}" if report.exact.equal else "not equal"


def _text(value: object) -> str:
    """A name from a model as text in a table: nothing in it is markup."""
    plain = printable(str(value))
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!~" else c for c in plain)
