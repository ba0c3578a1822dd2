"""Thresholds by bisection against the chain itself: every reachable integer, every kind of float32."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.ops import lookup
from cardc.ops.base import CARDC, ONNX, Array
from cardc.ops.graph import add_initializer, make_node
from cardc.ops.qtype import QType, set_qtype
from cardc.ops.quant import SIGN, level_range
from cardc.ops.requantize import ROUNDINGS, apply_dyadic
from cardc.ops.threshold import apply_thresholds
from cardc.passes.bisect import EXHAUSTIVE, NotMonotoneError, float_thresholds, integer_thresholds
from cardc.passes.chain import Chain
from cardc.passes.requantize_dyadic import first_that_rounds_to, fit_channel

F = np.float32
CHANNELS = 3
MODES = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]
FRACTIONS = st.one_of(st.integers(-24, 24).map(lambda k: k / 8), st.floats(-3, 3, width=32))


@dataclass(frozen=True)
class Recipe:
    """A random chain: operators with their constants, and the quantiser at its end."""

    steps: tuple[tuple[str, tuple[tuple[float, ...], ...]], ...]
    q: QType
    mode: str
    zero: int

    def chain(self, source: QType | None) -> Chain:
        """The chain on [1, CHANNELS] integers of type `source`, or on floats."""
        x = ir.Value(name="x", shape=ir.Shape((1, CHANNELS)), type=ir.TensorType(ir.DataType.FLOAT))
        graph = ir.Graph([x], [], nodes=[], opset_imports={"": 17, CARDC: 1}, name="g")
        nodes: list[ir.Node] = []
        value = x
        if source is not None:
            set_qtype(x, source)
            nodes.append(make_node(CARDC, "Dequantize", [x], name="d", out="d_out"))
            value = nodes[-1].outputs[0]
        for k, (op, constants) in enumerate(self.steps):
            attributes = {"alpha": 0.125} if op == "LeakyRelu" else {}
            arrays = [np.asarray(c, F) if op != "Clip" else np.asarray(c[0], F) for c in constants]
            inputs = [value, *(add_initializer(graph, f"c{k}", a) for a in arrays)]
            nodes.append(make_node(ONNX, op, inputs, name=f"n{k}", out=f"v{k}", attributes=attributes))
            value = nodes[-1].outputs[0]
        attributes = {"rounding_mode": self.mode, "zero_point": self.zero}
        nodes.append(make_node(CARDC, "Quantize", [value], name="q", out="y", q=self.q, attributes=attributes))
        return Chain(x, tuple(nodes))

    def levels(self, chain: Chain, x: Array) -> Array:
        return (chain(x) - self.q.lo) // self.q.step


def vector(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[values] * CHANNELS)


STEPS = st.one_of(
    st.tuples(st.just("Mul"), st.tuples(vector(FRACTIONS))),
    st.tuples(st.just("Add"), st.tuples(vector(FRACTIONS))),
    st.tuples(st.just("Sub"), st.tuples(vector(FRACTIONS))),
    st.tuples(st.just("Div"), st.tuples(vector(FRACTIONS.filter(lambda v: abs(v) > 1e-3)))),
    st.tuples(st.sampled_from(["Relu", "LeakyRelu", "Neg"]), st.just(())),
    st.tuples(st.just("Clip"), st.tuples(FRACTIONS, FRACTIONS).map(lambda v: ((min(v),), (max(v),)))),
    st.tuples(
        st.just("BatchNormalization"),
        st.tuples(vector(FRACTIONS), vector(FRACTIONS), vector(FRACTIONS), vector(st.floats(0.0625, 4, width=32))),
    ),
)


@st.composite
def quantisers(draw: st.DrawFn) -> tuple[QType, str, int]:
    scale = draw(st.one_of(st.sampled_from([0.25, 0.5, 1.0]), st.floats(2**-6, 2, width=32)))
    if draw(st.integers(0, 5)) == 0:
        return QType(-1, 1, (scale,), 2), draw(st.sampled_from([SIGN, "ROUND"])), 0
    bits, signed, narrow = draw(st.integers(1, 8)), draw(st.booleans()), draw(st.booleans())
    if bits == 1:
        signed, narrow = False, False
    lo, hi = level_range(bits, signed, narrow)
    zero = draw(st.integers(-4, 4))
    return QType(lo - zero, hi - zero, (scale,)), draw(st.sampled_from(MODES)), zero


RECIPES = st.builds(lambda steps, q: Recipe(tuple(steps), *q), st.lists(STEPS, max_size=4), quantisers())
SCALES = st.one_of(st.sampled_from([0.125, 0.25, 1.0]).map(lambda s: (s,)), vector(st.floats(2**-6, 1.5)))


@settings(max_examples=250, deadline=None)
@given(RECIPES, SCALES, vector(st.integers(-300, 0)), vector(st.integers(0, 300)))
def test_integer_thresholds_equal_the_chain_on_the_whole_range(
    recipe: Recipe, scale: tuple[float, ...], lows: tuple[int, ...], highs: tuple[int, ...]
) -> None:
    lo, hi = np.asarray(lows), np.asarray(highs)
    chain = recipe.chain(QType(int(lo.min()), int(hi.max()), scale))
    found = integer_thresholds(lambda x: recipe.levels(chain, x), lo, hi, recipe.q.levels - 1)
    assert (np.diff(found.t, axis=1) >= 0).all()
    x = np.clip(np.arange(lo.min(), hi.max() + 1)[:, None], lo, hi)
    got = apply_thresholds(x, found.t, found.d, recipe.q.lo, recipe.q.step)
    assert np.array_equal(got, chain(x))


@settings(max_examples=120, deadline=None)
@given(RECIPES.filter(lambda r: r.q.step == 1), st.floats(2**-6, 1.5), st.integers(-200, 0), st.integers(1, 200))
def test_dyadic_requantisation_equals_the_chain_where_it_is_found(
    recipe: Recipe, scale: float, low: int, high: int
) -> None:
    chain = recipe.chain(QType(low, high, (scale,)))
    lo, hi = np.full(CHANNELS, low), np.full(CHANNELS, high)
    found = integer_thresholds(lambda x: recipe.levels(chain, x), lo, hi, recipe.q.levels - 1)
    x = np.arange(low, high + 1)[:, None].repeat(CHANNELS, axis=1)
    want, q = chain(x), recipe.q
    for c in range(CHANNELS):
        d = int(found.d[c])
        ends = sorted((d * low, d * high))
        for shift, rounding in itertools.product((0, 3, 8, 16), ROUNDINGS):
            edges = first_that_rounds_to(q.lo + np.arange(1, q.levels), shift, rounding)
            fit = fit_channel(found.t[c], *ends, edges)
            if fit is not None:
                m, b = fit
                y = apply_dyadic(x[:, :1], np.asarray([d * m]), np.asarray([b]), shift, q.lo, q.hi, rounding)
                assert np.array_equal(y[:, 0], want[:, c])
                assert max(abs(m * v + w) for v in ends for w in (0, b)) < 2**31


def neighbours(t: Array) -> Array:
    """Each finite threshold, the float32 numbers next to it, and theirs."""
    t = t[np.isfinite(t)].astype(F)
    with np.errstate(over="ignore"):
        up, down = np.nextafter(t, F(np.inf)), np.nextafter(t, F(-np.inf))
        around = np.concatenate([t, up, down, np.nextafter(up, F(np.inf)), np.nextafter(down, F(-np.inf))])
    return around[np.isfinite(around)]


BIG = float(np.finfo(F).max)
SPECIAL = np.asarray(
    [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 2.0**-126, -(2.0**-126), 1, -1, 1e30, -1e30, BIG, -BIG], F
)


@settings(max_examples=150, deadline=None)
@given(RECIPES, st.integers(0, 2**32 - 1))
def test_float_thresholds_equal_the_chain_on_every_kind_of_float(recipe: Recipe, seed: int) -> None:
    chain = recipe.chain(None)
    try:
        found = float_thresholds(lambda x: recipe.levels(chain, x), CHANNELS, recipe.q.levels - 1)
    except NotMonotoneError:
        # Only where numbers near the largest overflow, and zero times infinity is no number.
        assert not np.isfinite(overflowing(chain)).all()
        return
    assert found.t.dtype == F
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 2**32, 300, dtype=np.uint32).view(F)
    x = np.concatenate(
        [SPECIAL, neighbours(found.t), patterns[np.isfinite(patterns)], rng.normal(0, 2, 300).astype(F),
         (rng.integers(-64, 65, 100) / 8).astype(F)]
    )[:, None].repeat(CHANNELS, axis=1)  # fmt: skip
    got = apply_thresholds(x, found.t, found.d.astype(F), recipe.q.lo, recipe.q.step)
    assert np.array_equal(got, chain(x))


def overflowing(chain: Chain) -> Array:
    """What the chain makes of the largest floats, its quantiser left out."""
    value = np.asarray([[BIG] * CHANNELS, [-BIG] * CHANNELS], F)
    parts = [value]
    with np.errstate(all="ignore"):
        for node in chain.nodes[:-1]:
            value = lookup(node).execute(node, [value, *(v.const_value.numpy() for v in node.inputs[1:])])  # type: ignore[union-attr]
            parts.append(value)
    return np.concatenate(parts)


def test_thresholds_of_minus_zero_are_zero() -> None:
    found = float_thresholds(lambda x: (x >= 0).astype(np.int64), 1, 1)
    assert found.t.tobytes() == np.zeros((1, 1), F).tobytes()


def test_a_level_never_reached_lies_above_the_range() -> None:
    found = integer_thresholds(lambda x: np.minimum(x // 4, 2), np.asarray([0]), np.asarray([100]), 4)
    assert found.t.tolist() == [[4, 8, 101, 101]]
    real = float_thresholds(lambda x: (x >= 1).astype(np.int64), 1, 2)
    assert real.t.tolist() == [[1.0, np.inf]]


def test_a_level_always_reached_lies_at_the_low_end() -> None:
    found = integer_thresholds(lambda x: np.full(x.shape, 2), np.asarray([-5]), np.asarray([5]), 2)
    assert found.t.tolist() == [[-5, -5]]


def test_a_function_with_one_level_has_no_thresholds() -> None:
    found = integer_thresholds(lambda x: np.zeros(x.shape, np.int64), np.asarray([-5, 0]), np.asarray([5, 3]), 0)
    assert found.t.shape == (2, 0)


@pytest.mark.parametrize("turn", [0, 1, 2, 97, 199])
def test_a_single_turn_anywhere_is_seen(turn: int) -> None:
    """A dent of one integer in a staircase, in the second channel only."""

    def f(x: Array) -> Array:
        y = x // 3
        return np.where((x == turn) & (np.arange(2) == 1), 70 - y, y)

    with pytest.raises(NotMonotoneError) as caught:
        integer_thresholds(f, np.asarray([-10, -10]), np.asarray([200, 200]), 66)
    assert caught.value.channel == 1


def test_blocks_of_a_large_range_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cardc.passes.bisect._CHUNK", 8)
    with pytest.raises(NotMonotoneError):
        integer_thresholds(lambda x: (x == 7).astype(np.int64), np.asarray([0]), np.asarray([50]), 1)


def test_large_ranges_are_bisected_and_looked_at() -> None:
    top = EXHAUSTIVE * 1000
    found = integer_thresholds(lambda x: (x >= 12345678).astype(np.int64), np.asarray([0]), np.asarray([top]), 1)
    assert found.t.tolist() == [[12345678]]
    with pytest.raises(NotMonotoneError):
        integer_thresholds(lambda x: (abs(x) > 1000).astype(np.int64), np.asarray([-top]), np.asarray([top]), 1)


def test_floats_that_turn_are_seen() -> None:
    for f in (lambda x: (np.abs(x) >= 1).astype(np.int64), lambda x: (np.abs(x) <= 1e30).astype(np.int64)):
        with pytest.raises(NotMonotoneError):
            float_thresholds(f, 1, 1)
