"""Branches in the order that takes less memory: where several stages read a tensor, the last one, which ends its life,
runs right behind the one before it if what it makes is smaller. Nothing is computed."""

from __future__ import annotations

from math import prod

import onnx_ir as ir

from ..ops.base import shape_of
from .schedule import Schedule, Stage, schedule


def order_branches(model: ir.Model) -> int:
    """Move nodes of `model`; how many stages."""
    moved = 0
    while (pair := _next(schedule(model))) is not None:
        stage, behind = pair
        nodes = [n for n in (stage.node, stage.finish) if n is not None]
        model.graph.remove(nodes)
        model.graph.insert_after(behind.finish or behind.node, nodes)
        moved += 1
    return moved


def _next(plan: Schedule) -> tuple[Stage, Stage] | None:
    """A stage to move and the one behind which."""
    for k, stage in enumerate(plan.stages):
        users = [j for j, other in enumerate(plan.stages) if any(v is stage.source for v in other.sources)]
        if stage.node.op_type != "Conv" or k != users[-1] or len(users) < 2 or k == users[-2] + 1:
            continue
        between = plan.stages[users[-2] + 1 : k]
        plain = stage.node.inputs[0] is stage.source and all(other.node.op_type != "Add" for other in between)
        if plain and _bytes(stage.output) < _bytes(stage.source):
            return stage, plan.stages[users[-2]]
    return None


def _bytes(value: ir.Value) -> int:
    return prod(shape_of(value))
