"""Graphs of the hls4ml tests that `IntegerGraph` has no method for, and the one comparison they share."""

from __future__ import annotations

import shutil

import numpy as np
import onnx_ir as ir
from tests.graphs import BIPOLAR, IntegerGraph, uint
from tests.tools import need

from cardc.backends.hls4ml import Csim, Options
from cardc.backends.hls4ml.reference import golden_inputs, reference
from cardc.ops.base import CARDC, ONNX, Array
from cardc.ops.graph import add_initializer
from cardc.ops.qtype import QType
from cardc.targets.base import load

PYNQ = load("pynq-z2")


def constant(g: IntegerGraph, values: object) -> ir.Value:
    a = np.asarray(values, np.int64)
    return add_initializer(g.graph, "c", a, QType(int(a.min()), int(a.max())))


def weights(g: IntegerGraph, lo: int, hi: int, *shape: int) -> Array:
    return g.rng.integers(lo, hi + 1, size=shape)


def card() -> IntegerGraph:
    """The shape of the demo card: three ternary convolutions, requantised and thresholded, two pools."""
    g = IntegerGraph((1, 8, 8), uint(4)).conv(16).requantize(uint(4)).conv(32).threshold(uint(4), falling=0.3)
    return g.maxpool().conv(32).threshold(uint(4)).maxpool().flatten().dense(10)


def mlp() -> IntegerGraph:
    """The shape of TFC_1W1A: binary by bipolar, 784-64-64-64-10."""
    g = IntegerGraph((784,), BIPOLAR)
    for _ in range(3):
        g = g.dense(64, binary=True).threshold(BIPOLAR, falling=0.2)
    return g.dense(10, binary=True)


def narrow() -> IntegerGraph:
    """What hls4ml mistakes for XNOR where it is told so: {0, 1} weights on one-bit inputs; then 2-bit ternary."""
    g = IntegerGraph((20,), uint(1))
    g.dense(16, weights=weights(g, 0, 1, 20, 16)).threshold(uint(1))
    g.dense(16, weights=weights(g, 0, 1, 16, 16)).threshold(QType(-1, 1), falling=0.5).dense(8, density=0.1)
    g.threshold(BIPOLAR, falling=0.5)
    return g.dense(5, weights=weights(g, -2, 1, 8, 5))


def windows() -> IntegerGraph:
    """Windows hls4ml gets wrong or lacks: strides on flat kernels, dilation, groups, padded overlapping pools."""
    g = IntegerGraph((2, 13, 11), QType(-8, 7))
    g.conv(8, (1, 1), pads=0, stride=2).threshold(uint(3), falling=0.4)
    g.conv(8, (1, 3), pads=1, stride=2, group=2, density=0.8).requantize(QType(-4, 3))
    pool = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
    g._add(CARDC, "MaxPool", [g.last], attributes=pool)
    w = constant(g, weights(g, -2, 1, 6, 8, 2, 2))
    far = {"kernel_shape": [2, 2], "strides": [1, 2], "dilations": [2, 3], "pads": [2, 1, 0, 2], "group": 1}
    g._add(CARDC, "Conv", [g.last, w], attributes=far)
    g.threshold(uint(2), falling=0.5).flatten()
    n = int(g.last.shape[1])  # type: ignore[index, arg-type]
    t, d = np.sort(weights(g, 0, 3, n, 2), axis=1), g.rng.choice([-1, 1], n)
    g._add(
        CARDC,
        "Threshold",
        [g.last, constant(g, t), constant(g, d)],
        q=QType(-2, 2, (1.0,), 2),
        attributes={"base": -2},
    )
    g.dense(6)
    m, b = constant(g, weights(g, -9, 9, 6)), constant(g, weights(g, -1000, 1000, 6))
    return g._add(CARDC, "Affine", [g.last, m, b], q=QType(-(10**6), 10**6))


