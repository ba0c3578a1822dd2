"""Decks on the command line, and what is refused: each with what is wrong, where, and the remedy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from cardc.cli import cardc
from cardc.errors import CompileError

DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(DIGITS, tmp_path / "digits"))


def refused(*arguments: str) -> CompileError:
    done = CliRunner().invoke(cardc, list(arguments))
    assert isinstance(done.exception, CompileError), done.output
    assert done.exception.exit_code == 2
    assert done.exception.fix
    return done.exception


def change(deck: Path, old: str, new: str) -> None:
    path = deck / "deck.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_compile_emulate_and_inspect(deck: Path, tmp_path: Path) -> None:
    run = CliRunner()
    done = run.invoke(cardc, ["compile", str(deck), "-t", "nucleo-f446re", "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["schema"] == "cardc.report/1"
    assert [card["name"] for card in report["deck"]["cards"]] == ["augmix_0", "augmix_1", "gaussian_0", "gaussian_1"]
    assert (tmp_path / "out" / "src" / "digits.c").is_file()
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((3, 1, 8, 8), np.float32))
    given = ["-t", "nucleo-f446re", "-i", str(tmp_path / "x.npy"), "--average", "logits"]
    done = run.invoke(cardc, ["emulate", str(deck / "deck.toml"), *given])
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 3
    assert "picked gaussian" in done.stdout
    done = run.invoke(cardc, ["inspect", str(deck)])
    assert done.exit_code == 0, done.output
    assert "every layer of every card lowers exactly" in done.stdout
    done = run.invoke(cardc, ["inspect", str(deck), "--json"])
    assert json.loads(done.stdout)["augmentations"] == ["augmix", "gaussian"]


def test_the_deck_as_one_graph(deck: Path, tmp_path: Path) -> None:
    path = tmp_path / "whole.onnx"
    done = CliRunner().invoke(
        cardc, ["compile", str(deck), "-t", "nucleo-f446re", "--stop-after", "deck", "-o", str(path)]
    )
    assert done.exit_code == 0, done.output
    ops = [node.op_type for node in onnx.load(path).graph.node]
    assert ops.count("FixedSoftmax") == 4
    assert {"SpectralScores", "SlidingArgMax", "DeckJoin"} <= set(ops)
    done = CliRunner().invoke(cardc, ["inspect", str(deck), "--graph"])
    assert "DeckJoin" in done.output


def test_a_missing_card(deck: Path) -> None:
    (deck / "augmix_1.onnx").unlink()
    assert "augmix_1.onnx" in str(refused("compile", str(deck), "-t", "nucleo-f446re"))


def test_a_card_outside_the_folder(deck: Path, tmp_path: Path) -> None:
    shutil.copy(deck / "augmix_0.onnx", tmp_path / "x.onnx")
    change(deck, 'file = "augmix_0.onnx"', 'file = "../x.onnx"')
    assert "outside" in refused("inspect", str(deck)).what


def test_two_cards_of_one_name(deck: Path) -> None:
    change(deck, 'name = "augmix_1"', 'name = "augmix_0"')
    assert "different names" in refused("inspect", str(deck)).what


def test_names_that_are_one_in_c(deck: Path) -> None:
    """`a-b` and `a_b` are different files, and one C identifier; the library tells them apart."""
    change(deck, 'name = "augmix_1"', 'name = "augmix-0"')
    done = CliRunner().invoke(cardc, ["inspect", str(deck)])
    assert done.exit_code == 0, done.output


def test_a_deck_without_cards(deck: Path) -> None:
    text = (deck / "deck.toml").read_text()
    (deck / "deck.toml").write_text(text.split("[[card]]")[0] + "card = []\n[gate]" + text.split("[gate]")[1])
    assert "cards" in refused("compile", str(deck), "-t", "nucleo-f446re").what


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "deck.toml" in str(refused("compile", str(tmp_path), "-t", "nucleo-f446re"))


def test_a_huge_deck_file(deck: Path) -> None:
    with (deck / "deck.toml").open("a") as file:
        file.write("#" * (1 << 20))
    assert "1 MiB" in refused("inspect", str(deck)).what


def test_a_gate_of_another_deck(deck: Path) -> None:
    shutil.copy(DIGITS.parent / "mnist" / "gate.npy", deck / "gate.npy")
    assert refused("compile", str(deck), "-t", "nucleo-f446re").fix


@pytest.mark.parametrize("option", [["--input-bits", "8", "--input-scale", "1"], ["--stop-after", "fold-masks"]])
def test_options_of_single_cards(deck: Path, option: list[str]) -> None:
    assert "single cards" in refused("compile", str(deck), "-t", "nucleo-f446re", *option).what


def test_one_project_needs_an_fpga(deck: Path) -> None:
    assert "hls4ml" in refused("compile", str(deck), "-t", "nucleo-f446re", "--one-project").what
    assert "for decks" in refused("compile", str(deck / "augmix_0.onnx"), "-t", "pynq-z2", "--one-project").what


def test_options_of_decks_for_a_card(deck: Path) -> None:
    error = refused("compile", str(deck / "augmix_0.onnx"), "-t", "nucleo-f446re", "--average", "logits")
    assert "for decks" in error.what


@pytest.mark.parametrize("x", [np.zeros((2, 1, 9, 9), np.float32), np.full((2, 1, 8, 8), np.nan, np.float32)])
def test_inputs_that_do_not_fit(deck: Path, tmp_path: Path, x: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", x)
    refused("emulate", str(deck), "-t", "nucleo-f446re", "-i", str(tmp_path / "x.npy"))
    refused("verify", str(deck), "-t", "nucleo-f446re", "-i", str(tmp_path / "x.npy"))
    refused("compile", str(deck), "-t", "nucleo-f446re", "--gate-calibration", str(tmp_path / "x.npy"))
