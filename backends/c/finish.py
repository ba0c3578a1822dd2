"""From a Threshold, Requantize or Affine node to the numbers of a cardc_finish (see runtime/cardc_types.h)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ...errors import CompileError
from ...ops.base import Array, constant, integer, operand, result, text
from ...ops.graph import is_cardc
from ...ops.qtype import qtype
from ...passes.encodings import fold
from ...passes.layouts import Layout
from .step import Step
from .writer import literal

_FAR = 1 << 60  # beyond every sum: never or always passed
_OUT = {1: "CARDC_U8", 2: "CARDC_I16", 4: "CARDC_I32"}


def add_finish(step: Step, node: ir.Node | None, sums: fold.Sums, out: Layout) -> str:
    """Add the cardc_finish that turns the sums described by `sums` into the tensor stored as `out`; `&name`.

    `node` None stores the accumulator itself. Raises CompileError, with the node, for numbers that do not fit.
    """
    try:
        if node is None:
            one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
            return _affine(step, fold.affine(one, zero - out.lo, sums), out)
        if is_cardc(node, "Threshold"):
            d = coefficient(node, 2) if len(node.inputs) > 2 else None
            return _threshold(step, node, coefficient(node, 1), d, sums, out)
        m, b = coefficient(node, 1), coefficient(node, 2)
        if is_cardc(node, "Affine"):
            return _affine(step, fold.affine(m, b - out.lo, sums), out)
        return _requantize(step, node, m, b, sums, out)
    except CompileError as error:
        error.node = error.node if error.node is not None else (node if node is not None else step.node)
        raise


@dataclass(frozen=True, slots=True)
class OneThreshold:
    """A result of two levels: stored byte `base`, or `base + step` where the threshold of `found` is passed."""

    found: fold.Thresholds
    base: int
    step: int


def one_threshold(node: ir.Node | None, sums: fold.Sums, out: Layout) -> OneThreshold | None:
    """The finish `node` as one threshold an output, to bytes; None where it is something else."""
    if node is None or not is_cardc(node, "Threshold") or not out.is_bytes:
        return None
    t, d = coefficient(node, 1), coefficient(node, 2) if len(node.inputs) > 2 else None
    if t.shape[1] != 1:
        return None
    return OneThreshold(fold.thresholds(t, d, sums), *levels_code(node, out))


def levels_code(node: ir.Node, out: Layout) -> tuple[int, int]:
    """The stored byte of the lowest level, and how much further the next one is."""
    q = qtype(result(node))
    return (integer(node, "base", q.lo) - out.lo) // out.step, q.step // out.step


def coefficient(node: ir.Node, index: int) -> Array:
    """Input `index` of `node`, a constant, as int64."""
    value = constant(operand(node, index))
    if value is None:
        raise CompileError(f"{node.op_type} has a computed parameter", node=node, fix="compile again from the model")
    return value.astype(np.int64)


def _threshold(step: Step, node: ir.Node, t: Array, d: Array | None, sums: fold.Sums, out: Layout) -> str:
    q = qtype(result(node))
    if not out.is_bytes:
        raise CompileError(
            f"a quantiser of {q.levels} levels has no multiply-and-shift form, and thresholds give at most 256",
            node=node,
            fix="quantise to at most 8 bits",
        )
    base, rise = levels_code(node, out)
    if t.shape[1] == 0:  # one level: nothing to compare with
        return _affine(step, fold.affine(np.zeros(1, np.int64), np.full(1, base), sums), out)
    found = fold.filled(fold.thresholds(t, d, sums), sums)
    ctype, levels = ("int16_t" if found.fits_int16 else "int32_t"), found.t.shape[1]
    name = step.array("thresholds", ctype, found.t, f"{len(found.t)} x {levels}, ascending")
    falling = "0"  # not NULL, which is a pointer to RAM and no constant of AVR's flash
    if found.falling is not None:
        falling = step.array("falling", "uint8_t", found.falling, "1 where the level falls as the sum rises")
    narrow = found.fits_int16
    return _struct(
        step, "CARDC_THRESHOLD", out, shared=int(found.shared), base=base, step_=rise, levels=levels,
        t16=name if narrow else "0", t32="0" if narrow else name, falling=falling,
    )  # fmt: skip


def _requantize(step: Step, node: ir.Node, m: Array, b: Array, sums: fold.Sums, out: Layout) -> str:
    q, shift = qtype(result(node)), integer(node, "shift", 0)
    if q.step != 1:
        raise CompileError(f"Requantize to {q} is not supported", node=node, fix="keep its thresholds")
    if text(node, "rounding", "floor") != "floor" and shift > 0:
        return _threshold(step, node, *levels_of(m, b, shift, q.lo, q.hi), sums, out)
    low, high = q.lo - out.lo, q.hi - out.lo
    dyadic = fold.requantize(m, b - (out.lo << shift), shift, low, high, sums, as_bytes=False)
    wide = dyadic.wide
    fields = _coefficients(step, dyadic)
    return _struct(
        step, "CARDC_REQUANTIZE", out, shared=int(dyadic.shared), shift=shift, lo=low, hi=high, m=fields[0],
        b="0" if wide else fields[1], b64=fields[1] if wide else "0",
    )  # fmt: skip


def levels_of(m: Array, b: Array, shift: int, lo: int, hi: int) -> tuple[Array, Array]:
    """Thresholds t [C, hi - lo] and directions d [C] that equal rounding (x m + b) / 2^shift to nearest, ties to even.

    The kernels' shift rounds down, which no choice of numbers makes a rounding to even.
    """
    level = np.arange(lo + 1, hi + 1, dtype=np.int64)
    first = ((2 * level - 1) << (shift - 1)) + (level & 1)  # the smallest number that rounds to `level`
    m, b = np.broadcast_arrays(m.reshape(-1), b.reshape(-1))
    rise = first[None, :] - b[:, None]
    slope = np.maximum(np.abs(m), 1)[:, None]
    t = np.where(m[:, None] == 0, np.where(rise <= 0, -_FAR, _FAR), -(-rise // slope))
    return t, np.where(m < 0, -1, 1)


def _affine(step: Step, dyadic: fold.Dyadic, out: Layout) -> str:
    m, b = _coefficients(step, dyadic)
    return _struct(step, "CARDC_AFFINE", out, shared=int(dyadic.shared), m=m, b=b)


def _coefficients(step: Step, dyadic: fold.Dyadic) -> tuple[str, str]:
    wide = "int64_t" if dyadic.wide else "int32_t"
    return (
        step.array("multiplier", "int32_t", dyadic.m, "one a channel" if not dyadic.shared else "for all channels"),
        step.array("offset", wide, dyadic.b, "one a channel" if not dyadic.shared else "for all channels"),
    )


def _struct(
    step: Step, kind: str, out: Layout, *, shared: int, shift: int = 0, base: int = 0, step_: int = 0, levels: int = 0,
    lo: int = 0, hi: int = 0, t16: str = "0", t32: str = "0", falling: str = "0", m: str = "0",
    b: str = "0", b64: str = "0",
) -> str:  # fmt: skip
    low, high = literal(lo, "int32_t"), literal(hi, "int32_t")
    fields: list[tuple[str, object]] = [
        ("kind", kind), ("out", _OUT[out.width_bytes]), ("shared", shared), ("shift", shift), ("base", base),
        ("step", step_), ("levels", levels), ("lo", low), ("hi", high), ("t16", t16), ("t32", t32),
        ("falling", falling), ("m", m), ("b", b), ("b64", b64),
    ]  # fmt: skip
    return step.struct("cardc_finish", "finish", fields)
