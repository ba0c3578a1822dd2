"""Float operators against onnxruntime: equal where IEEE 754 or small integers determine the result."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from cardc.ops import lookup
from cardc.ops.base import Array

Attributes = dict[str, Any]


def both(op: str, args: list[Array], attributes: Attributes | None = None) -> tuple[Array, Array]:
    """One node with the first argument as input and the others constant: this package's result, onnxruntime's."""
    names = [f"i{k}" for k in range(len(args))]
    node = helper.make_node(op, names, ["y"], name="n", **(attributes or {}))
    kind = helper.np_dtype_to_tensor_dtype(args[0].dtype)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("i0", kind, args[0].shape)],
        [helper.make_tensor_value_info("y", TensorProto.UNDEFINED, None)],
        [numpy_helper.from_array(a, name) for a, name in zip(args[1:], names[1:], strict=True)],
    )  # fmt: skip
    graph.output[0].ClearField("type")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    model = onnx.shape_inference.infer_shapes(model)
    (want,) = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"i0": args[0]}
    )
    parsed = ir.from_proto(model).graph.node(0)
    definition = lookup(parsed)
    definition.verify(parsed)
    got = definition.execute(parsed, args)
    assert definition.infer(parsed).shape == want.shape == got.shape
    return got, want


def floats(*shape: int, seed: int = 0) -> Array:
    x = np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)
    special = (0.0, -0.0, 1e-42, -3e38)[: x.size]
    x.ravel()[: len(special)] = special
    return x


def wholes(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(np.float32)


POSITIVE = np.abs(floats(2, 3, 4)) + np.float32(0.5)
F = np.float32
CASES: list[tuple[str, list[Array], Attributes]] = [
    ("Add", [floats(2, 3, 4), floats(3, 1, seed=1)], {}),
    ("Sub", [floats(2, 3, 4), floats(1, 3, 4, seed=1)], {}),
    ("Mul", [floats(2, 3, 4), np.asarray(0.3, F)], {}),
    ("Div", [floats(2, 3, 4), POSITIVE], {}),
    ("Div", [np.asarray([-7, 7, 9, -9]), np.asarray([2, -2, 4, -4])], {}),
    ("Pow", [wholes(2, 3, 4), np.asarray(2, F)], {}),
    ("Relu", [floats(2, 3, 4)], {}),
    ("Neg", [floats(2, 3, 4)], {}),
    ("Sqrt", [POSITIVE], {}),
    ("Identity", [floats(2, 3, 4)], {}),
    ("Clip", [floats(2, 3, 4), np.asarray(-1, F), np.asarray(0.7, F)], {}),
    ("Clip", [floats(2, 3, 4), np.asarray(-1, F)], {}),
    ("Clip", [floats(2, 3, 4)], {}),
    ("LeakyRelu", [floats(2, 3, 4)], {"alpha": 0.3}),
    ("Reshape", [floats(2, 3, 4), np.asarray([0, -1])], {}),
    ("Reshape", [floats(1, 3, 4), np.asarray([1, 2, -1, 3])], {}),
    ("Flatten", [floats(2, 3, 4)], {}),
    ("Flatten", [floats(1, 3, 4)], {"axis": -2}),
    ("Transpose", [floats(2, 3, 4)], {"perm": [0, 2, 1]}),
    ("Transpose", [floats(2, 3)], {}),
    ("Shape", [floats(2, 3, 4)], {}),
    ("Gather", [floats(2, 3, 4), np.asarray([2, 0, -1])], {"axis": 1}),
    ("Gather", [floats(2, 3, 4), np.asarray([[1], [0]])], {"axis": -1}),
    ("Unsqueeze", [floats(2, 3), np.asarray([0, -1])], {}),
    ("Concat", [floats(2, 3), floats(2, 5, seed=1)], {"axis": 1}),
    ("MatMul", [wholes(5, 7), wholes(7, 3, seed=1)], {}),
    ("MatMul", [wholes(2, 5, 7), wholes(7, 3, seed=1)], {}),
    ("Gemm", [wholes(5, 7), wholes(7, 3, seed=1)], {}),
    ("Gemm", [wholes(5, 7), wholes(3, 7, seed=1), wholes(3, seed=2)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
]


@pytest.mark.parametrize(("op", "args", "attributes"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)])
def test_equals_onnxruntime(op: str, args: list[Array], attributes: Attributes) -> None:
    got, want = both(op, args, attributes)
    assert got.dtype == want.dtype
    assert np.array_equal(got, want)


WINDOWS: list[tuple[tuple[int, ...], Attributes]] = [
    ((3, 3), {}),
    ((3, 3), {"pads": [1, 1, 1, 1]}),
    ((2, 3), {"strides": [2, 1], "pads": [0, 1, 1, 0]}),
    ((2, 2), {"dilations": [2, 3]}),
    ((3, 2), {"strides": [2, 3], "dilations": [2, 1], "pads": [2, 0, 1, 1]}),
    ((1, 1), {"strides": [3, 3]}),
    ((3,), {"pads": [2, 1], "strides": [2]}),
    ((2,), {"dilations": [3]}),
]


@pytest.mark.parametrize(("kernel", "attributes"), WINDOWS, ids=[str(i) for i in range(len(WINDOWS))])
@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("bias", [False, True])
def test_convolution_equals_onnxruntime(
    kernel: tuple[int, ...], attributes: Attributes, group: int, bias: bool
) -> None:
    x = wholes(3, 4, *(7, 9)[: len(kernel)])
    args = [x, wholes(8, 4 // group, *kernel, seed=1), *([wholes(8, seed=2)] if bias else [])]
    got, want = both("Conv", args, {**attributes, "kernel_shape": kernel, "group": group})
    assert np.array_equal(got, want)


@pytest.mark.parametrize(("kernel", "attributes"), WINDOWS, ids=[str(i) for i in range(len(WINDOWS))])
def test_max_pool_equals_onnxruntime(kernel: tuple[int, ...], attributes: Attributes) -> None:
    # onnxruntime refuses a pad as wide as the kernel.
    if any(p >= kernel[i % len(kernel)] for i, p in enumerate(attributes.get("pads", []))):
        attributes = {k: v for k, v in attributes.items() if k != "pads"}
    got, want = both("MaxPool", [floats(3, 4, *(7, 9)[: len(kernel)])], {**attributes, "kernel_shape": kernel})
    assert np.array_equal(got, want)


def norm(x: Array, gamma: Array, beta: Array, mean: Array, var: Array, epsilon: float) -> tuple[Array, Array]:
    return both("BatchNormalization", [x, gamma, beta, mean, var], {"epsilon": epsilon})


def test_batch_normalization_with_short_binary_fractions_equals_onnxruntime() -> None:
    rng = np.random.default_rng(0)
    gamma, beta, mean = (rng.integers(-8, 9, 4).astype(F) / 4 for _ in range(3))
    got, want = norm(wholes(3, 4, 5, 5), gamma, beta, mean, np.asarray([1, 4, 0.25, 16], F), 0.0)
    assert np.array_equal(got, want)


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5), (3, 4, 5, 5)])
def test_batch_normalization_is_within_two_roundings_of_float64(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, shape).astype(F)
    gamma, beta, mean = (rng.normal(0, 1, 4).astype(F) for _ in range(3))
    var = rng.uniform(0.1, 2, 4).astype(F)
    got, _ = norm(x, gamma, beta, mean, var, 1e-5)
    trail = (1, 4, *(1,) * (len(shape) - 2))
    parts = [v.astype(np.float64).reshape(trail) for v in (gamma, beta, mean, var)]
    scale = parts[0] / np.sqrt(parts[3] + np.float64(F(1e-5)))
    exact = (x - parts[2]) * scale + parts[1]
    largest = np.abs(x * scale) + np.abs(parts[2] * scale) + np.abs(parts[1])
    assert (np.abs(got - exact) <= 4 * 2.0**-24 * largest).all()


def test_a_batch_is_so_many_samples() -> None:
    """A graph is made for batch 1 and runs any batch: Reshape keeps axis 0."""
    node = ir.from_onnx_text(
        '<ir_version: 10, opset_import: ["" : 17]> g (float[1,6] x) => (float[1,2,3] y)'
        " <int64[3] s = {1, 2, 3}> { y = Reshape(x, s) }"
    ).graph.node(0)
    x = floats(4, 6)
    assert np.array_equal(lookup(node).execute(node, [x, np.asarray([1, 2, 3])]), x.reshape(4, 2, 3))
