"""`cardc inspect MODEL` and `cardc targets`: look before compiling."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import onnx_ir as ir

from ..compiler import imported
from ..deck_api import reject
from ..entrance import Entrance
from ..errors import CompileError
from ..more_problems import lower
from ..report import Column, fitting_table
from ..show import graph_text, layer_facts
from ..targets.base import listing
from .common import console, json_option, model_argument
from .deck import inspect_deck, is_deck
from .entrance import entrance_options


@click.command("inspect")
@model_argument
@click.option("--graph", is_flag=True, help="Print the integer graph too, node by node.")
@entrance_options
@json_option
def inspect_command(model: Path, graph: bool, entrance: Entrance | None, dims: dict[str, int], as_json: bool) -> None:
    """List MODEL's layers, types, ranges and sparsity, and all that would be refused, without compiling.

    Exits with 2 where the model would be refused.
    """
    if is_deck(model):
        reject({"--input-bits": entrance, "--dim": dims})
        inspect_deck(model, graph=graph, as_json=as_json)
        return
    integer: ir.Model | None = None
    problem: CompileError | None = None
    try:
        integer = imported(model, entrance, dims)
        lower(integer)
    except CompileError as error:
        problem = error
    if as_json:
        click.echo(_as_json(integer, problem))
    else:
        _print(integer, graph, problem)
    if problem is not None:
        raise problem


def _as_json(model: ir.Model | None, problem: CompileError | None) -> str:
    layers = [asdict(layer) for layer in layer_facts(model)] if model is not None else []
    problems = [
        {"what": p.what, "where": p.where, "while": p.stage, "fix": p.fix} for p in (problem.each() if problem else ())
    ]
    return json.dumps({"schema": "cardc.inspect/1", "layers": layers, "problems": problems}, indent=2)


_COLUMNS = (
    Column("layer"), Column("op", keep=1), Column("in", keep=5), Column("out", keep=6),
    Column("input type", keep=7), Column("accumulator", keep=8), Column("weights", right=True, keep=4),
    Column("non-zero", right=True, keep=2), Column("sparsity", right=True, keep=9), Column("MACs", right=True, keep=3),
)  # fmt: skip


def _print(model: ir.Model | None, graph: bool, problem: CompileError | None) -> None:
    screen = console()
    rows = [
        (
            layer.name, layer.op, "x".join(map(str, layer.in_shape)), "x".join(map(str, layer.out_shape)),
            layer.input_type, layer.accumulator, f"{layer.weights:,}", f"{layer.nonzeros:,}",
            f"{1 - layer.nonzeros / layer.weights:.1%}", f"{layer.macs:,}",
        )
        for layer in (layer_facts(model) if model is not None else ())
    ]  # fmt: skip
    if rows:
        screen.print(fitting_table(screen, _COLUMNS, rows))
    if graph and model is not None:
        screen.print(graph_text(model), markup=False, soft_wrap=True)
    if problem is None:
        screen.print(f"every layer lowers exactly ({len(rows)} with weights)", markup=False)


@click.command("targets")
@json_option
def targets_command(as_json: bool) -> None:
    """List the boards that come with cardc."""
    if as_json:
        click.echo(json.dumps([asdict(target) for target in listing()], indent=2))
        return
    screen = console()
    columns = (Column("board"), Column("name", keep=1), Column("backend", keep=2), Column("what it has", wraps=True))
    rows = [(target.name, target.title, target.backend, target.summary()) for target in listing()]
    screen.print(fitting_table(screen, columns, rows))
