"""Random chains of convolutions, pools and residual additions, and the streams that they can run as."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.ops.base import CARDC
from cardc.ops.graph import make_node
from cardc.ops.qtype import QType
from cardc.passes.bare import can_be_bare, slides
from cardc.passes.base import PassLog
from cardc.passes.layouts import Layout, layout_of
from cardc.passes.plan_memory import PlanMemory, to_caller
from cardc.passes.schedule import Schedule, schedule
from cardc.passes.streams import Stream, output, pace, streams, streams_in

TYPES = [uint(1), uint(2), uint(4), QType(-8, 7), BIPOLAR, QType(-3, 12)]


def join(g: IntegerGraph, op: str, inputs: list[ir.Value], **attributes: object) -> None:
    """Append an operator of cardc with any inputs."""
    g.count += 1
    node = make_node(CARDC, op, inputs, name=f"j{g.count}", out=f"u{g.count}", attributes=attributes)
    g.graph.append(node)
    g.last = node.outputs[0]


def chain(seed: int) -> IntegerGraph:
    """Two to six layers on a small image, then one that sums all."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 4)), int(rng.integers(9, 22)), int(rng.integers(5, 14)))
    g = IntegerGraph(shape, _type(rng), seed=seed)
    for _ in range(int(rng.integers(2, 6))):
        height, width = (int(d) for d in g.last.shape[2:])  # type: ignore[index, union-attr]
        kind = rng.choice(["conv", "conv", "residual", "shortcut", "pool", "sum"])
        if min(height, width) < 4 or kind == "conv":
            _conv(g, rng, int(rng.integers(1, 6)))
        elif kind == "residual":
            skip = g.last
            channels = int(skip.shape[1])  # type: ignore[index, arg-type]
            _finish(g.conv(channels, (3, 3), pads=1, density=0.3), rng)
            join(g, "Add", [skip, g.last])
            g.threshold_on_range(uint(3))
        elif kind == "shortcut":
            source, out = g.last, int(rng.integers(1, 6))
            _finish(g.conv(out, (3, 3), pads=1, stride=2, density=0.3), rng)
            main = _finish(g.conv(out, (3, 3), pads=1, density=0.3), rng).last
            g.last = source
            _finish(g.conv(out, (1, 1), pads=0, stride=2, density=0.7), rng)
            join(g, "Add", [main, g.last])
            g.threshold_on_range(uint(2))
        elif kind == "pool":
            g.maxpool(2)
        else:
            join(g, "SumPool", [g.last], kernel_shape=[2, 2], strides=[2, 1], pads=[0, 0, 0, 0])
            g.threshold_on_range(uint(3))
    _conv(g, rng, 3)
    return g


def _type(rng: np.random.Generator) -> QType:
    return TYPES[int(rng.integers(len(TYPES)))]


def _finish(g: IntegerGraph, rng: np.random.Generator) -> IntegerGraph:
    q = _type(rng)
    return g.requantize(q) if q.step == 1 and rng.random() < 0.5 else g.threshold(q, falling=0.3)


def _conv(g: IntegerGraph, rng: np.random.Generator, out: int) -> None:
    height, width = (int(d) for d in g.last.shape[2:])  # type: ignore[index, union-attr]
    kernel = tuple(int(rng.integers(1, min(4, n) + 1)) for n in (height, width))
    pads = int(rng.integers(0, min(kernel)))
    stride = int(rng.choice([1, 1, 2]))
    _finish(g.conv(out, kernel, pads=pads, stride=stride, density=float(rng.choice([0.1, 0.4, 1.0]))), rng)


def whole_layouts(plan: Schedule) -> dict[str, Layout]:
    """Those of a plan without streams."""
    return {v.name or "": layout_of(v) for v in (output(plan, k) for k in range(-1, len(plan.stages)))}


def possible(model: ir.Model) -> list[Stream]:
    """Every stream that `model`, which has encodings, can run as, one at a time."""
    PlanMemory(streams=()).run(model, PassLog())
    plan = schedule(model)
    layouts = whole_layouts(plan)
    fits = [streams_in(plan, layouts), *(streams(stage, layouts) for stage in plan.stages)]
    found = []
    for first in range(-1, len(plan.stages)):
        for last in range(first + 1, len(plan.stages)):
            if not all(fits[first + 1 : last + 2]) or to_caller(plan, output(plan, last)):
                break
            height = layouts[output(plan, last).name or ""].height
            options = [Stream(first, last, rows) for rows in range(1, height + 1)]
            found += [s for s in options if pace(plan, s, layouts) is not None]
    return found


def possible_sliding(model: ir.Model) -> list[Stream]:
    """Every stream of `model`, which has encodings, in which rows come and go, one at a time."""
    PlanMemory(streams=()).run(model, PassLog())
    plan = schedule(model)
    layouts = whole_layouts(plan)
    load = can_be_bare(plan, plan.source, layouts[plan.source.name or ""]) and streams_in(plan, layouts)
    fits = [load, *(slides(plan, stage, layouts) for stage in plan.stages)]
    found = []
    for first in range(-1, len(plan.stages)):
        for last in range(first + 1, len(plan.stages)):
            if not all(fits[first + 1 : last + 2]):
                break
            height = layouts[output(plan, last).name or ""].height
            options = [
                Stream(first, last, n, False, True, held) for n in range(1, height + 1) for held in (False, True)
            ]
            found += [s for s in options if pace(plan, s, layouts) is not None]
    return found


def residual(seed: int) -> IntegerGraph:
    """Convolutions and additions of what they read, as in a ResNet, then a convolution that ends it."""
    rng = np.random.default_rng(seed)
    g = IntegerGraph((int(rng.integers(1, 5)), int(rng.integers(7, 18)), int(rng.integers(4, 20))), uint(4), seed=seed)
    _finish(g.conv(int(rng.integers(2, 7)), (3, 3), pads=1, density=0.3), rng)
    for _ in range(int(rng.integers(1, 4))):
        skip, (channels, height, width) = g.last, (int(d) for d in g.last.shape[1:])  # type: ignore[index, union-attr]
        stride = int(rng.choice([1, 1, 2])) if min(height, width) > 5 else 1
        out = channels if stride == 1 else int(rng.integers(2, 8))
        g.conv(out, (3, 3), pads=1, stride=stride, density=0.3).requantize(uint(4))
        main = g.conv(out, (3, 3), pads=1, density=0.3).requantize(uint(4)).last
        g.last = skip
        if stride > 1:
            g.conv(out, (1, 1), pads=0, stride=stride, density=0.7).requantize(uint(4))
        join(g, "Add", [main, g.last])
        g.threshold_on_range(uint(4))
    return g.conv(2, (3, 3), pads=1, density=0.3)