def lines() -> IntegerGraph:
    """1-D windows on a reshaped vector, 8-bit weights and activations, an output that has positions."""
    g = IntegerGraph((34,), QType(-8, 7))
    shape = add_initializer(g.graph, "shape", np.asarray([1, 1, 34], np.int64))
    g._add(ONNX, "Reshape", [g.last, shape])
    g.conv(6, (3,), weights=weights(g, -127, 127, 6, 1, 3), stride=2).requantize(QType(-128, 127), shift=20)
    g.maxpool(2).conv(5, (4,), pads=2, weights=weights(g, -8, 7, 5, 6, 4)).requantize(uint(8), shift=24)
    g.conv(3, (1,), pads=0, weights=weights(g, -2, 1, 3, 5, 1))
    t = constant(g, [[-300, 0, 10**6]])
    return g._add(CARDC, "Threshold", [g.last, t], q=uint(2), attributes={"base": 0})


def folded() -> IntegerGraph:
    """For layers whose weights lie in memory, shared multipliers."""
    g = IntegerGraph((3, 6, 6), uint(2)).conv(8).threshold(uint(2)).conv(8, stride=2).threshold(uint(2))
    return g.flatten().dense(12).threshold(BIPOLAR).dense(4)


def ties() -> IntegerGraph:
    """Requantisations to nearest, where every other value or fourth is a tie, of either sign and rising or falling."""
    g = IntegerGraph((12,), QType(-8, 7))
    for shift, outputs in ((1, 8), (2, 6)):
        g.dense(outputs, density=0.6)
        m, b = constant(g, g.rng.choice([-1, 1, 3], outputs)), constant(g, weights(g, -3, 3, outputs))
        attributes = {"shift": shift, "rounding": "half_even"}
        g._add(CARDC, "Requantize", [g.last, m, b], q=QType(-16, 15), attributes=attributes)
    return g.dense(4)


def residual() -> IntegerGraph:
    """Branches that meet: additions with factors, a concatenation of three, one tensor read three times, argmax."""
    g = IntegerGraph((2, 8, 8), uint(3)).conv(4).requantize(uint(3))
    trunk = g.last
    g.conv(4).requantize(QType(-8, 7), shift=8)
    m1, m2 = constant(g, [3, -2, 1, 5]), constant(g, [-7])
    g._add(CARDC, "Add", [g.last, trunk, m1, m2]).threshold_on_range(uint(2))
    g._add(CARDC, "Concat", [g.last, trunk, g.last], q=uint(3))
    g._add(CARDC, "SumPool", [g.last], attributes={"kernel_shape": [2, 2], "strides": [2, 2]})
    pooled = g.last
    m, b = constant(g, [2]), constant(g, weights(g, -9, 9, 12))
    g._add(CARDC, "Affine", [pooled, m, b], q=QType(-100, 100))
    g._add(CARDC, "Add", [g.last, pooled])
    g.conv(5, (1, 1), pads=0)._add(CARDC, "ArgMax", [g.last], attributes={"axis": 1, "keepdims": 0})
    return g


def spread() -> IntegerGraph:
    """What moves pixels: enlarged, padded, zeros between, padded sums, dilated and overlapping pools, transposed."""
    g = IntegerGraph((2, 5, 6), QType(-3, 4))
    g._add(ONNX, "Transpose", [g.last], attributes={"perm": [0, 3, 1, 2]})  # the input lies as the transposition has it
    g._add(CARDC, "Resize", [g.last], attributes={"factors": [2, 3]})
    g._add(CARDC, "Pad", [g.last], attributes={"pads": [1, 0, 0, 2]})
    g.conv(3, (3, 3)).requantize(QType(1, 6), shift=8)
    g._add(CARDC, "ZeroStuff", [g.last], attributes={"factors": [1, 2]})
    pool = {"kernel_shape": [2, 3], "strides": [1, 2], "dilations": [2, 1], "pads": [1, 2, 1, 0]}
    g._add(CARDC, "SumPool", [g.last], attributes=pool)
    pool = {"kernel_shape": [3, 2], "strides": [2, 3], "dilations": [1, 2], "pads": [1, 1, 0, 0]}
    g._add(CARDC, "MaxPool", [g.last], attributes=pool)
    pool = {"kernel_shape": [2, 2], "strides": [3, 3], "pads": [1, 0, 0, 1]}
    g._add(CARDC, "MaxPool", [g.last], attributes=pool)
    g._add(ONNX, "Transpose", [g.last], attributes={"perm": [0, 2, 3, 1]})  # in the middle it moves
    g.conv(4, (1, 1), pads=0).requantize(uint(4), shift=6)
    return g._add(ONNX, "Transpose", [g.last], attributes={"perm": [0, 3, 2, 1]})


