"""The gate of a deck: which augmentation's spectrum do the last images look like?

`SpectralScores(images, table, differences, constants)`: for images q [N, C, H, W] the scores int64 [N, A], in which
the first augmentation has 0 and each other <y, D_a> - c_a; y is the table's value of |X|^2 (or |X|^2 / 4 where the
table is empty) at each frequency of the fixed-point transform X that the attributes lay down. Its arithmetic, word by
word: `src/cardc/ops/spectral/`, docs/gate.md.

`SlidingArgMax(scores)`: the batch is a sequence in time. Row i of the result is the first of the largest sums over
rows max(0, i - window + 1) ... i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, constant, in_range, integer, ints, operand, shape_of, text
from .qtype import QType
from .spectral import GateState, IntegerGate, Plan
from .spectral.gate import reach

_SIZES = ("channels", "height", "width", "lo", "hi", "bias", "mix_shift", "data_bits", "twiddle_bits")


def attributes(gate: IntegerGate) -> Mapping[str, Any]:
    """Those of SpectralScores: all of `gate` but its three arrays and its window."""
    plan = gate.plan
    return {
        **{name: int(getattr(plan, name)) for name in _SIZES},
        "mix": list(plan.mix), "crop": gate.crop or 0, "constant": int(gate.constant), "scale": repr(gate.scale),
        "names": list(gate.names),
    }  # fmt: skip


def gate_of(node: ir.Node, arrays: Sequence[Array], window: int = 1) -> IntegerGate:
    """The gate that a SpectralScores with these constants is. CompileError where the parts do not fit each other."""
    sizes = {name: integer(node, name, 0) for name in _SIZES}
    plan = Plan(mix=ints(node, "mix", ()), **sizes)
    table, differences, constants = (np.asarray(a, np.int64) for a in arrays)
    names = node.attributes.get("names")
    try:
        words = tuple(names.as_strings()) if names is not None else ()
    except TypeError as error:
        raise CompileError("names that are no strings", node=node, fix="fit the integer gate again") from error
    crop, on = integer(node, "crop", 0) or None, bool(integer(node, "constant", 1))
    try:
        scale = float(text(node, "scale", "1.0"))  # an attribute would be a float32
    except ValueError as error:
        raise CompileError("a scale that is no number", node=node, fix="fit the integer gate again") from error
    return IntegerGate(words, plan, table if table.size else None, differences, constants, crop, on, window, scale)


def _verify(node: ir.Node) -> None:
    arity(4)(node)
    arrays = [constant(operand(node, i)) for i in (1, 2, 3)]
    if any(a is None or not np.issubdtype(a.dtype, np.integer) for a in arrays):
        fix = "fit the integer gate again"
        raise CompileError("SpectralScores with tables that are no constant integers", node=node, fix=fix)
    gate = gate_of(node, [a for a in arrays if a is not None])
    shape = (gate.plan.channels, gate.plan.height, gate.plan.width)
    if shape_of(operand(node, 0))[1:] != shape:
        raise CompileError(f"SpectralScores takes images of {list(shape)}", node=node, fix="fit the integer gate again")


def _infer(node: ir.Node) -> TensorType:
    arrays = [constant(operand(node, i)) for i in (1, 2, 3)]
    gate = gate_of(node, [a for a in arrays if a is not None])
    most = reach(gate)
    return TensorType((shape_of(operand(node, 0))[0], len(gate.names)), QType(-most, most))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    gate = gate_of(node, args[1:])
    most = reach(gate)
    return in_range(node, gate.scores(np.asarray(args[0], np.int64)), QType(-most, most))


def _verify_sliding(node: ir.Node) -> None:
    arity(1)(node)
    if integer(node, "window", 0) < 1 or len(shape_of(operand(node, 0))) != 2:
        raise CompileError("SlidingArgMax without a window", node=node, fix="fit the integer gate again")


def _infer_sliding(node: ir.Node) -> TensorType:
    n, augmentations = shape_of(operand(node, 0))
    return TensorType((n,), QType(0, augmentations - 1))


def _sliding(node: ir.Node, args: Sequence[Array]) -> Array:
    scores = np.asarray(args[0], np.int64)
    return GateState(scores.shape[1], integer(node, "window", 1)).feed(scores)


OPS = (
    OpDef(CARDC, "SpectralScores", _verify, _infer, _execute),
    OpDef(CARDC, "SlidingArgMax", _verify_sliding, _infer_sliding, _sliding),
)
