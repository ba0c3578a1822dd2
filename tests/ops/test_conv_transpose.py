"""ConvTranspose as a convolution over stuffed zeros: against torch's meaning by loops, and as integers."""

from __future__ import annotations

import itertools

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from cardc.errors import CompileError
from cardc.frontend.load import load
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.passes.base import run_steps
from cardc.passes.lower_outputs import OUT_SCALE
from cardc.passes.pipeline import TO_INTEGER


def by_loops(
    x: Array, w: Array, group: int, strides: list[int], dilations: list[int], pads: list[int], more: list[int]
) -> Array:
    """Every input pixel scatters the kernel times its value."""
    n, channels, *size = x.shape
    each, out, kernel = channels // group, w.shape[1], w.shape[2:]
    rank = len(kernel)
    full = [
        (s - 1) * t + (k - 1) * d + 1 + m for s, t, k, d, m in zip(size, strides, kernel, dilations, more, strict=True)
    ]
    y = np.zeros((n, out * group, *full), np.float64)
    for c, o in itertools.product(range(channels), range(out)):
        for at in np.ndindex(*size):
            for tap in np.ndindex(*kernel):
                spot = tuple(a * s + t * d for a, s, t, d in zip(at, strides, tap, dilations, strict=True))
                y[(slice(None), c // each * out + o, *spot)] += x[(slice(None), c, *at)] * w[(c, o, *tap)]
    crop = tuple(slice(pads[a], full[a] - pads[rank + a]) for a in range(rank))
    return y[(slice(None), slice(None), *crop)]


def model(x: Array, w: Array, scales: Array, attributes: dict[str, object], rank: int) -> ir.Model:
    initializers = {
        "w": w, "ws": scales, "s": np.float32(1), "z": np.float32(0), "b": np.float32(4),
    }  # fmt: skip
    quant = {"domain": "qonnx.custom_op.general", "signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    nodes = [
        helper.make_node("Quant", ["x", "s", "z", "b"], ["xq"], **quant),
        helper.make_node("Quant", ["w", "ws", "z", "b"], ["wq"], **quant),
        helper.make_node("ConvTranspose", ["xq", "wq"], ["y"], **attributes),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *x.shape[1:]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * (rank + 2))],
        [helper.make_tensor(k, TensorProto.FLOAT, np.shape(v), np.ravel(v)) for k, v in initializers.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    return ir.from_proto(helper.make_model(graph, opset_imports=opsets, ir_version=10))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_float_and_integer_forms_equal_the_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank, group = int(rng.integers(1, 3)), int(rng.integers(1, 4))
    size = [int(v) for v in rng.integers(1, 5, rank)]
    kernel = [int(v) for v in rng.integers(1, 4, rank)]
    strides, dilations = ([int(v) for v in rng.integers(1, 4, rank)] for _ in range(2))
    reach = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
    pads = [int(rng.integers(0, r + 1)) for r in (*reach, *reach)]
    more = [int(rng.integers(0, max(s, d))) for s, d in zip(strides, dilations, strict=True)]
    each, out = (int(v) for v in rng.integers(1, 4, 2))
    x = rng.integers(-8, 8, (2, each * group, *size)).astype(np.float32)
    w = rng.integers(-8, 8, (each * group, out, *kernel)).astype(np.float32)
    if min(s * (n - 1) + r + 1 + m - a - b for s, n, r, m, a, b in zip(
        strides, size, reach, more, pads[:rank], pads[rank:], strict=True
    )) < 1:  # fmt: skip
        return
    attributes = {
        "strides": strides, "dilations": dilations, "pads": pads, "output_padding": more, "group": group,
        "kernel_shape": kernel,
    }  # fmt: skip
    want = by_loops(x, w, group, strides, dilations, pads, more)
    imported = load(model(x, w, np.float32(1), attributes, rank))
    assert np.array_equal(execute(imported, {"x": x})["y"], want)
    run_steps(imported, TO_INTEGER)
    assert np.array_equal(execute(imported, {"x": x})["y"], want)


def test_scales_a_channel_lie_along_the_second_axis_but_in_a_depthwise_layer() -> None:
    rng = np.random.default_rng(0)
    for group, scales in ((1, [[[0.5]], [[2.0]]]), (2, [[[[0.5]]], [[[2.0]]]])):
        x = rng.integers(-8, 8, (2, 2, 3, 3)).astype(np.float32)
        factor = np.asarray(scales, np.float32)
        w = rng.integers(-8, 8, (2, 2 // group, 2, 2)).astype(np.float32) * factor
        attributes = {"strides": [2, 2], "group": group, "kernel_shape": [2, 2]}
        imported = load(model(x, w, factor, attributes, 2))
        want = execute(imported, {"x": x})["y"]
        run_steps(imported, TO_INTEGER)
        (y,) = imported.graph.outputs
        assert np.array_equal(execute(imported, {"x": x})["y"] * float(y.metadata_props[OUT_SCALE]), want)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"pads": [2, 0, 0, 0]}, "crops more than its kernel adds"),
        ({"auto_pad": "SAME_UPPER"}, "automatic pads"),
        ({"group": 2}, "do not fit input"),
        ({"strides": [0, 1]}, "window that makes no sense"),
    ],
)
def test_refusals(change: dict[str, object], what: str) -> None:
    x, w = np.zeros((1, 3, 4, 4), np.float32), np.ones((3, 2, 2, 2), np.float32)
    with pytest.raises(CompileError, match=what) as caught:
        load(model(x, w, np.float32(1), change, 2))
    assert caught.value.fix
