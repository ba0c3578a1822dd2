"""The C simulation equals the integer graph at every tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.graphs import IntegerGraph

from cardc.backends.hls4ml import Csim, Options
from cardc.backends.hls4ml.generate import write
from cardc.errors import CompileError

from .helpers import (
    PYNQ,
    assert_exact,
    card,
    flat_end,
    folded,
    lines,
    mlp,
    narrow,
    residual,
    signs,
    spread,
    ties,
    vectors,
    wide,
    wide_images,
    windows,
)

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
_SIGNS = Options(
    io_type="io_parallel",
    strategy={"n2_conv": "resource", "n6_conv": "resource", "n11_matmul": "resource"},
    reuse={"n2_conv": 9, "n6_conv": 8, "n11_matmul": 3},
)


@pytest.mark.parametrize(
    ("graph", "options"),
    [
        pytest.param(card, Options(), id="card-stream"),
        pytest.param(mlp, Options(), id="mlp-parallel"),
        pytest.param(narrow, Options(), id="narrow-parallel"),
        pytest.param(windows, Options(), id="windows-stream"),
        pytest.param(ties, Options(), id="ties-parallel"),
        pytest.param(residual, Options(), id="residual-stream"),
        pytest.param(residual, Options(io_type="io_parallel"), id="residual-parallel"),
        pytest.param(spread, Options(), id="spread-stream"),
        pytest.param(spread, Options(io_type="io_parallel"), id="spread-parallel"),
        pytest.param(vectors, Options(), id="vectors-parallel"),
        pytest.param(flat_end, Options(), id="flat-end-stream"),
        pytest.param(vectors, Options(io_type="io_stream"), id="vectors-stream"),
        pytest.param(wide, Options(io_type="io_parallel"), id="wide-parallel"),
        pytest.param(wide_images, Options(io_type="io_stream"), id="wide-images-stream"),
        pytest.param(wide, Options(io_type="io_stream"), id="wide-stream", marks=_SLOW),
        pytest.param(wide_images, Options(io_type="io_parallel"), id="wide-images-parallel", marks=_SLOW),
        pytest.param(signs, _SIGNS, id="signs-parallel", marks=_SLOW),
        pytest.param(signs, dataclasses.replace(_SIGNS, io_type="io_stream"), id="signs-stream", marks=_SLOW),
        pytest.param(narrow, Options(backend="Vivado"), id="narrow-vivado"),
        pytest.param(card, Options(backend="VivadoAccelerator"), id="card-accelerator", marks=_SLOW),
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


def test_folder_goes_with_the_simulation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Csim, "_compile", lambda self: write(self._model, self.plan))
    csim = Csim(narrow().model(), PYNQ)
    assert len(list(tmp_path.iterdir())) == 1
    csim.close()
    assert not list(tmp_path.iterdir())
    csim = Csim(narrow().model(), PYNQ)
    del csim
    assert not list(tmp_path.iterdir())


def test_simulation_of_other_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(self: Csim) -> None:
        write(self._model, self.plan)
        top = self._folder / "firmware" / "test.cpp"
        top.write_text(top.read_text() + "// more\n")

    monkeypatch.setattr(Csim, "_compile", other)
    with pytest.raises(CompileError, match="other sources for simulation"):
        Csim(narrow().model(), PYNQ)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompileError, match=r"g\+\+ is missing") as caught:
        Csim(narrow().model(), PYNQ)
    assert "apt install g++" in caught.value.fix


def test_inputs_are_checked() -> None:
    from cardc.backends.hls4ml.edges import split_host
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


@pytest.mark.slow
@pytest.mark.parametrize(("top", "tensor"), [("defines", "w2"), ("nnet_common", "layer3_out"), ("x_in", "main")])
def test_names_that_hls4ml_uses_itself(top: str, tensor: str) -> None:
    g = narrow()
    g.graph.name = top
    for i, node in enumerate(g.graph):
        node.name = f"{tensor}{i or ''}"
        node.outputs[0].name = f"{tensor}{i or ''}"
    assert_exact(g, Options(), inputs=20)
