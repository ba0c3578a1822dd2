"""The card of examples/tiny fits the boards that it is made for, and runs there as in the integer graph."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from tests.data import mnist_test
from tests.docs.test_examples import run
from tests.tools import need_avr

import cardc
from cardc.backends.c.emulate.avr_cpu import AvrMachine
from cardc.backends.c.selftest import integers
from cardc.builds.mcu import McuBuild
from cardc.ops.base import Array

FOLDER = Path(__file__).parent.parent / "examples" / "tiny"
BOARDS = ("ch32v003", "arduino-uno")


def built(board: str) -> McuBuild:
    if board == "arduino-uno":
        need_avr()
    build = cardc.compile(FOLDER / "card.onnx", board, name="tiny")
    assert isinstance(build, McuBuild)
    return build


def expected(build: McuBuild, q: Array) -> Array:
    return integers(build.lowered.lowered, build.program, q)[build.program.schedule.output.name or ""]


def test_the_card_is_small() -> None:
    assert (FOLDER / "card.onnx").stat().st_size < 200_000


@pytest.mark.parametrize("board", BOARDS)
def test_it_fits_and_runs_exactly(board: str) -> None:
    build = built(board)
    q = np.random.default_rng(0).integers(0, 16, (4, 1, 28, 28))
    q[0], q[1] = 0, 15
    np.testing.assert_array_equal(build.c.run(q, build.target.core), expected(build, q))
    assert build.report.fit.fits, build.report.fit.checks
    assert [check.available for check in build.report.fit.checks] == [build.target.flash_bytes, 2048]
    if board == "arduino-uno":  # the emulated part is the board's own, not one with more RAM
        machine = build.c._board("avr5").machine  # type: ignore[union-attr]
        assert isinstance(machine, AvrMachine)
        assert machine.part == "atmega328p"
        assert build.report.totals["cycles"].stage == "measured:emulated"


def test_the_self_test_passes_on_an_avr() -> None:
    result = built("arduino-uno").c.selftest("avr5")
    assert (result.exit_code, result.output) == (0, "PASS\n")


def test_it_knows_its_digits() -> None:
    build, (x, y) = built("ch32v003"), mnist_test()
    q = build.c.quantize(x[:2000])
    out = build.c.run(q)
    assert (out.argmax(axis=1) == y[:2000]).mean() >= 0.97
    np.testing.assert_array_equal(out[:50], expected(build, q[:50]))


@pytest.mark.parametrize("board", BOARDS)
def test_the_readme_has_the_figures_of_the_report(board: str) -> None:
    totals, column = built(board).report.totals, 1 + BOARDS.index(board)
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for label, name in (("instructions", "instructions"), ("of which stack", "stack_bytes"), ("flash", "flash_bytes")):
        cells = next(line for line in text.splitlines() if line.startswith(f"| {label} ")).split("|")[1:]
        found = re.search(r"[\d,]+", cells[column])
        assert found is not None
        written, value = int(found[0].replace(",", "")), totals[name].value
        assert abs(written - value) <= 0.1 * value, (label, written, value)


def images(path: Path, count: int) -> None:
    """A data set of noise, as Parquet."""
    rng, cells = np.random.default_rng(0), []
    for pixels in rng.integers(0, 256, (count, 28, 28), np.uint8):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        cells.append({"bytes": file.getvalue()})
    pandas.DataFrame({"image": cells, "label": np.arange(count) % 10}).to_parquet(path)


def test_training_runs(tmp_path: Path) -> None:
    for name in ("train", "test"):
        images(tmp_path / f"{name}.parquet", 260)
    out = tmp_path / "card.onnx"
    said = run("tiny/train.py", "--data", str(tmp_path), "--epochs", "1", "--out", str(out))
    assert f"written to {out}" in said
    assert cardc.compile(out, "ch32v003", name="tiny").report.fits
