"""More than 8 bits in C: inputs, activations, weights, sums and results, from 9 bits to 64."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.c.networks import in_c, lower
from tests.backends.c.test_emit_run import check
from tests.graphs import BIPOLAR, IntegerGraph, uint
from tests.tools import need_gcc, need_host
from tests.zoo.networks import Graph

from cardc.backends.c.backend import CBackend
from cardc.backends.c.emulate import host
from cardc.backends.c.program import build
from cardc.backends.c.run import CBuild
from cardc.errors import CompileError
from cardc.frontend.load import load
from cardc.ops.base import CARDC
from cardc.ops.execute import execute
from cardc.ops.graph import add_initializer
from cardc.ops.qtype import QType
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER, for_microcontroller
from cardc.targets.base import load as board

CORES = ["host", "cortex-m4", "cortex-m0plus", "rv32imc"]


def weights(shape: tuple[int, ...], bits: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    top = 2 ** (bits - 1)
    return np.random.default_rng(seed).integers(-top, top, shape)


def dense(bits: int = 16, levels: int = 12) -> IntegerGraph:
    """int16 in, sums beyond 32 bits, a table of 4,095 thresholds, uint12 by 16-bit weights, results of 64 bits."""
    graph = IntegerGraph((20,), QType(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    graph.dense(7, weights=weights((20, 7), 16)).threshold(uint(levels), falling=0.4)
    graph.dense(6, weights=weights((7, 6), 9)).requantize(uint(9), shift=20)
    return graph.dense(3, weights=weights((6, 3), 30))


def images() -> IntegerGraph:
    """uint16 (stored as int32), grouped and strided and padded convolutions, a pool of int16, bytes behind all that."""
    graph = IntegerGraph((2, 6, 5), uint(16)).conv(4, group=2, weights=weights((4, 1, 3, 3), 8))
    graph.requantize(QType(-2000, 2000), shift=10).maxpool().conv(3, (2, 2), pads=1, weights=weights((3, 4, 2, 2), 12))
    graph.threshold(BIPOLAR).conv(2, stride=2, weights=weights((2, 3, 3, 3), 11)).threshold(uint(4)).flatten()
    return graph.dense(3)


def wide_levels() -> IntegerGraph:
    """Kernels for bytes in front of 16-bit levels: the sums go through memory."""
    return IntegerGraph((1, 5, 5), uint(4)).conv(3).threshold(uint(10), falling=0.3).flatten().dense(3)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("graph", [dense, images, wide_levels])
def test_every_tensor_on_every_core(graph: object, core: str) -> None:
    assert callable(graph)
    check(in_c(graph(), inputs=6), core)


def test_what_is_stored_how() -> None:
    program = in_c(dense()).built.program
    assert (program.in_type, program.out_type) == ("int16_t", "int64_t")
    assert {"cardc_load_wide", "cardc_dense_wide"} <= program.functions
    assert in_c(images()).built.program.in_type == "uint16_t"
    assert "cardc_wide_tensor" in in_c(wide_levels()).built.program.functions


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
@pytest.mark.parametrize("graph", [dense, images])
def test_no_warning_and_clean_under_sanitizers(graph: object, compiler: str) -> None:
    need_host(compiler)
    assert callable(graph)
    sources = in_c(graph(), name="wide").built.sources(selftest=True)
    host.check_compiles(sources, compiler=compiler)
    if compiler == "gcc":
        done = host.run_program(sources, compiler="gcc", sanitize=True)
        assert (done.exit_code, done.output) == (0, "PASS\n")


def test_wide_networks_on_an_avr() -> None:
    need_gcc("avr5")
    check(in_c(dense(9, 8), inputs=2, features=()), "avr5")


def test_joins_of_64_bits() -> None:
    """Sums of sums, a sum over windows, the largest channels and moves, where nothing fits 32 bits."""
    graph = IntegerGraph((2, 4, 4), QType(-(2**15), 2**15 - 1)).conv(2, weights=weights((2, 2, 3, 3), 24))
    first = graph.last
    graph._add(CARDC, "Resize", [first], attributes={"factors": [2, 2]})
    graph._add(CARDC, "SumPool", [graph.last], attributes={"kernel_shape": [2, 2], "strides": [2, 2]})
    total = graph._add(CARDC, "Add", [graph.last, first]).last
    graph._add(CARDC, "MaxPool", [total], attributes={"kernel_shape": [2, 2], "strides": [2, 2]})
    graph._add(CARDC, "Concat", [graph.last, graph.last], attributes={"axis": 1}).flatten()
    graph._add(CARDC, "TopK", [graph.last], attributes={"k": 3, "largest": 1, "indices": 0})
    case = in_c(graph)
    assert {f"cardc_{name}_wide" for name in ("move", "sum_windows", "add", "max_windows", "top_channels")} <= (
        case.built.program.functions
    )
    check(case, "host")


def test_argmax_of_64_bits() -> None:
    graph = dense()
    graph._add(CARDC, "ArgMax", [graph.last])
    case = in_c(graph)
    assert "cardc_argmax_channels_wide" in case.built.program.functions
    check(case, "host")


def test_rounding_to_even_needs_no_table() -> None:
    graph = IntegerGraph((9,), QType(-(2**11), 2**11 - 1)).dense(4, weights=weights((9, 4), 8))
    m, b = (add_initializer(graph.graph, name, np.asarray([v]), QType(v, v)) for name, v in (("m", 1), ("b", 3)))
    attributes = {"shift": 5, "rounding": "half_even"}
    graph._add(CARDC, "Requantize", [graph.last, m, b], q=QType(-(2**13), 2**13 - 1), attributes=attributes)
    case = in_c(graph, inputs=50)
    assert not any(a.name.endswith("thresholds") for s in case.built.program.steps for a in s.arrays)
    check(case, "host")


def test_products_beyond_64_bits_are_refused() -> None:
    graph = IntegerGraph((16,), QType(-(2**15), 2**15 - 1)).dense(1, weights=weights((16, 1), 30))
    m, b = (add_initializer(graph.graph, name, np.asarray([v]), QType(v, v)) for name, v in (("m", 2**20), ("b", 0)))
    graph._add(CARDC, "Requantize", [graph.last, m, b], q=QType(-9, 9), attributes={"shift": 60})
    with pytest.raises(CompileError) as caught:
        build(lower(graph.model()))
    assert "does not fit 64 bits" in str(caught.value)
    assert isinstance(caught.value.node, ir.Node)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_graphs_of_up_to_sixteen_bits(seed: int) -> None:
    """Every operator and quantiser setting from the importer on: C gives the integers of the integer graph."""
    graph, target = Graph(seed, exact=bool(seed % 2), bits=16), board("nucleo-f446re")
    model = load(graph.model())
    try:
        run_steps(model, TO_INTEGER)
    except CompileError as error:  # what 16 bits can ask too much of: scales that no integers are multiples of
        if "common unit" not in error.what:
            raise
        return
    x = graph.inputs(6)
    want = execute(model, {"x": x})
    run_steps(model, for_microcontroller(target))
    program, backend = build(model), CBackend(title="net")
    built = CBuild(backend.project(model, program, target), program, backend.identifier(model))
    source, output = program.schedule.source, program.schedule.output
    if program.schedule.quantizer is not None:
        assert np.array_equal(built.quantize(x), want[source.name or ""])
    got, y = built.run(want[source.name or ""]), want[output.name or ""]
    assert np.array_equal(got.reshape(y.shape), y)
