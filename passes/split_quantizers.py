"""split-quantizers: Quant(x) -> Dequantize(Quantize(x)), the integers made visible.

    Quant(x; s, z) = s * q,   q = clip(round(x / s + z), lo, hi) - z

The zero point is subtracted at once, so that a stored integer times its scale is the real value. Applies to every
quantiser of an activation. Keeps: the float value of every tensor, and its name (as `cardc.source` of the integers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops import lookup, qtype
from ..ops.base import CARDC, QONNX, constant, integer, operand, result, shape_of, text
from ..ops.graph import fresh, make_node, replace
from ..ops.qtype import QType
from ..ops.quant import SIGN, level_range
from .base import Pass, PassLog

SOURCE = qtype.SOURCE
"""Metadata of an integer tensor: the tensor of the imported graph that it equals, once scaled."""


@dataclass(frozen=True)
class SplitQuantizers(Pass):
    name: ClassVar[str] = "split-quantizers"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        errors: list[CompileError] = []
        for node in list(graph):
            if node.domain != QONNX or node.op_type not in ("Quant", "BipolarQuant"):
                continue
            try:
                self._split(graph, node, *activation_type(node))
                done += 1
            except CompileError as error:
                errors.append(error)
        raise_all(errors)
        return done

    def _split(self, graph: ir.Graph, node: ir.Node, q: QType, zero: int) -> None:
        name = result(node).name or "quantised"
        quantize = make_node(
            CARDC, "Quantize", [operand(node, 0)], name=node.name or name, out=fresh(graph, f"{name}_int"), q=q,
            attributes={
                "rounding_mode": SIGN if node.op_type == "BipolarQuant" else text(node, "rounding_mode", "ROUND"),
                "zero_point": zero,
            },
        )  # fmt: skip
        result(quantize).metadata_props[SOURCE] = name
        back = make_node(
            CARDC,
            "Dequantize",
            [result(quantize)],
            name=f"{node.name}_dequantize",
            out=fresh(graph, f"{name}_value"),
        )
        replace(graph, node, [quantize, back])


def activation_type(node: ir.Node) -> tuple[QType, int]:
    """The integer type that an activation's quantiser produces, and its zero point.

    Raises CompileError where the scale varies over positions, or the zero point is not one whole number.
    """
    lookup(node).verify(node)
    unit = _scale(node)
    if node.op_type == "BipolarQuant":
        return QType(-1, 1, unit, 2), 0
    zero, bits = constant(operand(node, 2)), constant(operand(node, 3))
    if zero is None or bits is None or not (zero == round(float(zero.ravel()[0]))).all():
        raise CompileError(
            "the quantiser's zero point is not one whole number",
            node=node,
            fix="quantise with an integer zero point",
        )
    z, n, signed = round(float(zero.ravel()[0])), float(bits.ravel()[0]), bool(integer(node, "signed", 1))
    lo, hi = level_range(n, signed, bool(integer(node, "narrow", 0)))
    if signed and round(n) == 1:
        if z:
            raise CompileError("a one-bit quantiser has a zero point", node=node, fix="use a zero point of 0")
        return QType(lo, hi, unit, 2), 0
    return QType(lo - z, hi - z, unit), z


def _scale(node: ir.Node) -> tuple[float, ...]:
    """The quantiser's scale: one number, or one for each index of axis 1."""
    scale, shape = constant(operand(node, 1)), shape_of(operand(node, 0))
    if scale is not None and (scale == scale.ravel()[0]).all():
        return (float(np.float32(scale.ravel()[0])),)
    laid = None if scale is None else (1,) * (len(shape) - scale.ndim) + scale.shape
    if scale is None or laid != (1, *shape[1:2], *(1,) * (len(shape) - 2)):
        raise CompileError(
            "an activation's quantiser has a scale that is neither one number nor one a channel",
            node=node,
            fix="use one scale for the tensor (scaling_per_output_channel=False)",
        )
    return tuple(float(s) for s in scale.ravel().astype(np.float32))