def vectors() -> IntegerGraph:
    """Joins of flattened tensors and vectors, a vector read twice, values of more than 32 bits, argmax of a vector."""
    g = IntegerGraph((2, 3, 3), uint(2)).flatten()
    flat = g.last
    g.dense(18, weights=weights(g, -7, 7, 18, 18)).requantize(uint(4), shift=8)
    g._add(CARDC, "Add", [g.last, flat])
    g._add(CARDC, "Concat", [g.last, flat], q=uint(5))
    g.dense(7, weights=weights(g, -127, 127, 36, 7))
    m, b = constant(g, weights(g, 1 << 28, 1 << 29, 7)), constant(g, weights(g, -(1 << 40), 1 << 40, 7))
    g._add(CARDC, "Affine", [g.last, m, b], q=QType(-(1 << 50), 1 << 50))
    return g._add(CARDC, "ArgMax", [g.last], attributes={"axis": 1, "keepdims": 1})


def flat_end() -> IntegerGraph:
    """A network whose last node only reshapes."""
    return IntegerGraph((2, 4, 4), uint(2)).conv(4).flatten()


def signs() -> IntegerGraph:
    """{-1, +1} by binary and ternary weights: dense, convolutions with a stride and of one pixel, and one that pads."""
    g = IntegerGraph((3, 9, 8), BIPOLAR)
    g.conv(6, (3, 2), pads=0, weights=g.rng.choice([-1, 1], (6, 3, 3, 2))).threshold(BIPOLAR, falling=0.3)
    g.conv(8, (1, 1), pads=0).threshold(BIPOLAR).conv(8, (3, 3), pads=0, stride=2, density=0.3).threshold(BIPOLAR)
    g.conv(4, weights=g.rng.choice([-1, 1], (4, 8, 3, 3))).threshold(BIPOLAR).flatten().dense(
        15, density=0.4
    ).threshold(BIPOLAR)
    return g.dense(7, binary=True)


def wide() -> IntegerGraph:
    """16 bits everywhere: products of 32 bits and more, a requantisation to int16, a table of 1,023 thresholds."""
    g = IntegerGraph((16,), QType(-(2**15), 2**15 - 1))
    g.dense(8, weights=weights(g, -(2**15), 2**15 - 1, 16, 8)).requantize(QType(-(2**15), 2**15 - 1), shift=20)
    g.dense(6, weights=weights(g, -(2**11), 2**11 - 1, 8, 6)).threshold(uint(10), falling=0.3)
    return g.dense(3, weights=weights(g, -(2**15), 2**15 - 1, 6, 3))


def wide_images() -> IntegerGraph:
    """Convolutions of 12-bit weights and inputs, levels of 13 bits through a pool."""
    g = IntegerGraph((2, 6, 6), QType(-(2**11), 2**11 - 1))
    g.conv(3, weights=weights(g, -(2**11), 2**11 - 1, 3, 2, 3, 3)).requantize(uint(13), shift=20).maxpool().flatten()
    return g.dense(3, weights=weights(g, -256, 255, 27, 3))


def assert_exact(g: IntegerGraph, options: Options, inputs: int = 220) -> None:
    """Every tensor of the C simulation equals the integer graph's, on extreme and random inputs."""
    need(shutil.which("g++") is not None, "g++", "g++")
    model = g.model()
    with Csim(model, PYNQ, options) as csim:
        x = golden_inputs(csim.plan.first.q, csim.plan.first.layout.shape, inputs)
        want, got = reference(model, x), csim.trace(x)
        assert got.keys() == want.keys()
        for name, values in want.items():
            np.testing.assert_array_equal(got[name], values, strict=True, err_msg=name)
        output = model.graph.outputs[0].name or ""
        for n in (inputs, 1, 0):  # hls4ml gives one input and several another shape
            np.testing.assert_array_equal(csim.run(x[:n]), want[output][:n], strict=True)
