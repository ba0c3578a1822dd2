"""`cardc compile MODEL --target BOARD`: a project on disk, with its report; nothing where it does not fit."""

from __future__ import annotations

from pathlib import Path

import click
import onnx_ir as ir

from ..compiler import check_pass_names, stop_after
from ..errors import CompileError
from ..identifiers import identifier
from ..report import print_report, require_fit
from ..show import graph_text
from ..targets.base import load as load_target
from .common import console, json_option, model_argument, target_option


@click.command("compile")
@model_argument
@target_option
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder to write. [default: out/NAME-BOARD]")
@click.option("-n", "--name", help="Name of the library. [default: from the file]")
@click.option("--print-after", multiple=True, metavar="PASS", help="Print the graph behind this pass (repeatable).")
@click.option("--stop-after", "stop", metavar="PASS", help="Write the graph behind this pass as .onnx and stop.")
@json_option
def compile_command(
    model: Path, target: str, out: Path | None, name: str | None, print_after: tuple[str, ...], stop: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Compile MODEL (a QONNX file) for a board and write the project and its reports."""
    from ..api import compile as compile_model

    screen, board = console(as_json), load_target(target)
    check_pass_names([*print_after, *([stop] if stop else [])], board)

    def after(pass_name: str, graph: ir.Model) -> None:
        if pass_name in print_after:
            screen.print(f"-- after {pass_name}\n{graph_text(graph)}\n", markup=False, soft_wrap=True)

    if stop:
        _write_stage(stop_after(model, board, stop, after=after), stop, model, out)
        return
    build = compile_model(model, target=board, name=name, after=after)
    if as_json:
        click.echo(build.report.to_json())
    else:
        print_report(build.report, screen)
    require_fit(build.report)
    folder = out or Path("out") / f"{build.name}-{board.name}"
    build.write(folder)
    screen.print(f"written to {folder}", markup=False)


def _write_stage(graph: ir.Model, pass_name: str, model: Path, out: Path | None) -> None:
    path = out or Path(f"{identifier(model.name.removesuffix('.onnx'))}.{pass_name}.onnx")
    if path.suffix != ".onnx" or path.is_dir():
        raise CompileError(f"{path} is not a name for an ONNX file", fix="give --out a file name ending in .onnx")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ir.save(graph, path)
    except OSError as error:
        raise CompileError(f"cannot write {path}: {error.strerror}", fix="choose another --out") from error
    click.echo(f"written to {path}; compile it further with: cardc compile {path} ...")
