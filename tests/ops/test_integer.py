"""The integer operators against loops written by hand."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.errors import CompileError
from cardc.ops import lookup
from cardc.ops.base import CARDC, ONNX, Array
from cardc.ops.graph import add_initializer, make_node
from cardc.ops.linear import accumulator, channel_ranges
from cardc.ops.qtype import QType, qtype, set_qtype
from cardc.ops.requantize import ROUNDINGS

SEEDS = st.integers(0, 2**32 - 1)


def run(
    op: str, x: Array, xq: QType | None, constants: list[tuple[Array, QType | None]], *, q: QType | None = None,
    attributes: dict[str, object] | None = None, domain: str = CARDC,
) -> tuple[Array, ir.Node]:  # fmt: skip
    """One node on the batch `x` of type `xq`: its result and the node."""
    value = ir.Value(name="x", shape=ir.Shape((1, *x.shape[1:])), type=ir.TensorType(ir.DataType.FLOAT))
    if xq is not None:
        set_qtype(value, xq)
    graph = ir.Graph([value], [], nodes=[], opset_imports={"": 17, CARDC: 1}, name="g")
    inputs = [value, *(add_initializer(graph, "c", array, kind) for array, kind in constants)]
    node = make_node(domain, op, inputs, name="n", out="y", q=q, attributes=attributes)
    definition = lookup(node)
    definition.verify(node)
    return definition.execute(node, [x, *(array for array, _ in constants)]), node


def wide(array: Array) -> QType:
    return QType(int(array.min(initial=0)), int(array.max(initial=0)))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6), st.integers(1, 5), st.sampled_from([QType(-1, 1, step=2), QType(0, 15), QType(-8, 7)]))
def test_matmul(seed: int, features: int, out: int, xq: QType) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, xq.levels, (3, features)) * xq.step + xq.lo
    w = rng.integers(-3, 4, (features, out))
    y, node = run("MatMul", x, xq, [(w, wide(w))])
    want = [[sum(int(x[n, k]) * int(w[k, o]) for k in range(features)) for o in range(out)] for n in range(3)]
    assert y.tolist() == want
    lows = [min(0, *(sum(min(int(v) * xq.lo, int(v) * xq.hi) for v in w[:, o]) for o in range(out)))]
    assert qtype(node.outputs[0]).lo == min(lows)


def convolved(x: Array, w: Array, stride: Array, dilation: Array, begin: Array, end: Array, group: int) -> Array:
    """The definition: every output the sum over its taps, zero outside."""
    padded = np.pad(x, [(0, 0), (0, 0), *zip(begin, end, strict=True)])
    sizes = [(padded.shape[2 + i] - dilation[i] * (w.shape[2 + i] - 1) - 1) // stride[i] + 1 for i in range(2)]
    y = np.zeros((x.shape[0], w.shape[0], *sizes), np.int64)
    per_out, per_in = w.shape[0] // group, w.shape[1]
    for n, o, r, c in np.ndindex(y.shape):
        for i, kr, kc in np.ndindex(w.shape[1:]):
            source = padded[
                n, o // per_out * per_in + i, r * stride[0] + kr * dilation[0], c * stride[1] + kc * dilation[1]
            ]
            y[n, o, r, c] += w[o, i, kr, kc] * source
    return y


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.tuples(*[st.integers(1, 2)] * 4, *[st.integers(0, 2)] * 4), st.sampled_from([1, 2]))
def test_conv(seed: int, numbers: tuple[int, ...], group: int) -> None:
    rng = np.random.default_rng(seed)
    stride, dilation, begin, end = (numbers[i : i + 2] for i in (0, 2, 4, 6))
    xq = QType(-1, 1, step=2) if seed % 2 else QType(0, 7)
    x = rng.integers(0, xq.levels, (2, 2 * group, 6, 5)) * xq.step + xq.lo
    w = rng.integers(-1, 2, (4, 2, *rng.integers(1, 3, 2)))
    attributes = {"strides": stride, "dilations": dilation, "pads": [*begin, *end], "group": group}
    y, node = run("Conv", x, xq, [(w, wide(w))], attributes=attributes)
    assert np.array_equal(y, convolved(x, w, *map(np.asarray, (stride, dilation, begin, end)), group))
    lo, hi = channel_ranges(w.reshape(4, -1), xq, any(begin) or any(end))
    assert (y.min(axis=(0, 2, 3)) >= lo).all()
    assert (y.max(axis=(0, 2, 3)) <= hi).all()
    assert y.shape[1:] == tuple(node.outputs[0].shape)[1:]  # type: ignore[arg-type]


def test_a_convolution_over_one_axis_and_a_sum_too_long_for_doubles() -> None:
    x = np.asarray([[[2**40, 1, -(2**40)]]])
    w = np.asarray([[[2**12, 3]]])
    y, _ = run("Conv", x, QType(-(2**40), 2**40), [(w, wide(w))])
    assert y.tolist() == [[[2**52 + 3, 2**12 - 3 * 2**40]]]


def test_matmul_takes_rows_only() -> None:
    with pytest.raises(CompileError, match=r"takes \[N, K\]"):
        run("MatMul", np.zeros((1, 2, 3), np.int64), QType(0, 1), [(np.ones((3, 2), np.int64), QType(0, 1))])


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 4), st.sampled_from([QType(0, 1), QType(-1, 1), QType(0, 2)]), st.booleans())
def test_accumulator_ranges_are_attained(seed: int, taps: int, xq: QType, padded: bool) -> None:
    """Exact, not only safe: some input reaches each end."""
    w = np.random.default_rng(seed).integers(-3, 4, (2, taps))
    values = sorted({xq.lo, xq.hi, *([0] if padded else [])})
    sums = np.asarray([w @ np.asarray(x) for x in itertools.product(values, repeat=taps)])
    lo, hi = channel_ranges(w, xq, padded)
    assert np.array_equal(sums.min(axis=0), lo)
    assert np.array_equal(sums.max(axis=0), hi)
    q = accumulator(w, QType(-3, 3, (0.5,)), QType(xq.lo, xq.hi, (0.25,)), padded)
    assert (q.lo, q.hi, q.scale) == (min(0, int(lo.min())), max(0, int(hi.max())), (0.125,))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 9), st.sampled_from([1, 2]), st.booleans(), st.booleans())
def test_threshold(seed: int, levels: int, step: int, shared: bool, falling: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-20, 21, (3, 4, 2, 2))
    t = np.sort(rng.integers(-22, 23, (1 if shared else 4, levels)), axis=1)
    d = rng.choice([-1, 1], 1 if shared else 4)
    q = QType(-3, -3 + levels * step, step=step)
    constants = [(t, wide(t)), *([(d, QType(-1, 1))] if falling else [])]
    y, _ = run("Threshold", x, QType(-20, 20), constants, q=q, attributes={"base": -3})
    for n, c, i, j in np.ndindex(x.shape):
        row = 0 if shared else c
        sign = int(d[row]) if falling else 1
        count = sum(sign * int(x[n, c, i, j]) >= int(v) for v in t[row])
        assert y[n, c, i, j] == -3 + step * count


def test_threshold_of_floats() -> None:
    t = np.asarray([[-1.5, 0.0, np.inf]], np.float32)
    x = np.asarray([[-2, -1.5, -0.0, 3e38, np.nan]], np.float32)
    y, _ = run("Threshold", x, None, [(t, None)], q=QType(0, 3), attributes={"base": 0})
    assert y.tolist() == [[0, 1, 2, 2, 0]]


def test_thresholds_ascend() -> None:
    with pytest.raises(CompileError, match="ascending"):
        run("Threshold", np.zeros((1, 1), np.int64), QType(0, 1), [(np.asarray([[2, 1]]), QType(1, 2))], q=QType(0, 2))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(0, 20), st.booleans(), st.sampled_from(ROUNDINGS))
def test_requantize(seed: int, shift: int, shared: bool, rounding: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-1000, 1001, (3, 4, 2, 2))
    m, b = (rng.integers(-(2**16), 2**16, 1 if shared else 4) for _ in range(2))
    attributes = {"shift": shift, "rounding": rounding}
    y, _ = run(
        "Requantize", x, QType(-1000, 1000), [(m, wide(m)), (b, wide(b))], q=QType(-9, 30), attributes=attributes
    )
    for n, c, i, j in np.ndindex(x.shape):
        row = 0 if shared else c
        exact = Fraction(int(x[n, c, i, j]) * int(m[row]) + int(b[row]), 2**shift)
        whole = math.floor(exact) if rounding == "floor" else round(exact)  # Python rounds ties to even
        assert y[n, c, i, j] == max(-9, min(30, whole))


def test_affine() -> None:
    x, m, b = np.asarray([[1, -2], [3, 4]]), np.asarray([2, -5]), np.asarray([7, 0])
    y, _ = run("Affine", x, QType(-9, 9), [(m, wide(m)), (b, wide(b))], q=QType(-50, 50))
    assert y.tolist() == [[9, 10], [13, -20]]


def test_max_pool_pads_with_the_lowest_integer() -> None:
    x = -np.arange(1, 10).reshape(1, 1, 3, 3)
    y, node = run("MaxPool", x, QType(-9, -1), [], attributes={"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]})
    assert y[0, 0].tolist() == [[-1, -1, -2], [-1, -1, -2], [-4, -4, -5]]
    assert qtype(node.outputs[0]) == QType(-9, -1)


def test_moves_keep_the_type() -> None:
    x = np.arange(8).reshape(1, 2, 4)
    y, node = run("Flatten", x, QType(0, 7, (0.5,)), [], domain=ONNX)
    assert y.tolist() == [list(range(8))]
    assert qtype(node.outputs[0]) == QType(0, 7, (0.5,))


def test_a_result_outside_its_type_is_a_fault_of_the_compiler() -> None:
    with pytest.raises(AssertionError, match=r"computed \[9, 9\], outside uint3"):
        run(
            "Affine",
            np.asarray([[3]]),
            QType(0, 3),
            [(np.asarray([3]), QType(0, 3)), (np.asarray([0]), QType(0, 0))],
            q=QType(0, 7),
        )
