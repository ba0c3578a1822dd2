"""Additions, sums and maxima of windows, moves and the largest channel: from a stage to a call of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array, constant, integer, ints, operand, shape_of
from ...ops.window import window
from ...passes.encodings import fold
from ...passes.layouts import Layout, chw
from ...passes.schedule import Stage
from .add_bytes import add_bytes
from .step import Places, Step, c_map
from .view import C_TYPES, TYPES, View, reach, view_of, window_sizes
from .wide import finish_for

Ints = NDArray[np.int64]


def add_join(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    """Add the kernel of `stage`, whose operator is one of JOINS; it writes `dst`, laid out by `out`.

    Raises CompileError, with the node, for a shape or a number that the kernel does not take.
    """
    _KERNELS[stage.node.op_type](step, stage, places, dst, out)


def _add(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    if add_bytes(step, stage, places, dst, out):
        return
    node = stage.node
    channels = chw(operand(node, 0))[0]
    offset, low, high = (np.zeros(channels, np.int64) for _ in range(3))
    most = np.zeros(channels)
    views, factors = [], []
    for k in (0, 1):
        view = view_of(node, k, places)
        given = constant(node.inputs[2 + k]) if len(node.inputs) > 2 else None
        m = np.broadcast_to(np.ones(1, np.int64) if given is None else given.astype(np.int64), (channels,))
        ends = np.stack([m * view.layout.step * u for u in reach(operand(node, k), view.layout)])
        offset, low, high = offset + m * view.layout.lo, low + ends.min(axis=0), high + ends.max(axis=0)
        views.append(view)
        factors.append(m * view.layout.step)
        most = most + np.abs(ends.astype(np.float64)).max(axis=0)
    _check(node, most)
    large = max(int(np.abs(m).max()) for m in factors) >= 2**31
    finish, wide = finish_for(
        step, stage.finish, fold.Sums(1, offset, low, high), [v.layout for v in views], out, large
    )
    shared = all((m == m[0]).all() for m in factors)
    ctype = "int64_t" if wide else "int32_t"
    names = [
        step.array(name, ctype, m[:1] if shared else m, "what a stored number of this branch is multiplied by")
        for name, m in zip(("ma", "mb"), factors, strict=True)
    ]
    layer = step.struct(
        f"cardc_add{wide}_layer", "layer",
        [("a", views[0].struct()), ("b", views[1].struct()), ("ma", names[0]), ("mb", names[1]),
         ("shared", int(shared)), ("to", c_map(out))],
    )  # fmt: skip
    step.call(f"cardc_add{wide}", layer, finish, views[0].pointer, views[1].pointer, dst)


def _check(node: ir.Node, most: Array) -> None:
    """CompileError where a sum of at most `most` does not fit 63 bits."""
    if float(most.max(initial=0)) >= 2.0**62:
        fix = "use fewer bits, scales that are closer to each other, or a smaller window"
        raise CompileError(f"a sum of this {node.op_type} does not fit 64 bits", node=node, fix=fix)


def _windows(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    """SumPool, and MaxPool of tensors that the kernel for bytes does not take."""
    node, view = stage.node, view_of(stage.node, 0, places)
    win = window(node)
    stored, channels = view.layout, view.sizes[0]
    summed = node.op_type == "SumPool"
    outside = -stored.lo // stored.step
    if summed and win.padded and stored.lo % stored.step:
        raise CompileError(
            "a sum over padding of a tensor that cannot hold zero", node=node, fix="do not pad the average"
        )
    low, high = reach(operand(node, 0), stored)
    count = int(np.prod(win.kernel)) if summed else 1
    ends = [count * v for v in ((low, high, min(outside, low), max(outside, high)) if summed else (low, high))]
    _check(node, np.abs(np.asarray(ends, np.float64)))
    spread = (np.full(channels, v, np.int64) for v in (count * stored.lo, min(ends), max(ends)))
    finish, wide = finish_for(step, stage.finish, fold.Sums(stored.step, *spread), [stored], out)
    fields: list[tuple[str, object]] = [("from", view.struct())]
    for name, (down, across) in window_sizes(win).items():
        names = (f"{name}_top", f"{name}_left") if name == "pad" else (f"{name}_height", f"{name}_width")
        fields += [(names[0], down), (names[1], across)]
    fields += [("outside", outside if summed else 0), ("to", c_map(out))]
    layer = step.struct("cardc_window_layer", "layer", fields)
    step.call(f"cardc_{'sum' if summed else 'max'}_windows{wide}", layer, finish, view.pointer, dst)


def _move(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    """Concat, Resize, Pad, ZeroStuff, Transpose: each input's elements to their places."""
    node = stage.node
    up, origin, repeat = (1, 1), (0, 0), (1, 1)
    if node.op_type in ("Resize", "ZeroStuff"):
        up = _pair(ints(node, "factors", ()), 1)
        repeat = up if node.op_type == "Resize" else (1, 1)
    if node.op_type == "Pad":
        pads = ints(node, "pads", ())
        origin = _pair(pads[: len(pads) // 2], 0)
    if node.op_type in ("Pad", "ZeroStuff"):
        _zero(step, node, dst, out)
    channel = 0
    for k, value in enumerate(node.inputs):
        if value is None or value.const_value is not None:
            continue
        view = _transposed(node, places) if node.op_type == "Transpose" else view_of(node, k, places)
        gain, offset = _recode(node, view.layout, out)
        start = channel * out.plane + origin[0] * out.row + origin[1]
        to = f"({C_TYPES[out.width_bytes]} *){dst} + {start}" if dst == "out" else f"{dst} + {start}"
        layer = step.struct(
            "cardc_move_layer", f"move{k}",
            [("from", view.struct()), ("to", c_map(out)), ("type", TYPES[out.width_bytes]),
             ("step_height", up[0]), ("step_width", up[1]), ("repeat_height", repeat[0]),
             ("repeat_width", repeat[1]), ("gain", gain), ("offset", offset)],
        )  # fmt: skip
        wide = "_wide" if 8 in (view.layout.width_bytes, out.width_bytes) else ""
        step.call(f"cardc_move{wide}", layer, view.pointer, to if start else dst)
        channel += view.sizes[0]


def _pair(values: tuple[int, ...], missing: int) -> tuple[int, int]:
    return (values[0], values[1]) if len(values) == 2 else (missing, values[0])


def _zero(step: Step, node: ir.Node, dst: str, out: Layout) -> None:
    """Fill the result with zeros first, from its first element to its last."""
    if out.lo % out.step:
        raise CompileError(f"{node.op_type} of a tensor that cannot hold zero", node=node, fix="compile it again")
    count = (out.channels - 1) * out.plane + (out.height - 1) * out.row + out.width
    step.call(
        "cardc_fill_wide" if out.width_bytes == 8 else "cardc_fill",
        dst,
        TYPES[out.width_bytes],
        count,
        -out.lo // out.step,
    )


def _recode(node: ir.Node, source: Layout, out: Layout) -> tuple[int, int]:
    """stored number of the result = gain * stored number of the source + offset."""
    if source.step % out.step or (source.lo - out.lo) % out.step:
        raise CompileError(
            f"{node.op_type} joins tensors stored in steps that do not divide", node=node, fix="use one quantiser"
        )
    return source.step // out.step, (source.lo - out.lo) // out.step


def _transposed(node: ir.Node, places: Places) -> View:
    view = view_of(node, 0, places)
    rank = len(shape_of(node.inputs[0]))
    perm = ints(node, "perm", tuple(range(rank))[::-1])
    # Axes of [1, C], [1, C, W], [1, C, H, W] among (C, H, W); a missing one has size 1.
    axes = {1: (0,), 2: (0, 2), 3: (0, 1, 2)}[rank - 1]
    sizes, strides = [1, 1, 1], [1, 1, 1]
    for to, source in zip(axes, (axes[p - 1] for p in perm[1:]), strict=True):
        sizes[to], strides[to] = view.sizes[source], view.strides[source]
    return View(view.layout, (sizes[0], sizes[1], sizes[2]), (strides[0], strides[1], strides[2]), view.pointer)


def _argmax(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    view = view_of(stage.node, 0, places)
    one, last = np.zeros(1, np.int64), np.full(1, view.sizes[0] - 1, np.int64)
    finish, wide = finish_for(step, None, fold.Sums(1, one, one, last), [view.layout], out)
    shape = step.struct("cardc_view", "from", [("view", view.struct().strip("{}"))])
    step.call(f"cardc_argmax_channels{wide}", shape, finish, view.pointer, step.maps("to", out), dst)


def _top(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    node, view = stage.node, view_of(stage.node, 0, places)
    indices, count = integer(node, "indices", 0), integer(node, "k", 1)
    unit, offset, (low, high) = view.layout.step, view.layout.lo, reach(operand(node, 0), view.layout)
    if indices:
        unit, offset, low, high = 1, 0, 0, view.sizes[0] - 1
    sums = fold.Sums(unit, *(np.full(count, v, np.int64) for v in (offset, low, high)))
    finish, wide = finish_for(step, None, sums, [view.layout], out)
    layer = step.struct(
        "cardc_top_layer", "layer",
        [("from", view.struct()), ("largest", integer(node, "largest", 1)), ("indices", indices), ("to", c_map(out))],
    )  # fmt: skip
    step.call(f"cardc_top_channels{wide}", layer, finish, view.pointer, dst)


_KERNELS: Mapping[str, Callable[[Step, Stage, Places, str, Layout], None]] = MappingProxyType({
    "Add": _add, "SumPool": _windows, "MaxPool": _windows, "Concat": _move, "Resize": _move, "Pad": _move,
    "ZeroStuff": _move, "Transpose": _move, "ArgMax": _argmax,
    "TopK": _top,
})  # fmt: skip

JOINS = tuple(_KERNELS)
"""Operators that `add_join` takes."""
