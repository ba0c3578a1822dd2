"""The network as a list of steps: load, one step a stage, and a store where the last tensor is bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ...errors import CompileError
from ...ops.base import operand, text
from ...ops.qtype import qtype
from ...ops.window import window
from ...passes.choose_layout import as_seen
from ...passes.encodings import fold
from ...passes.layouts import Layout, layout_of
from ...passes.plan_memory import ARENA, BOUND, SCRATCH, output_layout, streams_of, to_caller
from ...passes.schedule import Schedule, Stage, schedule
from ...passes.scratch import planes, working_layout
from ...passes.streams import Stream
from .finish import add_finish
from .joins import JOINS, add_join
from .lookup import lookup_table
from .order import Call, Repeat, unrolled
from .products import add_product
from .step import Moving, Places, Step, at, c_map, place_of
from .streams import Strip, add_stream, border_rows
from .view import C_TYPES, TYPES, View
from .wide import add_wide_finish, add_wide_product, is_wide

_WORK_16 = ("vertical", "rice")  # encodings whose kernels take scratch of 16-bit words


@dataclass(frozen=True)
class Program:
    """What is emitted: the steps, in which `order` they are called, the types of input and output, the size of the
    arena in bytes."""

    schedule: Schedule
    steps: tuple[Step, ...]
    in_type: str
    out_type: str
    arena: int
    lower_bound: int
    order: tuple[Repeat, ...]
    streams: tuple[Stream, ...] = ()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call of a step in an inference, in order."""
        return tuple(unrolled(self.order))

    @property
    def in_dtype(self) -> np.dtype[Any]:
        return np.dtype(self.in_type.removesuffix("_t"))

    @property
    def out_dtype(self) -> np.dtype[Any]:
        return np.dtype(self.out_type.removesuffix("_t"))

    @property
    def inputs(self) -> int:
        """Elements of the input."""
        return layout_of(self.schedule.source).elements

    @property
    def outputs(self) -> int:
        """Elements of the output."""
        return output_layout(self.schedule.output).elements

    @property
    def functions(self) -> set[str]:
        """The kernels that the steps call."""
        return set().union(*(s.functions for s in self.steps))


def build(model: ir.Model) -> Program:
    """The program of `model`, which has encodings and a memory plan. Raises CompileError for what has no kernel."""
    plan = schedule(model)
    if ARENA not in model.metadata_props:
        raise CompileError("the model has no memory plan", fix="run the pass plan-memory first")
    streams, steps, order = streams_of(model), list[Step](), list[Repeat]()
    for k in range(-1, len(plan.stages)):
        stream = next((s for s in streams if k in s.members), None)
        if stream is None:
            steps.append(_load(plan) if k < 0 else _stage(k + 1, plan, plan.stages[k]))
            order.append(Repeat((Call(k + 1),)))
        elif k == stream.first:
            members = [_named(m, plan) for m in stream.members]
            steps += members
            order.append(add_stream(plan, stream, members, _kernel))
    if not to_caller(plan, plan.output):
        order.append(Repeat((Call(len(steps)),)))
        steps.append(_store(len(steps), plan))
    arena, bound = int(model.metadata_props[ARENA]), int(model.metadata_props[BOUND])
    types = in_type(plan.source), C_TYPES[output_layout(plan.output).width_bytes]
    return Program(plan, tuple(steps), *types, arena, bound, tuple(order), tuple(streams))


def in_type(source: ir.Value) -> str:
    """The C type of the quantised input's elements."""
    q = qtype(source)
    for bits in (8, 16, 32):
        if -(2 ** (bits - 1)) <= q.lo and q.hi < 2 ** (bits - 1):
            return f"int{bits}_t"
        if q.lo >= 0 and q.hi < 2**bits and bits < 32:
            return f"uint{bits}_t"
    fix = "quantise the input to at most 16 bits"
    raise CompileError(f"the input has type {q}, which does not fit int32_t", node=source.producer(), fix=fix)


