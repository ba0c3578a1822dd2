"""What hls4ml does wrong or cannot do surfaces as an error of ours: the layer, the reason, what to do instead."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.hls4ml import Csim, Options, emit
from cardc.backends.hls4ml.plan import make_plan
from cardc.errors import CompileError
from cardc.ops.base import CARDC, ONNX
from cardc.ops.qtype import QType
from cardc.targets.base import Target

from .helpers import PYNQ, card, constant, folded, mlp, narrow

_PARALLEL = Options(io_type="io_parallel")
_STREAM = Options(io_type="io_stream")


def _resource(name: str, reuse: int, io_type: str = "auto") -> Options:
    return Options(io_type=io_type, strategy={name: "resource"}, reuse={name: reuse})


def _wide_image() -> IntegerGraph:
    return IntegerGraph((1, 65, 65), uint(1)).conv(1, density=0.5)


def _long_vector() -> IntegerGraph:
    return IntegerGraph((5000,), uint(1)).dense(2)


def _deep_window() -> IntegerGraph:
    return IntegerGraph((512, 4, 4), uint(1)).conv(2, density=0.01)


def _many_readers() -> IntegerGraph:
    g = IntegerGraph((2, 4, 4), uint(2)).conv(2).threshold(uint(2))
    trunk = g.last
    for _ in range(8):
        g._add(CARDC, "Add", [g.last, trunk])
    return g


def _transposed() -> IntegerGraph:
    g = IntegerGraph((16, 80, 80), uint(1)).maxpool(1)
    g._add(ONNX, "Transpose", [g.last], attributes={"perm": [0, 3, 1, 2]})
    return g.conv(1, (1, 1), pads=0)


CASES: list[tuple[str, Callable[[], IntegerGraph], Options, str, str, str]] = [
    # hls4ml takes the nearest factor that it can, with a printed warning.
    (
        "odd-reuse",
        mlp,
        _resource("n2_matmul", 5),
        "MatMul 'n2_matmul'",
        "reuse factor 5 is not possible",
        "use one of 1",
    ),
    # hls4ml's io_parallel convolution then gives wrong sums.
    ("beyond", folded, _resource("n4_conv", 144, "io_parallel"), "Conv 'n4_conv'", "144 is not possible", "use one of"),
    # The C simulation of it overflows the stack, and no HLS tool unrolls it.
    (
        "unrolled",
        lambda: IntegerGraph((1024,), BIPOLAR).dense(1024, density=0.001),
        Options(strategy={"n2_matmul": "latency"}),
        "MatMul 'n2_matmul'",
        "1024x1024 product is too large to unroll",
        "resource",
    ),
    ("partition", _wide_image, _PARALLEL, "n1_threshold", "4,225 elements is too large for io_parallel", "io_stream"),
    ("registers", _long_vector, _STREAM, "MatMul 'n2_matmul'", "5,000 inputs keeps them all in registers", "smaller"),
    ("window", _deep_window, _STREAM, "Conv 'n2_conv'", "4,608 inputs keeps them all in registers", "smaller"),
    (
        "readers",
        _many_readers,
        _STREAM,
        "Threshold 'n3_threshold'",
        "9 layers read is not possible in a stream",
        "fewer",
    ),
    ("stored", _transposed, _STREAM, "Conv", "would have to be stored to be transposed", "transpose at the input"),
    ("layer", mlp, Options(reuse={"fc1": 2}), "fc1", "names a layer that the graph does not have", "use one of: "),
]


@pytest.mark.parametrize(
    ("graph", "options", "node", "reason", "fix"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_refused(graph: Callable[[], IntegerGraph], options: Options, node: str, reason: str, fix: str) -> None:
    with pytest.raises(CompileError) as caught:
        make_plan(graph().model(), PYNQ, options)
    said = str(caught.value)
    assert node in said
    assert reason in said
    assert fix in caught.value.fix


def test_a_strategy_of_hls4ml_that_is_not_read_back() -> None:
    with pytest.raises(CompileError, match="strategy 'resource_unrolled' is not supported: hls4ml") as caught:
        Options(strategy={"n2_matmul": "resource_unrolled"})
    assert caught.value.node == "n2_matmul"
    assert "latency" in caught.value.fix


def test_flat_kernels_with_a_stride_get_a_second_row() -> None:
    """hls4ml's stream kernels of height 1 take no notice of the vertical stride."""
    g = IntegerGraph((2, 7, 6), uint(2)).conv(3, (1, 1), pads=0, stride=2)
    layer = make_plan(g.model(), PYNQ, _STREAM).last
    assert (layer.constants["filt_height"], layer.constants["stride_height"]) == (2, 2)
    assert not layer.weights[0].values[1].any()
    assert layer.attributes["pad_bottom"] == 1


