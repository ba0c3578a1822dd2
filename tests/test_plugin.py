"""The pytest plugin in a user's own test folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.faults import MOVED_WEIGHT, plant
from tests.small import save_small, save_text, small_inputs, small_text

pytest_plugins = ["pytester"]

TEST = """
import numpy as np

def test_card(cardc_exact):
    x = np.load("x.npy")
    verdict = cardc_exact("small.onnx", ["nucleo-f446re"], x, np.zeros(12, int), emulated_inputs=3)
    assert verdict.stages == ("qonnx", "integer", "c:host", "c:cortex-m4")
    assert verdict.equal and verdict.inputs == 12
"""


FREE = """
import numpy as np
import pytest
import cardc

def test_card(cardc_exact):
    x = np.load("x.npy")
    assert cardc_exact("free.onnx", ["nucleo-f446re"], x, dims={"H": 6}, emulated_inputs=1).equal
    with pytest.raises(cardc.CompileError, match="unknown size: H"):
        cardc_exact("free.onnx", ["nucleo-f446re"], x)
"""


HOME = Path.home()


@pytest.fixture
def users(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # pytester gives each run a home of its own, in which the C compiler would find nothing that it built before.
    monkeypatch.setenv("HOME", str(HOME))
    save_small(pytester.path / "small.onnx")
    np.save(pytester.path / "x.npy", small_inputs())
    pytester.makepyfile(TEST)
    return pytester


def test_passes_where_all_is_equal(users: pytest.Pytester) -> None:
    users.runpytest().assert_outcomes(passed=1)


def test_fails_with_the_first_difference(users: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, MOVED_WEIGHT)
    result = users.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NOT EQUAL: c:host: tensor 'y', sample *, element *: * instead of * differ)"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_takes_sizes_for_symbolic_axes(users: pytest.Pytester) -> None:
    save_text(small_text().replace("float[1,1,6,6] x", "float[1,1,H,6] x"), users.path / "free.onnx")
    users.makepyfile(FREE)
    users.runpytest().assert_outcomes(passed=1)


def test_is_listed_with_its_help(users: pytest.Pytester) -> None:
    result = users.runpytest("--fixtures")
    result.stdout.fnmatch_lines(["cardc_exact*", "*cardc_exact(model, targets, inputs*"])