def _load(plan: Schedule) -> Step:
    value, layout = plan.source, layout_of(plan.source)
    step = _named(-1, plan)
    q, ctype = qtype(value), in_type(value)
    if not layout.is_bytes or ctype not in ("int8_t", "uint8_t"):
        fields = [
            ("in_type", f"CARDC_{ctype[:-2].upper().replace('INT', 'I').replace('UI', 'U')}"),
            ("out_type", TYPES[layout.width_bytes]), ("lo", _signed(max(q.lo, layout.lo) if layout.is_bytes else q.lo)),
            ("hi", _signed(q.hi)), ("zero", _signed(layout.lo)), ("step", layout.step), ("to", c_map(layout)),
        ]  # fmt: skip
        place = at(place_of(value) + layout.interior * layout.width_bytes, C_TYPES[layout.width_bytes])
        step.call("cardc_load_wide", step.struct("cardc_load_layer", "layer", fields), "in", place)
        if layout.is_bytes:
            _border(step, layout, place_of(value))
        return step
    to = step.maps("to", layout.as_row)
    kernel = "cardc_load_i8" if ctype == "int8_t" else "cardc_load_u8"
    step.call(kernel, "in", _signed(layout.lo), _signed(q.hi), layout.step, to, at(place_of(value) + layout.interior))
    if layout.bare:
        step.body += [fill for fill in border_rows(step, value) if fill]
    else:
        _border(step, layout, place_of(value))
    return step


def _named(k: int, plan: Schedule) -> Step:
    """The step of stage `k`, -1 for the load, still empty."""
    if k < 0:
        return Step(0, "load", f"input {plan.source.name}", None, plan.source)
    stage = plan.stages[k]
    title = stage.node.name or stage.op
    if stage.finish is not None:
        title = f"{title}, {stage.finish.name or stage.finish.op_type}"
    return Step(k + 1, stage.op, title, stage.node, stage.output)


def _stage(index: int, plan: Schedule, stage: Stage) -> Step:
    step = _named(index - 1, plan)
    out = layout_of(stage.output)
    direct = to_caller(plan, stage.output)
    offset = 0 if direct else place_of(stage.output)
    dst = "out" if direct else at(offset + out.interior * out.width_bytes, C_TYPES[out.width_bytes])
    _kernel(step, stage, dst, out, Places())
    if out.bare:
        step.body += [fill for fill in border_rows(step, stage.output) if fill]
    elif out.is_bytes:
        _border(step, out, offset)
    return step


def _kernel(step: Step, stage: Stage, dst: str, out: Layout, places: Places) -> None:
    """The kernel of `stage`, which reads what `places` say."""
    if text(stage.node, "encoding", "") == "wide":
        add_wide_product(step, stage, places, dst, out)
    elif stage.op in ("conv", "matmul"):
        _product(step, stage, dst, out, places)
    elif stage.op == "maxpool" and _pools_bytes(stage, out):
        _pool(step, stage, dst, out, places)
    elif stage.node.op_type in JOINS:
        add_join(step, stage, places, dst, out)
    else:
        _finish(step, stage.node, stage.source, stage.node, dst, out)


def _store(index: int, plan: Schedule) -> Step:
    """The last tensor, where it lies in the arena, to the caller as plain integers."""
    step = Step(index, "store", f"output {plan.output.name}", None, None)
    _finish(step, None, plan.output, None, "out", output_layout(plan.output))
    return step


def _product(step: Step, stage: Stage, dst: str, out: Layout, places: Places) -> None:
    spans = json.loads(stage.node.metadata_props.get(SCRATCH, "{}"))
    source, layout = layout_of(stage.source), working_layout(stage)
    start = places.start(stage.source)
    if isinstance(places, Strip):
        start, layout = places.window(stage.source)
    if "copy" in spans:
        seen = as_seen(stage.node, source) if stage.op == "conv" else source
        shape = seen if seen is not None else source
        to = step.maps("copy", layout)
        start = Moving(int(spans["copy"][0]))
        place = at(place_of(stage.source) + shape.interior)
        step.call("cardc_copy", place, shape.plane, shape.row, to, at(start + layout.interior))
        _border(step, layout, start.start)
    src = at(start)
    if "planes" in spans:
        src = at(int(spans["planes"][0]), "uint32_t")
        step.call("cardc_pack_planes", at(start), layout.elements, planes(layout), src)
    table = (at(int(spans["table"][0])), int(spans["table"][1])) if "table" in spans else ("NULL", 0)
    ctype = "uint16_t" if text(stage.node, "encoding", "") in _WORK_16 else "uint32_t"
    work = at(int(spans["work"][0]), ctype) if "work" in spans else "NULL"
    add_product(step, stage, src, layout, dst, out, table, work)


