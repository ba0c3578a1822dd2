"""A model on an FPGA: an hls4ml project, its C simulation, its estimated figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import onnx_ir as ir

from ..backends.hls4ml import Csim, LayerFacts, Options, cost_layers, emit, make_plan, plan_facts, tool_of
from ..compiler import Lowered
from ..estimate import LayerEstimate, estimate, routed
from ..ops.base import Array, operand, result, shape_of
from ..ops.qtype import find_qtype, qtype
from ..project import Project
from ..report import Layer, Report, board, fits, latency_seconds
from ..report.search import SearchStep
from ..targets.base import Target
from ..verify.run import Stage
from .base import Build
from .hls_search import fit_reuse


class FpgaBuild(Build):
    """hls4ml project and C simulation. FPGA figures are estimates until a vendor tool has run.

    `options` that leave reuse factors to the search (`auto`) are settled here; `search` says how.
    """

    def __init__(self, lowered: Lowered, target: Target, options: Options | None = None) -> None:
        self.options = options or Options()
        self.search: tuple[SearchStep, ...] = ()
        if self.options.auto:
            self.options, self.search = fit_reuse(lowered.integer, target, self.options)
        super().__init__(lowered, target)

    @cached_property
    def project(self) -> Project:
        return emit(self.lowered.integer, self.target, self.options)

    @cached_property
    def _csim(self) -> Csim:
        return Csim(self.lowered.integer, self.target, self.options)

    def stages(self, inputs: int, emulated: int) -> Sequence[Stage]:
        return [Stage("hls4ml:csim", self._trace, emulated)]

    def _trace(self, x: Array) -> Mapping[str, Array]:
        # Under the graph's own names; the simulation may hold more, such as the input itself.
        names = {v.name for node in self.lowered.integer.graph for v in node.outputs}
        return {name: array for name, array in self._csim.trace(x).items() if name in names}

    def run_integers(self, x: Array) -> Array:
        return self._csim.run(x)

    def _measure(self) -> Report:
        plan = make_plan(self.lowered.integer, self.target, self.options)
        found = estimate(cost_layers(plan), tool_of(self.target))
        totals = dict(found.totals) | routed(found.totals)
        totals["latency_s"] = latency_seconds(totals["latency_cycles"], self.target)
        nodes = {node.name: node for node in self.lowered.integer.graph}
        # What only moves elements for a node is part of the totals; a node has one line, that of its own layer.
        parts = {part.name: part for part in found.layers}
        own = {
            fact.node: (fact, parts[fact.layer])
            for fact in plan_facts(plan)
            if fact.node in nodes and fact.op == nodes[fact.node].op_type
        }
        layers = tuple(_layer(fact, nodes[fact.node], part) for fact, part in own.values())
        return Report(
            model=self.name,
            board=board(self.target),
            fit=fits(totals, self.target, layers=layers),
            totals=totals,
            layers=layers,
            search=self.search,
            passes=self.lowered.traces,
            provenance=self.provenance(),
        )


def _notes(fact: LayerFacts, part: LayerEstimate) -> tuple[str, ...]:
    """What the figures of a layer do not say by themselves."""
    zeros = fact.weights - fact.nonzeros
    folded = fact.strategy == "resource" and zeros
    saves = (f"weights in memory: its {zeros:,} zero weights save nothing; unroll the layer for that",)
    beyond = ("not measured: " + ", ".join(part.beyond),) if part.beyond else ()
    return (saves if folded else ()) + beyond


def _layer(fact: LayerFacts, node: ir.Node, part: LayerEstimate) -> Layer:
    incoming = find_qtype(operand(node, 0))
    return Layer(
        name=fact.node,
        op=node.op_type,
        encoding=f"{fact.strategy}, reuse {fact.reuse_factor}" if fact.weights else "none",
        in_shape=shape_of(operand(node, 0))[1:],
        out_shape=shape_of(result(node))[1:],
        in_bits=incoming.bits if incoming else 0,
        out_bits=qtype(result(node)).bits,
        macs=fact.macs,
        weights=fact.weights,
        nonzeros=fact.nonzeros,
        acc_bits=fact.accumulator_bits,
        requantise={"Threshold": "thresholds", "Requantize": "dyadic"}.get(node.op_type, "none"),
        levels=fact.levels,
        figures=part.figures,
        notes=_notes(fact, part),
    )
