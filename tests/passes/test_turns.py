"""Levels as quantisers of normal sums give them, and the digits that loops multiply by, against what is executed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.ops.base import constant, operand
from cardc.ops.execute import execute
from cardc.ops.graph import is_cardc
from cardc.ops.qtype import qtype
from cardc.passes.choose_encodings import weights_of
from cardc.passes.level_shares import level_shares
from cardc.passes.turns import turns_of

SLOW = frozenset({"software_multiply"})


def chain() -> IntegerGraph:
    """Each kind of quantiser, a pool, a view; padded, strided, falling."""
    graph = IntegerGraph((6, 16, 16), uint(3), seed=41).conv(12, density=0.3).scaled(uint(4), 30)
    graph.conv(12, density=0.4, stride=2, group=2).threshold(uint(2), falling=0.4).maxpool()
    return graph.flatten().dense(60, density=0.3).requantize(uint(4)).dense(40, binary=True).threshold(BIPOLAR)


def inputs(graph: IntegerGraph, n: int) -> NDArray[np.float32]:
    """Inputs that are equally often on each level."""
    most = graph.input_type.levels - 1
    levels = np.random.default_rng(0).integers(0, most + 1, (n, *graph.shape))
    return (0.1 + (levels - 0.5) * 0.8 / (most - 1)).astype(np.float32)


def test_shares_of_levels_follow_what_is_executed() -> None:
    graph = chain()
    model = graph.model()
    values = execute(model, {"x": inputs(graph, 200)})
    for node in model.graph:
        if node.op_type not in ("Threshold", "Requantize", "MaxPool") or operand(node, 0).name == "x":
            continue
        value = node.outputs[0]
        shares, got = level_shares(value), values[value.name or ""]
        assert shares.sum(axis=1) == pytest.approx(1)
        q = qtype(value)
        seen = np.bincount(((got - q.lo) // q.step).ravel(), minlength=q.levels) / got.size
        # Neighbours share inputs, and pools take the highest of sums that do: what is left is a few per cent.
        assert np.abs(shares.mean(axis=0) - seen).max() < 0.06, (value.name, shares.mean(axis=0), seen)


def test_an_input_is_on_each_level_alike() -> None:
    graph = IntegerGraph((3, 5, 5), uint(2), seed=1).conv(2)
    shares = level_shares(operand(graph.model().graph[-1], 0))
    assert shares.tolist() == [[0.25] * 4] * 3


def test_digits_of_inputs_and_sums_follow_what_is_executed() -> None:
    graph = IntegerGraph((8, 14, 14), uint(4), seed=42).conv(10, density=0.3).scaled(uint(4), 60)
    graph.conv(9, (1, 1), pads=0, density=0.5).scaled(uint(3), 50)
    model = graph.model()
    values = execute(model, {"x": inputs(graph, 20)})
    for node in model.graph:
        if node.op_type != "Conv":
            continue
        turns = turns_of(node, weights_of(node), SLOW)
        assert turns is not None
        sums = np.abs(values[node.outputs[0].name or ""])
        finish = node.outputs[0].uses()[0].node  # type: ignore[index]
        factors = constant(operand(finish, 1))
        assert factors is not None
        less = np.minimum(sums, factors.astype(np.int64).reshape(1, -1, 1, 1))
        # Few taps on inputs that are often 0 are not quite normal.
        assert turns.sums == pytest.approx(_digits(less), rel=0.1)
        if is_cardc(operand(node, 0).producer(), "Requantize"):
            assert turns.inputs == pytest.approx(_digits(values[operand(node, 0).name or ""]), rel=0.06)
        assert turns.lifted > turns.sums


def test_where_a_core_multiplies_nothing_turns() -> None:
    node = IntegerGraph((3, 5, 5), uint(2), seed=1).conv(2).model().graph[-1]
    assert turns_of(node, weights_of(node), frozenset()) is None


def _digits(x: NDArray[np.int64]) -> float:
    return float(np.ceil(np.log2(x + 1.0)).mean())