def _pools_bytes(stage: Stage, out: Layout) -> bool:
    """Whether the fast kernel does: bytes of one code, windows of at most 255, padding smaller than the window."""
    source, win = layout_of(stage.source), window(stage.node)
    small = max((*win.kernel, *win.strides, *win.dilations, *win.begin)) <= 255
    padded = any(max(b, e) >= k for b, e, k in zip(win.begin, win.end, win.kernel, strict=True))
    same = (source.width_bytes, source.lo, source.step) == (1, out.lo, out.step) and out.is_bytes
    return same and small and not padded and as_seen(stage.node, source) is not None


def _pool(step: Step, stage: Stage, dst: str, out: Layout, places: Places) -> None:
    node = stage.node
    source = as_seen(node, layout_of(stage.source))
    if source is None:
        raise CompileError("MaxPool reads a reshaped tensor", node=node, fix="do not reshape in front of a pool")
    win = window(node)
    two = len(win.kernel) == 2
    sizes = [v if two else (d, *v) for v, d in ((win.kernel, 1), (win.strides, 1), (win.dilations, 1), (win.begin, 0))]
    names = ("kernel", "stride", "dilation")
    seen = replace(source, height=places.sizes(operand(node, 0))[1])
    fields: list[tuple[str, object]] = [("from", c_map(seen)), ("to", c_map(out))]
    for name, (down, across) in zip(names, sizes[:3], strict=True):
        fields += [(f"{name}_height", down), (f"{name}_width", across)]
    fields += [("pad_top", sizes[3][0]), ("pad_left", sizes[3][1])]
    pool = step.struct("cardc_pool", "pool", fields)
    step.call("cardc_maxpool", pool, at(places.start(stage.source) + source.interior), dst)


def _finish(step: Step, node: ir.Node | None, source: ir.Value, seen_by: ir.Node | None, dst: str, out: Layout) -> None:
    """Thresholds, requantisation, affine, or (node None) a plain copy, of a tensor that lies in memory."""
    stored = layout_of(source)
    layout = stored if seen_by is None else as_seen(seen_by, stored)
    if layout is None:
        raise CompileError("a reshaped tensor is quantised", node=node, fix="reshape behind the quantiser")
    channels, q = layout.channels, qtype(source)
    place = place_of(source)
    sums = fold.raw(np.full(channels, min(q.lo, 0)), np.full(channels, max(q.hi, 0)))
    if layout.is_bytes:  # the sum of one byte is that byte
        sums = fold.of_bytes(np.ones((channels, 1), np.int64), fold.Stored(layout.lo, layout.step, layout.levels - 1))
    if is_wide(node, sums, [layout], out):
        shape = (layout.channels, layout.height, layout.width)
        start = at(place + layout.interior * layout.width_bytes, C_TYPES[layout.width_bytes], const=True)
        seen = View(layout, shape, (layout.plane, layout.row, 1), start)
        finish = add_wide_finish(step, node, sums, out)
        view = step.struct("cardc_view", "from", [("view", seen.struct().strip("{}"))])
        step.call("cardc_wide_tensor", view, finish, start, step.maps("to", out), dst)
        return
    if not layout.is_bytes:
        finish = add_finish(step, node, sums, out)
        kernel = "cardc_finish_i16" if layout.width_bytes == 2 else "cardc_finish_i32"
        to = step.maps("to", out)
        step.call(kernel, finish, at(place, C_TYPES[layout.width_bytes], const=True), to, dst)
        return
    start = at(place + layout.interior, const=True)
    table = lookup_table(node, layout, out)
    if table is not None:
        values = step.array("table", "uint8_t", table, f"what becomes of {layout.levels} bytes")
        step.call("cardc_lookup", values, start, layout.plane, layout.row, step.maps("to", out), dst)
        return
    finish = add_finish(step, node, sums, out)
    if node is None and layout.contiguous and out.contiguous:  # all channels alike
        layout, out = layout.as_row, out.as_row
    step.call("cardc_finish_u8", finish, start, layout.plane, layout.row, step.maps("to", out), dst)


def _border(step: Step, layout: Layout, offset: int) -> None:
    if layout.border is None or layout.contiguous:
        return
    inside = step.maps(f"inside{len(step.structs)}", layout)
    step.call("cardc_fill_border", at(offset), layout.size, layout.interior, inside, layout.border)


def _signed(value: int) -> str:
    return f"({value})" if value < 0 else str(value)
