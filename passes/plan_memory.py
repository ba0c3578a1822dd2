"""plan-memory: a layout for every integer tensor and a place for each in one arena; nothing is computed.

A tensor lives from the stage that writes it to the last stage that reads it; scratch lives during its stage. The
result of the last stage goes straight to the caller's buffer where it is a plain integer. Writes metadata:

    tensor   cardc.layout (see layouts), cardc.offset (bytes into the arena; absent: the caller's output buffer)
    node     cardc.scratch: {name: [offset, bytes]} with names `copy`, `planes`, `table`, `work`
    model    cardc.arena_bytes, cardc.arena_lower_bound (largest live set), cardc.output_bytes
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import Array, constant, operand, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .arena import Buffer, place
from .base import Pass, PassLog
from .choose_layout import choose_layout, copy_layout, gives_levels, plain_layout, plain_width
from .encodings import rice, vertical
from .layouts import Layout, chw, layout_of, set_layout
from .runs_plan import plan
from .schedule import MOVES, Schedule, Stage, readers, schedule

OFFSET, SCRATCH = "cardc.offset", "cardc.scratch"
ARENA, BOUND = "cardc.arena_bytes", "cardc.arena_lower_bound"
SLACK = 16
"""Bytes behind a tensor that a lane-packed kernel may read (CARDC_SLACK in cardc_types.h)."""

_TOO_BIG = 2**31 - 1
_WORDS = ("lanes", "rice-lanes", "runs")  # encodings whose kernels read rows word by word
_TABLE = 4096  # bytes: what a finish table may add to the arena


@dataclass(frozen=True)
class PlanMemory(Pass):
    name: ClassVar[str] = "plan-memory"

    def run(self, model: ir.Model, log: PassLog) -> int:
        plan = schedule(model)
        values = [plan.source, *(s.output for s in plan.stages)]
        for value in values:
            layout = output_layout(value) if to_caller(plan, value) else choose_layout(value, _word_rows(value))
            set_layout(value, layout)
            _check_size(value, layout.size)
        scratch = [scratch_sizes(stage) for stage in plan.stages]
        placement = place(_buffers(plan, scratch))
        for value in values:
            value.metadata_props.pop(OFFSET, None)
            if not to_caller(plan, value):
                value.metadata_props[OFFSET] = str(placement.offsets[_name(value)])
        for k, (stage, sizes) in enumerate(zip(plan.stages, scratch, strict=True)):
            spans = {what: [placement.offsets[_scratch_name(k, what)], size] for what, size in sizes.items()}
            stage.node.metadata_props[SCRATCH] = json.dumps(spans, separators=(",", ":"))
        ends = [_end(value) for value in values if OFFSET in value.metadata_props]
        arena = max([placement.arena, *ends])
        if arena > _TOO_BIG:
            raise CompileError(f"the activations take {arena} bytes", fix="use a smaller model or input")
        model.metadata_props[ARENA] = str(arena)
        model.metadata_props[BOUND] = str(placement.lower_bound)
        log.notes.append(f"arena of {arena} bytes; the largest live set is {placement.lower_bound}")
        return len(values)


def to_caller(plan: Schedule, value: ir.Value) -> bool:
    """Whether `value` is the result, written by a kernel that can write it as plain integers for the caller."""
    if value is not plan.output or not plan.stages or value is not plan.stages[-1].output or readers(value):
        return False
    # Levels are bytes, and moves keep what they read; one more stage stores those into the caller's buffer.
    return not gives_levels(value) and plan.stages[-1].node.op_type not in MOVES


def output_layout(value: ir.Value) -> Layout:
    """How the caller gets the result: the narrowest of int16, int32 and int64, in the order of the graph."""
    return plain_layout(chw(value), plain_width(qtype(value)))


def scratch_sizes(stage: Stage) -> dict[str, int]:
    """Bytes of scratch that `stage` needs, by name: a copy in another layout, bit planes, a finish table,
    unpacked weights."""
    node, sizes = stage.node, {}
    stored = layout_of(stage.source)
    encoding = text(node, "encoding", "")
    if stored.is_bytes and encoding != "wide":  # whose kernels read any strides
        copy = copy_layout(node, stored, encoding in _WORDS)
        if copy is not None:
            sizes["copy"] = copy.size
    if encoding in ("binary", "ternary"):
        words = -(-stored.elements // 32)
        sizes["planes"] = planes(stored) * words * 4
    if encoding == "vertical":
        sizes["work"] = vertical.list_bytes(stored.elements)
    if encoding == "pairs":
        sizes["work"] = 4 * int(np.prod(shape_of(node.inputs[1])[1:]))
    if encoding == "runs":
        sizes["work"] = runs_work(stage)
    if encoding in ("rice", "rice-lanes") and node.op_type == "Conv":
        sizes["work"] = rice.work_bytes(_weights(node))
    if encoding in ("lanes", "taps", "rice", "rice-lanes") and node.op_type == "Conv":
        table = table_bytes(stage)
        if table:
            sizes["table"] = table
    return sizes


def _weights(node: ir.Node) -> Array:
    w = constant(operand(node, 1))
    if w is None:
        raise CompileError(f"{node.op_type} weights are not constant", node=node, fix="export the model in eval mode")
    return w


def runs_work(stage: Stage) -> int:
    """Bytes of scratch that a convolution by runs needs."""
    planned = plan(stage.node, working_layout(stage), table_bytes(stage))
    if planned is None:
        fix = "compile again from the imported model"
        raise CompileError("this convolution cannot run by runs of words", node=stage.node, fix=fix)
    return planned[1].size


def planes(stored: Layout) -> int:
    """Bit planes that hold the stored bytes."""
    return max(1, (stored.levels - 1).bit_length())


def table_bytes(stage: Stage) -> int:
    """Room for the largest finish table that pays: filling it costs less than finishing each pixel by itself.

    A table has an entry for each value of the sum. One of thresholds is filled run by run, a word at a time, one of a
    requantisation entry by entry; a look-up then saves some 30 instructions a pixel.
    """
    out, finish = layout_of(stage.output), stage.finish
    weights = constant(operand(stage.node, 1))
    if weights is None or finish is None or not out.is_bytes:
        return 0
    taps = np.count_nonzero(weights.reshape(weights.shape[0], -1), axis=1)
    needs = taps * (layout_of(stage.source).levels - 1) + 5
    pays = (16 if is_cardc(finish, "Threshold") else 2) * out.height * out.width
    worth = needs[needs <= min(pays, _TABLE)]
    return -(-int(worth.max()) // 4) * 4 if worth.size else 0


def working_layout(stage: Stage) -> Layout:
    """The layout that the stage's kernel reads: the stored one, or that of its copy."""
    stored = layout_of(stage.source)
    if not stored.is_bytes:
        return stored
    copy = copy_layout(stage.node, stored, text(stage.node, "encoding", "") in _WORDS)
    return stored if copy is None else copy


