"""The plan: exact types, the order of elements, choices, and every refusal."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.hls4ml import Options, layer_facts
from cardc.backends.hls4ml.edges import REFUSED
from cardc.backends.hls4ml.layout import Layout
from cardc.backends.hls4ml.lower_linear import weight_type
from cardc.backends.hls4ml.plan import make_plan
from cardc.backends.hls4ml.strategy import valid_reuse
from cardc.backends.hls4ml.types import HlsInt, narrowest, parse_type, signed
from cardc.errors import CompileError
from cardc.ops.base import CARDC, ONNX
from cardc.ops.graph import add_initializer
from cardc.ops.qtype import QType

from .helpers import PYNQ, card, constant, folded, mlp

_WIDE = st.integers(-(2**70), 2**70)


@given(_WIDE, _WIDE)
def test_narrowest_type_holds_the_range_and_no_narrower_does(a: int, b: int) -> None:
    lo, hi = min(a, b), max(a, b)
    t = narrowest(lo, hi)
    assert t.lo <= lo
    assert hi <= t.hi
    assert t.signed == (lo < 0)
    less = HlsInt(t.width - 1, t.signed)
    assert t.width == 1 or less.lo > lo or less.hi < hi
    assert parse_type(t.cpp) == t
    assert signed(lo, hi).signed


@pytest.mark.parametrize("text", ["ap_fixed<16,6>", "float", "ap_int<>", "nnet::array<ap_int<4>, 2*1>"])
def test_other_types_are_not_integers(text: str) -> None:
    assert parse_type(text) is None


@pytest.mark.parametrize(
    ("values", "cpp"),
    [
        ([-1, 1], "ap_int<2>"),
        ([-1, 0, 1], "ap_int<2>"),
        ([0, 1], "ap_int<2>"),  # as ap_uint<1>, hls4ml would take them for {-1, +1}
        ([-2, 1], "ap_int<3>"),  # as ap_int<2>, hls4ml would take -2 for +1
        ([0, 2], "ap_int<3>"),
        ([-8, 7], "ap_int<4>"),
        ([0, 7], "ap_int<4>"),
    ],
)
def test_weight_types(values: list[int], cpp: str) -> None:
    assert weight_type(np.asarray(values)).cpp == cpp


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(0, 3))
def test_layout_goes_there_and_back(shape: list[int], n: int) -> None:
    layout = Layout.natural(tuple(shape))
    x = np.arange(n * layout.order.size).reshape(n, *shape)
    y = layout.to_hls(x)
    assert y.shape == (n, *layout.hls_shape)
    np.testing.assert_array_equal(layout.from_hls(y), x)
    if len(shape) == 3:
        np.testing.assert_array_equal(y, x.transpose(0, 2, 3, 1))


def test_accumulators_are_as_wide_as_the_weights_say() -> None:
    w = np.array([[1, 1], [1, -1], [0, 1]])
    plan = make_plan(IntegerGraph((3,), uint(4)).dense(2, weights=w).model(), PYNQ, Options())
    assert plan.last.accum == plan.last.result == narrowest(-15, 30)
    assert plan.last.accum == HlsInt(6, signed=True)


def test_thresholds_beyond_the_range_cost_no_bits() -> None:
    g = IntegerGraph((3,), uint(1)).dense(2, weights=np.array([[1, -1]] * 3))
    t, d = constant(g, [[-(10**6), 1, 10**6], [-(10**6), 0, 10**6]]), constant(g, [1, -1])
    g._add(CARDC, "Threshold", [g.last, t, d], q=uint(2), attributes={"base": 0})
    layer = make_plan(g.model(), PYNQ, Options()).last
    assert layer.weights[0].values.tolist() == [[-3, 1, 4], [4, 1, -3]]
    assert layer.weights[0].type == HlsInt(8, signed=True)
    assert layer.weights[1].values.tolist() == [0, 1]


def test_flatten_moves_weight_rows_instead_of_data() -> None:
    w = np.arange(8 * 1).reshape(8, 1) - 4
    g = IntegerGraph((2, 2, 2), uint(2)).flatten().dense(1, weights=w)
    plan = make_plan(g.model(), PYNQ, Options())
    assert plan.last.weights[0].values.ravel().tolist() == [-4, 0, -3, 1, -2, 2, -1, 3]


def test_choices_by_layer() -> None:
    facts = layer_facts(mlp().model(), PYNQ)
    assert [(f.op, f.strategy, f.reuse_factor) for f in facts if f.op == "MatMul"] == [
        ("MatMul", "resource", 196),
        ("MatMul", "resource", 16),
        ("MatMul", "resource", 16),
        ("MatMul", "latency", 1),
    ]
    assert {f.io_type for f in facts} == {"io_parallel"}
    first, conv = facts[0], layer_facts(card().model(), PYNQ)[2]
    assert (first.weights, first.nonzeros, first.macs, first.multipliers) == (50176, 50176, 50176, 256)
    assert (conv.node, conv.op, conv.io_type, conv.shape) == ("n4_conv", "Conv", "io_stream", "8x8x32")
    assert conv.macs == 64 * 32 * 16 * 9
    assert conv.nonzeros == conv.multipliers
    assert 0 < conv.nonzeros < conv.weights == 32 * 16 * 9
    assert conv.accumulator_bits == 10
    assert facts[1].levels == 1


def test_valid_reuse_factors_are_those_of_hls4ml() -> None:
    from hls4ml.backends import get_backend

    backend = get_backend("Vitis")
    for n_in, n_out in ((12, 5), (64, 10), (9, 16), (7, 1)):
        assert list(valid_reuse(n_in, n_out)) == backend.get_valid_reuse_factors(n_in, n_out)
    assert valid_reuse(6, 4, beyond_inputs=False) == (1, 2, 3, 6)


def _refused(g: IntegerGraph, options: Options | None = None, target: object = PYNQ) -> str:
    with pytest.raises(CompileError) as caught:
        make_plan(g.model(), target, options or Options())  # type: ignore[arg-type]
    assert caught.value.fix
    return str(caught.value)


def test_unsupported_operators_are_all_named() -> None:
    g = IntegerGraph((4,), uint(2)).dense(4)
    g._add(ONNX, "Relu", [g.last], q=QType(0, 9))
    g._add(ONNX, "Neg", [g.last], q=QType(-9, 0))
    said = _refused(g)
    assert "operator Relu is not supported by the hls4ml backend" in said
    assert "operator Neg is not supported" in said
    assert "'n3_relu'" in said


def test_too_large_for_io_parallel() -> None:
    wide = IntegerGraph((1, 65, 65), uint(1)).conv(1, density=0.5)
    assert "4,225 elements is too large for io_parallel" in _refused(wide, Options(io_type="io_parallel"))
    deep = IntegerGraph((32, 16, 16), uint(1)).conv(8, (3, 3))
    said = _refused(deep, Options(io_type="io_parallel"))
    assert "is too large for io_parallel" in said
    assert "use io_type io_stream" in said


def test_wrong_targets() -> None:
    from cardc.targets.base import load

    assert "built by backend 'c'" in _refused(mlp(), target=load("nucleo-f446re"))
    for backend, why in REFUSED.items():
        said = _refused(mlp(), target=dataclasses.replace(PYNQ, hls4ml_backend=backend))
        assert f"hls4ml backend {backend!r} is not supported: {why}" in said
        assert said == _refused(mlp(), Options(backend=backend))
        assert "use one of Vitis, Vivado, VivadoAccelerator" in said
    assert "'Vitsi' is not supported" in _refused(mlp(), Options(backend="Vitsi"))
    bare = dataclasses.replace(PYNQ, hls4ml_board="")
    assert "no ready-made design for this board" in _refused(mlp(), Options(backend="VivadoAccelerator"), bare)
    parallel = dataclasses.replace(PYNQ, io_types=("io_parallel",))
    assert "does not take io_stream" in _refused(card(), target=parallel)


def test_wrong_options() -> None:
    assert "names a layer that the graph does not have" in _refused(mlp(), Options(reuse={"fc1": 2}))
    options = Options(strategy={"n2_matmul": "resource"}, reuse={"n2_matmul": 5})
    assert "reuse factor 5 is not possible for a 784x64 product" in _refused(mlp(), options)
    beyond = Options(io_type="io_parallel", strategy={"n4_conv": "resource"}, reuse={"n4_conv": 144})
    assert "reuse factor 144 is not possible for a 72x8 product" in _refused(folded(), beyond)
    for bad in ({"io_type": "io_serial"}, {"strategy": {"a": "fast"}}, {"reuse": {"a": 0}}):
        with pytest.raises(CompileError):
            Options(**bad)  # type: ignore[arg-type]


def test_product_too_large_to_unroll() -> None:
    def sparse() -> IntegerGraph:
        return IntegerGraph((1024,), BIPOLAR).dense(1024, density=0.001)

    assert layer_facts(sparse().model(), PYNQ)[0].strategy == "resource"
    said = _refused(sparse(), Options(strategy={"n2_matmul": "latency"}))
    assert "a 1024x1024 product is too large to unroll" in said


def test_a_reshape_that_moves_data_gets_a_layer() -> None:
    g = IntegerGraph((2, 4, 4), uint(2)).conv(4)
    g._add(ONNX, "Reshape", [g.last, add_initializer(g.graph, "shape", np.asarray([1, 2, 8, 4], np.int64))])
    classes = [layer.class_name for layer in make_plan(g.conv(2).model(), PYNQ, Options()).layers]
    assert "CardcReorder" in classes


def test_two_outputs_and_float_graphs() -> None:
    g = IntegerGraph((4,), BIPOLAR).dense(4)
    middle = g.last
    model = g.threshold(BIPOLAR).dense(2).model()
    model.graph.outputs.append(middle)
    with pytest.raises(CompileError, match="one integer output"):
        make_plan(model, PYNQ, Options())
    x = ir.Value(name="x", shape=ir.Shape((1, 4)), type=ir.TensorType(ir.DataType.FLOAT))
    relu = ir.node("Relu", [x], num_outputs=1)
    relu.outputs[0].shape = ir.Shape((1, 4))
    floats = ir.Graph([x], list(relu.outputs), nodes=[relu], opset_imports={"": 17}, name="f")
    with pytest.raises(CompileError, match="0 input quantisers"):
        make_plan(ir.Model(floats, ir_version=10), PYNQ, Options())
