"""Random graphs with moved axes, blocks and views through C on the host: what the integer graph gives, to the bit."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from tests.zoo.spellings import Spelt

from cardc.backends.c.backend import CBackend
from cardc.backends.c.program import build
from cardc.backends.c.run import CBuild
from cardc.compiler import to_integers
from cardc.ops.execute import execute
from cardc.targets.base import load

MOVING = {"Transpose", "DepthToSpace", "SpaceToDepth", "Squeeze"}
SEEDS = list(
    islice((s for s in range(1000) if MOVING & {n.op_type for n in Spelt(s, exact=True).nodes[:-3]}), 0, 40, 8)
)


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_integer_graph(seed: int) -> None:
    graph = Spelt(seed, exact=True)
    target = load("nucleo-f446re")
    found = to_integers(graph.proto()).on(target)
    program, backend = build(found.lowered), CBackend(title="net")
    c = CBuild(backend.project(found.lowered, program, target), program, backend.identifier(found.lowered))
    want = execute(found.integer, {"x": graph.inputs(5)})
    got = c.run(want[program.schedule.source.name or ""], "host")
    assert np.array_equal(got.ravel(), want[program.schedule.output.name or ""].ravel())
