"""`cardc estimate PROJECT`: what an hls4ml project will take of an FPGA, without vendor tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ..errors import CompileError
from ..estimate import Estimate, FpgaLayer, HlsProject, LayerEstimate, estimate, read_project, routed
from ..report import TOTALS, Check, Column, Figure, fitting_table, number, show
from ..targets import load
from ..targets.base import Target
from .common import console, json_option

_SHOWN = ("lut", "ff", "dsp", "bram18", "latency_cycles", "ii")


@click.command("estimate")
@click.argument("project", type=click.Path(path_type=Path))
@click.option("-t", "--target", metavar="BOARD", help="Compare with what this board has; exits with 1 if it is less.")
@json_option
def estimate_command(project: Path, target: str | None, as_json: bool) -> None:
    """Estimate LUT, FF, DSP, BRAM and cycles of PROJECT, a folder that hls4ml wrote (Vitis or Vivado).

    From the weights in the folder: no vendor tool runs. Figures are what C synthesis would report, with the band in
    which designs lay that the estimator had not seen; `after routing` is a second step with a wide band.
    """
    board = load(target) if target is not None else None
    if board is not None and board.backend != "hls4ml":
        raise CompileError(f"{board.title} is no FPGA", fix="use an FPGA board, see `cardc targets`")
    read = read_project(project)
    found = estimate(read.layers, read.tool)
    totals = dict(found.totals) | routed(found.totals)
    checks = _checks(totals, board)
    if as_json:
        click.echo(json.dumps(_table(read, found, totals, checks), indent=2, sort_keys=True))
    else:
        _print(read, found, totals, checks, console())
    raise SystemExit(0 if all(check.fits for check in checks) else 1)


def _checks(totals: Mapping[str, Figure], board: Target | None) -> list[Check]:
    limits = board.limits() if board is not None else {}
    return [Check(name, totals[name], most) for name, most in limits.items() if name in totals]


def _notes(layer: FpgaLayer) -> list[str]:
    """What the strategy of a layer means for its zeros."""
    if layer.products is None or layer.products.nonzeros >= layer.products.weights:
        return []
    zeros = f"{layer.products.weights - round(layer.products.nonzeros):,} zero weights"
    if (layer.strategy == "resource" or layer.signs) and layer.reuse_factor > 1:
        return [f"its {zeros} save nothing: weights are in memory (reuse factor {layer.reuse_factor})"]
    return [f"its {zeros} are free: the layer is unrolled"] if layer.reuse_factor == 1 else []


def _beyond(part: LayerEstimate) -> list[str]:
    """Where the estimate goes beyond what was measured, in a line."""
    return ["not measured: " + ", ".join(part.beyond)] if part.beyond else []


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "stage": figure.stage, "low": figure.low, "high": figure.high}


def _table(read: HlsProject, found: Estimate, totals: Mapping[str, Figure], checks: list[Check]) -> dict[str, Any]:
    return {
        "schema": "cardc.estimate/1",
        "project": read.name,
        "tool": read.tool.family,
        "clock_ns": read.tool.clock_ns,
        "io_type": read.io_type,
        "totals": {name: _figure(figure) for name, figure in totals.items()},
        "checks": [
            {"resource": c.resource, "used": c.used.value, "available": c.available, "fits": c.fits} for c in checks
        ],
        "layers": [
            {
                "name": layer.name, "op": layer.op, "strategy": layer.strategy, "reuse_factor": layer.reuse_factor,
                "weights": layer.products.weights if layer.products else 0,
                "nonzeros": round(layer.products.nonzeros) if layer.products else 0,
                "figures": {name: _figure(part.figures[name]) for name in _SHOWN},
                "notes": [*_notes(layer), *_beyond(part)],
            }
            for layer, part in zip(read.layers, found.layers, strict=True)
        ],
        "notes": list(read.notes),
    }  # fmt: skip


_COLUMNS = (
    Column("layer"), Column("op", keep=1), Column("encoding", keep=7), Column("sparsity", right=True, keep=6),
    Column("LUT", right=True), Column("FF", right=True, keep=2), Column("DSP", right=True, keep=3),
    Column("BRAM18", right=True, keep=4), Column("cycles", right=True, keep=5), Column("II", right=True, keep=8),
)  # fmt: skip


def _print(
    read: HlsProject, found: Estimate, totals: Mapping[str, Figure], checks: list[Check], screen: Console
) -> None:
    title = f"{read.name}: {read.tool.family.capitalize()} HLS, {read.tool.clock_ns:g} ns, {read.io_type}"
    screen.print(title, markup=False)
    rows = []
    for layer, part in zip(read.layers, found.layers, strict=True):
        weights = layer.products
        rows.append((
            layer.name, layer.op, f"{layer.strategy}, reuse {layer.reuse_factor}" if weights else "",
            f"{1 - weights.nonzeros / weights.weights:.1%}" if weights and weights.weights else "",
            *(number(part.figures[name].value) for name in _SHOWN),
        ))  # fmt: skip
    screen.print(fitting_table(screen, _COLUMNS, rows))
    share = {check.resource: f"{check.share:.1%}" for check in checks}
    columns = (Column("figure"), Column("value"), *([Column("of the board")] if checks else []), Column("known by"))
    figures = [
        (TOTALS[name][0], show(figure, TOTALS[name][1]), *([share.get(name, "")] if checks else []), figure.stage)
        for name, figure in totals.items()
    ]
    screen.print(fitting_table(screen, columns, figures))
    for layer, part in zip(read.layers, found.layers, strict=True):
        for note in [*_notes(layer), *_beyond(part)]:
            screen.print(f"{layer.name}: {note}", markup=False, soft_wrap=True)
    for note in read.notes:
        screen.print(f"note: {note}", markup=False, soft_wrap=True)
    for check in checks:
        if not check.fits:
            title, needs = TOTALS[check.resource][0], number(check.used.value)
            screen.print(f"does not fit: {title} needs {needs} of {check.available:,}", markup=False)
