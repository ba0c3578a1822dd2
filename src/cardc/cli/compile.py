"""`cardc compile MODEL --target BOARD`: a project on disk, with its report; nothing where it does not fit."""

from __future__ import annotations

from pathlib import Path

import click
import onnx_ir as ir

from ..backends.c.image import Pixels
from ..backends.hls4ml import Options
from ..compiler import check_pass_names, stop_after
from ..deck_api import reject
from ..deck_compile import DeckOptions, is_deck
from ..entrance import Entrance
from ..errors import CompileError
from ..identifiers import identifier
from ..passes.choose_encodings import OPTIMIZE
from ..show import graph_text
from ..targets.base import load as load_target
from .common import console, delivered, json_option, model_argument, target_option
from .deck import DECK_STAGE, compile_deck, deck_options, only_decks, whole_deck
from .entrance import entrance_options
from .hls import hls_options, pair
from .pixels import pixel_options


@click.command("compile")
@model_argument
@target_option
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder to write. [default: out/NAME-BOARD]")
@click.option("-n", "--name", help="Name of the library. [default: from the file]")
@click.option("--print-after", multiple=True, metavar="PASS", help="Print the graph behind this pass (repeatable).")
@click.option("--stop-after", "stop", metavar="PASS", help="Write the graph behind this pass as .onnx and stop.")
@click.option("--single-header", is_flag=True, help="Write the C library as one file too: single/NAME.h.")
@click.option(
    "--optimize", type=click.Choice(OPTIMIZE), default="speed", show_default=True,
    help="Microcontroller: fewest instructions; smallest flash (weights near their entropy, -Os); the first with -Os.",
)  # fmt: skip
@click.option("--encoding", "encoding", multiple=True, metavar="LAYER=WORD",
              help="Microcontroller: how a layer's weights are stored. [default: the fastest]")  # fmt: skip
@pixel_options
@hls_options
@entrance_options
@deck_options
@json_option
def compile_command(
    model: Path, target: str, out: Path | None, name: str | None, print_after: tuple[str, ...], stop: str | None,
    single_header: bool, encoding: tuple[str, ...], optimize: str, pixels: Pixels | None, hls: Options | None,
    entrance: Entrance | None, dims: dict[str, int],
    options: DeckOptions | None, as_json: bool,
) -> None:  # fmt: skip
    """Compile MODEL (a QONNX file, or the folder of a deck) for a board and write the project and its reports."""
    if is_deck(model):
        if stop == DECK_STAGE:
            path = _stage_path(model, stop, out)
            _write_stage(whole_deck(model, target, options), path)
            console(as_json).print(f"the whole deck as one graph: {path}", markup=False)
            return
        reject({"--print-after": print_after, "--stop-after": stop, "--single-header": single_header,
                "--encoding": encoding, "--input-bits": entrance, "--dim": dims})  # fmt: skip
        compile_deck(model, target, out, name, options, hls=hls, optimize=optimize, pixels=pixels, as_json=as_json)
        return
    only_decks(options)
    from ..api import compile as compile_model

    screen, board = console(as_json), load_target(target)
    check_pass_names([*print_after, *([stop] if stop else [])], board)

    def after(pass_name: str, graph: ir.Model) -> None:
        if pass_name in print_after:
            screen.print(f"-- after {pass_name}\n{graph_text(graph)}\n", markup=False, soft_wrap=True)

    if stop:
        path = _stage_path(model, stop, out)
        _write_stage(stop_after(model, board, stop, after=after, entrance=entrance, dims=dims), path)
        screen.print(f"written to {path}; go on with: cardc compile {path} --target {target}", markup=False)
        return
    build = compile_model(
        model, target=board, name=name, after=after, entrance=entrance, dims=dims, pixels=pixels, hls=hls,
        encodings=dict(pair("--encoding", text) for text in encoding), optimize=optimize,
    )  # fmt: skip
    with delivered(build, screen, out, model, target, as_json=as_json) as folder:
        build.write(folder, single_header=single_header)


def _stage_path(model: Path, pass_name: str, out: Path | None) -> Path:
    path = out or Path(f"{identifier(model.name.removesuffix('.onnx'))}.{pass_name}.onnx")
    if path.suffix != ".onnx" or path.is_dir():
        raise CompileError(f"{path} is not a name for an ONNX file", fix="give --out a file name ending in .onnx")
    if path.exists() and model.exists() and path.samefile(model):
        raise CompileError(f"{path} is the model itself", fix="give --out another file name")
    return path


def _write_stage(graph: ir.Model, path: Path) -> None:
    """Written beside `path` and renamed into place when complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            ir.save(graph, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CompileError(f"cannot write {path}: {error.strerror}", fix="choose another --out") from error
