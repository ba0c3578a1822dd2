"""A deck of four ResNet-8 cards: what gate and cards cost on a board: `python benchmarks/decks/resnet.py [--json]`.

32x32 images of three channels, ternary weights, 90 % of them zero, activations of 4 bits; one card for each of four
augmentations, gate of the grey logarithmic spectrum, fitted to CIFAR-10's test images (`CARDC_DATA`/cifar10). Weights
are random, of fixed seeds: what is counted is the same as with trained ones of that sparsity.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.decks.run import Row, row
from benchmarks.mcu.networks import resnet8

from cardc.builds.deck_mcu import McuDeckBuild
from cardc.deck_api import compile_deck
from cardc.errors import CompileError
from cardc.frontend.deck import Card, Deck, Spectrum, fit_gate
from cardc.frontend.train.corruptions import corrupted
from cardc.frontend.train.parquet import read_parquet
from cardc.ops.base import Array

AUGMENTATIONS = ("clean", "gaussian_noise", "defocus_blur", "contrast")
SEVERITY = 3
WINDOW = 10
UNITS = {"flash_bytes": "bytes of flash", "ram_bytes": "bytes of RAM", "instructions": "instructions"}


def photographs(count: int) -> Array:
    """Test images of CIFAR-10, float32 [N, 3, 32, 32] in [0, 1]."""
    path = Path(os.environ.get("CARDC_DATA", "")) / "cifar10" / "test.parquet"
    if not path.is_file():
        fix = "set CARDC_DATA to the folder that holds cifar10"
        raise CompileError("CIFAR-10 is not there", node=str(path), fix=fix)
    return read_parquet(path, limit=count)[0]


def resnet_deck(x: Array) -> Deck:
    """Four cards, and a gate that is fitted to the images x under each augmentation."""
    views = {name: x if name == "clean" else corrupted(x, name, SEVERITY) for name in AUGMENTATIONS}
    cards = tuple(Card(name, name, resnet8(seed=7 + k)) for k, name in enumerate(AUGMENTATIONS))
    return Deck("resnet8", cards, "adaptive", fit_gate(views, Spectrum(scale="log"), WINDOW))


def measure(deck: Deck, board: str) -> Iterator[Row]:
    """The parts of the deck, and the gate beside the card that it picks."""
    build = compile_deck(deck, board)
    assert isinstance(build, McuDeckBuild)
    report, facts = build.report, build.report.deck
    assert facts is not None
    assert facts.gate is not None
    core = build.target.core or board
    gate, cards = facts.gate.figures, [card.figures for card in facts.cards]
    for key, unit in UNITS.items():
        yield row("ResNet-8 deck: gate", core, gate[key].value, unit)
        for card, figures in zip(facts.cards, cards, strict=True):
            yield row(f"ResNet-8 deck: card {card.name}", core, figures[key].value, unit)
        yield row("ResNet-8 deck: shared, once", core, facts.shared[key].value, unit)
        total = facts.mean.get(key, report.totals[key]).value
        yield row("ResNet-8 deck", core, total, unit, "agnostic deck", facts.agnostic[key].value)
    least = min(figures["instructions"].value for figures in cards)
    yield row("ResNet-8 deck: gate", core, gate["instructions"].value, "instructions", "the cheapest card", least)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--board", default="nucleo-f446re")
    parser.add_argument("--images", type=int, default=500, help="that the gate is fitted to")
    given = parser.parse_args()
    rows: list[Row] = []
    try:
        for line in measure(resnet_deck(photographs(given.images)), given.board):
            rows.append(line)
            if not given.json:
                beside = "" if line["peer"] is None else f"   {line['ratio']:g} of {line['peer']}"
                print(
                    f"{line['work']:36} {line['core']:12} {line['value']:>12,.10g} {line['unit']}{beside}", flush=True
                )
    except CompileError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if given.json:
        print(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
