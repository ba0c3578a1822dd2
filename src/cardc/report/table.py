"""The report as a short table for a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..errors import counted
from .columns import Column, fitting_table
from .deck import DeckFacts
from .exact import Exact
from .figure import TOTALS, number, show
from .model import Report

_COLUMNS = 100


def report_to_table(report: Report) -> str:
    """Plain text at most 100 columns wide, without colour codes: verdicts, totals, one line a layer."""
    page = StringIO()
    print_report(report, Console(file=page, width=_COLUMNS, color_system=None, highlight=False, emoji=False))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def print_report(report: Report, console: Console) -> None:
    """The same on a rich console, in colour where it has any."""
    console.print(Text(f"{report.model} on {report.board.title}", style="bold"))
    check = report.fit.limiting
    fullest = f"{TOTALS[check.resource][0]} {number(check.used.value)} of {check.available:,}"
    fullest += f" ({check.detail})" if check.detail else ""
    verdict = "fits" if report.fits else "DOES NOT FIT"
    console.print(Text(f"{verdict}: {fullest}", style="green" if report.fits else "bold red"))
    for line in report.fit.advice:
        console.print(Text(f"  {line}") if console.soft_wrap else Padding(Text(line), (0, 0, 0, 2)))
    if report.exact is not None:
        style = "green" if report.exact.equal else "bold red"
        console.print(Text(exact_in_words(report.exact), style=style))
        if report.exact.accuracy:
            console.print(Text(accuracy_in_words(report.exact)))
        if report.exact.gate is not None:
            console.print(Text(gate_in_words(report.exact)))
    for table in (_totals(report, console), *_deck(report, console), _layers(report, console)):
        console.print()
        console.print(table)


def exact_in_words(exact: Exact) -> str:
    """The verdict of `cardc verify` in a few lines."""
    stages = [
        f"{stage} (first {exact.stage_inputs[stage]:,})" if stage in exact.stage_inputs else stage
        for stage in exact.stages
    ]
    what = f"  {counted(exact.tensors, 'tensors')}, {counted(exact.inputs, 'inputs')}"
    what += f", {counted(exact.float_boundary_cases, 'float boundary cases')}"
    if exact.float_boundary_cases:
        what += " (values that floats may round either way; what follows from them was left out)"
    if exact.equal:
        return f"exact: {' == '.join(stages)}\n{what}"
    return f"NOT EQUAL: {exact.first_difference}\n  stages {', '.join(stages)}\n{what}"


def accuracy_in_words(exact: Exact) -> str:
    """`accuracy 97.78 % at every stage`, or each stage's own; empty where there were no labels."""
    at: dict[str, list[str]] = {}
    for stage in sorted(exact.accuracy, key=lambda s: exact.stages.index(s) if s in exact.stages else -1):
        at.setdefault(f"{100 * exact.accuracy[stage]:.2f} %", []).append(stage)
    if len(at) == 1:
        return f"accuracy {next(iter(at))} at every stage"
    return "\n".join(f"accuracy {share}: {', '.join(stages)}" for share, stages in at.items())


def _totals(report: Report, console: Console) -> Table:
    columns = (Column("figure"), Column("value", right=True), Column("of the board", keep=1), Column("known by"))
    shares = {check.resource: f"{100 * check.share:.1f} %" for check in report.fit.checks if check.available}
    rows = [
        (title, show(report.totals[name], unit), shares.get(name, ""), report.totals[name].stage)
        for name, (title, unit) in TOTALS.items()
        if name in report.totals
    ]
    return fitting_table(console, columns, rows)


def _deck(report: Report, console: Console) -> list[Table | Text]:
    """Gate and cards; the deck beside the same cards without a gate."""
    deck = report.deck
    if deck is None:
        return []
    names = [name for name in TOTALS if any(name in card.figures for card in deck.cards)]
    parts = [(f"card {card.name}", card.augmentation, card.figures) for card in deck.cards]
    if deck.gate is not None:
        parts.insert(0, ("gate", f"window {deck.gate.window}", deck.gate.figures))
    if deck.shared:
        parts.append(("shared, once", "", deck.shared))
    parts.append(("deck", deck.mode, {**report.totals, **deck.mean}))
    if deck.agnostic:
        parts.append(("without gate", "agnostic", deck.agnostic))
    columns = (Column("part"), Column("augmentation"), *(Column(TOTALS[n][0], right=True) for n in names))
    rows = [(name, what, *(number(known[n].value) if n in known else "" for n in names)) for name, what, known in parts]
    return [fitting_table(console, columns, rows), *([Text(deck_sum(deck))] if deck.shared else [])]


def deck_sum(deck: DeckFacts) -> str:
    """How the lines of a deck's table add up."""
    if "lut" in deck.shared:
        slowest = "the slowest card (in one project: the picked cards in turn)"
        return f"deck: areas = gate + cards + shared (the join of answers);\nlatency = gate + {slowest} + shared"
    if deck.gate is None:
        return "deck: flash = cards + shared; RAM = the largest card + shared;\ninstructions = all cards + shared"
    return (
        "deck: flash = gate + cards + shared;\nRAM = the largest of gate and cards + shared;\n"
        "instructions = gate + the picked cards + shared, mean of the measured inputs"
    )


def gate_in_words(exact: Exact) -> str:
    """How often the integer deck decides as the float deck does; empty for a single card."""
    gate = exact.gate
    if gate is None:
        return ""
    found = f"the same class as the float deck for {gate.same_classes:,} of {counted(gate.inputs, 'inputs')}"
    if not gate.table:
        return found
    found = f"gate: the float gate's picks for {gate.same_picks:,} of {counted(gate.inputs, 'inputs')}; {found}"
    if gate.moved:
        most = gate.moved[0]
        found += f"; the largest margin of a pick that moved is {most.margin:.3g} (sample {most.sample})"
    return found


def _layers(report: Report, console: Console) -> Table:
    cost, title = ("instructions", "instructions") if report.board.backend == "c" else ("lut", "LUT")
    in_flash = report.board.backend == "c"  # in logic, weights have no bytes
    columns = [Column("layer"), Column("op", keep=1), Column("encoding", keep=4)]
    columns += [Column("MACs", right=True, keep=2), Column("sparsity", right=True, keep=5)]
    columns += [Column("weight bytes", right=True, keep=3)] if in_flash else []
    rows = []
    for layer in report.layers:
        spent = layer.figures.get(cost)
        row = [layer.name, layer.op, "" if layer.encoding == "none" else layer.encoding]
        row += [number(layer.macs) if layer.macs else ""]
        row += ["" if layer.sparsity is None else f"{100 * layer.sparsity:.1f} %"]
        row += [number(layer.weight_bytes) if layer.weight_bytes else ""] if in_flash else []
        rows.append([*row, "" if spent is None else number(spent.value)])
    return fitting_table(console, [*columns, Column(title, right=True)], rows)
