"""What streams and lower bands are expected to take is what emulated cores count; balanced keeps to its word."""

from __future__ import annotations

import onnx_ir as ir
import pytest
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.backend import CBackend
from cardc.backends.c.program import build
from cardc.backends.c.run import CBuild
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings
from cardc.passes.plan_memory import ARENA, PlanMemory, streams_of
from cardc.passes.schedule import schedule
from cardc.passes.scratch import BAND, rows_of
from cardc.passes.stream_costs import stage_cost
from cardc.passes.streams import Stream
from cardc.targets.base import load

FEATURES = {"cortex-m4": ("dsp", "unaligned"), "cortex-m0plus": ()}


def three_convolutions(force: str, features: tuple[str, ...]) -> ir.Model:
    graph = IntegerGraph((8, 16, 16), uint(4), seed=1)
    for _ in range(3):
        graph.conv(16, density=0.1).scaled(uint(4), 30.0)
    model = graph.maxpool(4).model()
    ChooseEncodings(features, (force,)).run(model, PassLog())
    return model


def counted(model: ir.Model, core: str) -> dict[str, int]:
    program, backend = build(model), CBackend(title="net")
    built = CBuild(backend.project(model, program, load("nucleo-f446re")), program, backend.identifier(model))
    found = built.measure(core).by_layer
    return {name: found[name] for name in found if name.endswith("_conv")}


@pytest.mark.parametrize("core", FEATURES)
@pytest.mark.parametrize("rows", [2, 4])
def test_estimates_of_turns(rows: int, core: str) -> None:
    features = FEATURES[core]
    model = three_convolutions("runs", features)
    PlanMemory(streams=(Stream(0, 2, rows, aligned=True),)).run(model, PassLog())
    stages = schedule(model).stages[:3]
    expected = sum(stage_cost(s, rows_of(s), 16 // rows, frozenset(features)) for s in stages)
    assert sum(counted(model, core).values()) == pytest.approx(expected, rel=0.15)


def test_balanced_takes_less_memory_for_a_quarter_more_instructions_at_most() -> None:
    features = FEATURES["cortex-m4"]
    model = three_convolutions("runs", features)
    PlanMemory(features=features).run(model, PassLog())
    fast, most = sum(counted(model, "cortex-m4").values()), int(model.metadata_props[ARENA])
    PlanMemory(features=features, optimize="balanced").run(model, PassLog())
    assert streams_of(model) or any(BAND in stage.node.metadata_props for stage in schedule(model).stages)
    arena, slow = int(model.metadata_props[ARENA]), sum(counted(model, "cortex-m4").values())
    assert arena < 0.9 * most
    assert slow < 1.3 * fast
    assert arena * slow < most * fast
