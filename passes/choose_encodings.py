"""choose-encodings: Conv, MatMul -> the same with `encoding`, how the weights are stored and which kernel reads them.

    Conv     lanes   places of +-1 taps, four pixels a word       ternary weights, stride 1 across
             taps    the same places, one pixel at a time         ternary weights
             int8    a byte a weight                              any weights of 8 bits
    MatMul   sparse  steps between +-1 columns                    ternary weights
             binary  one bit a weight, XNOR and popcount          weights of -1, +1
             ternary two bits a weight, mask and sign             ternary weights
             int8    a byte a weight                              any weights of 8 bits

The cheapest one in estimated instructions is taken, ties by bytes of flash. The estimates (`cost_*`) are the inner
loops of the kernels, counted; features of the target's core change them. Keeps: everything; only an attribute is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops.base import Array, constant, operand, result, shape_of
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from ..ops.window import window
from .base import Pass, PassLog

CONV, DENSE = ("lanes", "taps", "int8"), ("sparse", "binary", "ternary", "int8")


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate: instructions of one inference, bytes of flash for the weights."""

    instructions: float
    bytes: float


@dataclass(frozen=True)
class ChooseEncodings(Pass):
    """`features` are those of the target's core (see targets/schema.py); `force` names an encoding to use wherever it
    can be used, for tests and comparisons."""

    name: ClassVar[str] = "choose-encodings"
    features: tuple[str, ...] = ()
    force: tuple[str, ...] = ()

    def run(self, model: ir.Model, log: PassLog) -> int:
        done, errors = 0, []
        for node in model.graph:
            if not is_cardc(node, "Conv", "MatMul"):
                continue
            try:
                options = costs(node, frozenset(self.features))
            except CompileError as error:
                errors.append(error)
                continue
            forced = [name for name in self.force if name in options]
            best = min(options, key=lambda name: (options[name].instructions, options[name].bytes, name))
            chosen = forced[0] if forced else best
            node.attributes["encoding"] = ir.AttrString("encoding", chosen)
            log.notes.append(f"{node.name}: {chosen} ({_listed(options)})")
            done += 1
        raise_all(errors)
        return done


def _listed(options: dict[str, Cost]) -> str:
    return ", ".join(f"{name} ~{cost.instructions:.0f}" for name, cost in sorted(options.items()))


def costs(node: ir.Node, features: frozenset[str]) -> dict[str, Cost]:
    """Every encoding that can hold `node`'s weights, with its cost. CompileError where none can."""
    w = constant(operand(node, 1))
    if w is None:
        raise CompileError(f"{node.op_type} weights are not constant", node=node, fix="export the model in eval mode")
    w = w.astype(np.int64)
    x = qtype(operand(node, 0))
    found = _conv(node, w, x, features) if node.op_type == "Conv" else _dense(w, x, features)
    if not found:
        raise CompileError(
            f"no kernel reads weights from {w.min()} to {w.max()}",
            node=node,
            fix="train with weights of at most 8 bits",
        )
    return found


def _is_int8(w: Array) -> bool:
    return bool(w.size == 0 or (w.min() >= -128 and w.max() <= 127))


def _is_ternary(w: Array) -> bool:
    return bool(np.isin(w, (-1, 0, 1)).all())


def _conv(node: ir.Node, w: Array, x: QType, features: frozenset[str]) -> dict[str, Cost]:
    win = window(node, w.shape[2:])
    out = shape_of(result(node))
    width, height = out[-1], int(np.prod(out[2:-1]))
    pixels, nonzeros = width * height, int(np.count_nonzero(w))
    found = {}
    if _is_ternary(w):
        flash = 2.0 * nonzeros + 8 * w.shape[0]
        if win.strides[-1] == 1:
            # Two loads (of aligned words, shifted into place) and an add a word; lanes widen before they overflow.
            room = max(1, 255 // max(1, x.levels - 1))
            words = nonzeros * height * -(-width // 4)
            load = 3.0 if "unaligned" in features else 4.0
            found["lanes"] = Cost(words * (load + 8 / room) + 4 * pixels * w.shape[0], flash)
        found["taps"] = Cost(4.0 * nonzeros * pixels + 4 * pixels * w.shape[0], flash)
    if _is_int8(w):
        multiply = 4.0 if features & {"dsp", "single_cycle_multiply"} else 5.0
        found["int8"] = Cost(multiply * w.size * pixels, float(w.size))
    return found


def _dense(w: Array, x: QType, features: frozenset[str]) -> dict[str, Cost]:
    inputs, outputs = w.shape
    nonzeros, words = int(np.count_nonzero(w)), -(-inputs // 32)
    planes = max(1, (x.levels - 1).bit_length())
    pack = (1.5 + 0.5 * planes) * inputs
    count = 4.0 if "popcount" in features else 16.0
    found = {}
    if _is_ternary(w):
        found["sparse"] = Cost(4.0 * nonzeros + 12 * outputs, nonzeros + 4.0 * outputs)
        found["ternary"] = Cost(pack + (count + 3) * planes * words * outputs, 8.0 * words * outputs)
        if nonzeros == w.size:
            found["binary"] = Cost(pack + count * planes * words * outputs, 4.0 * words * outputs)
    if _is_int8(w):
        multiply = 2.0 if "dsp" in features else 5.0
        found["int8"] = Cost(multiply * w.size, float(w.size))
    return found
