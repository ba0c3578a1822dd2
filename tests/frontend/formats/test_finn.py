"""FINN-style graphs: MultiThreshold, Trunc, QuantAvgPool2d, integers for weights and inputs, datatype annotations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from tests.frontend.formats.oracle import GENERAL, Builder, F, check, lowered, operators, samples

from cardc.errors import CompileError
from cardc.ops.execute import execute
from cardc.ops.qtype import find_qtype
from cardc.verify import verify


def multithreshold(
    b: Builder,
    x: str,
    channels: int,
    levels: int,
    *,
    scale: float = 1.0,
    bias: float = 0.0,
    layout: str = "",
    dtype: str = "UINT2",
) -> str:
    """Thresholds on halves, so that sums of integers never tie with them by rounding."""
    t = np.sort(b.rng.integers(-12, 13, (channels, levels)) + 0.5, axis=1)
    named: dict[str, object] = {"data_layout": layout} if layout else {}
    return b.op(
        "MultiThreshold", x, b.const(t), domain=GENERAL, out_dtype=dtype, out_scale=scale, out_bias=bias, **named
    )  # fmt: skip


def annotate(model: onnx.ModelProto, name: str, datatype: str) -> onnx.ModelProto:
    note = model.graph.quantization_annotation.add()
    note.tensor_name = name
    pair = note.quant_parameter_tensor_names.add()
    pair.key, pair.value = "finn_datatype", datatype
    return model


def integers(b: Builder, *shape: int, low: int = -2, high: int = 2) -> str:
    return b.const(b.rng.integers(low, high, shape))


def mlp(b: Builder) -> str:
    """As FINN's streamlining leaves a dense network: integers everywhere, scale and offset at the end."""
    h = multithreshold(b, "x", 1, 3)
    h = multithreshold(b, b.op("MatMul", h, integers(b, 6, 8)), 8, 1, scale=2.0, bias=-1.0, dtype="BIPOLAR")
    h = multithreshold(b, b.op("MatMul", h, integers(b, 8, 5)), 5, 7, bias=-4.0, dtype="INT3")
    return b.op("Add", b.op("Mul", b.op("MatMul", h, integers(b, 5, 3)), b.const(0.125)), b.const(0.5))


def test_dense_network() -> None:
    b = Builder([1, 6], opset=11)
    _, integer = check(b.model(mlp(b)), samples((6,), 64), at_least=4)
    bipolar = [find_qtype(n.outputs[0]) for n in integer.graph if n.op_type == "Threshold"]
    assert [str(q) for q in bipolar] == ["uint2[0,3]", "bipolar", "int3[-4,3]"]


@pytest.mark.parametrize("layout", ["NCHW", ""])
def test_convolutional_network(layout: str) -> None:
    b = Builder([1, 2, 6, 6], opset=11)
    h = multithreshold(b, "x", 1, 3, layout=layout)
    h = b.op("Conv", h, integers(b, 4, 2, 3, 3), kernel_shape=[3, 3], pads=[1] * 4)
    h = b.op("MaxPool", multithreshold(b, h, 4, 3, layout=layout), kernel_shape=[2, 2], strides=[2, 2])
    h = b.op("Conv", h, integers(b, 3, 4, 3, 3), kernel_shape=[3, 3])
    _, integer = check(
        b.model(multithreshold(b, h, 3, 15, bias=-8.0, layout=layout)), samples((2, 6, 6), 8), at_least=3
    )
    assert "MultiThreshold" not in operators(integer)


def test_channels_last_thresholds() -> None:
    b = Builder([1, 6, 6, 2], opset=11)
    h = b.op("Transpose", multithreshold(b, "x", 1, 3, layout="NHWC"), perm=[0, 3, 1, 2])
    h = b.op("Conv", h, integers(b, 4, 2, 3, 3), kernel_shape=[3, 3], pads=[1] * 4)
    h = multithreshold(b, b.op("Transpose", h, perm=[0, 2, 3, 1]), 4, 3, layout="NHWC")
    h = b.op("MaxPoolNHWC", h, domain=GENERAL, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
    h = b.op("MatMul", b.op("Reshape", h, b.const([1, 36], np.int64)), integers(b, 36, 3))
    _, integer = check(b.model(multithreshold(b, h, 3, 15, bias=-8.0)), samples((6, 6, 2), 8), at_least=3)
    assert operators(integer).count("Transpose") == 1


def test_thresholds_pass_a_pool_behind_a_layer() -> None:
    """One row for all channels acts on a pool's input as on its output."""
    b = Builder([1, 1, 6, 6], opset=11)
    h = b.op("Conv", multithreshold(b, "x", 1, 3), integers(b, 4, 1, 3, 3), kernel_shape=[3, 3])
    h = multithreshold(b, b.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2]), 1, 3)
    _, integer = check(b.model(h), samples((1, 6, 6), 8), at_least=2)
    assert operators(integer)[-2:] == ["Threshold", "MaxPool"]


