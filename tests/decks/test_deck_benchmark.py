"""The benchmark of decks, on a few images: its lines are of the agreed form, and it checks what it says it checks."""

from __future__ import annotations

import pytest
from benchmarks.decks import run

from cardc.deck_model import DeckAnswer


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
