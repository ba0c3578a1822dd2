"""The integer gate as a graph of two operators, and as one .onnx file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir

from ...errors import CompileError
from ...ops import lookup
from ...ops.base import CARDC, constant, integer
from ...ops.graph import add_initializer, make_node
from ...ops.qtype import QType, set_qtype
from ...ops.spectral import IntegerGate
from ...ops.spectral_gate import attributes, gate_of
from ..read import read_model

_FIX = "write it with save_integer_gate"


def gate_model(gate: IntegerGate) -> ir.Model:
    """images [1, C, H, W] -> SpectralScores -> scores [1, A] -> SlidingArgMax -> pick [1]."""
    plan = gate.plan
    images = ir.Value(name="images", shape=ir.Shape((1, plan.channels, plan.height, plan.width)))
    set_qtype(images, QType(plan.lo, plan.hi, (gate.scale,)))
    graph = ir.Graph([images], [], nodes=[], opset_imports={"": 17, CARDC: 1}, name="gate")
    table = np.zeros(0, np.int32) if gate.table is None else gate.table.astype(np.int32)
    arrays = [
        add_initializer(graph, "table", table),
        add_initializer(graph, "differences", gate.differences.astype(np.int32 if plan.wide else np.int16)),
        add_initializer(graph, "constants", gate.constants.astype(np.int64)),
    ]
    scores = make_node(
        CARDC, "SpectralScores", [images, *arrays], name="spectrum", out="scores", attributes=attributes(gate)
    )
    pick = make_node(
        CARDC, "SlidingArgMax", scores.outputs, name="decision", out="pick", attributes={"window": gate.window}
    )
    for node in (scores, pick):
        graph.append(node)
    graph.outputs.append(pick.outputs[0])
    return ir.Model(graph, ir_version=10)


def gate_from_model(model: ir.Model) -> IntegerGate:
    """The gate that `gate_model` made this of. CompileError where it did not."""
    nodes = list(model.graph)
    if [(n.domain, n.op_type) for n in nodes] != [(CARDC, "SpectralScores"), (CARDC, "SlidingArgMax")]:
        raise CompileError("this is no integer gate", node=model.graph.name, fix=_FIX)
    if not nodes[0].inputs or nodes[1].inputs[:1] != nodes[0].outputs[:1]:
        raise CompileError("the gate's decision does not read its scores", node=nodes[1], fix=_FIX)
    for node in nodes:
        lookup(node).verify(node)
    arrays = [constant(value) for value in nodes[0].inputs[1:]]
    return gate_of(nodes[0], [a for a in arrays if a is not None], integer(nodes[1], "window", 1))


def save_integer_gate(gate: IntegerGate, path: str | Path) -> None:
    """Write `gate` to one .onnx file. Same gate, same bytes."""
    Path(path).write_bytes(ir.to_proto(gate_model(gate)).SerializeToString(deterministic=True))


def load_integer_gate(path: str | Path) -> IntegerGate:
    """Read what `save_integer_gate` wrote. CompileError for anything else."""
    return gate_from_model(read_model(path))
