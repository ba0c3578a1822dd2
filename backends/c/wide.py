"""Layers of more than 8 bits: from a stage to the kernels of runtime/cardc_wide.h."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import constant, integer, operand, result, text
from ...ops.graph import is_cardc
from ...ops.qtype import qtype
from ...ops.window import window
from ...passes.encodings import fold
from ...passes.layouts import Layout
from ...passes.schedule import Stage
from ...passes.wide import wide_finish
from .finish import add_finish, coefficient, levels_code
from .step import Places, Step, c_map
from .view import TYPES, reach, view_of, window_sizes
from .writer import literal

Ints = NDArray[np.int64]
Fields = list[tuple[str, object]]
_MOST = 2**62
_FIELDS = (
    "kind", "out", "shared", "shift", "even", "levels", "base", "step", "lo", "hi", "t32", "t64", "falling", "m", "b",
)  # fmt: skip


def finish_for(
    step: Step, node: ir.Node | None, sums: fold.Sums, layouts: Sequence[Layout], out: Layout, wide: bool = False
) -> tuple[str, str]:
    """Add the finish `node` of a kernel that has a form of 64 bits; its name, and what to put behind the kernel's.

    `layouts` are those of the tensors that the kernel reads. The form of 64 bits is taken where the other does not do,
    or for a kernel that is `wide` already.
    """
    if wide or is_wide(node, sums, layouts, out):
        return add_wide_finish(step, node, sums, out), "_wide"
    return add_finish(step, node, sums, out), ""


def is_wide(node: ir.Node | None, sums: fold.Sums, layouts: Sequence[Layout], out: Layout) -> bool:
    """Whether sums `sums` of tensors stored as `layouts`, finished by `node` to `out`, need kernels of 64 bits."""
    if any(layout.width_bytes == 8 for layout in (*layouts, out)) or not _within(sums, 31):
        return True
    if node is None:
        return False
    return wide_finish(node) or (is_cardc(node, "Threshold") and not out.is_bytes)


def _within(sums: fold.Sums, bits: int) -> bool:
    return all(int(np.abs(ends).max(initial=0)) < 1 << bits for ends in (sums.low, sums.high))


def add_wide_finish(step: Step, node: ir.Node | None, sums: fold.Sums, out: Layout) -> str:
    """Add the cardc_wide_finish that turns the sums described by `sums` into the tensor stored as `out`; `&name`.

    `node` None stores the accumulator itself. Raises CompileError, with the node, for numbers beyond 63 bits.
    """
    if node is not None and is_cardc(node, "Threshold"):
        return _threshold(step, node, sums, out)
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    m, b = (one, zero) if node is None else (coefficient(node, 1), coefficient(node, 2))
    requantize, shift, low, high, even = False, 0, 0, 0, False
    if node is not None and is_cardc(node, "Requantize"):
        q, shift = qtype(result(node)), integer(node, "shift", 0)
        requantize, low, high = True, q.lo - out.lo, q.hi - out.lo
        even = text(node, "rounding", "floor") != "floor"
    # x = lo + step * u with step 1 here: levels that are further apart come from thresholds.
    gain, offset = fold.coefficients(m, b - (out.lo << shift), sums)
    for end in (sums.low, sums.high):
        most = np.abs(gain.astype(np.float64)) * np.abs(end.astype(np.float64)) + np.abs(offset.astype(np.float64))
        if float(most.max(initial=0)) + 2.0**shift >= _MOST:
            what = "a sum times its multiplier does not fit 64 bits"
            raise CompileError(what, node=node or step.node, fix="use fewer bits for weights or activations")
    shared = bool((gain == gain[:1]).all() and (offset == offset[:1]).all())
    if shared:
        gain, offset = gain[:1], offset[:1]
    kind = "CARDC_REQUANTIZE" if requantize else "CARDC_AFFINE"
    fields = {
        "kind": kind, "shared": int(shared), "shift": shift, "even": int(even),
        "lo": literal(low, "int32_t"), "hi": literal(high, "int32_t"),
        "m": step.array("multiplier", "int64_t", gain, "for all channels" if shared else "one a channel"),
        "b": step.array("offset", "int64_t", offset, "for all channels" if shared else "one a channel"),
    }  # fmt: skip
    return _struct(step, out, fields)


def _threshold(step: Step, node: ir.Node, sums: fold.Sums, out: Layout) -> str:
    d = coefficient(node, 2) if len(node.inputs) > 2 else None
    found = fold.thresholds(coefficient(node, 1), d, sums)
    levels = found.t.shape[1]
    narrow = levels == 0 or (int(found.t.min()) >= -(2**31) and int(found.t.max()) < 2**31)
    values = found.t if levels else np.zeros((len(found.t), 1), np.int64)
    ctype = "int32_t" if narrow else "int64_t"
    name = step.array("thresholds", ctype, values, f"{len(found.t)} x {levels}, ascending")
    falling = "0"  # not NULL, which is a pointer to RAM and no constant of AVR's flash
    if found.falling is not None:
        falling = step.array("falling", "uint8_t", found.falling, "1 where the level falls as the sum rises")
    base, rise = levels_code(node, out)
    fields = {
        "kind": "CARDC_THRESHOLD", "shared": int(found.shared), "levels": levels,
        "base": literal(base, "int32_t"), "step": rise, "t32": name if narrow else "0",
        "t64": "0" if narrow else name, "falling": falling,
    }  # fmt: skip
    return _struct(step, out, fields)


def _struct(step: Step, out: Layout, given: dict[str, object]) -> str:
    values = {"out": TYPES[out.width_bytes], **given}
    return step.struct("cardc_wide_finish", "finish", [(name, values.get(name, 0)) for name in _FIELDS])


def add_wide_product(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> None:
    """Add the kernel of `stage`, a Conv or MatMul whose encoding is "wide"; it writes `dst`, laid out by `out`.

    Raises CompileError, with the node, for what 64 bits do not hold.
    """
    node = stage.node
    step.encoding = "wide"
    given = constant(operand(node, 1))
    if given is None:
        raise CompileError(f"{node.op_type} weights are not constant", node=node, fix="export the model in eval mode")
    w = given.astype(np.int64)
    dense = node.op_type == "MatMul"
    seen = view_of(node, 0, places)
    rows = w.T if dense else w.reshape(w.shape[0], -1)
    padded = not dense and window(node, w.shape[2:]).padded
    sums, small = _sums(node, rows, seen.layout, padded)
    weights = _weights(step, rows, "x".join(map(str, rows.shape if dense else w.shape)))
    finish = add_wide_finish(step, stage.finish, sums, out)
    if dense:
        fields: Fields = [("weights", weights), ("outputs", len(rows)), ("inputs", rows.shape[1])]
        fields += [("type", TYPES[seen.layout.width_bytes]), ("small", int(small))]
        if not seen.contiguous:
            fix = "do not share the input of this layer with a padded convolution"
            raise CompileError("a fully connected layer reads a tensor with a border", node=node, fix=fix)
        step.call("cardc_dense_wide", step.struct("cardc_dense_wide_layer", "layer", fields), finish, seen.pointer, dst)
        return
    fields = [("weights", weights), ("from", seen.struct())]
    for name, (down, across) in window_sizes(window(node, w.shape[2:])).items():
        names = (f"{name}_top", f"{name}_left") if name == "pad" else (f"{name}_height", f"{name}_width")
        fields += [(names[0], down), (names[1], across)]
    outside = -seen.layout.lo // seen.layout.step if padded else 0
    fields += [("depth", w.shape[1]), ("group_channels", w.shape[0] // integer(node, "group", 1))]
    fields += [("outside", outside), ("small", int(small)), ("to", c_map(out))]
    step.call("cardc_conv_wide", step.struct("cardc_conv_wide_layer", "layer", fields), finish, seen.pointer, dst)


def _sums(node: ir.Node, rows: Ints, stored: Layout, padded: bool) -> tuple[fold.Sums, bool]:
    """The kernel's sums, and whether those of absolute products fit 32 bits. CompileError where 64 do not do."""
    low, high = reach(operand(node, 0), stored)
    if padded:
        if stored.lo % stored.step:
            raise CompileError("a tensor that cannot hold zero is padded", node=node, fix="compile the model again")
        outside = -stored.lo // stored.step
        low, high = min(low, outside), max(high, outside)
    # In Python's integers, which do not overflow.
    most = max((sum(map(abs, row)) for row in rows.tolist()), default=0) * max(abs(low), abs(high))
    if most >= _MOST:
        what = "a sum of this layer does not fit 64 bits"
        raise CompileError(what, node=node, fix="use fewer bits for weights or activations")
    up, down = np.where(rows > 0, rows, 0).sum(axis=1), np.where(rows < 0, rows, 0).sum(axis=1)
    offset = stored.lo * rows.sum(axis=1)
    return fold.Sums(stored.step, offset, up * low + down * high, up * high + down * low), most < 2**31


def _weights(step: Step, rows: Ints, shape: str) -> str:
    """A cardc_wide_weights initialiser, of the narrowest type that holds `rows`."""
    low, high = int(rows.min(initial=0)), int(rows.max(initial=0))
    bits = next((b for b in (8, 16, 32) if -(2 ** (b - 1)) <= low and high < 2 ** (b - 1)), 0)
    if not bits:
        raise CompileError("a weight does not fit 32 bits", node=step.node, fix="use fewer bits for the weights")
    name = step.array("weights", f"int{bits}_t", rows, shape)
    return f"{{{', '.join(name if b == bits else '0' for b in (8, 16, 32))}}}"
