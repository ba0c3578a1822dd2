"""The report as a short table for a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

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
    verdict = "fits" if report.fits else "DOES NOT FIT"
    console.print(Text(f"{verdict}: {fullest}", style="green" if report.fits else "bold red"))
    for line in report.fit.advice:
        console.print(Text(f"  {line}"))
    if report.exact is not None:
        style = "green" if report.exact.equal else "bold red"
        console.print(Text(exact_in_words(report.exact), style=style))
    console.print(_totals(report))
    console.print(_layers(report))


def exact_in_words(exact: Exact) -> str:
    """The verdict of `cardc verify` in a line or two."""
    what = f"{exact.tensors:,} tensors, {exact.inputs:,} inputs"
    what += f", {exact.float_boundary_cases:,} float boundary cases"
    if exact.equal:
        return f"exact: {' == '.join(exact.stages)}\n  {what}"
    return f"NOT EQUAL: {exact.first_difference}\n  stages {', '.join(exact.stages)}; {what}"


def _totals(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("figure", "value", "of the board", "known by"):
        table.add_column(column, justify="right" if column == "value" else "left")
    shares = {check.resource: f"{100 * check.share:.1f} %" for check in report.fit.checks if check.available}
    for name, (title, unit) in TOTALS.items():
        if name in report.totals:
            figure = report.totals[name]
            table.add_row(title, show(figure, unit), shares.get(name, ""), figure.stage)
    return table


def _layers(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    cost = "instructions" if report.board.backend == "c" else "lut"
    for column in ("layer", "op", "encoding"):
        table.add_column(column, overflow="fold")
    for column in ("macs", "sparsity", "weight bytes", cost):
        table.add_column(column, justify="right")
    for layer in report.layers:
        spent = layer.figures.get(cost)
        table.add_row(
            Text(layer.name),
            Text(layer.op),
            Text(layer.encoding),
            number(layer.macs),
            "" if layer.sparsity is None else f"{100 * layer.sparsity:.1f} %",
            number(layer.weight_bytes),
            "" if spent is None else number(spent.value),
        )
    return table