def test_unsorted_thresholds_count_alike() -> None:
    b = Builder([1, 3])
    y = b.op("MultiThreshold", "x", b.const([[1.5, -0.5, 0.5]]), domain=GENERAL, out_dtype="UINT2")
    check(b.model(y), samples((3,), 64))


@pytest.mark.parametrize("domain", ["finn.custom_op.general", "onnx.brevitas"])
def test_older_domains(domain: str) -> None:
    b = Builder([1, 6], opset=11)
    model = b.model(mlp(b))
    x = samples((6,), 16)
    _, want = check(model, x, at_least=4)
    for node in model.graph.node:
        node.domain = domain if node.domain else ""
    _, integer = lowered(model)
    name = integer.graph.outputs[0].name or ""
    assert np.array_equal(execute(integer, {"x": x})[name], execute(want, {"x": x})[name])


DATATYPES = {"UINT8": (0, 255), "INT2": (-2, 1), "BIPOLAR": (-1, 1), "TERNARY": (-1, 1), "BINARY": (0, 1)}


@pytest.mark.parametrize(("datatype", "ends"), DATATYPES.items())
def test_an_annotated_input_is_integers(datatype: str, ends: tuple[int, int]) -> None:
    b = Builder([1, 6], opset=11)
    y = multithreshold(b, b.op("MatMul", "x", integers(b, 6, 4)), 4, 3)
    x = np.random.default_rng(0).integers(ends[0], ends[1] + 1, (16, 6)).astype(F)
    if datatype == "BIPOLAR":
        x = np.where(x >= 0, F(1), F(-1))
    _, integer = check(annotate(b.model(y), "x", datatype), x)
    q = find_qtype(integer.graph.node(0).outputs[0])
    assert q is not None
    assert (q.lo, q.hi, q.step) == (*ends, 2 if datatype == "BIPOLAR" else 1)


def test_an_annotation_beside_a_quantiser_changes_nothing() -> None:
    b = Builder([1, 6], opset=11)
    y = b.quant(b.op("MatMul", b.quant(b.op("Div", "x", b.const(2.0))), b.weight(6, 3)), 1.0)
    model = b.model(y)
    x = np.abs(samples((6,), step=1.0))
    plain = operators(check(model, x)[1])
    assert operators(check(annotate(model, "x", "UINT8"), x)[1]) == plain


@pytest.mark.parametrize(("element", "dtype", "ends"), [
    (TensorProto.UINT8, np.uint8, (0, 255)), (TensorProto.INT8, np.int8, (-128, 127)),
])  # fmt: skip
def test_an_integer_input(element: int, dtype: type, ends: tuple[int, int]) -> None:
    """Images as bytes: Cast, scaling, layer."""
    b = Builder([1, 6])
    h = b.op("MatMul", b.op("Mul", b.op("Cast", "x", to=1), b.const(0.0078125)), b.weight(6, 3))
    x = np.random.default_rng(0).integers(ends[0], ends[1] + 1, (32, 6)).astype(dtype)
    _, integer = check(b.model(b.quant(h, 0.25, 6), element=element), x)
    q = find_qtype(integer.graph.node(0).outputs[0])
    assert q is not None
    assert (q.lo, q.hi) == ends


def trunc_v1(b: Builder, x: str, bits: tuple[int, int]) -> str:
    numbers = [b.const(v) for v in (0.5, 0.0, *bits)]
    return b.op("Trunc", x, *numbers, domain=GENERAL, rounding_mode="FLOOR")


def test_truncated_average() -> None:
    """As Brevitas' TruncAvgPool2d: mean, times the window's size, low bits dropped."""
    b = Builder([1, 2, 4, 4])
    h = b.op("AveragePool", b.quant("x", 0.5, 4, signed=0), kernel_shape=[2, 2], strides=[2, 2])
    h = trunc_v1(b, b.op("Mul", h, b.const(4.0)), (6, 4))
    y = b.quant(b.op("MatMul", b.op("Flatten", h), b.weight(8, 3)), 4.0)
    check(b.model(y), samples((2, 4, 4), 16), at_least=3)


