"""Random networks through the whole pipeline, each quantised tensor compared with qonnx's own executor."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.passes.networks import Network

from cardc.frontend.load import load
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import find_qtype
from cardc.ops.quant import dequantize
from cardc.passes.base import run_steps
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from cardc.passes.pipeline import TO_INTEGER
from cardc.passes.split_quantizers import SOURCE

BATCH = 12
SEEDS = st.integers(0, 2**32 - 1)


def integer_run(network: Network, x: Array) -> tuple[ir.Model, dict[str, Array]]:
    model = load(network.model())
    run_steps(model, TO_INTEGER)
    return model, execute(model, {"x": x})


def named(model: ir.Model, got: dict[str, Array], names: object) -> dict[str, Array]:
    """Each integer tensor that says which float tensor it equals, as floats, in the graph's order."""
    found: dict[str, Array] = {}
    for node in model.graph:
        value = node.outputs[0]
        q, source = find_qtype(value), value.metadata_props.get(SOURCE)
        if q is not None and source in names:  # type: ignore[operator]
            found[str(source)] = dequantize(got[value.name or ""], q, 1)
    return found


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_exact_networks_agree_to_the_bit(seed: int) -> None:
    network = Network(seed, exact=True)
    x = network.inputs(BATCH)
    model, got = integer_run(network, x)
    want = network.expected(x)
    tensors = named(model, got, network.scales)
    assert tensors
    for name, values in tensors.items():
        assert np.array_equal(values.ravel(), want[name].ravel()), name
    (y,) = model.graph.outputs
    logits = got[y.name or ""] * float(y.metadata_props[OUT_SCALE]) + float(y.metadata_props[OUT_OFFSET])
    assert np.array_equal(logits, want["y"])


def boundary_distance(before: Array, scale: float, mode: str) -> Array:
    """How far x / scale lies from the nearest number where the quantiser jumps."""
    v = before.astype(np.float64) / scale
    if mode == "SIGN":
        return np.abs(v)
    whole = mode in ("CEIL", "FLOOR", "UP", "DOWN")
    return np.abs(v - np.round(v)) if whole else np.abs(v - np.floor(v) - 0.5)


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_other_networks_differ_at_rounding_boundaries_only(seed: int) -> None:
    network = Network(seed, exact=False)
    x = network.inputs(BATCH)
    model, got = integer_run(network, x)
    want = network.expected(x)
    tensors = named(model, got, network.scales)
    feeds = {n.output[0]: n.input[0] for n in network.nodes}
    sound = np.ones(BATCH, np.bool_)  # samples in which no quantiser has differed so far
    for name in (n for n in network.scales if n in tensors):
        scale, mode = network.scales[name]
        values, before = tensors[name].reshape(BATCH, -1), want[feeds[name]].reshape(BATCH, -1)
        different = (values != want[name].reshape(BATCH, -1)) & sound[:, None]
        # One bit is the sign, whatever the rounding. Sums round relative to their terms, and terms that cancel leave
        # 1e-8 in floats where integers leave 0.
        levels = np.unique(want[name]).size
        near = np.minimum(boundary_distance(before, scale, mode), np.abs(before / scale) if levels <= 2 else np.inf)
        assert (near[different] <= 1e-5 * max(1.0, float(np.abs(before / scale).max()))).all(), name
        sound &= ~different.any(axis=1)
