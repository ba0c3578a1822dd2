"""What the commands do where they are given a deck: its folder, or the deck.toml in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx_ir as ir

from ..backends.c.image import Pixels
from ..backends.hls4ml import Options
from ..deck_compile import DeckOptions, is_deck, lower_deck, read_deck
from ..deck_graph import deck_graph
from ..deck_joint import Average
from ..errors import CompileError, counted
from ..frontend.deck.gate import MOST_DB
from ..ops.base import Array
from ..report import Column, fitting_table
from ..targets.base import load as load_target
from .common import console, delivered, read_array

Command = Callable[..., None]
DECK_STAGE = "deck"
"""What --stop-after takes for a deck."""
__all__ = ["DECK_STAGE", "compile_deck", "deck_options", "emulate_deck", "inspect_deck", "is_deck", "whole_deck"]


def deck_options(command: Command) -> Command:
    """Add --average, --gate-calibration, --gate-goal, --one-project; `command` gets `options`, DeckOptions or None."""

    @click.option(
        "--average", type=click.Choice(["softmax", "logits"]),
        help="Decks: join several cards by mean softmax or mean logits. [default: softmax]",
    )  # fmt: skip
    @click.option(
        "--gate-calibration", type=click.Path(path_type=Path),
        help="Decks: images [N, ...] as .npy that centre the integer gate's rounding.",
    )  # fmt: skip
    @click.option(
        "--gate-goal", type=click.FloatRange(0, MOST_DB), metavar="DB",
        help="Decks: signal to noise that the gate's words reach. [default: 60, more for a window]",
    )  # fmt: skip
    @click.option(
        "--one-project", is_flag=True,
        help="Decks on FPGAs: gate, cards and join as one hls4ml project, not one a card and components beside them.",
    )  # fmt: skip
    @wraps(command)
    def wrapped(
        *args: Any, average: Average | None, gate_calibration: Path | None, gate_goal: float | None, one_project: bool,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        images = read_array(gate_calibration, "calibration images") if gate_calibration is not None else None
        given = one_project or average is not None or images is not None or gate_goal is not None
        options = DeckOptions(average, images, one_project=one_project, gate_goal_db=gate_goal) if given else None
        command(*args, options=options, **kwargs)

    return wrapped


def only_decks(options: DeckOptions | None) -> None:
    """CompileError where options of decks are given for a single card."""
    if options is not None:
        what = "--average, --gate-calibration, --gate-goal and --one-project are for decks"
        raise CompileError(what, fix="give the folder of a deck")


def compile_deck(
    model: Path, target: str, out: Path | None, name: str | None, options: DeckOptions | None, *, hls: Options | None,
    optimize: str, pixels: Pixels | None, as_json: bool,
) -> None:  # fmt: skip
    """Compile the deck and write project and reports; nothing where it does not fit."""
    from ..deck_api import compile_deck as compile_model

    screen, board = console(as_json), load_target(target)
    options = replace(options or DeckOptions(), optimize=optimize, pixels=pixels)
    if hls is not None:
        options = replace(options, hls=hls)
    build = compile_model(model, board, name=name, options=options)
    with delivered(build, screen, out, model, target, as_json=as_json) as folder:
        build.write(folder)


def whole_deck(model: Path, target: str, options: DeckOptions | None) -> ir.Model:
    """The deck as one integer graph."""
    return deck_graph(lower_deck(model, load_target(target), options))


def emulate_deck(model: Path, target: str, x: Array, outputs: Path | None, options: DeckOptions | None) -> None:
    """Run the deck on the sequence x from a fresh state; print, or write, picks and outputs."""
    from ..deck_api import compile_deck as compile_model

    build = compile_model(model, target, options=options)
    answer = build.emulate(x)
    if outputs is not None:
        try:
            with outputs.open("wb") as file:
                np.save(file, answer.outputs, allow_pickle=False)
        except OSError as error:
            raise CompileError(f"cannot write {outputs}: {error.strerror}", fix="choose another --outputs") from error
        click.echo(f"{counted(len(answer.outputs), 'results')} written to {outputs}")
        return
    groups = build.lowered.groups
    for k, (picks, row) in enumerate(zip(answer.picks, answer.outputs, strict=True)):
        by = f"  picked {', '.join(groups[p] for p in picks)}" if len(picks) else ""
        click.echo(f"{k}: argmax {int(row.argmax())}{by}  integers {row.tolist()}")


def inspect_deck(model: Path, *, graph: bool, as_json: bool) -> None:
    """List gate and cards, and all that would be refused."""
    from ..show import graph_text, layer_facts

    deck = read_deck(model)
    lowered = lower_deck(deck, load_target("pynq-z2"))  # to the integer level only
    screen = console(as_json)
    if as_json:
        cards = [
            {"name": card.name, "augmentation": card.augmentation,
             "layers": len(layer_facts(low.integer)), "weights": sum(f.weights for f in layer_facts(low.integer)),
             "nonzeros": sum(f.nonzeros for f in layer_facts(low.integer))}
            for card, low in zip(deck.cards, lowered.cards, strict=True)
        ]  # fmt: skip
        table = {"schema": "cardc.inspect-deck/1", "name": deck.name, "mode": deck.mode, "top": deck.top,
                 "average": lowered.joint.kind, "cards": cards, "window": deck.gate.window if deck.gate else None,
                 "augmentations": list(lowered.groups)}  # fmt: skip
        click.echo(json.dumps(table, indent=2))
        return
    columns = (Column("card"), Column("augmentation"), Column("layers", right=True), Column("weights", right=True),
               Column("non-zero", right=True), Column("sparsity", right=True), Column("MACs", right=True))  # fmt: skip
    rows = []
    for card, low in zip(deck.cards, lowered.cards, strict=True):
        facts = layer_facts(low.integer)
        weights, nonzeros = sum(f.weights for f in facts), sum(f.nonzeros for f in facts)
        sparsity = f"{1 - nonzeros / weights:.1%}" if weights else ""
        rows.append((card.name, card.augmentation, str(len(facts)), f"{weights:,}", f"{nonzeros:,}", sparsity,
                     f"{sum(f.macs for f in facts):,}"))  # fmt: skip
    screen.print(fitting_table(screen, columns, rows))
    gate = deck.gate
    how = {"card": "the picked card's own result", "softmax": "mean softmax", "logits": "mean logits"}
    screen.print(f"{deck.name}: {deck.mode}, {how[lowered.joint.kind]}", markup=False)
    if lowered.gate is not None and gate is not None:
        plan = lowered.gate.plan
        screen.print(
            f"gate: {gate.spectrum.scale} of the {gate.spectrum.colour} spectrum, {plan.rows}x{plan.columns}, "
            f"window {gate.window}, {plan.data_bits}-bit words, picks {lowered.joint.picked} of "
            f"{len(gate.names)}: {', '.join(gate.names)}",
            markup=False,
        )
    if graph:
        screen.print(graph_text(deck_graph(lowered)), markup=False, soft_wrap=True)
    screen.print("every layer of every card lowers exactly", markup=False)
