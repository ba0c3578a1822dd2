"""How often the loops turn that multiply where no instruction does: once for each digit of a factor.

`cardc_product` takes the factor of the lesser magnitude; kernels of weights of many bits multiply by the input.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, operand
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .choose_layout import choose_layout
from .level_shares import Floats, inside, level_shares, normal_sums
from .schedule import base, finish_of
from .tails import Turns


def turns_of(node: ir.Node, w: Array, features: frozenset[str]) -> Turns | None:
    """Those of the Conv or MatMul `node` of weights `w`; None where the core of `features` multiplies."""
    if "software_multiply" not in features:
        return None
    layout = choose_layout(base(operand(node, 0)), word_rows=False)
    q, shares = qtype(operand(node, 0)), level_shares(operand(node, 0)).mean(axis=0)
    stored = [(x - layout.lo) // layout.step for x in range(q.lo, q.hi + 1, q.step)]
    inputs = float(sum(share * u.bit_length() for share, u in zip(shares, stored, strict=True)))
    if node.op_type == "Conv":
        seen = float(inside(node, w).mean())
        inputs = seen * inputs + (1 - seen) * (-layout.lo // layout.step).bit_length()
    finish = finish_of(node)
    factors = constant(operand(finish, 1)) if finish is not None and is_cardc(finish, "Requantize") else None
    if factors is None:
        return Turns(inputs)
    mean, spread = normal_sums(node, w)
    rows = w.T if node.op_type == "MatMul" else w.reshape(len(w), -1)
    mean, spread = (mean - layout.lo * rows.sum(axis=1)) / layout.step, spread / layout.step
    factor = np.abs(factors.astype(np.float64)) * layout.step
    lift = (rows < 0).sum(axis=1) * (layout.levels - 1)
    return Turns(inputs, _digits(mean, spread, factor), _digits(mean + lift, spread, factor))


def _digits(mean: Floats, spread: Floats, factor: Floats) -> float:
    """Binary digits of min(|sum|, factor), normal sums, in the mean over channels."""
    total = np.zeros(len(mean))
    for place in range(31):
        least = 2.0**place
        beyond = [_beyond((least - 0.5 - sign * mean) / spread) for sign in (1, -1)]
        total += (beyond[0] + beyond[1]) * (least <= factor)
    return float(total.mean())


_beyond = np.vectorize(lambda z: 0.5 * math.erfc(z / math.sqrt(2)), otypes=[np.float64])
