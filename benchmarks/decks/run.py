"""The trained decks of examples/decks on emulated boards and in hls4ml C simulation, clean and corrupted.

    python benchmarks/decks/run.py [--json] [--deck digits] [--inputs 200] [--emulated 20] [--condition clean ...]

For each condition, the images are one sequence: picks and outputs of C on this computer (all inputs), on the emulated
cores and in C simulation (the first ones) must equal the integer deck's, or the run ends with 1. MNIST comes from
`CARDC_DATA`/mnist (test.parquet). Accuracy stands beside the float deck's, costs beside the agnostic deck's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from cardc.builds.deck import DeckBuild
from cardc.builds.deck_mcu import McuDeckBuild
from cardc.deck_api import compile_deck
from cardc.deck_model import DeckAnswer
from cardc.errors import CompileError
from cardc.frontend.deck import load_deck
from cardc.frontend.train.corruptions import CORRUPTIONS, corrupted
from cardc.frontend.train.data import digits
from cardc.frontend.train.parquet import read_parquet
from cardc.ops.base import Array
from cardc.verify.deck import float_answer

DECKS = Path(__file__).resolve().parents[2] / "examples" / "decks"
BOARDS = ("nucleo-f446re", "pico2", "pynq-z2")
SEVERITY = 3


class Row(TypedDict):
    """One line; `ratio` is value over peer_value."""

    work: str
    core: str
    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None


def row(work: str, core: str, value: float, unit: str, peer: str | None = None, other: float | None = None) -> Row:
    """A line with its ratio."""
    ratio = round(value / other, 4) if other else None
    return Row(work=work, core=core, value=value, unit=unit, peer=peer, peer_value=other, ratio=ratio)


def images(name: str, count: int) -> tuple[Array, Array]:
    """Test images [N, C, H, W] in [0, 1] and labels of the data set that deck `name` was trained on."""
    if name == "digits":
        split = digits()
        return split.x_test[:count], split.y_test[:count]
    path = Path(os.environ.get("CARDC_DATA", "")) / name / "test.parquet"
    if not path.is_file():
        raise CompileError(f"{name} is not there", node=str(path), fix="set CARDC_DATA to the folder that holds it")
    x, y = read_parquet(path)
    return x[:count], y[:count]


def conditions(x: Array, names: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """x as it is, and under corruptions."""
    for name in names:
        yield (name, x) if name == "clean" else (f"{name} {SEVERITY}", corrupted(x, name, SEVERITY))


def measure(name: str, inputs: int, emulated: int, names: Sequence[str], boards: Sequence[str]) -> Iterator[Row]:
    """Every line of deck `name`. Raises AssertionError where a compiled form differs from the integer deck."""
    deck = load_deck(DECKS / name)
    builds = [compile_deck(deck, board) for board in boards]
    x, y = images(name, inputs)
    first = builds[0]
    for build in builds:
        yield from costs(name, build)
    for title, changed in conditions(x, names):
        work, q = f"{name}, {title}", first.quantize(changed)
        want = first.model.run(q)
        floats, same = reference(first, changed, want)
        yield row(work, "integer", share(want.outputs, y), "accuracy", "float deck", share(floats, y))
        yield row(work, "integer", same, "share of the float gate's picks")
        library = next((build for build in builds if isinstance(build, McuDeckBuild)), None)
        if library is not None:  # on this computer all boards' libraries are one
            found = library.c.run(q)
            check(work, "c:host", DeckAnswer(found.picks, found.outputs), want)
            yield row(work, "c:host", share(found.outputs, y), "accuracy", "integer", share(want.outputs, y))
        for build in builds:
            stage = f"c:{build.target.core}" if build.target.backend == "c" else "hls4ml:csim"
            part = build.run_integers(q[:emulated])
            check(work, stage, part, want)
            n = len(part.outputs)
            yield row(work, stage, share(part.outputs, y[:n]), f"accuracy of the first {n}", "integer",
                      share(want.outputs[:n], y[:n]))  # fmt: skip


def costs(name: str, build: DeckBuild) -> Iterator[Row]:
    """What the deck takes, beside the same cards without a gate."""
    report = build.report
    deck = report.deck
    if deck is None or not deck.agnostic or deck.gate is None:
        return
    core = build.target.core or build.target.name
    for key in ("flash_bytes", "ram_bytes"):
        yield row(name, core, report.totals[key].value, key, "agnostic deck", deck.agnostic[key].value)
    mean, every = deck.mean["instructions"].value, deck.agnostic["instructions"].value
    yield row(name, core, mean, "instructions, mean", "agnostic deck", every)
    cards = max(card.figures["instructions"].value for card in deck.cards)
    yield row(name, core, deck.gate.figures["instructions"].value, "instructions of the gate", "a card", cards)


def reference(build: DeckBuild, x: Array, want: DeckAnswer) -> tuple[Array, float]:
    """The float deck's answers, and how often it picks as the integer gate does."""
    deck, joint = build.lowered.deck, build.lowered.joint
    assert deck.gate is not None
    picks = deck.gate.ranking(x)[:, : joint.picked]
    return float_answer(deck, x, picks, joint.kind), float((picks == want.picks).all(1).mean())


def check(work: str, stage: str, got: DeckAnswer, want: DeckAnswer) -> None:
    n = len(got.outputs)
    if not (np.array_equal(got.picks, want.picks[:n]) and np.array_equal(got.outputs, want.outputs[:n])):
        raise AssertionError(f"{work}: {stage} differs from the integer deck")


def share(outputs: Array, labels: Array) -> float:
    return round(float((outputs.argmax(1) == labels).mean()), 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--deck", action="append", choices=["digits", "mnist"], help="only this one (may be repeated)")
    parser.add_argument("--inputs", type=int, default=200, help="images of each condition")
    parser.add_argument("--emulated", type=int, default=20, help="of these, for emulators and C simulation")
    parser.add_argument("--board", action="append", choices=BOARDS)
    parser.add_argument("--condition", action="append", choices=["clean", *CORRUPTIONS])
    given = parser.parse_args()
    names = given.condition or ["clean", *CORRUPTIONS]
    rows: list[Row] = []
    try:
        for name in given.deck or ["digits", "mnist"]:
            for line in measure(name, given.inputs, given.emulated, names, given.board or BOARDS):
                rows.append(line)
                if not given.json:
                    beside = "" if line["peer"] is None else f"   {line['peer']}: {line['peer_value']:g}"
                    what = f"{line['value']:>12g} {line['unit']}{beside}"
                    print(f"{line['work']:32} {line['core']:14} {what}", flush=True)
    except AssertionError as error:
        print(error, file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
