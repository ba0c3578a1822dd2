"""`cardc inspect MODEL` and `cardc targets`: look before compiling."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import onnx_ir as ir
from rich.table import Table

from ..errors import CompileError
from ..frontend.load import load
from ..passes.base import run_steps
from ..passes.pipeline import TO_INTEGER
from ..show import graph_text, layer_facts
from ..targets.base import listing
from .common import console, json_option, model_argument


@click.command("inspect")
@model_argument
@click.option("--graph", is_flag=True, help="Print the integer graph too, node by node.")
@json_option
def inspect_command(model: Path, graph: bool, as_json: bool) -> None:
    """List MODEL's layers, types, ranges and sparsity, and all that would be refused, without compiling.

    Exits with 2 where the model would be refused.
    """
    integer = load(model)
    problem: CompileError | None = None
    try:
        run_steps(integer, TO_INTEGER)
    except CompileError as error:
        problem = error
    if as_json:
        click.echo(_as_json(integer, problem))
    else:
        _print(integer, graph, problem)
    if problem is not None:
        raise problem


def _as_json(model: ir.Model, problem: CompileError | None) -> str:
    layers = [asdict(layer) for layer in layer_facts(model)]
    return json.dumps({"schema": "cardc.inspect/1", "layers": layers, "refused": str(problem or "")}, indent=2)


def _print(model: ir.Model, graph: bool, problem: CompileError | None) -> None:
    screen = console()
    table = Table(title=model.graph.name, title_justify="left", box=None)
    for column in ("layer", "op", "in", "out", "input type", "accumulator"):
        table.add_column(column)
    for column in ("weights", "non-zero", "sparsity", "MACs"):
        table.add_column(column, justify="right")
    for layer in layer_facts(model):
        table.add_row(
            layer.name, layer.op, "x".join(map(str, layer.in_shape)), "x".join(map(str, layer.out_shape)),
            layer.input_type, layer.accumulator, f"{layer.weights:,}", f"{layer.nonzeros:,}",
            f"{1 - layer.nonzeros / layer.weights:.1%}", f"{layer.macs:,}",
        )  # fmt: skip
    screen.print(table)
    if graph:
        screen.print(graph_text(model), markup=False, soft_wrap=True)
    if problem is None:
        screen.print("every layer lowers exactly", markup=False)


@click.command("targets")
@json_option
def targets_command(as_json: bool) -> None:
    """List the boards that come with cardc."""
    if as_json:
        click.echo(json.dumps([asdict(target) for target in listing()], indent=2))
        return
    table = Table(box=None)
    for column in ("board", "", "backend", "what it has"):
        table.add_column(column)
    for target in listing():
        table.add_row(target.name, target.title, target.backend, target.summary())
    console().print(table)
