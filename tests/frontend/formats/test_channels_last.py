"""Channels-last graphs: the same integers as qonnx computes, without a transposition inside the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from tests.frontend.formats.oracle import LAST, Builder, check, operators, samples

import cardc
from cardc.builds.mcu import McuBuild


def conv(b: Builder, x: str, o: int, i: int, k: int = 3, *, pad: int = 1, stride: int = 1, group: int = 1) -> str:
    """Conv of qonnx's channels-last domain, weights [O, k, k, I]."""
    return b.op(
        "Conv", x, b.weight(o, k, k, i // group), domain=LAST, kernel_shape=[k, k], pads=[pad] * 4,
        strides=[stride] * 2, dilations=[1, 1], group=group,
    )  # fmt: skip


def norm(b: Builder, x: str, c: int, domain: str = LAST) -> str:
    """BatchNormalization of short binary fractions, gamma of either sign."""
    gamma, beta, mean = b.values(c, step=0.25), b.values(c), b.values(c)
    parameters = [b.const(v) for v in (np.where(gamma == 0, 1, gamma), beta, mean, np.full(c, 0.25))]
    return b.op("BatchNormalization", x, *parameters, domain=domain, epsilon=0.0)


def chain(b: Builder) -> str:
    """Convolution, normalisation, activation, pool; all in the channels-last domain."""
    h = b.quant("x")
    h = b.quant(b.op("Relu", norm(b, conv(b, h, 6, 3), 6)), 1.0, 4, signed=0)
    h = b.op("MaxPool", h, domain=LAST, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
    return b.quant(conv(b, h, 4, 6), 4.0)


def biased(b: Builder) -> str:
    """A constant along the last axis, and one for each channel in front of a quantiser."""
    h = b.op("Add", conv(b, b.quant("x"), 6, 3), b.const(b.values(6)))
    h = b.op("Mul", h, b.const([0.5, -0.5, 1, 2, -1, 0.25]))
    h = b.op("PRelu", b.op("Sub", h, b.const(b.values(1, 1, 6))), b.const([0, 0.5, 0.25, 1, 0.125, 0]))
    return b.quant(h, 2.0)


def depthwise(b: Builder) -> str:
    h = conv(b, b.quant("x"), 3, 3, group=3)
    return b.quant(conv(b, b.quant(h), 5, 3, 1, pad=0), 1.0)


def flattened(b: Builder, *, gemm: bool = False, norms: bool = False) -> str:
    """A dense layer behind the flattened map: its rows are in the order of height, width, channels."""
    h = b.quant(b.op("Relu", conv(b, b.quant("x"), 4, 3, stride=2)), 1.0, 3, signed=0)
    h = b.op("Flatten", h)
    if norms:
        h = b.op("Mul", h, b.const(np.exp2(b.rng.integers(-2, 3, 64))))
        h = b.quant(norm(b, h, 64, ""), 1.0)
    if gemm:
        return b.quant(b.op("Gemm", h, b.weight(7, 64), b.const(b.values(7)), transB=1), 4.0)
    return b.quant(b.op("MatMul", h, b.weight(64, 7)), 4.0)


def unet(b: Builder) -> str:
    """Down, up by nearest neighbours, Concat with the skip connection, as in a U-Net."""
    down = b.quant(b.op("Relu", conv(b, b.quant("x"), 4, 3)), 1.0, 3, signed=0)
    low = b.op("MaxPool", down, domain=LAST, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
    low = b.quant(b.op("Relu", conv(b, low, 6, 4)), 1.0, 3, signed=0)
    up = b.op(
        "Resize", low, "", b.const([1, 2, 2, 1]), mode="nearest", coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )  # fmt: skip
    joined = b.op("Concat", up, down, axis=3)
    return b.quant(conv(b, joined, 2, 10, 1, pad=0), 2.0)


def residual(b: Builder) -> str:
    h = b.quant("x")
    for _ in range(2):
        branch = b.quant(conv(b, h, 3, 3), 0.5)
        h = b.quant(b.op("Add", branch, h), 0.5)
    return h


def mean(b: Builder) -> str:
    h = b.quant(b.op("Relu", conv(b, b.quant("x"), 4, 3)), 1.0, 3, signed=0)
    h = b.op("ReduceMean", h, axes=[1, 2], keepdims=0)
    return b.quant(b.op("MatMul", h, b.weight(4, 5)), 0.5)


def padded(b: Builder) -> str:
    h = b.op("Pad", b.quant("x"), b.const([0, 1, 0, 0, 0, 1, 2, 0], np.int64))
    return b.quant(conv(b, h, 4, 3, pad=0), 2.0)


def positions(b: Builder) -> str:
    """A dense layer at each position."""
    h = b.quant(b.op("MatMul", b.quant("x"), b.weight(3, 5)), 1.0)
    return b.quant(b.op("Add", b.op("MatMul", h, b.weight(5, 2)), b.const([0.25, -1])), 1.0)


GRAPHS: dict[str, tuple[Callable[[Builder], str], int]] = {
    # graph, transpositions left: one at the input; one at the output where that is a map
    "chain": (chain, 2),
    "biased": (biased, 2),
    "depthwise": (depthwise, 2),
    "flattened, MatMul": (flattened, 1),
    "flattened, Gemm": (lambda b: flattened(b, gemm=True), 1),
    "flattened, scaled by feature": (lambda b: flattened(b, norms=True), 1),
    "u-net": (unet, 2),
    "residual": (residual, 2),
    "mean": (mean, 1),
    "padded": (padded, 2),
    "dense at each position": (positions, 2),
}


@pytest.mark.parametrize(("graph", "left"), GRAPHS.values(), ids=GRAPHS.keys())
def test_the_integers_are_qonnx(graph: Callable[[Builder], str], left: int) -> None:
    b = Builder([1, 8, 8, 3], opset=13)
    imported, integer = check(b.model(graph(b)), samples((8, 8, 3), 6), at_least=2)
    assert operators(integer).count("Transpose") == left
    assert tuple(integer.graph.inputs[0].shape or ()) == (1, 8, 8, 3)
    assert imported.graph.outputs[0].name == b.nodes[-1].output[0]


def keras(b: Builder, *, pool: bool = True) -> str:
    """As tf2onnx writes Keras: ONNX's own Conv between transpositions, everything else channels-last."""

    def layer(x: str, o: int, i: int) -> str:
        first = b.op("Transpose", x, perm=[0, 3, 1, 2])
        y = b.op("Conv", first, b.op("Transpose", b.weight(3, 3, i, o), perm=[3, 2, 0, 1]), auto_pad="SAME_UPPER")
        return b.op("Transpose", y, perm=[0, 2, 3, 1])

    h = b.op("Add", layer(b.quant("x"), 4, 1), b.const(b.values(4)))
    h = b.quant(b.op("Relu", h), 0.5, 4, signed=0)
    if pool:
        h = b.op("Transpose", h, perm=[0, 3, 1, 2])
        h = b.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2])
        h = b.op("Transpose", h, perm=[0, 2, 3, 1])
    h = b.quant(b.op("Relu", layer(h, 5, 4)), 1.0, 4, signed=0)
    h = b.op("Reshape", h, b.const([-1, 80 if pool else 320], np.int64))
    return b.quant(b.op("Add", b.op("MatMul", h, b.weight(80 if pool else 320, 3)), b.const(b.values(3))), 8.0)


@pytest.mark.parametrize("pool", [True, False])
def test_keras_between_transpositions(pool: bool) -> None:
    """One input channel: its transposition is no more than a reshape."""
    b = Builder([1, 8, 8, 1], opset=13)
    _, integer = check(b.model(keras(b, pool=pool)), samples((8, 8, 1), 6), at_least=4)
    assert "Transpose" not in operators(integer)


def test_a_sequence_by_one_dimensional_convolution() -> None:
    b = Builder([1, 12, 4], opset=13)
    h = b.op("Transpose", b.quant("x"), perm=[0, 2, 1])
    h = b.op("Conv", h, b.op("Transpose", b.weight(3, 4, 6), perm=[2, 1, 0]), pads=[1, 1])
    h = b.quant(b.op("Relu", b.op("Transpose", h, perm=[0, 2, 1])), 0.5, 4, signed=0)
    # As older converters write a one-dimensional pool: by way of an axis of size 1.
    h = b.op("Unsqueeze", h, b.const([1], np.int64))
    h = b.op("Transpose", h, perm=[0, 3, 1, 2])
    h = b.op("MaxPool", h, kernel_shape=[1, 2], strides=[1, 2])
    h = b.op("Squeeze", b.op("Transpose", h, perm=[0, 2, 3, 1]), b.const([1], np.int64))
    y = b.quant(b.op("MatMul", b.op("Flatten", h), b.weight(36, 3)), 2.0)
    _, integer = check(b.model(y), samples((12, 4), 6), at_least=3)
    assert operators(integer).count("Transpose") == 1


def test_a_channels_first_model_keeps_its_input() -> None:
    """qonnx's own conversion of a channels-first model: transpositions at its ends only."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.infer_shapes import InferShapes

    b = Builder([1, 3, 8, 8], opset=13)
    window: dict[str, object] = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1], "group": 1}
    h = b.quant(
        b.op("Relu", b.op("Conv", b.quant("x"), b.weight(4, 3, 3, 3), pads=[1] * 4, **window)), 1.0, 4, signed=0
    )
    h = b.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
    h = b.quant(norm(b, b.op("Conv", h, b.weight(5, 4, 3, 3), pads=[0] * 4, **window), 5, ""), 1.0)
    y = b.quant(b.op("MatMul", b.op("Flatten", h), b.weight(20, 3)), 4.0)
    model = b.model(y)
    x = samples((3, 8, 8), 6)
    _, want = check(model, x, at_least=4)
    wrapped = ModelWrapper(model).transform(InferShapes()).transform(ConvertToChannelsLastAndClean())
    _, integer = check(wrapped.model, x, at_least=2)
    assert "Transpose" not in operators(integer)
    assert operators(integer) == [op.replace("Flatten", "Reshape") for op in operators(want)]


def test_input_layout_of_the_integer_graph_is_the_users() -> None:
    b = Builder([1, 4, 6, 2], opset=13)
    y = b.quant(conv(b, b.quant("x", 0.25, 8), 3, 2), 1.0)
    _, integer = check(b.model(y), samples((4, 6, 2), 3), at_least=2)
    first, second = list(integer.graph)[:2]
    assert (first.op_type, second.op_type) == ("Threshold", "Transpose")
    assert tuple(first.outputs[0].shape or ()) == (1, 4, 6, 2)
    assert tuple(integer.graph.outputs[0].shape or ()) == (1, 4, 6, 3)


@pytest.mark.parametrize("axes", [("N", "H", "W"), (1, 8, 8)])
@pytest.mark.parametrize("imports", [None, 1])
def test_verify_runs_files_without_shapes_or_versions(axes: tuple[str | int, ...], imports: int | None) -> None:
    b = Builder([*axes, 2])
    h = b.quant(conv(b, b.quant("x"), 4, 2), 1.0)
    h = b.op("MaxPool", h, domain=LAST, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4, ceil_mode=0)
    model = b.model(b.quant(conv(b, h, 3, 4, 1, pad=0), 1.0))
    kept = [o for o in model.opset_import if o.domain != LAST]
    del model.opset_import[:]
    model.opset_import.extend([*kept, *([onnx.helper.make_opsetid(LAST, imports)] if imports else [])])
    sizes = {"H": 8, "W": 8} if isinstance(axes[1], str) else None
    exact = cardc.verify(model, ["nucleo-f446re"], samples((8, 8, 2)), dims=sizes, emulated_inputs=1)
    assert exact.equal, exact.first_difference


MEAN, SPREAD = np.asarray([123.7, 116.3, 103.5]), np.asarray([58.4, 57.1, 57.4])


def sub_div(b: Builder, h: str) -> str:
    return b.op("Div", b.op("Sub", h, b.const(MEAN)), b.const(SPREAD))


def mul_add(b: Builder, h: str) -> str:
    return b.op("Add", b.op("Mul", b.op("Mul", h, b.const(0.5)), b.const(2 / SPREAD)), b.const(-MEAN / SPREAD))


def quant_a_channel(b: Builder, h: str) -> str:
    return b.quant(h, np.asarray([4.0, 2.0, 1.0]), 5, signed=0)


def moved_norm(b: Builder, h: str) -> str:
    h = b.op("Transpose", h, perm=[0, 3, 1, 2])
    h = b.op("BatchNormalization", h, *(b.const(v) for v in (1 / SPREAD, [0.1, 0.2, -0.3], MEAN, [1.0] * 3)))
    return b.op("Transpose", h, perm=[0, 2, 3, 1])


FIRST = {"sub-div": sub_div, "mul-add": mul_add, "norm": moved_norm, "quant": quant_a_channel}
NORMALISED = [(name, then) for name in FIRST for then in ("ONNX", "channels-last", "dense")]
NORMALISED.remove(("quant", "dense"))  # a dense layer reads one scale


@pytest.mark.parametrize(("first", "then"), NORMALISED)
def test_images_normalised_by_channel(first: str, then: str) -> None:
    b = Builder((1, 6, 6, 3))
    h = FIRST[first](b, "x")
    if then == "ONNX":
        h = b.op("Transpose", h, perm=[0, 3, 1, 2])
    if first != "quant":
        h = b.quant(h, 1 / 64, 8)
    if then == "dense":
        y = b.op("MatMul", b.op("Flatten", h), b.weight(108, 4))
    elif then == "ONNX":
        h = b.op("Conv", h, b.weight(4, 3, 3, 3), kernel_shape=[3, 3])
        y = b.quant(b.op("Transpose", h, perm=[0, 2, 3, 1]), 1.0)
    else:
        y = b.quant(conv(b, h, 4, 3), 1.0)
    x = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3)).astype(np.float32)
    exact = cardc.verify(b.model(y), ["nucleo-f446re"], x, emulated_inputs=1)
    assert exact.equal, exact.first_difference


def test_the_quantiser_in_c_reads_channels_last() -> None:
    b = Builder((1, 6, 5, 3))
    model = b.model(b.quant(conv(b, b.quant(sub_div(b, "x"), 1 / 64, 8), 4, 3), 1.0))
    x = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3)).astype(np.float32)
    build = cardc.compile(model, "nucleo-f446re")
    assert isinstance(build, McuBuild)
    integers = build.quantize(x)
    assert integers.shape == (3, 6, 5, 3)
    assert np.array_equal(build.c.quantize(x, "host").reshape(integers.shape), integers)


@pytest.mark.parametrize(("end", "keepdims"), [("ArgMax", 0), ("ArgMax", 1), ("ArgMin", 0), ("Softmax", 1)])
def test_a_class_for_each_pixel(end: str, keepdims: int) -> None:
    b = Builder((1, 6, 5, 3))
    h = conv(b, b.quant(conv(b, b.quant("x", 0.25), 4, 3), 1.0), 3, 4, 1, pad=0)
    attributes = {"axis": -1} if end == "Softmax" else {"axis": 3, "keepdims": keepdims}
    model = b.model(b.op(end, h, **attributes))
    if end != "Softmax":
        model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    exact = cardc.verify(model, ["nucleo-f446re"], samples((6, 5, 3), 4), emulated_inputs=1)
    assert exact.equal, exact.first_difference
