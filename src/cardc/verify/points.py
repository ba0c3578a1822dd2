"""The integer tensors that stand for tensors of the imported model, and how each was rounded."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..frontend.moved import SOURCE_LAYOUT, USER_NAME
from ..ops.base import QONNX, Array, integer, operand, per_channel, text
from ..ops.float_quant import minifloat
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from ..ops.quant import SIGN
from ..passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from ..passes.split_quantizers import SOURCE, activation_type

FLOAT = "FLOAT"
"""With the bits of a mantissa behind it, the rounding mode of a minifloat's steps."""
PICK = "PICK"
"""The rounding mode of an ArgMax or of TopK's indices, whose boundaries are ties."""


@dataclass(frozen=True, slots=True)
class Point:
    """An integer tensor that stands for one of the imported model: real = scale * integer + offset.

    `scale` is one number or one a channel, `rounding` the mode of the quantiser that made it and `zero` its zero
    point; the model's output, where no quantiser made it, has the mode "".
    """

    name: str
    source: str
    q: QType
    scale: Array
    offset: float = 0.0
    rounding: str = ""
    zero: int = 0
    layout: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def kept(self, x: Array, shape: tuple[int, ...]) -> Array:
        """The user's tensor `x` [N, ...] in the order and shape in which the import keeps it."""
        if self.layout is not None:
            x = x.reshape(len(x), *self.layout[0]).transpose(self.layout[1])
        return x.reshape(shape)

    def unit(self, ndim: int) -> Array:
        """The scale, float64, as it broadcasts against an `ndim`-d tensor."""
        return per_channel(self.scale, ndim)


def points(model: ir.Model, imported: ir.Model) -> list[Point]:
    """The integer tensors of `model` that the imported model knows too, in order of computation."""
    quantisers = {
        node.outputs[0].metadata_props.get(SOURCE, node.outputs[0].name): node
        for node in imported.graph
        if (node.domain == QONNX and node.op_type in ("Quant", "BipolarQuant"))
        or is_cardc(node, "Quantize")
        or _picks(node)
    }
    layouts = {v.name: v.metadata_props.get(SOURCE_LAYOUT) for node in imported.graph for v in node.outputs}
    users = {v.name: v.metadata_props.get(USER_NAME) for node in imported.graph for v in node.outputs}
    found = []
    for node in model.graph:
        value = node.outputs[0]
        source = value.metadata_props.get(SOURCE)
        if source is None:
            continue
        q = qtype(value)
        given = value.metadata_props.get(OUT_SCALE)
        scale = np.asarray(q.scale if given is None else [float(given)], np.float64)
        offset = float(value.metadata_props.get(OUT_OFFSET, 0.0))
        mode, zero = _rounding(quantisers.get(source))
        layout = _layout(layouts.get(source))
        found.append(Point(value.name or "", users.get(source) or source, q, scale, offset, mode, zero, layout))
    return found


def _picks(node: ir.Node) -> bool:
    return node.op_type == "ArgMax" or (node.op_type == "TopK" and integer(node, "indices", 0) == 1)


def _layout(text: str | None) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """What the import noted of a tensor that it keeps in another order."""
    if text is None:
        return None
    found = json.loads(text)
    return tuple(found["shape"]), tuple(found["perm"])


def _rounding(quantiser: ir.Node | None) -> tuple[str, int]:
    """How it rounds, and its zero point."""
    if quantiser is None:
        return "", 0
    if quantiser.op_type == "BipolarQuant":
        return SIGN, 0
    if _picks(quantiser):
        return PICK, 0
    before = operand(quantiser, 0).producer()
    if is_cardc(quantiser) and before is not None and before.op_type == "FloatQuant":
        return f"{FLOAT}{minifloat(before).mantissa}", 0
    zero = integer(quantiser, "zero_point", 0) if is_cardc(quantiser) else activation_type(quantiser)[1]
    return text(quantiser, "rounding_mode", "ROUND"), zero
