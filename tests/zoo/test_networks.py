"""Random graphs over all operators and quantiser settings: the imported graph equals the integer graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.zoo.networks import LAST, PICKS, Graph
from tests.zoo.spellings import Spelt

from cardc.frontend.load import load
from cardc.ops.base import Array, operand
from cardc.ops.execute import execute
from cardc.ops.graph import is_cardc
from cardc.passes.base import run_steps
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from cardc.passes.pipeline import TO_INTEGER
from cardc.verify import verify
from cardc.verify.compare import Tally, compare_floats
from cardc.verify.points import points

SEEDS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from([Graph, Spelt])
BATCH = 8
FLOAT_ENDS = ("Softmax", "LogSoftmax", "Sigmoid")


def lowered(graph: Graph) -> tuple[ir.Model, ir.Model]:
    imported = load(graph.model())
    integer = imported.clone()
    run_steps(integer, TO_INTEGER)
    return imported, integer


def tensors(imported: ir.Model, integer: ir.Model, x: Array) -> tuple[dict[str, Array], dict[str, Array], Tally]:
    """Both graphs run on x, and what the comparison at every quantiser finds."""
    floats, integers = execute(imported, {"x": x}), execute(integer, {"x": x})
    feeds = {node.outputs[0].name: _entered(node) for node in imported.graph}
    # Both graphs keep their tensors in one order, whatever the file's own is.
    known = [replace(p, layout=None) for p in points(integer, imported)]
    before = {p.source: floats[feeds[p.source] or ""] for p in known if p.rounding}
    tally = Tally()
    compare_floats("imported", floats, before, integers, known, tally)
    return floats, integers, tally


def _entered(node: ir.Node) -> str:
    """What a quantiser rounds: of an integer's real value, what the integer was made of."""
    value = operand(node, 0)
    maker = value.producer()
    if is_cardc(node, "Dequantize") and maker is not None and is_cardc(maker, "Quantize"):
        value = operand(maker, 0)
    return value.name or ""


@settings(max_examples=700, deadline=None)
@given(KINDS, SEEDS)
def test_exact_graphs_are_equal(kind: type[Graph], seed: int) -> None:
    graph = kind(seed, exact=True)
    imported, integer = lowered(graph)
    x = graph.inputs(BATCH)
    floats, integers, tally = tensors(imported, integer, x)
    assert not tally.difference, tally.difference
    assert tally.boundary_cases == 0
    (y,) = integer.graph.outputs
    want, got = floats[graph.last], integers[y.name or ""]
    if graph.end in PICKS:
        assert np.array_equal(got, want)
    elif graph.end not in FLOAT_ENDS:
        scale, offset = float(y.metadata_props[OUT_SCALE]), float(y.metadata_props[OUT_OFFSET])
        assert np.array_equal((got * scale + offset).astype(np.float32), want)


@settings(max_examples=120, deadline=None)
@given(KINDS, SEEDS)
def test_other_graphs_differ_at_rounding_boundaries_only(kind: type[Graph], seed: int) -> None:
    graph = kind(seed, exact=False, bits=16 if seed % 3 == 0 else 8)
    imported, integer = lowered(graph)
    _, _, tally = tensors(imported, integer, graph.inputs(BATCH))
    assert not tally.difference, tally.difference


@settings(max_examples=80, deadline=None)
@given(KINDS, SEEDS)
def test_exact_graphs_equal_qonnx(kind: type[Graph], seed: int) -> None:
    graph = kind(seed, exact=True)
    imported, integer = lowered(graph)
    exact = verify(imported, integer, graph.proto(), graph.inputs(3), [])
    assert exact.equal, exact.first_difference


@pytest.mark.parametrize("op", [
    "Conv", "ConvTranspose", "MatMul", "Gemm", "BatchNormalization", "Add", "Sub", "Mul", "Div", "Concat", "Relu",
    "LeakyRelu", "Clip", "Sigmoid", "Tanh", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize", "Pad", "Flatten",
    "Reshape", "Softmax", "ArgMax", "Quant", "BipolarQuant", "Trunc", "MultiThreshold", "Transpose", "Squeeze",
    "Unsqueeze", "Shape", "Gather", "TopK", "LogSoftmax", "DepthToSpace", "SpaceToDepth", "QuantizeLinear",
    "DequantizeLinear", "channels-last Conv", "channels-last MaxPool", "symbolic batch",
])  # fmt: skip
def test_the_generator_reaches_every_operator(op: str) -> None:
    assert _census()[op] >= 10


_COUNTS: Counter[str] = Counter()


def _census() -> Counter[str]:
    if not _COUNTS:
        for seed in range(1000):
            for graph in (Graph(seed, exact=True), Spelt(seed, exact=True)):
                _COUNTS.update("channels-last " * (n.domain == LAST) + n.op_type for n in graph.nodes)
                _COUNTS["symbolic batch"] += graph.batch != 1
    return _COUNTS
