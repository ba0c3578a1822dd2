"""Sweeps here, in processes and on a Ray that this machine starts; ray comes with the dev extra, so none is skipped."""

from __future__ import annotations

import copy
import math
import sys
from typing import Any

import onnx_ir as ir
import pytest

from cardc.errors import CompileError, CompileErrors
from cardc.frontend.train.sweep import grid, sweep

PLACES = [("here", 1), ("here", 2), ("ray", 1)]


def fails(x: float) -> float:
    if x > 1:
        raise CompileError(f"no {x}", node="a card", fix="none")
    return x


def test_grid() -> None:
    assert grid(seed=(0, 1), sparsity=(0.9,)) == [{"seed": 0, "sparsity": 0.9}, {"seed": 1, "sparsity": 0.9}]
    assert grid(seed=()) == []


@pytest.mark.parametrize(("where", "workers"), PLACES)
def test_sweeps_give_results_in_order(where: Any, workers: int) -> None:
    seen: dict[int, float] = {}
    assert sweep(math.sqrt, [4.0, 1.0, 9.0], where=where, workers=workers, done=seen.__setitem__) == [2.0, 1.0, 3.0]
    assert seen == {0: 2.0, 1: 1.0, 2: 3.0}


@pytest.mark.parametrize(("where", "workers"), PLACES)
def test_a_failing_trial_ends_the_sweep_with_its_own_error(where: Any, workers: int) -> None:
    with pytest.raises(CompileError) as caught:
        sweep(fails, [1.0, 2.0], where=where, workers=workers)
    error = caught.value
    assert (type(error), error.what, error.node, error.fix) == (CompileError, "no 2.0", "a card", "none")


def test_several_problems_cross_processes() -> None:
    node = ir.node("Relu", [ir.val("x")])
    one, two = CompileError("one", node=node, fix="a", exit_code=1), CompileError("two", fix="b", stage="c")
    errors = CompileErrors([one, two])
    again = copy.copy(errors)  # as pickle does it
    assert [str(copy.copy(e)) for e in again.each()] == [
        str(CompileError("one", node=one.where, fix="a")), str(two),
    ]  # fmt: skip
    assert (again.exit_code, copy.copy(one).exit_code) == (1, 1)
    assert copy.copy(two).node is None


def test_no_trials() -> None:
    assert sweep(math.sqrt, []) == []
    with pytest.raises(CompileError, match="at least one worker"):
        sweep(math.sqrt, [1.0], workers=0)
    with pytest.raises(CompileError, match="'mars'"):
        sweep(math.sqrt, [1.0], where="mars")  # type: ignore[arg-type]


def test_ray_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CompileError, match="ray is not installed") as caught:
        sweep(math.sqrt, [1.0], where="ray")
    assert "cardc[sweep]" in caught.value.fix
