"""Places in the arena never overlap while both tensors live; the arena meets its bound; layouts hold what they say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.c.networks import lower, random_graph
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.errors import CompileError
from cardc.ops.qtype import QType
from cardc.passes.arena import ALIGN, Buffer, place
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings
from cardc.passes.layouts import Layout, layout_of, storage_of
from cardc.passes.plan_memory import ARENA, BOUND, OFFSET, SCRATCH, SLACK, PlanMemory
from cardc.passes.schedule import schedule

BUFFERS = st.lists(st.tuples(st.integers(1, 500), st.integers(0, 12), st.integers(0, 5)), min_size=1, max_size=14)


@given(BUFFERS)
@settings(max_examples=80, deadline=None)
def test_no_two_live_buffers_share_a_byte(shapes: list[tuple[int, int, int]]) -> None:
    buffers = [Buffer(f"b{i}", size, first, first + span) for i, (size, first, span) in enumerate(shapes)]
    found = place(buffers)
    for i, a in enumerate(buffers):
        start, end = found.offsets[a.name], found.offsets[a.name] + a.size
        assert start % ALIGN == 0
        assert end <= found.arena
        for b in buffers[:i]:
            if a.first <= b.last and b.first <= a.last:
                assert end <= found.offsets[b.name] or found.offsets[b.name] + b.size <= start
    live = [sum(-(-b.size // 4) * 4 for b in buffers if b.first <= t <= b.last) for t in range(20)]
    assert found.lower_bound == max(live) <= found.arena
    assert place(buffers) == found


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_chain_takes_no_more_than_its_largest_pair(sizes: list[int]) -> None:
    found = place([Buffer(f"b{i}", size, i, i + 1) for i, size in enumerate(sizes)])
    assert found.arena == found.lower_bound


def test_no_buffers_no_arena() -> None:
    assert place([]).arena == 0


def test_beside_a_buffer_that_lies_over_another_offsets_stay_aligned() -> None:
    """Scratch memory is read by words; what takes the elements of another may lie anywhere."""
    a = Buffer("a", 100, 0, 1, spans=((0, 100), (0, 100)))
    b = Buffer("b", 100, 1, 2, spans=((0, 100), (0, 100)), early=((0, 0), (0, 100)), over=(("a", 34),))
    others = [Buffer(f"c{k}", 4, k, 2) for k in (1, 0, 2)]
    offsets = place([a, b, *others]).offsets
    assert offsets["b"] == offsets["a"] + 34
    assert [offsets[c.name] % ALIGN for c in others] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_plans_of_random_networks(seed: int) -> None:
    model = lower(random_graph(seed).model())
    plan, arena = schedule(model), int(model.metadata_props[ARENA])
    spans = []
    for value in (plan.source, *(s.output for s in plan.stages)):
        if OFFSET in value.metadata_props:
            spans.append((int(value.metadata_props[OFFSET]), layout_of(value).size))
    for stage in plan.stages:
        spans += [tuple(s) for s in json.loads(stage.node.metadata_props[SCRATCH]).values()]
    assert all(start % 4 == 0 and start + size <= arena for start, size in spans)
    assert int(model.metadata_props[BOUND]) <= arena <= int(model.metadata_props[BOUND]) + SLACK


def test_a_second_run_changes_nothing() -> None:
    model = lower(random_graph(3).model())
    before = [(v.name, dict(v.metadata_props)) for n in model.graph for v in n.outputs]
    PlanMemory().run(model, PassLog())
    assert [(v.name, dict(v.metadata_props)) for n in model.graph for v in n.outputs] == before


def test_a_clone_keeps_its_plan() -> None:
    model = lower(random_graph(3).model())
    plan, copy = schedule(model), schedule(model.clone())
    assert [layout_of(s.output) for s in copy.stages] == [layout_of(s.output) for s in plan.stages]


def test_a_padded_bipolar_tensor_gets_a_zero() -> None:
    graph = IntegerGraph((1, 4, 4), BIPOLAR).conv(2).threshold(BIPOLAR).maxpool().conv(2, pads=1).flatten()
    model = lower(graph.model())
    layouts = [layout_of(s.output) for s in schedule(model).stages[:2]]
    # The pool copies bytes, so both sides of it are stored alike; only its output has a border.
    assert [(one.lo, one.step, one.levels) for one in layouts] == [(-1, 1, 3), (-1, 1, 3)]
    assert [one.border for one in layouts] == [None, 1]


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_layouts_decode_what_they_store(seed: int) -> None:
    model = lower(random_graph(seed % 40).model())
    rng = np.random.default_rng(seed)
    for value in (schedule(model).source, *(s.output for s in schedule(model).stages)):
        layout = layout_of(value)
        levels = rng.integers(0, max(1, layout.levels), (layout.channels, layout.height, layout.width))
        x = layout.lo + layout.step * levels
        np.testing.assert_array_equal(layout.decode(storage_of(layout, x)[None]), x[None])


def test_a_border_and_its_elements_do_not_meet() -> None:
    graph = IntegerGraph((2, 5, 3), uint(2)).conv(2, (3, 3), pads=2)
    layout = layout_of(schedule(lower(graph.model(), force=("taps",))).source)
    ones = np.ones((2, 5, 3), np.int64)
    raw = storage_of(layout, ones)
    assert raw.sum() == ones.size
    for c in range(2):
        for y in range(-2, 7):
            for x in range(-2, 5):
                inside = 0 <= y < 5 and 0 <= x < 3
                assert raw[layout.interior + c * layout.plane + y * layout.row + x] == int(inside)


@pytest.mark.parametrize(
    ("graph", "what"),
    [
        (IntegerGraph((1 << 17,), uint(1)).dense(1, density=0.001), "at most 65,535"),
    ],
)
def test_refusals(graph: IntegerGraph, what: str) -> None:
    with pytest.raises(CompileError) as caught:
        lower(graph.model())
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("q", "width"),
    [(QType(-300, 300), 2), (uint(16), 4), (QType(-128, 127), 1), (QType(-300, 300, (1.0,), 4), 1)],
)
def test_what_bytes_do_not_hold_lies_in_wider_integers(q: QType, width: int) -> None:
    model = lower(IntegerGraph((4,), q).dense(2).model())
    assert layout_of(schedule(model).source).width_bytes == width


def test_absurd_sizes_are_refused_before_memory_is_taken() -> None:
    graph = IntegerGraph((65_000, 60_000), uint(8))
    model = graph.model()
    ChooseEncodings().run(model, PassLog())
    with pytest.raises(CompileError, match="takes 3900000000 bytes"):
        PlanMemory().run(model, PassLog())


def test_layout_of_an_unplanned_tensor() -> None:
    with pytest.raises(CompileError, match="has no place in memory"):
        layout_of(IntegerGraph((4,), uint(2)).last)


def test_bytes_of_a_layout() -> None:
    assert Layout(2, 3, 4, 12, 4, 0, 24).contiguous
    assert not Layout(2, 3, 4, 20, 5, 6, 48, border=0).contiguous
