"""Networks for the tests of the C backend: random ones from a seed, and how they are brought to C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.c.backend import CBackend
from cardc.backends.c.program import build
from cardc.backends.c.run import CBuild
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.graph import is_cardc
from cardc.ops.qtype import QType
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings
from cardc.passes.plan_memory import PlanMemory
from cardc.targets.base import load

TYPES = [
    BIPOLAR,
    uint(1),
    uint(2),
    uint(3),
    uint(4),
    uint(8),
    QType(-8, 7),
    QType(-1, 1),
    QType(-127, 127),
    QType(-3, 12),
]


@dataclass
class Case:
    """A network in C, and its inputs with every integer tensor that the executor computes."""

    model: ir.Model
    built: CBuild
    floats: Array
    want: dict[str, Array]

    @property
    def inputs(self) -> Array:
        return self.want[self.built.program.schedule.source.name or ""]

    @property
    def outputs(self) -> Array:
        return self.want[self.built.program.schedule.output.name or ""]


def lower(
    model: ir.Model, features: Sequence[str] = (), force: Sequence[str] = (), wanted: Sequence[str] = ()
) -> ir.Model:
    """Encodings and memory plan, in place. `wanted`: those of the first layers, "" where it may be any."""
    layers = [node.name or "" for node in model.graph if is_cardc(node, "Conv", "MatMul")]
    asked = tuple((name, encoding) for name, encoding in zip(layers, wanted, strict=False) if encoding)
    ChooseEncodings(tuple(features), tuple(force), asked).run(model, PassLog())
    PlanMemory().run(model, PassLog())
    return model


def in_c(
    graph: IntegerGraph, *, inputs: int = 12, name: str = "net", force: Sequence[str] = (),
    features: Sequence[str] = ("dsp", "unaligned"), wanted: Sequence[str] = (),
) -> Case:  # fmt: skip
    """The graph built so far as a C library."""
    model = lower(graph.model(), features, force, wanted)
    program, backend = build(model), CBackend(title=name)
    built = CBuild(backend.project(model, program, load("nucleo-f446re")), program, backend.identifier(model))
    floats = graph.inputs(inputs)
    return Case(model, built, floats, execute(model, {"x": floats}))


def random_graph(seed: int) -> IntegerGraph:
    """Up to three convolutions, up to three matrix products, every kind of finish; odd sizes throughout."""
    rng = np.random.default_rng(seed)
    rank = int(rng.choice([0, 1, 2, 2, 2]))
    shape = (
        (int(rng.integers(1, 70)),) if rank == 0 else (int(rng.integers(1, 6)), *map(int, rng.integers(3, 14, rank)))
    )
    graph = IntegerGraph(shape, _type(rng), seed=seed)
    for _ in range(int(rng.integers(0, 4)) if rank else 0):
        _convolution(graph, rng)
        if rng.random() < 0.1:
            return graph
        _finish(graph, rng)
        if min(_spatial(graph)) >= 2 and rng.random() < 0.4:
            graph.maxpool(2)
    if rank:
        graph.flatten()
    for _ in range(int(rng.integers(0, 3))):
        _dense(graph, rng, int(rng.integers(1, 40)))
        _finish(graph, rng)
    if rng.random() < 0.8:
        _dense(graph, rng, int(rng.integers(1, 12)))
    return graph


def _spatial(graph: IntegerGraph) -> tuple[int, ...]:
    return tuple(int(d) for d in graph.last.shape[2:])  # type: ignore[index]


def _type(rng: np.random.Generator) -> QType:
    return TYPES[int(rng.integers(len(TYPES)))]


def _convolution(graph: IntegerGraph, rng: np.random.Generator) -> None:
    channels = int(graph.last.shape[1])  # type: ignore[index, arg-type]
    pads = int(rng.integers(0, 3))
    kernel = tuple(int(rng.integers(1, min(5, n + 2 * pads) + 1)) for n in _spatial(graph))
    pads = min(pads, min(kernel) - 1)
    kernel = tuple(min(k, n + 2 * pads) for k, n in zip(kernel, _spatial(graph), strict=True))
    out = int(rng.integers(1, 9))
    group = channels if rng.random() < 0.2 else 1
    out = out * group if group > 1 else out
    shape = (out, channels // group, *kernel)
    weights = rng.integers(-7, 8, shape) if rng.random() < 0.15 else None
    density = float(rng.choice([0.05, 0.1, 0.3, 0.7, 1.0]))
    graph.conv(out, kernel, pads=pads, stride=int(rng.integers(1, 3)), density=density, group=group, weights=weights)


def _dense(graph: IntegerGraph, rng: np.random.Generator, out: int) -> None:
    features = int(graph.last.shape[1])  # type: ignore[index, arg-type]
    weights = rng.integers(-100, 101, (features, out)) if rng.random() < 0.15 else None
    binary = rng.random() < 0.4 and weights is None
    graph.dense(out, density=float(rng.choice([0.02, 0.1, 0.5])), binary=binary, weights=weights)


def _finish(graph: IntegerGraph, rng: np.random.Generator) -> None:
    q = _type(rng)
    if q.step == 1 and rng.random() < 0.5:
        graph.requantize(q)
    else:
        graph.threshold(q, falling=float(rng.choice([0.0, 0.4, 1.0])))