def test_trunc_with_an_output_scale() -> None:
    b = Builder([1, 6])
    numbers = [b.const(v) for v in (0.5, 0.0, 8, 2.0, 4)]
    h = b.op("Trunc", b.quant("x", 0.5, 8), *numbers, domain=GENERAL, rounding_mode="FLOOR", signed=1, narrow=0)
    model = b.model(b.quant(b.op("MatMul", h, b.weight(6, 3)), 4.0))
    next(o for o in model.opset_import if o.domain == GENERAL).version = 2
    check(model, samples((6,), 32, step=0.5), at_least=3)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_quant_avg_pool(layout: str) -> None:
    shape = (2, 4, 4) if layout == "NCHW" else (4, 4, 2)
    b = Builder([1, *shape], opset=11)
    attributes: dict[str, object] = {
        "kernel": 3,
        "stride": 1,
        "ibits": 4,
        "obits": 4,
        "signed": 0,
        "data_layout": layout,
    }
    h = b.op("QuantAvgPool2d", b.quant("x", 1.0, 4, signed=0), domain=GENERAL, **attributes)
    y = b.quant(b.op("MatMul", b.op("Flatten", h), b.weight(8, 3)), 4.0)
    check(b.model(y), samples(shape, 16, step=0.5), at_least=2)


Change = Callable[[Builder], str]
REFUSED: dict[str, tuple[Change, str]] = {
    "fractional levels": (
        lambda b: multithreshold(b, "x", 1, 3, scale=0.1, bias=0.05), "no whole multiples of a scale"),
    "negative scale": (lambda b: multithreshold(b, "x", 1, 3, scale=-1.0), "out_scale <= 0"),
    "rows": (lambda b: multithreshold(b, "x", 4, 3), r"constant \[C, L\] array"),
    "computed thresholds": (
        lambda b: b.op("MultiThreshold", "x", "x", domain=GENERAL, out_dtype="UINT2"), "thresholds are not constant"),
    "layout": (lambda b: multithreshold(b, "x", 1, 3, layout="NHWC"), "layout NHWC"),
    "trunc to more bits": (lambda b: trunc_v1(b, "x", (4, 6)), "Trunc from 4 to 6 bits"),
    "float weights": (lambda b: b.op("MatMul", b.quant("x"), b.const(b.values(6, 3))), "weights of MatMul"),
}  # fmt: skip


