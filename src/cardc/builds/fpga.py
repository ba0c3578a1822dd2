"""A model on an FPGA: an hls4ml project, its C simulation, its estimated figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import onnx_ir as ir

from ..backends.hls4ml import Csim, LayerFacts, emit, layer_facts
from ..ops.base import Array, constant, operand, result, shape_of
from ..ops.graph import is_cardc
from ..ops.qtype import find_qtype, qtype
from ..project import Project
from ..report import (
    FpgaLayer,
    Layer,
    Report,
    board,
    estimate_design,
    estimate_layer,
    fits,
    latency_seconds,
    signed_digits,
)
from ..verify.run import Stage
from .base import Build

_KINDS = {
    "MatMul": "dense",
    "Conv": "conv2d",
    "Threshold": "threshold",
    "MaxPool": "pool",
    "Requantize": "requantise",
    "Affine": "requantise",
}


class FpgaBuild(Build):
    """hls4ml project and C simulation. FPGA figures are estimates until a vendor tool has run."""

    @cached_property
    def project(self) -> Project:
        return emit(self.lowered.integer, self.target)

    @cached_property
    def _csim(self) -> Csim:
        return Csim(self.lowered.integer, self.target)

    def stages(self, inputs: int, emulated: int) -> Sequence[Stage]:
        return [Stage("hls4ml:csim", self._trace, emulated)]

    def _trace(self, x: Array) -> Mapping[str, Array]:
        # Under the graph's own names; the simulation may hold more, such as the input itself.
        names = {v.name for node in self.lowered.integer.graph for v in node.outputs}
        return {name: array for name, array in self._csim.trace(x).items() if name in names}

    def run_integers(self, x: Array) -> Array:
        return self._csim.run(x)

    def _measure(self) -> Report:
        facts = layer_facts(self.lowered.integer, self.target)
        nodes = {node.name: node for node in self.lowered.integer.graph}
        # Layers that only reorder a stream go by their node's name too; a node is costed once.
        first: dict[str, LayerFacts] = {}
        for fact in facts:
            first.setdefault(fact.node, fact)
        known = [(fact, _cost(fact, nodes[fact.node])) for fact in first.values() if fact.node in nodes]
        period = self.target.clock_period_ns
        totals = estimate_design([cost for _, cost in known], period)
        totals["latency_s"] = latency_seconds(totals["latency_cycles"], self.target)
        layers = tuple(_layer(fact, nodes[fact.node], cost, period) for fact, cost in known)
        return Report(
            model=self.name,
            board=board(self.target),
            fit=fits(totals, self.target, layers=layers),
            totals=totals,
            layers=layers,
            passes=self.lowered.traces,
            provenance=self.provenance(),
        )


def _cost(fact: LayerFacts, node: ir.Node) -> FpgaLayer:
    """What the estimator needs of a layer; shapes channels-last, as hls4ml has them."""
    w = constant(node.inputs[1]) if is_cardc(node, "Conv", "MatMul") else None
    per_channel: tuple[int, ...] = ()
    if w is not None:
        rows = w.reshape(w.shape[0], -1) if node.op_type == "Conv" else w.T
        per_channel = tuple(int(n) for n in signed_digits(rows).sum(axis=1))
    source, target = operand(node, 0), result(node)
    kernel = tuple(node.attributes["kernel_shape"].as_ints()) if "kernel_shape" in node.attributes else (1, 1)
    incoming = qtype(source)
    return FpgaLayer(
        name=fact.node,
        op=_KINDS.get(node.op_type, "other"),
        in_shape=_channels_last(source),
        out_shape=_channels_last(target),
        act_bits=incoming.bits,
        out_bits=qtype(target).bits,
        acc_bits=fact.accumulator_bits or incoming.bits,
        nonzeros=per_channel,
        levels=fact.levels or (qtype(target).levels - 1 if node.op_type == "Requantize" else 0),
        kernel=(kernel[0], kernel[1]) if len(kernel) == 2 else (1, kernel[0]),
        io_type=fact.io_type,
        reuse_factor=fact.reuse_factor,
    )


def _channels_last(value: ir.Value) -> tuple[int, ...]:
    shape = shape_of(value)[1:]
    return (*shape[1:], shape[0])


def _layer(fact: LayerFacts, node: ir.Node, cost: FpgaLayer, period: float) -> Layer:
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
        figures=estimate_layer(cost, period),
    )
