"""docs/report.md names every key of real reports, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.docs.card import CARD
from tests.text import parse

import cardc
from cardc.deck_api import compile_deck
from cardc.report import STAGES, TOTALS, Exact, Report
from cardc.report.exact import Moved

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
BY_NAME = {
    "totals", "board.limits", "provenance", "exact.stage_inputs", "exact.accuracy", "deck.mean", "deck.agnostic",
    "deck.gate.words", "deck.shared",
}  # fmt: skip
DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"
FIGURE = {"value", "stage", "low", "high"}


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """A C library and an FPGA project, both verified, the library with a verdict that is not equal, and a deck."""
    x = np.random.default_rng(0).normal(size=(8, 1, 4, 4)).astype(np.float32)
    mcu = cardc.compile(parse(CARD), "nucleo-f446re")
    assert mcu.verify(x, np.zeros(len(x), np.int64), emulated_inputs=2).equal
    wrong = Exact(False, 1, 1, 0, ("integer", "c:host"), first_difference="c:host: ...")
    fpga = cardc.compile(parse(CARD), "pynq-z2")
    assert fpga.verify(x, emulated_inputs=2).equal
    deck = compile_deck(DIGITS, "nucleo-f446re")
    assert deck.verify(x8(), emulated_inputs=1).equal
    assert deck.exact is not None
    assert deck.exact.gate is not None
    moved = replace(deck.exact.gate, moved=(Moved(0, 0.5, 0, 1),))
    return [
        mcu.report, mcu.report.replace(exact=wrong), fpga.report,
        deck.report.replace(exact=replace(deck.exact, gate=moved)),
    ]  # fmt: skip


def x8() -> np.ndarray:
    return np.random.default_rng(1).random((3, 1, 8, 8), np.float32)


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Every key below `value` by its path, `[]` for the elements of a list; figures and tables by name are leaves."""
    if isinstance(value, list):
        for element in value:
            yield from keys(element, f"{path}[]")
    elif isinstance(value, dict) and path not in BY_NAME and not set(value) <= FIGURE:
        for key, below in value.items():
            here = f"{path}.{key}" if path else key
            yield here
            yield from keys(below, here)


def documented() -> set[str]:
    """What stands in the first column of the tables behind the one on figures."""
    text = PAGE.read_text(encoding="utf-8").split("\n## The report\n")[1]
    return {key for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for key in re.findall(r"`([^`]+)`", row)}


def test_every_key_is_documented_and_nothing_else_is(reports: list[Report]) -> None:
    found = {key for report in reports for key in keys(json.loads(report.to_json()))}
    found -= {f"layers[].{name}" for name in TOTALS}
    assert found - documented() == set()
    # No pass declines anything on this card, perhaps; the reader knows these keys.
    assert documented() - found <= {"passes[].declined[].node", "passes[].declined[].reason"}


def test_figures_and_stages_are_those_of_the_code(reports: list[Report]) -> None:
    text = PAGE.read_text(encoding="utf-8").split("\n## The report\n")[0]
    first = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    named = {key for row in first for key in re.findall(r"`([^`]+)`", row)}
    assert named == FIGURE | set(STAGES) | set(TOTALS)
    shown = {name for report in reports for name in report.totals}
    assert shown <= set(TOTALS)


def test_provenance_and_stages_are_as_described(reports: list[Report]) -> None:
    mcu = reports[0]
    assert mcu.exact is not None
    assert mcu.exact.stages == ("qonnx", "integer", "c:host", "c:cortex-m4")
    assert {"model:sha256", "project:sha256", "version:cardc"} <= set(mcu.provenance)
    assert mcu.layers[0].name == "load input"
