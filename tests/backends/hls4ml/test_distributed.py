"""Strategy distributed_arithmetic: exact in C simulation, and a fault in the generated adders is refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import pytest
from tests.graphs import IntegerGraph, uint

from cardc.backends.hls4ml import Options, emit
from cardc.backends.hls4ml.distributed import CODE
from cardc.backends.hls4ml.layer import Plan
from cardc.backends.hls4ml.plan import make_plan
from cardc.backends.hls4ml.readback import check
from cardc.errors import CompileError
from cardc.ops.qtype import QType

from .helpers import PYNQ, assert_exact, card, mlp, residual, signs, weights, windows

_SLOW = pytest.mark.slow
Files = dict[PurePosixPath, bytes]


def distributed(g: IntegerGraph, io_type: str) -> Options:
    """Every product of `g` by distributed arithmetic."""
    names = [node.name or "" for node in g.graph if node.op_type in ("Conv", "MatMul")]
    return Options(io_type=io_type, strategy=dict.fromkeys(names, "distributed_arithmetic"))


def wide() -> IntegerGraph:
    """Weights of many digits, signed inputs, a dead input, an output without weights, all factors of two."""
    g = IntegerGraph((12,), QType(-8, 7))
    w = weights(g, -128, 127, 12, 6)
    w[3], w[:, 2], w[:, 4] = 0, 0, np.where(w[:, 4] > 0, 64, -32)
    return g.dense(6, weights=w).threshold(uint(3), falling=0.3).dense(4, weights=weights(g, -7, 7, 6, 4))


@pytest.mark.parametrize(
    ("graph", "io_type"),
    [
        pytest.param(card, "io_stream", id="card-stream", marks=_SLOW),
        pytest.param(wide, "io_parallel", id="wide-parallel"),
        pytest.param(windows, "io_parallel", id="windows-parallel", marks=_SLOW),
        pytest.param(residual, "io_stream", id="residual-stream"),
        pytest.param(signs, "io_parallel", id="signs-parallel", marks=_SLOW),
    ],
)
def test_every_tensor_equals(graph: Callable[[], IntegerGraph], io_type: str) -> None:
    g = graph()
    assert_exact(g, distributed(g, io_type), inputs=60)


@pytest.fixture(scope="module", params=["io_parallel", "io_stream"])
def written(request: pytest.FixtureRequest) -> tuple[Files, Plan]:
    g = wide()
    model, options = g.model(), distributed(g, request.param)
    return dict(emit(model, PYNQ, options).files), make_plan(model, PYNQ, options)


def _first(pattern: str, new: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, new, text, count=1)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_first(r"(= v\d+) \+ ", r"\1 - "), "compute another sum than its weights|too narrow"),
        (_first(r"bit_shift<1>", "bit_shift<2>"), "compute another sum than its weights|too narrow"),
        (_first(r"model_inp\[0\]", "model_inp[1]"), "compute another sum than its weights"),
        (_first(r"model_inp\[0\]", "model_inp[99]"), "input 99 of 12"),
        (_first(r"ap_fixed<4,4> v0", "ap_fixed<3,3> v0"), r"ap_fixed<3,3> is too narrow for v0, .* -8 to 7"),
        (_first(r"ap_fixed<4,4> v0", "ap_ufixed<4,4> v0"), r"ap_ufixed<4,4> is too narrow for v0"),
        (_first(r"= v1 ", "= v900 "), "v900 is read before it is written"),
        (_first(r"(= v\d+) \+ ", r"\1 * "), "unknown code"),
        (_first(r"    model_out\[1\][^\n]*\n", ""), "the adders of output 1 compute another sum"),
        (_first(r"void dense_da_\d+", "void other"), "are not in nnet_code_gen.h"),
    ],
)  # fmt: skip
def test_planted_fault_is_refused(written: tuple[Files, Plan], edit: Callable[[str], str], message: str) -> None:
    files, plan = written
    check(files, plan)
    before = files[CODE].decode()
    after = edit(before)
    assert after != before
    with pytest.raises(CompileError, match=message) as caught:
        check({**files, CODE: after.encode()}, plan)
    assert "MatMul 'n" in str(caught.value)


def test_a_reuse_factor_is_refused() -> None:
    g = mlp()
    options = Options(strategy={"n2_matmul": "distributed_arithmetic"}, reuse={"n2_matmul": 2})
    with pytest.raises(CompileError, match="has no reuse factor, and 2 is asked for"):
        make_plan(g.model(), PYNQ, options)


def test_a_large_matrix_is_refused() -> None:
    with pytest.raises(CompileError, match=r"takes too long for 50,176 weights that are not zero \(at most 8,192\)"):
        make_plan(mlp().model(), PYNQ, Options(strategy={"n2_matmul": "distributed_arithmetic"}))


def test_without_da4ml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "da4ml.trace", None)
    g = wide()
    with pytest.raises(CompileError, match="da4ml") as caught:
        emit(g.model(), PYNQ, distributed(g, "io_parallel"))
    assert "cardc[fpga]" in caught.value.fix