def test_no_weight_type_that_hls4ml_misreads() -> None:
    """`ap_int<2>` reads -2 as +1, and two `ap_uint<1>` are taken for {-1, +1}."""
    for values, cpp in (([-2, 1], "ap_int<3>"), ([0, 1], "ap_int<2>")):
        g = IntegerGraph((2,), uint(1)).dense(1, weights=np.asarray(values)[:, None])
        assert make_plan(g.model(), PYNQ, Options()).last.weights[0].type.cpp == cpp


def test_values_too_wide_to_simulate() -> None:
    g = IntegerGraph((3,), uint(2)).dense(2)
    m, o = constant(g, [1 << 55, 1]), constant(g, [0, 0])
    g._add(CARDC, "Affine", [g.last, m, o], q=QType(-(1 << 60), 1 << 60))
    with pytest.raises(CompileError, match="62 bits cannot be simulated exactly") as caught:
        Csim(g.model(), PYNQ)
    assert "Affine" in str(caught.value)
    assert "fewer bits" in caught.value.fix


def test_tables_that_no_hardware_compares_with() -> None:
    graph = IntegerGraph((4,), uint(8)).dense(2).threshold(uint(16))
    with pytest.raises(CompileError, match="65535 comparators an element are more than 4095") as caught:
        make_plan(graph.model(), PYNQ, _PARALLEL)
    assert "at most 12 bits" in caught.value.fix
    assert getattr(caught.value.node, "name", None) == "n3_threshold"


def test_gcc_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "g++"
    fake.write_text('#!/bin/sh\necho "x.cpp:1:1: error: no such thing" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(CompileError, match=r"g\+\+ could not compile the project: .*error: no such thing") as caught:
        Csim(narrow().model(), PYNQ)
    assert "g++ 9 or newer" in caught.value.fix
    assert caught.value.exit_code == 1


def _board(**changes: object) -> Target:
    return dataclasses.replace(PYNQ, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (_board(hls4ml_board="zcu102"), "builds board zcu102 for part xczu9eg-ffvb1156-2-e, not xc7z020clg400-1"),
        (_board(hls4ml_board="de10"), "hls4ml has no design for a board 'de10'"),
    ],
)
def test_accelerator_boards(target: Target, reason: str) -> None:
    with pytest.raises(CompileError, match=reason) as caught:
        emit(narrow().model(), target, Options(backend="VivadoAccelerator"))
    assert caught.value.node == "pynq-z2"
    assert "Vitis or Vivado" in caught.value.fix


def test_accelerator_carries_no_wide_integers() -> None:
    g = IntegerGraph((3,), uint(2)).dense(2)
    m, o = constant(g, [1 << 20, 1]), constant(g, [0, 0])
    g._add(CARDC, "Affine", [g.last, m, o], q=QType(-(1 << 28), (1 << 28) - 1))
    with pytest.raises(CompileError, match="29 bits do not fit the 32-bit floats"):
        emit(g.model(), PYNQ, Options(backend="VivadoAccelerator"))


def test_names_that_are_words_of_cpp() -> None:
    g = narrow()
    g.graph.name = "class"
    for i, node in enumerate(g.graph):
        node.name = ("int", "template", "ap_int", "hls", "double")[i % 5]
        node.outputs[0].name = ("while", "namespace", "nnet", "this", "ap_uint")[i % 5] + ("" if i < 5 else str(i))
    project = emit(g.model(), PYNQ)
    top = project.text("firmware/class_x.cpp")
    assert "void class_x(" in top
    assert "// template_x\n" in top


def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(CompileError) as caught:
        emit(card().model(), PYNQ).write(tmp_path / "out")
    assert caught.value.fix
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]
