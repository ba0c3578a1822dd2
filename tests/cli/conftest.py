"""`cardc` in this process: its exit code, what it printed, and a folder to run in with a small model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.small import save_small, small_inputs

from cardc.cli import main


@dataclass(frozen=True)
class Ran:
    """What one call of `cardc` did."""

    code: int
    out: str
    err: str


Cardc = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: the model small.onnx, its inputs x.npy and labels y.npy, and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    save_small(tmp_path / "small.onnx")
    np.save(tmp_path / "x.npy", small_inputs())
    np.save(tmp_path / "y.npy", np.arange(12) % 3)
    return tmp_path


@pytest.fixture
def cardc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cardc:
    """`cardc("compile", "small.onnx", ...)` through the real entry point. A traceback would be an error of the test."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["cardc", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` with its content."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
