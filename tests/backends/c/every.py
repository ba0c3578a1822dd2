"""Networks of random sizes that use, together, every kernel that is not called by itself in `kernels`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tests.backends.c.networks import TYPES, Case, in_c
from tests.backends.c.streams import join
from tests.backends.c.test_streams import streamed
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import QType


def bytes_on(core: str, seed: int) -> Case:
    """Rice codes and code as weights, additions, pools, moves, the largest and their indices; inputs and activations of
    few bits."""
    rng = np.random.default_rng(seed)
    graph = IntegerGraph((int(rng.integers(1, 4)), *_size(rng, 4, 8)), TYPES[int(rng.integers(len(TYPES)))], seed=seed)
    first = graph.conv(4, _size(rng, 1, 4), density=0.5).threshold(BIPOLAR, falling=0.5).last
    join(graph, "Add", [first, graph.conv(4, density=0.4).last])
    graph.threshold_on_range(uint(6))
    join(graph, "Pad", [graph.last], pads=[int(p) for p in rng.integers(0, 3, 4)])
    graph.conv(3, density=0.5)
    join(graph, "MaxPool", [graph.last], kernel_shape=[2, 2], strides=[1, 2], pads=[1, 0, 0, 1])
    graph.threshold_on_range(uint(2))
    join(graph, "Resize", [graph.last], factors=[1, 2])
    join(graph, "SumPool", [graph.last], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    graph.threshold_on_range(uint(3))
    join(graph, "TopK", [graph.last], k=2, largest=1, indices=0)
    graph.flatten().dense(9, density=0.4).threshold(uint(4)).dense(7, density=0.4)
    join(graph, "ArgMax", [graph.last])
    first = "taps" if core == "avr5" else "rice"
    return _built(graph, core, (first, first, "straight", "rice", "straight"))


def wide_on(core: str, seed: int) -> Case:
    """Inputs, activations and weights of up to 16 bits, sums of 32 and 64."""
    rng = np.random.default_rng(seed)
    graph = IntegerGraph((2, *_size(rng, 4, 6)), _input(core, signed=bool(seed % 2)), seed=seed)
    kernel = _size(rng, 2, 3)
    graph.conv(4, kernel, group=2, weights=_weights(rng, (4, 1, *kernel), 8))
    graph.requantize(QType(-2000, 2000), shift=10).maxpool()
    graph.conv(3, (2, 2), weights=_weights(rng, (3, 4, 2, 2), 12)).threshold(uint(9), falling=0.4)
    join(graph, "Pad", [graph.last], pads=[0, 1, 1, 0])
    first = graph.conv(2, weights=_weights(rng, (2, 3, 3, 3), 24)).last
    join(graph, "Resize", [first], factors=[2, 2])
    join(graph, "SumPool", [graph.last], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    join(graph, "Add", [graph.last, first])
    join(graph, "MaxPool", [graph.last], kernel_shape=[2, 2], strides=[1, 1], pads=[0, 0, 0, 0])
    join(graph, "Pad", [graph.last], pads=[1, 0, 0, 1])
    join(graph, "TopK", [graph.last], k=2, largest=0, indices=0)
    return _built(graph, core)


def sums_on(core: str, seed: int) -> Case:
    """A fully connected layer on 16 bits, hundreds of thresholds; where the largest of 64 bits is."""
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(9, 30)), int(rng.integers(3, 9))
    graph = IntegerGraph((inputs,), _input(core, signed=True), seed=seed)
    graph.dense(outputs, weights=_weights(rng, (inputs, outputs), 16)).threshold(uint(9), falling=0.4)
    graph.dense(6, weights=_weights(rng, (outputs, 6), 9)).requantize(uint(9), shift=20)
    graph.dense(5, weights=_weights(rng, (6, 5), 30))
    join(graph, "ArgMax", [graph.last])
    return _built(graph, core)


def levels_on(core: str, seed: int) -> Case:
    """Kernels for bytes in front of activations of ten bits."""
    rng = np.random.default_rng(seed)
    graph = IntegerGraph((1, *_size(rng, 3, 7)), uint(4), seed=seed).conv(3).threshold(uint(10), falling=0.3)
    return _built(graph.flatten().dense(3), core)


def streamed_on(core: str, seed: int) -> Case:
    """A chain of which memory holds a few rows at a time."""
    return streamed(seed, inputs=2, features=sorted(get_core(core).features))


def bipolar_on(core: str, encodings: Sequence[str]) -> Case:
    """Convolutions of activations -1 and +1, whose padding is a third value, one of each encoding; images of -1 alone,
    of +1 alone, and of both."""
    graph = IntegerGraph((3, 5, 6), BIPOLAR, seed=len(encodings))
    for encoding in encodings:
        kernel, density = ((3, 2), 1.0) if encoding == "straight" else ((3, 3), 0.6)
        graph.conv(3, kernel, density=density).threshold(BIPOLAR, falling=0.5)
    join(graph, "MaxPool", [graph.last], kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0])
    case = _built(graph.flatten().dense(4), core, tuple(encodings))
    mixed = np.random.default_rng(0).uniform(-1, 1.2, (2, *graph.shape))
    floats = np.concatenate([np.full((1, *graph.shape), v) for v in (-5.0, 5.0)] + [mixed]).astype(np.float32)
    return Case(case.model, case.built, floats, execute(case.model, {"x": floats}))


NETWORKS = {"bytes": bytes_on, "wide": wide_on, "sums": sums_on, "levels": levels_on, "streamed": streamed_on}


def _input(core: str, *, signed: bool) -> QType:
    """16 bits; 12 where a table of their thresholds is more than an array may be."""
    bits = 12 if core == "avr5" else 16
    return QType(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else uint(bits)


def _size(rng: np.random.Generator, least: int, most: int) -> tuple[int, int]:
    height, width = (int(n) for n in rng.integers(least, most + 1, 2))
    return height, width


def _weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> Array:
    top = 2 ** (bits - 1)
    return rng.integers(-top, top, shape)


def _built(graph: IntegerGraph, core: str, wanted: tuple[str, ...] = ()) -> Case:
    return in_c(graph, inputs=2, features=sorted(get_core(core).features), wanted=wanted)
