"""Sums, joined tensors and results whose scales have no common unit: rounded as finely as is said, and noted."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from tests.text import parse

from cardc.errors import CompileError
from cardc.frontend.load import load
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.graph import is_cardc
from cardc.passes.base import run_steps
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from cardc.passes.pipeline import TO_INTEGER

QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'
WIDTH = 64


def dense(body: str, *, constants: str = "", bits: int = 8) -> str:
    """An input of 12 bits, a layer of 8-bit weights beside it, and `body`, from a (accumulators) and xq to y."""
    w = ", ".join(f"{v:g}" for v in np.random.default_rng(1).normal(0, 1, WIDTH * WIDTH).round(3))
    return f"""
g (float[1,{WIDTH}] x) => (float[1,{WIDTH}] y)
<float s = {{0.0137}}, float z = {{0}}, float b = {{12}}, float b2 = {{{bits}}},
 float s2 = {{0.7131}}, float ws = {{0.0291}},
 float eight = {{8}}, float[{WIDTH},{WIDTH}] w = {{{w}}}{constants}>
{{
  xq = {QUANT}(x, s, z, b)
  wq = {QUANT}(w, ws, z, eight)
  a = MatMul(xq, wq)
  {body}
}}
"""


def lowered(text: str) -> tuple[ir.Model, ir.Model, list[str]]:
    imported = load(parse(text))
    integer = imported.clone()
    traces = run_steps(integer, TO_INTEGER)
    return imported, integer, [note for trace in traces for note in trace.notes]


def inputs(n: int = 200) -> Array:
    return np.random.default_rng(0).normal(0, 12, (n, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("sign", ["Add", "Sub"])
def test_accumulators_beside_a_shortcut(sign: str, relu: bool) -> None:
    tail = "r = Relu(t)" if relu else "r = Identity(t)"
    imported, integer, notes = lowered(dense(f"t = {sign}(a, xq)\n  {tail}\n  y = {QUANT}(r, s2, z, b2)"))
    assert any("rounded, by less than 2^-17 of a level" in note for note in notes)
    x = inputs()
    (y,) = integer.graph.outputs
    got = execute(integer, {"x": x})[y.name or ""]
    # The real sum in float64, from the same integers.
    values = execute(imported, {"x": x})
    xq, wq = values["xq"].astype(np.float64), next(v for k, v in values.items() if k == "wq").astype(np.float64)
    total = (xq @ wq + (xq if sign == "Add" else -xq)) / 0.7131
    want = np.clip(np.rint(np.maximum(total, 0) if relu else total), -128, 127)
    near = np.abs(total - np.floor(total) - 0.5) < 1e-5
    assert np.array_equal(got[~near], want[~near])
    assert near.mean() < 0.01


def test_sums_of_64_bits_become_a_shift() -> None:
    _, integer, _ = lowered(dense(f"t = Add(a, xq)\n  y = {QUANT}(t, s2, z, b2)"))
    assert any(is_cardc(node, "Requantize") for node in integer.graph)


def test_results_with_float_biases() -> None:
    bias = ", ".join(f"{v:g}" for v in np.random.default_rng(2).normal(0, 1, WIDTH))
    text = dense("y = Add(a, k)", constants=f", float[{WIDTH}] k = {{{bias}}}")
    imported, integer, notes = lowered(text)
    x = inputs(50)
    (y,) = integer.graph.outputs
    got = execute(integer, {"x": x})[y.name or ""]
    real = got * float(y.metadata_props[OUT_SCALE]) + float(y.metadata_props[OUT_OFFSET])
    want = execute(imported, {"x": x})["y"]
    assert np.abs(real - want).max() <= 1e-6 * np.abs(want).max()
    assert any("no common unit and are rounded" in note for note in notes)


def test_what_would_lose_bits_is_still_refused() -> None:
    spread = ", ".join(f"{v:g}" for v in (1e-9, *([1e9] * (WIDTH - 1))))
    with pytest.raises(CompileError, match="no common unit of 62 bits"):
        lowered(dense("y = Mul(a, k)", constants=f", float[1,{WIDTH}] k = {{{spread}}}"))
