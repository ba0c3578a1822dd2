"""`cardc explore`: table, page and JSON, the documented schema, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .conftest import Cardc

FPGA, MCU = "pynq-z2", "nucleo-f446re"
PAGE = Path(__file__).parents[2] / "docs" / "explore.md"


def test_the_table_and_the_page(cardc: Cardc, folder: Path) -> None:
    ran = cardc("explore", "small.onnx", "--target", FPGA, "-j1", "--points", 3, "--html", "e.html")
    assert ran.code == 0, ran.err
    assert "3 of" in ran.out.splitlines()[0]
    assert "stopped, the number of points was reached" in ran.out
    assert "the fastest: cardc compile ... --io-type" in ran.out
    assert (folder / "e.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("board", [FPGA, MCU])
def test_json_is_as_documented(cardc: Cardc, folder: Path, board: str) -> None:
    ran = cardc("explore", "small.onnx", "--target", board, "-j1", "--points", 2, "--json")
    assert ran.code == 0, ran.err
    table = json.loads(ran.out)
    documented = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE))))
    assert documented == table.keys() | table["points"][0].keys()
    assert table["schema"] == "cardc.explore/1"
    assert (table["stopped"], table["tried"]) == ("points", 2)
    assert 1 <= len(table["points"]) <= 2
    assert set(table["objectives"]) <= table["points"][0]["figures"].keys()


def test_its_words_are_taken_by_compile(cardc: Cardc, folder: Path) -> None:
    found = json.loads(cardc("explore", "small.onnx", "-t", MCU, "-j1", "--points", 2, "--json").out)["points"][1]
    ran = cardc("compile", "small.onnx", "-t", MCU, "--json", *found["arguments"])
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["totals"] == found["figures"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.onnx", "-t", FPGA), "missing.onnx"),
        (("small.onnx", "-t", "nowhere"), "no target 'nowhere'"),
        (("small.onnx", "-t", FPGA, "--budget", "0"), "a budget of 0 seconds"),
        (("small.onnx", "-t", FPGA, "--points", "0"), "an exploration of 0 points"),
        (("small.onnx", "-t", FPGA, "-j", "0"), "0 processes"),
        (("small.onnx", "-t", FPGA, "-j1", "--points", "1", "--html", "no/such/folder.html"), "cannot write"),
        (("missing.onnx", "-t", FPGA, "--html", "no/such/folder.html"), "cannot write"),  # before any work
        (("x.npy", "-t", FPGA), "x.npy"),
    ],
)
def test_bad_input(cardc: Cardc, folder: Path, words: tuple[str, ...], message: str) -> None:
    ran = cardc("explore", *words)
    assert ran.code == 2
    assert message in ran.err
    assert "fix " in ran.err


def test_a_deck_is_refused(cardc: Cardc, folder: Path) -> None:
    (folder / "deck").mkdir()
    (folder / "deck" / "deck.toml").write_text("")
    ran = cardc("explore", "deck", "-t", FPGA)
    assert ran.code == 2
    assert "explore its cards one by one" in ran.err


@pytest.mark.parametrize("text", ["taps", "conv1=", "=taps"])
def test_compile_wants_a_layer_and_an_encoding(cardc: Cardc, folder: Path, text: str) -> None:
    ran = cardc("compile", "small.onnx", "-t", MCU, "--encoding", text)
    assert ran.code == 2
    assert "--encoding conv1=taps" in ran.err
