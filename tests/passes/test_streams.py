"""Streams never lose a row that is still read, whatever strides, pads and branches; they are taken where they pay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.c.networks import random_graph
from tests.backends.c.streams import chain, join, possible, possible_sliding, residual
from tests.graphs import IntegerGraph, uint
from tests.passes.arena import Arena, Overwritten

from cardc.errors import CompileError
from cardc.passes import plan_memory
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings
from cardc.passes.choose_streams import Memory
from cardc.passes.layouts import layout_of
from cardc.passes.plan_memory import ARENA, BOUND, OFFSET, STREAMS, PlanMemory, streams_of
from cardc.passes.schedule import schedule
from cardc.passes.scratch import BAND
from cardc.passes.streams import Stream, pace, reads

ENCODINGS = [(), ("taps",), ("int8",), ("lanes",), ("runs",), ("rice",)]


def encoded(graph: IntegerGraph, force: tuple[str, ...] = ()) -> ir.Model:
    model = graph.model()
    ChooseEncodings(("dsp", "unaligned"), force).run(model, PassLog())
    return model


def arena(model: ir.Model, **options: object) -> int:
    PlanMemory(**options).run(model, PassLog())  # type: ignore[arg-type]
    return int(model.metadata_props[ARENA])


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_row_is_there_when_it_is_read(seed: int) -> None:
    model = encoded(chain(seed), ENCODINGS[seed % len(ENCODINGS)])
    options = possible(model)
    for stream in options[seed % 3 :: 1 + len(options) // 4]:
        PlanMemory(streams=(stream,)).run(model, PassLog())
        Arena(model).run()


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_rows_that_come_and_go_are_there_when_they_are_read(seed: int) -> None:
    model = encoded(residual(seed) if seed % 4 else chain(seed), ("runs",))
    options = possible_sliding(model)
    for stream in options[seed % 3 :: 1 + len(options) // 4]:
        PlanMemory(streams=(stream,)).run(model, PassLog())
        assert int(model.metadata_props[BOUND]) <= int(model.metadata_props[ARENA])
        Arena(model).run()


@pytest.mark.parametrize("ticks", ["_spans", "copies"])
def test_rows_given_away_too_early_are_found(ticks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row less of every input than is read, or inputs given away by kernels that still read them."""
    found = 0
    for seed in range(4):
        model = encoded(residual(seed), ("runs",))
        options = possible_sliding(model)
        with monkeypatch.context() as patch:
            if ticks == "_spans":
                patch.setattr(
                    "cardc.passes.timeline.reads", lambda stage: replace(reads(stage), top=reads(stage).top - 1)
                )
            else:
                patch.setattr("cardc.passes.timeline._copies", lambda *given: True)
            for stream in [s for s in options if s.last - s.first > 2][:: 1 + len(options) // 4]:
                PlanMemory(streams=(stream,)).run(model, PassLog())
                try:
                    Arena(model).run()
                except Overwritten:
                    found += 1
    assert found > 0


def test_an_addition_takes_the_place_of_its_input() -> None:
    model = encoded(residual(1), ("runs",))
    stream = max(possible_sliding(model), key=lambda s: (s.last - s.first, -s.rows))
    PlanMemory(streams=(stream,)).run(model, PassLog())
    plan = schedule(model)
    adds = [k for k in stream.members if k >= 0 and plan.stages[k].node.op_type == "Add"]
    starts = {
        k: (int(v.metadata_props[OFFSET]) + layout_of(v).interior)
        for k, v in ((k, plan.stages[k].output) for k in adds)
    }
    sources = {k: [int(v.metadata_props[OFFSET]) + layout_of(v).interior for v in plan.stages[k].sources] for k in adds}
    assert any(starts[k] in sources[k] for k in adds)


def test_balanced_takes_less_than_a_feature_map_and_lines() -> None:
    """A residual network of equal maps: rows come and go, so that one map and the copies of a few rows live."""
    g = IntegerGraph((8, 32, 32), uint(4), seed=3).conv(16, density=0.1).requantize(uint(4))
    for _ in range(2):
        skip = g.last
        g.conv(16, density=0.1).requantize(uint(4)).conv(16, density=0.1).requantize(uint(4))
        join(g, "Add", [skip, g.last])
        g.threshold_on_range(uint(4))
    model = encoded(g.conv(2, density=0.1), ("runs",))
    found = arena(model, optimize="balanced", features=("dsp", "unaligned"))
    assert any(s.sliding for s in streams_of(model))
    assert int(model.metadata_props[BOUND]) <= found < 1.05 * int(model.metadata_props[BOUND])
    assert found < 2 * 16 * 32 * 32
    Arena(model).run()


@pytest.mark.parametrize("seed", range(12))
def test_the_simulated_arena_takes_plans_without_streams(seed: int) -> None:
    model = encoded(random_graph(seed))
    PlanMemory().run(model, PassLog())
    Arena(model).run()


@pytest.mark.parametrize("seed", range(6))
def test_a_line_less_is_too_few(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = encoded(chain(seed), ("taps",))
    longest = max(possible(model), key=lambda s: (s.last - s.first, -s.rows))
    found = 0
    for stage in longest.members:
        with monkeypatch.context() as patch:

            def shortened(*given: object, stage: int = stage) -> object:
                right = pace(*given)  # type: ignore[arg-type]
                assert right is not None
                less = {True: lambda p: replace(p, lines=p.lines - 1), False: lambda p: p}
                return replace(right, paces=tuple(less[p.stage == stage and p.lines > p.rows](p) for p in right.paces))

            patch.setattr("cardc.passes.plan_memory.pace", shortened)
            PlanMemory(streams=(longest,)).run(model, PassLog())
            try:
                Arena(model).run()
            except Overwritten:
                found += 1
    assert found > 0


def test_two_tensors_in_one_place_are_found() -> None:
    model = encoded(chain(1), ("taps",))
    PlanMemory(streams=(possible(model)[-1],)).run(model, PassLog())
    plan = schedule(model)
    for value in (plan.source, *(stage.output for stage in plan.stages)):
        if OFFSET in value.metadata_props:
            value.metadata_props[OFFSET] = "0"
    with pytest.raises(Overwritten, match="is not there"):
        Arena(model).run()


def deep(stride: int = 1) -> IntegerGraph:
    g = IntegerGraph((4, 24, 24), uint(4), seed=3)
    for k in range(4):
        g.conv(8, density=0.1, stride=stride if k == 1 else 1).requantize(uint(4))
    return g.conv(2, density=0.1)


def test_a_chain_of_convolutions_takes_a_few_rows_not_feature_maps() -> None:
    whole, least = arena(encoded(deep())), arena(encoded(deep()), optimize="size")
    assert whole > 2 * 8 * 24 * 24
    # All but what the last one reads, a feature map, and lines.
    assert least < 8 * 25 * 28 + 5 * 8 * 4 * 28
    model = encoded(deep())
    PlanMemory(optimize="size").run(model, PassLog())
    assert int(model.metadata_props[BOUND]) <= arena(model, optimize="size") <= int(model.metadata_props[BOUND]) + 16
    Arena(model).run()


def test_speed_streams_where_the_board_has_no_room_only() -> None:
    model = encoded(deep())
    whole, least = arena(model), arena(encoded(deep()), optimize="size")
    assert arena(model, ram=1 << 20) == whole
    assert model.metadata_props[STREAMS] == "[]"
    given = 4 * 24 * 24 + 2 * 2 * 24 * 24  # input and output, which are the caller's
    ram = (2 * whole + least) // 3 + given
    found = arena(model, ram=ram)
    assert least <= found <= ram * 7 // 8 - given
    assert streams_of(model)
    tight = arena(model, ram=64)  # nothing fits: the least that there is
    assert tight <= found


def test_bands_of_a_way_that_was_not_taken_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = IntegerGraph((4, 12, 12), uint(4), seed=1).conv(8).requantize(uint(4)).conv(8)
    model = encoded(graph, ("runs",))
    ways = [Memory(bands={0: 1}, instructions=2.0), Memory(instructions=1.0)]
    monkeypatch.setattr(plan_memory, "choose_streams", lambda *_: ways)
    PlanMemory().run(model, PassLog())
    assert [node.metadata_props[BAND] for node in model.graph if BAND in node.metadata_props] == []
    ways[0] = replace(ways[0], instructions=0.5)
    PlanMemory().run(model, PassLog())
    assert [node.metadata_props[BAND] for node in model.graph if BAND in node.metadata_props] == ["1"]


def test_the_same_plan_each_time() -> None:
    models = [encoded(deep(2)) for _ in range(2)]
    for model in (*models, models[0]):
        PlanMemory(optimize="size").run(model, PassLog())
    first, second = ([dict(n.metadata_props) for n in m.graph] for m in models)
    assert first == second
    assert models[0].metadata_props == models[1].metadata_props


def test_small_networks_are_left_alone() -> None:
    model = encoded(IntegerGraph((2, 6, 6), uint(2)).conv(2).requantize(uint(2)).flatten().dense(40))
    PlanMemory(optimize="size").run(model, PassLog())
    assert model.metadata_props[STREAMS] == "[]"


def test_what_cannot_stream() -> None:
    model = encoded(deep(2))
    with pytest.raises(CompileError, match="cannot run 5 rows at a time"):  # 12 rows, in whole turns
        PlanMemory(streams=(Stream(-1, 2, 5),)).run(model, PassLog())
    model.metadata_props[STREAMS] = "[[1]]"
    with pytest.raises(CompileError, match="malformed"):
        streams_of(model)


def test_random_choices_are_sound() -> None:
    for seed in np.random.default_rng(5).integers(0, 1000, 12).tolist():
        model = encoded(chain(seed))
        small = arena(model, optimize="size")
        Arena(model).run()
        assert small <= arena(encoded(chain(seed)))
