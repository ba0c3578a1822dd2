"""`--dim NAME=SIZE`: sizes of symbolic axes on the command line."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from tests.cli.conftest import Cardc
from tests.frontend.test_sizes import model


@pytest.fixture
def path(folder: Path) -> Path:
    onnx.save(model("H", "W"), folder / "open.onnx")
    return Path("open.onnx")


def test_sizes(cardc: Cardc, path: Path) -> None:
    ran = cardc("inspect", path, "--dim", "H=6", "--dim", "W=5")
    assert ran.code == 0, ran.err
    assert "2x6x5" in ran.out


def test_what_is_missing_is_listed(cardc: Cardc, path: Path) -> None:
    ran = cardc("compile", path, "-t", "nucleo-f446re", "--dim", "W=5")
    assert ran.code == 2
    assert "axes of unknown size: H" in ran.err
    assert "--dim NAME=SIZE" in ran.err


@pytest.mark.parametrize("wrong", ["H", "H=", "=3", "H=x", "H=-1", "H=\u0663"])
def test_no_size(cardc: Cardc, path: Path, wrong: str) -> None:
    ran = cardc("inspect", path, "--dim", wrong)
    assert ran.code == 2
    assert f"--dim {wrong}" in ran.err
    assert "--dim H=32" in ran.err
