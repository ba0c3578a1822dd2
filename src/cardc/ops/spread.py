"""Operators that copy pixels apart: Resize (nearest, whole factors), Pad (zeros), ZeroStuff (zeros between pixels).

Resize   y[i] = x[i // factor]            `factors`, one a spatial axis
Pad      y[i] = x[i - begin], 0 outside   `pads`, begins then ends of the spatial axes
ZeroStuff  y[i * factor] = x[i], 0 between; the last pixel is the last element
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, ONNX, Array, OpDef, TensorType, arity, constant, ints, operand, shape_of, text
from .qtype import QType, find_qtype, qtype


def resize_factors(node: ir.Node) -> tuple[int, ...]:
    """Whole factors of the spatial axes of an ONNX Resize or Upsample.

    Raises CompileError for another mode than nearest, for shrinking and for fractions, and where the coordinates and
    their rounding give another pixel than x[i // factor].
    """
    shape = shape_of(node.inputs[0])
    mode = text(node, "mode", "nearest")
    transform = text(node, "coordinate_transformation_mode", "half_pixel" if node.op_type == "Resize" else "asymmetric")
    if mode != "nearest":
        raise CompileError(f"{node.op_type} with mode={mode} is not supported", node=node, fix="upsample by nearest")
    rounding = text(node, "nearest_mode", "floor" if node.op_type == "Upsample" else "round_prefer_floor")
    factors = _ratios(node, shape)
    whole = [round(f) for f in factors]
    if any(f != w or w < 1 for f, w in zip(factors, whole, strict=True)) or whole[:2] != [1, 1]:
        raise CompileError(
            f"{node.op_type} by {factors} is not supported", node=node, fix="enlarge height and width by whole factors"
        )
    if not all(_repeats(n, f, transform, rounding) for n, f in zip(shape[2:], whole[2:], strict=True)):
        raise CompileError(
            f"{node.op_type} with {transform}, nearest_mode={rounding} by {whole[2:]} repeats pixels unevenly",
            node=node,
            fix="use coordinate_transformation_mode=asymmetric with nearest_mode=floor",
        )
    return tuple(whole[2:])


def _repeats(size: int, factor: int, transform: str, rounding: str) -> bool:
    """Whether pixel i of size * factor is pixel i // factor of `size`, by exact ratios of whole numbers."""
    i = np.arange(size * factor, dtype=np.int64)
    match transform:
        case "half_pixel" | "half_pixel_symmetric" | "pytorch_half_pixel":
            above, below = 2 * i + 1 - factor, 2 * factor
        case "asymmetric":
            above, below = i, factor
        case "align_corners":
            above, below = i * (size - 1), max(1, size * factor - 1)
        case _:
            return False
    found = {
        "floor": above // below,
        "ceil": -(-above // below),
        "round_prefer_floor": -((below - 2 * above) // (2 * below)),
        "round_prefer_ceil": (2 * above + below) // (2 * below),
    }.get(rounding)
    return found is not None and np.array_equal(found.clip(0, size - 1), i // factor)


def _ratios(node: ir.Node, shape: tuple[int, ...]) -> list[float]:
    for index in (3, 2, 1):
        values = constant(node.inputs[index]) if index < len(node.inputs) else None
        if values is None or values.size != len(shape):
            continue
        if index == 3:
            return [float(v) / n for v, n in zip(values.ravel(), shape, strict=True)]
        return [float(v) for v in values.ravel()]
    attr = node.attributes.get("scales")
    if attr is not None and len(attr.as_floats()) == len(shape):
        return [float(v) for v in attr.as_floats()]
    raise CompileError(f"{node.op_type}'s factors are not constant", node=node, fix="export with fixed sizes")


def pad_amounts(node: ir.Node) -> tuple[tuple[int, int], ...]:
    """(begin, end) for each spatial axis of an ONNX Pad with zeros.

    Raises CompileError for another mode, another value, or padding of batch or channels.
    """
    rank = len(shape_of(node.inputs[0]))
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    pads = [int(p) for p in given.ravel()] if given is not None else list(ints(node, "pads", ()))
    value = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    filled = 0.0 if value is None or not value.size else float(value.ravel()[0])
    if text(node, "mode", "constant") != "constant" or filled != 0.0:
        raise CompileError("Pad with anything but zeros is not supported", node=node, fix="pad with constant zeros")
    if len(pads) != 2 * rank or min(pads, default=0) < 0 or any(pads[k] or pads[rank + k] for k in (0, 1)):
        raise CompileError(f"Pad by {pads} is not supported", node=node, fix="pad height and width, by constants >= 0")
    return tuple((pads[k], pads[rank + k]) for k in range(2, rank))


def _repeat(x: Array, factors: Sequence[int]) -> Array:
    for axis, factor in enumerate(factors, 2):
        x = np.repeat(x, factor, axis=axis)
    return x


def _padded(x: Array, amounts: Sequence[tuple[int, int]]) -> Array:
    return np.pad(x, [(0, 0), (0, 0), *amounts])


def _own_pads(node: ir.Node) -> tuple[tuple[int, int], ...]:
    pads = ints(node, "pads", ())
    half = len(pads) // 2
    return tuple(zip(pads[:half], pads[half:], strict=True))


def stuff(x: Array, factors: Sequence[int]) -> Array:
    """x [N, C, *in] with factor - 1 zeros between its pixels along each spatial axis."""
    spatial = [(n - 1) * f + 1 for n, f in zip(x.shape[2:], factors, strict=True)]
    y = np.zeros((*x.shape[:2], *spatial), x.dtype)
    y[(slice(None), slice(None), *(slice(None, None, f) for f in factors))] = x
    return y


def _with_zero(q: QType) -> QType:
    lo, hi = min(q.lo, 0), max(q.hi, 0)
    return QType(lo, hi, q.scale, q.step if q.lo % q.step == 0 and (hi - lo) % q.step == 0 else 1)


def _grown(node: ir.Node, spatial: Sequence[int]) -> tuple[int, ...]:
    return (*shape_of(node.inputs[0])[:2], *spatial)


def _resize_type(node: ir.Node, factors: Sequence[int]) -> TensorType:
    spatial = [n * f for n, f in zip(shape_of(node.inputs[0])[2:], factors, strict=True)]
    return TensorType(_grown(node, spatial), find_qtype(operand(node, 0)))


def _pad_type(node: ir.Node, amounts: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return _grown(node, [n + b + e for n, (b, e) in zip(shape_of(node.inputs[0])[2:], amounts, strict=True)])


def _stuff_type(node: ir.Node) -> TensorType:
    factors = ints(node, "factors", ())
    spatial = [(n - 1) * f + 1 for n, f in zip(shape_of(node.inputs[0])[2:], factors, strict=True)]
    return TensorType(_grown(node, spatial), _with_zero(qtype(operand(node, 0))))


def _resize(name: str) -> OpDef:
    return OpDef(
        ONNX, name, arity(1, 4 if name == "Resize" else 2),
        lambda n: TensorType(_resize_type(n, resize_factors(n)).shape, None),
        lambda n, a: _repeat(a[0], resize_factors(n)),
    )  # fmt: skip


OPS = (
    _resize("Resize"),
    _resize("Upsample"),
    OpDef(
        ONNX, "Pad", arity(1, 4), lambda n: TensorType(_pad_type(n, pad_amounts(n)), None),
        lambda n, a: _padded(a[0], pad_amounts(n)),
    ),
    OpDef(
        CARDC, "Resize", arity(1), lambda n: _resize_type(n, ints(n, "factors", ())),
        lambda n, a: _repeat(a[0], ints(n, "factors", ())),
    ),
    OpDef(
        CARDC, "Pad", arity(1), lambda n: TensorType(_pad_type(n, _own_pads(n)), _with_zero(qtype(operand(n, 0)))),
        lambda n, a: _padded(a[0], _own_pads(n)),
    ),
    OpDef(CARDC, "ZeroStuff", arity(1), _stuff_type, lambda n, a: stuff(a[0], ints(n, "factors", ()))),
)  # fmt: skip
