"""A pipe is no terminal: sentences stay whole there, whatever width is given."""

from __future__ import annotations

import io

import pytest

from cardc.cli.common import console


@pytest.mark.parametrize("width", [None, "40", "80"])
def test_sentences_are_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch, width: str | None) -> None:
    if width is not None:
        monkeypatch.setenv("COLUMNS", width)
    screen = console()
    screen.file = io.StringIO()
    sentence = "flash = gate + cards + shared; RAM = the largest of gate and cards + shared, " * 3
    screen.print(sentence, markup=False)
    assert screen.file.getvalue() == sentence + "\n"
    assert screen.width == int(width or 160)


def test_a_terminal_breaks_them_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    screen = console()
    screen.file = io.StringIO()
    screen.print("four words " * 10, markup=False)
    assert max(map(len, screen.file.getvalue().splitlines())) <= 40
