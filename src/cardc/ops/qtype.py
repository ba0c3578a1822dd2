"""The integer type of a tensor: which integers it holds and what one unit is worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import onnx_ir as ir

from ..errors import CompileError

_KEY = "cardc.qtype"
SOURCE = "cardc.source"
"""Metadata of an integer tensor: the tensor of the imported graph that it equals, once scaled."""


@dataclass(frozen=True, slots=True)
class QType:
    """Integers `lo, lo + step, ..., hi`, each worth `scale` (one for the tensor, or one a channel).

    The zero point is always 0: an importer subtracts it, so that a stored integer times its scale *is* the
    real value. `step` is 2 for bipolar {-1, +1} tensors and 1 otherwise. Channels are axis 1 of activations;
    of weights, axis 0 of a convolution's and axis 1 of a matrix product's.
    """

    lo: int
    hi: int
    scale: tuple[float, ...] = (1.0,)
    step: int = 1

    def __post_init__(self) -> None:
        if self.lo > self.hi or self.step < 1 or (self.hi - self.lo) % self.step or not self.scale:
            raise ValueError(f"not a range: {self}")

    @property
    def signed(self) -> bool:
        return self.lo < 0

    @property
    def bits(self) -> int:
        """Bits of the narrowest integer that holds the range: 1 for bipolar, two's complement where signed."""
        if self.bipolar:
            return 1
        if not self.signed:
            return max(1, self.hi.bit_length())
        return 1 + max((-self.lo - 1).bit_length(), max(self.hi, 0).bit_length())

    @property
    def levels(self) -> int:
        """How many different values the tensor can hold."""
        return (self.hi - self.lo) // self.step + 1

    @property
    def bipolar(self) -> bool:
        return (self.lo, self.hi, self.step) == (-1, 1, 2)

    def __str__(self) -> str:
        if self.bipolar:
            return "bipolar"
        return f"{'int' if self.signed else 'uint'}{self.bits}[{self.lo},{self.hi}]"


def dtype_of(q: QType) -> ir.DataType:
    """The smallest ONNX tensor type that holds `q`."""
    for name, lo, hi in (
        ("UINT8", 0, 2**8 - 1), ("INT8", -(2**7), 2**7 - 1),
        ("UINT16", 0, 2**16 - 1), ("INT16", -(2**15), 2**15 - 1),
        ("INT32", -(2**31), 2**31 - 1), ("INT64", -(2**63), 2**63 - 1),
    ):  # fmt: skip
        if lo <= q.lo and q.hi <= hi:
            return ir.DataType[name]
    raise CompileError(f"no integer type holds {q}", fix="narrow the layer or its input")


def set_qtype(value: ir.Value, q: QType) -> None:
    """Give `value` its integer type; kept in the file as metadata, so that a saved stage can be resumed."""
    value.metadata_props[_KEY] = json.dumps(
        {"lo": q.lo, "hi": q.hi, "scale": list(q.scale), "step": q.step}, separators=(",", ":")
    )
    value.dtype = dtype_of(q)


def find_qtype(value: ir.Value) -> QType | None:
    """The integer type of `value`, or None for a float tensor."""
    text = value.metadata_props.get(_KEY)
    if text is None:
        return None
    try:
        return _parsed(text)
    except (ValueError, KeyError, TypeError) as error:
        raise CompileError(
            f"tensor {value.name!r} has a malformed integer type",
            fix="write the stage again with --stop-after",
        ) from error


@lru_cache(maxsize=4096)
def _parsed(text: str) -> QType:
    d = json.loads(text)
    return QType(int(d["lo"]), int(d["hi"]), tuple(float(s) for s in d["scale"]), int(d["step"]))


def qtype(value: ir.Value) -> QType:
    """The integer type of `value`, which must have one."""
    q = find_qtype(value)
    if q is None:
        raise CompileError(
            f"tensor {value.name!r} is not quantised",
            node=value.producer(),
            fix="put a quantiser (Quant or BipolarQuant) on it when training",
        )
    return q