@pytest.mark.parametrize(("graph", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_node_and_remedy(graph: Change, what: str) -> None:
    b = Builder([1, 6])
    with pytest.raises(CompileError, match=what) as caught:
        lowered(b.model(graph(b)))
    assert caught.value.node is not None
    assert caught.value.fix


def test_an_input_annotated_with_no_integer_type_is_refused() -> None:
    b = Builder([1, 6])
    with pytest.raises(CompileError, match="annotated as FIXED<8,4>") as caught:
        lowered(annotate(b.model(mlp(b)), "x", "FIXED<8,4>"))
    assert "UINT8" in caught.value.fix


def im2col(b: Builder, x: str, **more: object) -> str:
    attributes: dict[str, object] = {"stride": [1, 2], "kernel_size": [3, 2], "pad_amount": [1, 0, 2, 1], **more}
    return b.op("Im2Col", x, domain=GENERAL, input_shape="(1,6,6,4)", **attributes)


def test_a_convolution_lowered_to_a_product() -> None:
    b = Builder([1, 6, 6, 4], opset=11)
    h = multithreshold(b, "x", 1, 3, layout="NHWC")
    model_input = h
    h = b.op("MatMul", im2col(b, h), integers(b, 24, 5))
    h = multithreshold(b, h, 5, 3, layout="NHWC")
    model = annotate(b.model(b.op("MatMul", h, integers(b, 5, 3))), model_input, "UINT2")
    imported, integer = lowered(model)
    assert [o for o in operators(integer) if o in ("Conv", "MatMul")] == ["Conv", "Conv"]
    exact = verify(imported, integer, model, samples((6, 6, 4), 4), [])
    assert exact.equal, exact.first_difference
    assert exact.tensors == 3


def test_columns_without_their_product_are_refused() -> None:
    for more, end in (({"depthwise": 1}, "MatMul"), ({}, "Mul")):
        b = Builder([1, 6, 6, 4], opset=11)
        h = im2col(b, multithreshold(b, "x", 1, 3, layout="NHWC"), **more)
        model = b.model(b.op(end, h, integers(b, 24, 5) if end == "MatMul" else b.const(0.5)))
        with pytest.raises(CompileError, match="Im2Col that is no plain convolution") as caught:
            lowered(model)
        assert "LowerConvsToMatMul" in caught.value.fix


def test_verify_knows_quantisers_at_the_end_and_integer_averages() -> None:
    b = Builder([1, 4, 6, 6], opset=11)
    h = multithreshold(b, "x", 1, 15)
    h = b.op("QuantAvgPool2d", h, domain=GENERAL, kernel=2, stride=2, ibits=4, obits=4, signed=0, data_layout="NCHW")
    h = b.op("MatMul", b.op("Transpose", h, perm=[0, 2, 3, 1]), integers(b, 4, 5))
    model = b.model(multithreshold(b, h, 5, 3, layout="NHWC"))
    imported, integer = lowered(model)
    exact = verify(imported, integer, model, samples((4, 6, 6), 4), [])
    assert exact.equal, exact.first_difference
    assert exact.tensors >= 3


def test_bits_that_agree() -> None:
    """XnorPopcountMatMul, as FINN's ConvertBipolarMatMulToXnorPopcount leaves a dense network."""
    b = Builder([1, 6], opset=12)
    h = multithreshold(b, "x", 1, 1, dtype="BINARY")
    h = b.op("XnorPopcountMatMul", h, integers(b, 6, 5, low=0), domain=GENERAL)
    h = multithreshold(b, h, 5, 1, dtype="BINARY")
    y = b.op("XnorPopcountMatMul", h, integers(b, 5, 3, low=0), domain=GENERAL)
    imported, integer = lowered(b.model(y))
    exact = verify(imported, integer, b.model(y), samples((6,), 64), [])
    assert exact.equal, exact.first_difference
    assert {"Threshold", "MatMul"} <= set(operators(integer))


@pytest.mark.parametrize("weights", ["x", "numbers"])
def test_bits_that_are_none(weights: str) -> None:
    b = Builder([1, 6])
    h = multithreshold(b, "x", 1, 1, dtype="BINARY")
    w = b.op("Reshape", h, b.const([6, 1], np.int64)) if weights == "x" else integers(b, 6, 5)
    with pytest.raises(CompileError, match=r"weights are not constant bits|moves the batch axis"):
        lowered(b.model(b.op("XnorPopcountMatMul", h, w, domain=GENERAL)))


def test_thresholds_alike_in_every_channel_go_in_front_of_a_reshape() -> None:
    b = Builder([1, 2, 3], opset=12)
    h = b.op("Reshape", b.op("Mul", "x", b.const(2.0)), b.const([1, 6], np.int64))
    h = b.op("MultiThreshold", b.op("Sub", h, b.const(0.25)), b.const([[-0.5, 0.5]] * 6), domain=GENERAL)
    y = b.op("MatMul", b.op("Add", h, b.const(-1.0)), integers(b, 6, 4))
    check(b.model(y), samples((2, 3), 20))


@pytest.mark.parametrize("domain", ["", "qonnx", "onnx.brevitas", "finn.custom_op.general", "finn"])
def test_quantisers_of_every_domain(domain: str) -> None:
    b = Builder([1, 6])
    model = b.model(b.op("MatMul", b.quant("x"), b.weight(6, 3)))
    x = samples((6,), 20)
    want = execute(lowered(model)[1], {"x": x})
    for one in model.graph.node:
        one.domain = domain if one.op_type == "Quant" else ""
    imported, integer = lowered(model)
    assert verify(imported, integer, model, x, []).equal
    assert all(np.array_equal(execute(integer, {"x": x})[name], array) for name, array in want.items())


def test_marks_of_debugging_are_passed_over() -> None:
    b = Builder([1, 6])
    h = b.op("DebugMarker", b.op("MatMul", b.quant("x"), b.weight(6, 3)), domain=GENERAL, export_debug_name="h")
    _, integer = lowered(b.model(h))
    assert operators(integer) == ["Threshold", "MatMul"]


@pytest.mark.parametrize("op", ["MVAU_hls", "Thresholding_rtl", "IODMA_hls", "SomethingNew"])
def test_hardware_layers_are_refused_with_a_way_back(op: str) -> None:
    b = Builder([1, 6])
    with pytest.raises(CompileError, match=f"operator {op} is not supported") as error:
        lowered(b.model(b.op(op, "x", domain="finn.custom_op.fpgadataflow.hls")))
    assert error.value.fix == "export the model before FINN's conversion to hardware layers"
