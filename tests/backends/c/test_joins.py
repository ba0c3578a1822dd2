"""Additions, pools, moves and ArgMax in C: every tensor equal to the graph's, on the host and on cores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.c.backend import CBackend
from cardc.backends.c.program import build
from cardc.backends.c.run import CBuild
from cardc.ops.base import CARDC
from cardc.ops.execute import execute
from cardc.ops.graph import add_initializer, make_node
from cardc.ops.qtype import QType, set_qtype
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings
from cardc.passes.plan_memory import PlanMemory
from cardc.targets.base import load

CORES = ("host", "cortex-m0plus")
"""The core that faults on unaligned loads; the kernels have no code of their own for the others."""


def _append(g: IntegerGraph, op: str, inputs: list[ir.Value], domain: str = CARDC, **attributes: object) -> ir.Value:
    g.count += 1
    node = make_node(domain, op, inputs, name=f"j{g.count}", out=f"u{g.count}", attributes=attributes)
    g.graph.append(node)
    g.last = node.outputs[0]
    return g.last


def _numbers(g: IntegerGraph, values: list[int]) -> ir.Value:
    return add_initializer(g.graph, "k", np.asarray(values), QType(min(values), max(values)))


def _residual(multipliers: bool) -> IntegerGraph:
    g = IntegerGraph((2, 5, 7), uint(4)).conv(3).requantize(uint(4))
    a = g.last
    b = g.conv(3).last  # an accumulator that stays in memory
    extra = [_numbers(g, [3, -2, 5]), _numbers(g, [1])] if multipliers else []
    _append(g, "Add", [a, b, *extra])
    return g.threshold_on_range(uint(2))


def _two_convs(g: IntegerGraph) -> tuple[ir.Value, ir.Value]:
    source = g.last
    a = g.conv(2).requantize(uint(3)).last
    g.last = source
    return a, g.conv(3, (1, 1), pads=0).requantize(uint(4)).last


def _concat() -> IntegerGraph:
    g = IntegerGraph((2, 4, 5), uint(4))
    _append(g, "Concat", list(_two_convs(g)), axis=1)
    return g.conv(2)


def _concat_wide() -> IntegerGraph:
    g = IntegerGraph((2, 4, 5), uint(4))
    source = g.last
    a = g.conv(2).last
    g.last = source
    _append(g, "Concat", [a, g.conv(3).last], axis=1)
    return g


def _sum_pool(pads: int) -> IntegerGraph:
    g = IntegerGraph((3, 6, 5), QType(-3, 4)).conv(2).requantize(uint(4))
    _append(g, "SumPool", [g.last], kernel_shape=[2, 3], strides=[2, 1], pads=[pads, 0, 0, pads])
    return g.threshold_on_range(uint(3))


def _wide_maxpool() -> IntegerGraph:
    g = IntegerGraph((2, 6, 6), uint(4)).conv(3, density=1.0)
    _append(g, "MaxPool", [g.last], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    return g


def _spread(op: str, q: QType, **attributes: object) -> IntegerGraph:
    g = IntegerGraph((2, 3, 4), q)
    _append(g, op, [g.last], **attributes)
    return g.conv(2)


def _transpose(shape: tuple[int, ...], perm: list[int]) -> IntegerGraph:
    g = IntegerGraph(shape, uint(4))
    node = ir.node("Transpose", [g.last], {"perm": perm}, num_outputs=1, name="turn")
    node.outputs[0].name = "turned"
    node.outputs[0].shape = ir.Shape([1, *[(1, *shape)[p] for p in perm[1:]]])
    set_qtype(node.outputs[0], uint(4))
    g.graph.append(node)
    g.last = node.outputs[0]
    return g.flatten().dense(4)


def _argmax(keepdims: int) -> IntegerGraph:
    g = IntegerGraph((2, 3, 4), uint(2)).conv(5)
    _append(g, "ArgMax", [g.last], axis=1, keepdims=keepdims)
    return g


def _top(q: QType, **attributes: int) -> IntegerGraph:
    """Few levels, many ties; of the input's bytes or of a convolution's sums."""
    g = IntegerGraph((6, 3, 4), q)
    if not attributes["indices"]:
        g.conv(5)
    _append(g, "TopK", [g.last], **attributes)
    return g


CASES: dict[str, Callable[[], IntegerGraph]] = {
    "residual": lambda: _residual(multipliers=False),
    "residual-multipliers": lambda: _residual(multipliers=True),
    "concat": _concat,
    "concat-wide": _concat_wide,
    "sum-pool": lambda: _sum_pool(0),
    "sum-pool-padded": lambda: _sum_pool(1),
    "max-pool-wide": _wide_maxpool,
    "resize": lambda: _spread("Resize", uint(4), factors=[2, 3]),
    "pad": lambda: _spread("Pad", QType(-2, 3), pads=[1, 0, 2, 1]),
    "pad-bipolar": lambda: _spread("Pad", BIPOLAR, pads=[1, 1, 1, 1]),
    "zero-stuff": lambda: _spread("ZeroStuff", uint(3), factors=[2, 2]),
    "transpose": lambda: _transpose((2, 3, 4), [0, 2, 3, 1]),
    "transpose-1d": lambda: _transpose((3, 4), [0, 2, 1]),
    "argmax": lambda: _argmax(1),
    "argmax-flat": lambda: _argmax(0),
    "top-indices": lambda: _top(uint(2), k=4, largest=1, indices=1),
    "top-smallest-of-bipolar": lambda: _top(BIPOLAR, k=6, largest=0, indices=1),
    "top-values": lambda: _top(uint(2), k=3, largest=1, indices=0),
    "lowest-values": lambda: _top(uint(2), k=5, largest=0, indices=0),
}


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_equals_the_graph(name: str) -> None:
    g = CASES[name]()
    x = g.inputs(6)
    model = g.model()
    target = load("nucleo-f446re")
    lowered = model.clone()
    for step in (ChooseEncodings(target.features), PlanMemory()):
        step.run(lowered, PassLog())
    program = build(lowered)
    c = CBuild(CBackend(title="join").project(lowered, program, target), program, "join")
    want = execute(model, {"x": x})
    q = want[model.graph[0].outputs[0].name or ""]
    for core in (*CORES, "cortex-m4", "rv32imc") if name == "residual-multipliers" else CORES:
        got = c.trace(q, core)
        assert model.graph.outputs[0].name in got
        for tensor, array in got.items():
            np.testing.assert_array_equal(array, want[tensor], err_msg=f"{core}: {tensor}")
