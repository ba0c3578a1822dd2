"""Random graphs over all operators and quantiser settings: the imported graph equals the integer graph."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.zoo.networks import Graph

from cardc.frontend.load import load
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.passes.base import run_steps
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from cardc.passes.pipeline import TO_INTEGER
from cardc.verify import verify
from cardc.verify.compare import Tally, compare_floats, points

SEEDS = st.integers(0, 2**32 - 1)
BATCH = 8


def lowered(graph: Graph) -> tuple[ir.Model, ir.Model]:
    imported = load(graph.model())
    integer = imported.clone()
    run_steps(integer, TO_INTEGER)
    return imported, integer


def tensors(imported: ir.Model, integer: ir.Model, x: Array) -> tuple[dict[str, Array], dict[str, Array], Tally]:
    """Both graphs run on x, and what the comparison at every quantiser finds."""
    floats, integers = execute(imported, {"x": x}), execute(integer, {"x": x})
    feeds = {node.outputs[0].name: node.inputs[0].name for node in imported.graph if node.inputs[0] is not None}
    known = points(integer, imported)
    before = {p.source: floats[feeds[p.source] or ""] for p in known if p.rounding}
    tally = Tally()
    compare_floats("imported", floats, before, integers, known, tally)
    return floats, integers, tally


@settings(max_examples=500, deadline=None)
@given(SEEDS)
def test_exact_graphs_are_equal(seed: int) -> None:
    graph = Graph(seed, exact=True)
    imported, integer = lowered(graph)
    x = graph.inputs(BATCH)
    floats, integers, tally = tensors(imported, integer, x)
    assert not tally.difference
    assert tally.boundary_cases == 0
    (y,) = integer.graph.outputs
    want, got = floats[graph.last], integers[y.name or ""]
    if graph.end == "ArgMax":
        assert np.array_equal(got, want)
    elif graph.end != "Softmax":
        scale, offset = float(y.metadata_props[OUT_SCALE]), float(y.metadata_props[OUT_OFFSET])
        assert np.array_equal((got * scale + offset).astype(np.float32), want)


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_other_graphs_differ_at_rounding_boundaries_only(seed: int) -> None:
    graph = Graph(seed, exact=False)
    imported, integer = lowered(graph)
    _, _, tally = tensors(imported, integer, graph.inputs(BATCH))
    assert not tally.difference


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_exact_graphs_equal_qonnx(seed: int) -> None:
    graph = Graph(seed, exact=True)
    imported, integer = lowered(graph)
    exact = verify(imported, integer, graph.proto(), graph.inputs(3), [])
    assert exact.equal, exact.first_difference


@pytest.mark.parametrize("op", [
    "Conv", "ConvTranspose", "MatMul", "Gemm", "BatchNormalization", "Add", "Sub", "Mul", "Div", "Concat", "Relu",
    "LeakyRelu", "Clip", "Sigmoid", "Tanh", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize", "Pad", "Flatten",
    "Reshape", "Softmax", "ArgMax", "Quant", "BipolarQuant",
])  # fmt: skip
def test_the_generator_reaches_every_operator(op: str) -> None:
    assert _census()[op] >= 10


_COUNTS: Counter[str] = Counter()


def _census() -> Counter[str]:
    if not _COUNTS:
        for seed in range(1000):
            _COUNTS.update(node.op_type for node in Graph(seed, exact=True).nodes)
    return _COUNTS
