"""The rewrites of import by operator: how each exporter's spelling becomes the one that the passes know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

import onnx_ir as ir

from ..ops.base import ONNX, QONNX
from . import aliases, averages, channels_last, depth, finn, minifloat, qcdq, spelling, top, windows, xnor

Rule = Callable[[ir.Graph, ir.Node], Sequence[ir.Node] | None]
"""New nodes in place of one, inferred, the last of them giving its result; None where the rule does not apply."""


@cache
def rules() -> Mapping[tuple[str, str], tuple[Rule, ...]]:
    """Every rule by (domain, name) of the operator, in the order in which they are tried."""
    found: dict[tuple[str, str], tuple[Rule, ...]] = {}
    for module in (windows, averages, channels_last, spelling, depth, qcdq, finn, minifloat, xnor, top):
        for key, rule in module.RULES.items():
            found[key] = (*found.get(key, ()), rule)
    return MappingProxyType(found)


_GONE = (*aliases.NAMES, "Split", "Constant")
"""Of ONNX: what does nothing at inference or is known before it."""


@cache
def names() -> tuple[tuple[str, str], ...]:
    """Domain and name of every operator that import takes away, by a rule or otherwise, in order."""
    return tuple(sorted({*((ONNX, name) for name in _GONE), *((QONNX, name) for name in aliases.MARKS), *rules()}))


def known(node: ir.Node) -> bool:
    """Whether import takes operators of this name away."""
    return (node.domain, node.op_type) in names()


def rewritten(graph: ir.Graph, node: ir.Node) -> Sequence[ir.Node] | None:
    """What the first rule that applies makes of `node`, or None."""
    for rule in rules().get((node.domain, node.op_type), ()):
        new = rule(graph, node)
        if new is not None:
            return new
    return None
