"""`build.emulate` on every kind of emulator: what it refuses, batches, and thousands of inputs a minute."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.small import save_small, small_inputs
from tests.tools import need_avr, need_qemu

import cardc
from cardc.builds.base import Build
from cardc.builds.mcu import McuBuild
from cardc.errors import CompileError
from cardc.ops.base import Array

BOARDS = ("nucleo-f446re", "rp2040-pico", "esp32-c3", "ch32v003", "alif-e7", "pico2-riscv", "arduino-uno")
"""unicorn for Arm, with and without a check of alignment, and for RISC-V; QEMU; simavr."""
REFUSED: dict[str, tuple[Callable[[Array], object], str]] = {
    "NaN": (lambda x: np.where(x > 1, np.nan, x), "NaN"),
    "infinity": (lambda x: np.where(x > 1, -np.inf, x), "infinity"),
    "beyond float32": (lambda x: x.astype(np.float64) * 1e300, "beyond float32"),
    "no sample": (lambda x: x[:0], "no sample"),
    "another shape": (lambda x: x[:, :, :5], r"shape \[3, 1, 5, 6\], not \[N, 1, 6, 6\]"),
    "flat": (lambda x: x.reshape(3, -1), r"shape \[3, 36\]"),
    "a number": (lambda x: np.float32(3), r"shape \[\]"),
    "complex": (lambda x: x * 1j, "complex"),
    "text": (lambda x: x.astype(str), "type <U"),
    "objects": (lambda x: x.astype(object), "type object"),
    "lists of any length": (lambda x: [[1.0], [1.0, 2.0]], "no array"),
    "nothing": (lambda x: None, "type object"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("emulate") / "small.onnx")


def compiled(model: Path, board: str) -> Build:
    if board == "arduino-uno":
        need_avr()
    elif board in ("alif-e7", "pico2-riscv"):
        need_qemu("cortex-m55" if board == "alif-e7" else "rv32imac_zbb")
    build = cardc.compile(model, board)
    assert isinstance(build, McuBuild)
    return build


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_input_is_refused_with_a_remedy(model: Path, what: str) -> None:
    spoil, said = REFUSED[what]
    with pytest.raises(CompileError, match=said) as caught:
        compiled(model, "nucleo-f446re").emulate(spoil(small_inputs(3)))  # type: ignore[arg-type]
    assert caught.value.fix
    assert caught.value.exit_code == 2


def test_any_real_numbers_are_taken(model: Path) -> None:
    build, x = compiled(model, "nucleo-f446re"), small_inputs(3)
    want = build.emulate(x)
    for same in (x.astype(np.float64), x.tolist(), np.asfortranarray(x)):
        assert np.array_equal(build.emulate(same), want)  # type: ignore[arg-type]
    assert np.array_equal(build.emulate(np.ones(x.shape, np.bool_)), build.emulate(np.ones(x.shape, np.float16)))
    assert np.array_equal(build.emulate(x * np.float32(1e30)), build.emulate(np.sign(x) * np.float32(3e38)))


def seconds() -> float:
    """Of processor time, this process's and that of those it has waited for: others at work do not count."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@pytest.mark.parametrize("board", BOARDS)
def test_thousands_of_inputs_a_minute(model: Path, board: str) -> None:
    """In batches, equal to the integer graph; a batch of one input and one of all give the same."""
    build, x = compiled(model, board), small_inputs(300, seed=1)
    first = build.emulate(x[:1])
    began = seconds()
    got = build.emulate(x)
    spent = seconds() - began
    assert np.array_equal(got[:1], first)
    assert np.array_equal(got, build.c.run(build.quantize(x)))  # type: ignore[attr-defined]
    assert 300 / spent * 60 > 2000
