"""ONNX operators in the spellings that exporters use: each small graph against ONNX Runtime, each fault refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.frontend.formats.oracle import Builder, check, lowered, operators, samples

from cardc.errors import CompileError

Graph = Callable[[Builder, str], str]


def whole(b: Builder, *shape: int) -> str:
    return b.const(b.rng.integers(-3, 4, shape))


def qdq(b: Builder, x: str, scale: float = 0.5) -> str:
    s, z = b.const(scale), b.const(0, np.int8)
    return b.op("DequantizeLinear", b.op("QuantizeLinear", x, s, z), s, z)


ACTIVATIONS: dict[str, Graph] = {
    # Between a layer and its quantiser, on [1, 4]. Scales keep the float executors' last digits off the boundaries.
    "Sigmoid": lambda b, h: b.op("Sigmoid", h),
    "Tanh": lambda b, h: b.op("Tanh", h),
    "HardSigmoid": lambda b, h: b.op("HardSigmoid", h, alpha=0.25, beta=0.5),
    "Elu": lambda b, h: b.op("Elu", h, alpha=0.75),
    "Selu": lambda b, h: b.op("Selu", h),
    "Celu": lambda b, h: b.op("Celu", h, alpha=1.5),
    "Softplus": lambda b, h: b.op("Softplus", h),
    "Softsign": lambda b, h: b.op("Softsign", h),
    "LeakyRelu": lambda b, h: b.op("LeakyRelu", h, alpha=0.25),
    "PRelu": lambda b, h: b.op("PRelu", h, b.const([0.25, 0.5, 0, 1])),
    "Floor": lambda b, h: b.op("Floor", h),
    "Ceil": lambda b, h: b.op("Ceil", h),
    "Round": lambda b, h: b.op("Round", h),
    "Sign": lambda b, h: b.op("Sign", h),
    "Min": lambda b, h: b.op("Min", b.const(1.5), h),
    "Max and Min of three": lambda b, h: b.op("Max", b.const(-1.0), b.op("Min", b.const(2.5), h, b.const(4.0))),
    "Clip without a lower bound": lambda b, h: b.op("Clip", h, "", b.const(1.25)),
    "Clip without an upper bound": lambda b, h: b.op("Clip", h, b.const(-0.75)),
    "Clip without bounds": lambda b, h: b.op("Clip", h, "", ""),
    "Sum of one": lambda b, h: b.op("Sum", h),
    "Sum of constants": lambda b, h: b.op("Sum", b.const(0.25), h, b.const([1, 2, 0, -1])),
    "Mean with a constant": lambda b, h: b.op("Mean", h, b.const([1, 2, 0, -1])),
    "Dropout": lambda b, h: b.op("Dropout", h),
    "Identity chain": lambda b, h: b.op("Identity", b.op("Identity", h)),
    "Cast to itself": lambda b, h: b.op("Cast", h, to=1),
    "Unsqueeze and Squeeze": lambda b, h: b.op(
        "Squeeze", b.op("Unsqueeze", h, b.const([1, 2], np.int64)), b.const([1, 2], np.int64)),
    "Unsqueeze and Reshape": lambda b, h: b.op("Reshape", b.op("Unsqueeze", h, ints(b, 2)), ints(b, 1, 4)),
    "constants on the left": lambda b, h: b.op("Sub", b.const(1.0), b.op("Mul", b.const([2, 1, -1, 0.5]), h)),
}  # fmt: skip


@pytest.mark.parametrize("graph", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
def test_in_front_of_a_quantiser(graph: Graph) -> None:
    b = Builder([1, 6])
    h = b.op("MatMul", qdq(b, "x"), whole(b, 6, 4))
    y = qdq(b, b.op("MatMul", qdq(b, graph(b, h), 0.046875), whole(b, 4, 2)))
    _, integer = check(b.model(y), samples((6,), 200), runtime=True, at_least=3)
    assert set(operators(integer)) <= {"Threshold", "Requantize", "MatMul", "Reshape"}


def shape_then(b: Builder, h: str, dims: Callable[[str], str]) -> str:
    return b.op("Reshape", h, dims(b.op("Shape", h)))


def ints(b: Builder, *values: int) -> str:
    return b.const(list(values), np.int64)


FLATTENING: dict[str, Graph] = {
    # [1, 2, 3, 3] to [1, 18] in the ways of several exporters
    "Flatten": lambda b, h: b.op("Flatten", h),
    "Flatten by axis -3": lambda b, h: b.op("Flatten", h, axis=-3),
    "Reshape by 0": lambda b, h: b.op("Reshape", h, ints(b, 0, -1)),
    "Shape, Gather, Unsqueeze, Concat": lambda b, h: shape_then(
        b, h, lambda s: b.op("Concat", b.op("Unsqueeze", b.op("Gather", s, b.const(0, np.int64)), ints(b, 0)),
                             ints(b, -1), axis=0)),
    "Shape, Slice, Concat": lambda b, h: shape_then(
        b, h, lambda s: b.op("Concat", b.op("Slice", s, ints(b, 0), ints(b, 1)), ints(b, -1), axis=0)),
    "Shape, Cast, ReduceProd": lambda b, h: shape_then(
        b, h, lambda s: b.op("Concat", b.op("Slice", s, ints(b, 0), ints(b, 1), ints(b, 0), ints(b, 1)),
                             b.op("ReduceProd", b.op("Cast", b.op("Slice", s, ints(b, 1), ints(b, 9)), to=7)), axis=0)),
    "Shape, Split": lambda b, h: shape_then(b, h, lambda s: split_front(b, s)),
    "Shape of start and end": lambda b, h: b.op(
        "Reshape", h, b.op("Concat", shape_part(b, h), b.op("ConstantOfShape", ints(b, 1), value=minus_one()), axis=0)),
    "Expand, Where, Equal": lambda b, h: b.op("Reshape", h, expanded(b)),
    "Tile and Range": lambda b, h: b.op(
        "Reshape", h, b.op("Mul", b.op("Range", *(b.const(v, np.int64) for v in (1, 3, 1))),
                           b.op("Tile", ints(b, 1, 9), ints(b, 1)))),
}  # fmt: skip


def minus_one() -> onnx.TensorProto:
    return helper.make_tensor("v", TensorProto.INT64, [1], [-1])


def shape_part(b: Builder, h: str) -> str:
    return b.op("Shape", h, start=0, end=1)


def split_front(b: Builder, s: str) -> str:
    node = helper.make_node("Split", [s, b.const([1, 3], np.int64)], ["front", "back"], name="split", axis=0)
    b.nodes.append(node)
    return b.op("Concat", "front", ints(b, -1), axis=0)


def expanded(b: Builder) -> str:
    two = b.op("Expand", b.const(-1, np.int64), ints(b, 2))
    first = b.op("Equal", ints(b, 0, 1), b.const(0, np.int64))
    return b.op("Where", first, b.const(1, np.int64), two)


@pytest.mark.parametrize("graph", FLATTENING.values(), ids=FLATTENING.keys())
def test_shape_arithmetic_is_gone(graph: Graph) -> None:
    b = Builder([1, 2, 3, 3])
    y = qdq(b, b.op("MatMul", graph(b, qdq(b, "x")), whole(b, 18, 3)))
    _, integer = check(b.model(y), samples((2, 3, 3), 32), runtime=True, at_least=2)
    assert set(operators(integer)) <= {"Threshold", "Requantize", "MatMul", "Reshape", "Flatten"}


WINDOWS: dict[str, tuple[Graph, tuple[int, ...]]] = {
    # on [1, 2, *spatial]
    "SAME_UPPER": (lambda b, h: b.op("Conv", h, whole(b, 3, 2, 2, 3), auto_pad="SAME_UPPER", strides=[2, 2]), (5, 6)),
    "SAME_LOWER": (lambda b, h: b.op("Conv", h, whole(b, 3, 2, 2, 3), auto_pad="SAME_LOWER", strides=[2, 2]), (5, 6)),
    "SAME, a sequence": (lambda b, h: b.op("Conv", h, whole(b, 3, 2, 4), auto_pad="SAME_UPPER", strides=[3]), (7,)),
    "VALID": (lambda b, h: b.op("Conv", h, whole(b, 3, 2, 3, 3), auto_pad="VALID"), (5, 5)),
    "pool, SAME_UPPER": (
        lambda b, h: b.op("MaxPool", h, kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER"), (5, 5)),
    "pool, ceil": (lambda b, h: b.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), (5, 5)),
    "pool, ceil and pads": (
        lambda b, h: b.op("MaxPool", h, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1), (6, 6)),
    "pool, ceil that changes nothing": (
        lambda b, h: b.op("AveragePool", h, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), (4, 4)),
    "GlobalMaxPool": (lambda b, h: b.op("GlobalMaxPool", h), (4, 4)),
    "ReduceMean": (lambda b, h: b.op("ReduceMean", h, axes=[2, 3], keepdims=1), (4, 4)),
    "ReduceMean, flat": (lambda b, h: b.op("ReduceMean", h, axes=[-1, -2], keepdims=0), (4, 4)),
    "dense at each step": (lambda b, h: b.op("MatMul", h, whole(b, 6, 4)), (6,)),
}  # fmt: skip


@pytest.mark.parametrize(("graph", "spatial"), WINDOWS.values(), ids=WINDOWS.keys())
def test_windows(graph: Graph, spatial: tuple[int, ...]) -> None:
    b = Builder([1, 2, *spatial], opset=13)
    y = qdq(b, graph(b, qdq(b, "x")))
    check(b.model(y), samples((2, *spatial), 16), runtime=True, at_least=2)


POOLS: dict[str, Graph] = {
    # a pool behind an activation, and behind it what a quantiser cannot pass
    "Relu, then a layer": lambda b, h: b.op("Conv", pool(b, b.op("Relu", h)), whole(b, 3, 2, 2, 2)),
    "convolution, Relu, normalisation": lambda b, h: b.op(
        "Mul", pool(b, b.op("Relu", b.op("Conv", h, whole(b, 3, 2, 3, 3)))), b.const([[[1]], [[-2]], [[0.5]]])),
    "convolution, bias, LeakyRelu, normalisation": lambda b, h: b.op(
        "Mul", pool(b, b.op("LeakyRelu", b.op("Conv", h, whole(b, 3, 2, 3, 3), b.const([1, 0.5, -2])), alpha=0.25)),
        b.const([[[1]], [[-2]], [[0.5]]])),
    "Relu, Flatten, then a layer": lambda b, h: b.op("MatMul", b.op("Flatten", b.op("Relu", h)), whole(b, 72, 3)),
}  # fmt: skip


def pool(b: Builder, h: str) -> str:
    return b.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2])


@pytest.mark.parametrize("graph", POOLS.values(), ids=POOLS.keys())
def test_pools_and_reshapes_behind_activations(graph: Graph) -> None:
    b = Builder([1, 2, 6, 6])
    check(b.model(qdq(b, graph(b, qdq(b, "x")), 1.0)), samples((2, 6, 6), 16), runtime=True, at_least=2)


CONSTANTS: dict[str, Callable[[Builder], str]] = {
    "value_float": lambda b: b.op("Constant", value_float=0.75),
    "value_floats": lambda b: b.op("Constant", value_floats=[0.75, 1.0, -0.5, 0.25]),
    "value_int, cast": lambda b: b.op("Cast", b.op("Constant", value_int=3), to=1),
    "value_ints, cast": lambda b: b.op("Cast", b.op("Constant", value_ints=[3, 1, 2, 0]), to=1),
    "Abs, Exp, Log": lambda b: b.op("Abs", b.op("Log", b.op("Exp", b.const([1.1, -2.3, 0.7, 0.1])))),
    "Sqrt, Reciprocal": lambda b: b.op("Sqrt", b.op("Reciprocal", b.const([4.0, 0.25, 1.0, 16.0]))),
}  # fmt: skip


@pytest.mark.parametrize("value", CONSTANTS.values(), ids=CONSTANTS.keys())
def test_constants(value: Callable[[Builder], str]) -> None:
    b = Builder([1, 6])
    y = qdq(b, b.op("Add", b.op("MatMul", qdq(b, "x"), whole(b, 6, 4)), value(b)), 1.0)
    check(b.model(y), samples((6,), 64), runtime=True, at_least=2)


REFUSED: dict[str, tuple[Graph, str]] = {
    "Elu falls": (lambda b, h: b.op("Elu", h, alpha=-1.0), "not monotone"),
    "PRelu turns": (lambda b, h: b.op("PRelu", h, b.const([0.25, -0.5, 0, 1])), "slope that is negative"),
    "Cast to integers": (lambda b, h: b.op("Cast", h, to=7), "activation is cast to INT64"),
    "Cast to half": (lambda b, h: b.op("Cast", h, to=10), "activation is cast to FLOAT16"),
    "Dropout that drops": (
        lambda b, h: b.op("Dropout", h, b.const(0.5), b.const(True, np.bool_)), "Dropout in training mode"),
    "Slice of an activation": (
        lambda b, h: b.op("Slice", h, b.const([0], np.int64), b.const([2], np.int64), b.const([1], np.int64)),
        "Slice of an activation"),
    "Split of an activation": (lambda b, h: b.op("Split", h, axis=1), "Split of an activation"),
    "Where on an activation": (
        lambda b, h: b.op("Where", b.const([True, False, True, False], np.bool_), h, b.const(0.0)), "Where of an"),
    "a huge constant": (
        lambda b, h: b.op("Add", h, b.op("ConstantOfShape", ints(b, 1 << 20, 1 << 20))), "of shape|to shape"),
    "Squeeze of a wide axis": (lambda b, h: b.op("Squeeze", h, b.const([1], np.int64)), "Squeeze of"),
    "ReduceMean over channels": (lambda b, h: b.op("ReduceMean", h, axes=[1]), "ReduceMean"),
}  # fmt: skip


@pytest.mark.parametrize(("graph", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_node_and_remedy(graph: Graph, what: str) -> None:
    b = Builder([1, 6])
    h = graph(b, b.op("MatMul", qdq(b, "x"), whole(b, 6, 4)))
    with pytest.raises(CompileError, match=what) as caught:
        lowered(b.model(qdq(b, h)))
    assert caught.value.node is not None
    assert caught.value.fix
