"""README.md's code and commands do what it says, on a small card."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from click.testing import CliRunner
from tests.docs.card import CARD
from tests.text import parse

from cardc.cli import cardc

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with card.onnx, x.npy and y.npy."""
    monkeypatch.chdir(tmp_path)
    ir.save(parse(CARD), "card.onnx")
    np.save("x.npy", np.random.default_rng(0).normal(size=(8, 1, 4, 4)).astype(np.float32))
    np.save("y.npy", np.zeros(8, np.int64))
    return tmp_path


def test_the_python_code_runs(folder: Path) -> None:
    (block,) = re.findall(
        r"(?:^    .*\n|^\n)*^    import cardc\n(?:^    .*\n|^\n)*?(?=^    cardc )", README, re.MULTILINE
    )
    code = re.sub(r"^    ", "", block, flags=re.MULTILINE)
    names = {"x": np.load("x.npy"), "labels": np.load("y.npy")}
    exec(compile(code, "README.md", "exec"), names)
    assert names["verdict"].equal  # type: ignore[attr-defined]
    assert names["y"].shape == (8, 2)
    assert {"report.json", "report.html", "src"} <= {path.name for path in (folder / "out").iterdir()}


def test_the_commands_run_in_their_order(folder: Path) -> None:
    lines = re.findall(r"^    (cardc .+)$", README, re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        done = CliRunner().invoke(cardc, shlex.split(line)[1:], catch_exceptions=False)
        assert done.exit_code == 0, f"{line}\n{done.output}"
    assert (folder / "report.html").is_file()


def test_the_function_shown_is_the_one_emitted(folder: Path) -> None:
    (line,) = re.findall(r"^ +(int card_predict\(.+\);)", README, re.MULTILINE)
    assert CliRunner().invoke(cardc, ["compile", "card.onnx", "--target", "nucleo-f446re"]).exit_code == 0
    assert line in (folder / "out" / "card-nucleo-f446re" / "src" / "card.h").read_text(encoding="utf-8")


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_pictures_are_small() -> None:
    pictures = re.findall(r'src="([^"]+)"', README)
    assert pictures, "README.md shows no picture"
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 150_000
