"""`cardc emulate` and `cardc verify`: run a model in software simulation, and prove it equal to what was trained."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from ..deck_api import reject, verify_deck
from ..deck_compile import DeckOptions, is_deck
from ..entrance import Entrance
from ..errors import CompileError, counted
from ..ops.base import Array
from ..report import accuracy_in_words, exact_in_words, exact_to_json, gate_in_words
from .common import console, json_option, model_argument, progress_bars, read_array, target_option
from .deck import deck_options, emulate_deck, only_decks
from .entrance import entrance_options

inputs_option = click.option(
    "-i", "--inputs", "inputs", required=True, type=click.Path(path_type=Path), help="Samples [N, ...] as .npy."
)


@click.command("emulate")
@model_argument
@target_option
@inputs_option
@click.option("-o", "--outputs", type=click.Path(path_type=Path), help="Write the integer results [N, ...] as .npy.")
@entrance_options
@deck_options
def emulate_command(
    model: Path, target: str, inputs: Path, outputs: Path | None, entrance: Entrance | None, dims: dict[str, int],
    options: DeckOptions | None,
) -> None:  # fmt: skip
    """Run MODEL on the emulated board (or in hls4ml C simulation) and print what it answers."""
    from ..api import compile as compile_model

    x = read_array(inputs, "inputs")
    if is_deck(model):
        reject({"--input-bits": entrance, "--dim": dims})
        emulate_deck(model, target, x, outputs, options)
        return
    only_decks(options)
    build = compile_model(model, target=target, entrance=entrance, dims=dims)
    y = build.emulate(x)
    if outputs is not None:
        _save(outputs, y)
        click.echo(f"{counted(len(y), 'results')} written to {outputs}")
        return
    for k, row in enumerate(y.reshape(len(y), -1)):
        click.echo(f"{k}: argmax {int(row.argmax())}  integers {row.tolist()}")


def _save(path: Path, y: Array) -> None:
    try:
        with path.open("wb") as file:
            np.save(file, y, allow_pickle=False)
    except OSError as error:
        raise CompileError(f"cannot write {path}: {error.strerror}", fix="choose another --outputs") from error


@click.command("verify")
@model_argument
@click.option(
    "-t", "--target", "targets", required=True, multiple=True, metavar="BOARD",
    help="A board or a path to a .toml; repeat it to run the chain over several.",
)  # fmt: skip
@inputs_option
@click.option("-l", "--labels", type=click.Path(path_type=Path), help="Classes [N] as .npy, for each stage's accuracy.")
@click.option(
    "--emulated-inputs", type=click.IntRange(1), metavar="K",
    help="Give emulators and C simulation only the first K samples; host C and the graphs see all. [default: 1000]",
)  # fmt: skip
@entrance_options
@deck_options
@json_option
def verify_command(
    model: Path, targets: tuple[str, ...], inputs: Path, labels: Path | None, emulated_inputs: int | None,
    entrance: Entrance | None, dims: dict[str, int], options: DeckOptions | None, as_json: bool,
) -> None:  # fmt: skip
    """Compare every stage of MODEL at every quantised tensor; print the first that differs.

    Exits with 1 unless all are equal.
    """
    from ..api import verify as verify_model

    x = read_array(inputs, "inputs")
    y = read_array(labels, "labels") if labels is not None else None
    screen = console(as_json)
    with progress_bars(screen) as watch:
        if is_deck(model):
            reject({"--input-bits": entrance, "--dim": dims})
            verdict = verify_deck(
                model, targets, x, y, options=options, emulated_inputs=emulated_inputs, progress=watch
            )
        else:
            only_decks(options)
            verdict = verify_model(
            model, targets=targets, inputs=x, labels=y, entrance=entrance, dims=dims,
            emulated_inputs=emulated_inputs, progress=watch,
        )  # fmt: skip
    if as_json:
        click.echo(exact_to_json(verdict), nl=False)
    else:
        screen.print(exact_in_words(verdict), markup=False)
        if verdict.accuracy:
            screen.print(accuracy_in_words(verdict), markup=False)
        if verdict.gate is not None:
            screen.print(gate_in_words(verdict), markup=False)
    raise SystemExit(verdict.exit_code)
