"""The benchmark of decks, on a few images: its lines are of the agreed form, and it checks what it says it checks."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.decks import resnet, run

from cardc.deck_model import DeckAnswer
from cardc.errors import CompileError
from cardc.frontend.deck import load_deck


def test_lines() -> None:
    rows = list(run.measure("digits", 6, 2, ["clean", "impulse_noise"], ["nucleo-f446re"]))
    assert all(set(row) == {"work", "core", "value", "unit", "peer", "peer_value", "ratio"} for row in rows)
    assert {row["work"] for row in rows} == {"digits", "digits, clean", "digits, impulse_noise 3"}
    assert {row["core"] for row in rows} == {"integer", "c:host", "c:cortex-m4", "cortex-m4"}
    mean = next(row for row in rows if row["unit"] == "instructions, mean")
    assert mean["ratio"] is not None
    assert mean["ratio"] < 0.6  # two cards of four, and the gate


def test_a_difference_ends_the_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    real = run.check

    def spoiled(work: str, stage: str, got: DeckAnswer, want: DeckAnswer) -> None:
        real(work, stage, DeckAnswer(got.picks, got.outputs + 1), want)

    monkeypatch.setattr(run, "check", spoiled)
    given = [
        "run.py",
        "--deck",
        "digits",
        "--inputs",
        "2",
        "--emulated",
        "1",
        "--condition",
        "clean",
        "--board",
        "pico2",
    ]
    monkeypatch.setattr("sys.argv", given)
    assert run.main() == 1
    assert "differs from the integer deck" in capsys.readouterr().err


def test_the_parts_of_a_deck_add_up() -> None:
    rows = list(resnet.measure(load_deck(run.DECKS / "digits"), "nucleo-f446re"))
    flash = {row["work"]: row["value"] for row in rows if row["unit"] == "bytes of flash"}
    assert flash.pop("ResNet-8 deck") == sum(flash.values())
    gate = rows[-1]
    assert gate["peer"] == "the cheapest card"
    cards = [row["value"] for row in rows if ": card " in row["work"] and row["unit"] == "instructions"]
    assert gate["peer_value"] == min(cards)
    assert gate["ratio"] == round(gate["value"] / min(cards), 4)


def test_four_cards_of_four_augmentations(monkeypatch: pytest.MonkeyPatch) -> None:
    deck = resnet.resnet_deck(np.random.default_rng(0).random((4, 3, 32, 32), np.float32))
    assert [card.augmentation for card in deck.cards] == list(resnet.AUGMENTATIONS)
    models = {card.model.SerializeToString(deterministic=True) for card in deck.cards}
    assert len(models) == 4
    monkeypatch.delenv("CARDC_DATA", raising=False)
    with pytest.raises(CompileError, match="CIFAR-10 is not there"):
        resnet.photographs(4)
