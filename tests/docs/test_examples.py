"""The examples run as they are, from a shell, with small settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from tests.docs.card import CARD
from tests.text import parse

from cardc.report import Report

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str, code: int = 0) -> str:
    """Standard output and error of the example, which must end with `code`."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"train_and_compile.py", "compile_qonnx.py"}


def test_train_and_compile(tmp_path: Path) -> None:
    out = tmp_path / "digits"
    said = run("train_and_compile.py", "--epochs", "1", "--inputs", "20", "--out", str(out), "--board", "bluepill")
    assert "exact: brevitas == qonnx == integer == c:host == c:cortex-m3\n" in said
    assert (out / "src" / "digits.h").is_file()
    report = Report.from_json((out / "report.json").read_text(encoding="utf-8"))
    assert report.exact is not None
    assert report.exact.inputs == 20
    assert f"flash_bytes: {report.totals['flash_bytes'].value:,.6g} (measured:elf)" in said


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.onnx"
    ir.save(parse(CARD), path)
    return path


def test_compile_qonnx(card: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(8, 1, 4, 4)))
    out = tmp_path / "out"
    boards = ["--board", "rp2040-pico", "--board", "esp32-c3", "--out", str(out)]
    said = run("compile_qonnx.py", str(card), *boards, "--inputs", str(tmp_path / "x.npy"))
    assert "exact: qonnx == integer == c:host == c:cortex-m0plus == c:rv32imc\n" in said
    assert sorted(path.name for path in out.iterdir()) == ["esp32-c3", "rp2040-pico"]
    assert (out / "esp32-c3" / "report.html").is_file()


def test_compile_qonnx_says_what_is_wrong(card: Path, tmp_path: Path) -> None:
    said = run("compile_qonnx.py", str(card), "--board", "rp2040", "--out", str(tmp_path / "out"), code=2)
    assert "did you mean 'rp2040-pico'?" in said
    assert not (tmp_path / "out").exists()


def test_compile_qonnx_writes_nothing_where_it_does_not_fit(card: Path, tmp_path: Path) -> None:
    text = (EXAMPLES.parent / "targets" / "bluepill.toml").read_text(encoding="utf-8")
    small = tmp_path / "small.toml"
    small.write_text(text.replace("flash_bytes = 65_536", "flash_bytes = 1_024"), encoding="utf-8")
    said = run("compile_qonnx.py", str(card), "--board", str(small), "--out", str(tmp_path / "out"))
    assert "does not fit\n  Flash is " in said
    assert not (tmp_path / "out").exists()
