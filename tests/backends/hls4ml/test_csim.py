"""The C simulation equals the integer graph at every tensor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.graphs import IntegerGraph

from cardc.backends.hls4ml import Csim, Options
from cardc.errors import CompileError

from .helpers import PYNQ, assert_exact, card, folded, lines, mlp, narrow, windows

_SLOW = pytest.mark.slow
_FOLDED = Options(
    io_type="io_stream",
    strategy={"n2_conv": "resource", "n4_conv": "resource", "n7_matmul": "resource"},
    reuse={"n2_conv": 9, "n4_conv": 144, "n7_matmul": 6},
)
_FOLDED_PARALLEL = Options(
    io_type="io_parallel",
    strategy={"n2_conv": "resource", "n4_conv": "resource", "n7_matmul": "resource"},
    reuse={"n2_conv": 27, "n4_conv": 8, "n7_matmul": 144},
)


@pytest.mark.parametrize(
    ("graph", "options"),
    [
        pytest.param(card, Options(), id="card-stream"),
        pytest.param(mlp, Options(), id="mlp-parallel"),
        pytest.param(narrow, Options(), id="narrow-parallel"),
        pytest.param(windows, Options(), id="windows-stream"),
        pytest.param(windows, Options(io_type="io_parallel"), id="windows-parallel", marks=_SLOW),
        pytest.param(mlp, Options(io_type="io_stream"), id="mlp-stream", marks=_SLOW),
        pytest.param(lines, Options(), id="lines-stream", marks=_SLOW),
        pytest.param(lines, Options(io_type="io_parallel"), id="lines-parallel", marks=_SLOW),
        pytest.param(folded, _FOLDED, id="folded-stream", marks=_SLOW),
        pytest.param(folded, _FOLDED_PARALLEL, id="folded-parallel", marks=_SLOW),
    ],
)
def test_every_tensor_equals(graph: Callable[[], IntegerGraph], options: Options) -> None:
    assert_exact(graph(), options)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompileError, match=r"g\+\+ is missing") as caught:
        Csim(narrow().model(), PYNQ)
    assert "apt install g++" in caught.value.fix


def test_inputs_are_checked() -> None:
    from cardc.backends.hls4ml.plan import split_host
    from cardc.backends.hls4ml.reference import check_input

    boundary, _ = split_host(mlp().model())
    assert check_input(boundary, np.ones((2, 784), np.int8)).dtype == np.int64
    for x, what in (
        (np.ones((2, 783), np.int64), "not integers"),
        (np.ones((2, 784), np.float32), "not integers"),
        (np.zeros((2, 784), np.int64), "leaves its type bipolar"),
        (np.full((2, 784), 3), "leaves its type bipolar"),
    ):
        with pytest.raises(CompileError, match=what):
            check_input(boundary, x)