def _word_rows(value: ir.Value) -> bool:
    return any(is_cardc(n, "Conv") and text(n, "encoding", "") in _WORDS for n in readers(value))


def _buffers(plan: Schedule, scratch: list[dict[str, int]]) -> list[Buffer]:
    # Step 0 writes the input, step k + 1 is stage k, and the step behind the last stores a result of bytes.
    last = {id(plan.output): len(plan.stages) + 1}
    for k, stage in enumerate(plan.stages):
        for source in stage.sources:
            last[id(source)] = max(k + 1, last.get(id(source), 0))
    written = [(plan.source, 0), *((s.output, k + 1) for k, s in enumerate(plan.stages))]
    buffers = [
        Buffer(_name(value), layout_of(value).size, first, max(first, last.get(id(value), 0)))
        for value, first in written
        if not to_caller(plan, value)
    ]
    for k, sizes in enumerate(scratch):
        buffers += [Buffer(_scratch_name(k, what), size, k + 1, k + 1) for what, size in sizes.items()]
    return buffers


def _end(value: ir.Value) -> int:
    layout = layout_of(value)
    slack = SLACK if _word_rows(value) else 0
    return int(value.metadata_props[OFFSET]) + layout.size + slack


def _name(value: ir.Value) -> str:
    return f"tensor {value.name}"


def _scratch_name(k: int, what: str) -> str:
    return f"{what} of stage {k}"


def _check_size(value: ir.Value, size: int) -> None:
    if size > _TOO_BIG or max(chw(value)) > 0xFFFF:
        raise CompileError(
            f"tensor {value.name!r} of shape {list(chw(value))} takes {size} bytes",
            node=value.producer(),
            fix="use a smaller input or fewer channels (at most 65,535 along an axis)",
        )
