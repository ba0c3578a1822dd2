"""How each integer tensor lies in memory: bytes with strides and a border of zeros, or plain int16, int32 or int64.

Bytes: an activation of at most 256 levels is stored as u = (x - lo) / step. Neighbouring rows (and planes) share their
border: the zeros right of row y are those left of row y + 1, which saves memory and changes no address.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from math import prod

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import CompileError
from ..ops.base import Array, shape_of

_KEY = "cardc.layout"
_DTYPES = {1: "<u1", 2: "<i2", 4: "<i4", 8: "<i8"}


@dataclass(frozen=True, slots=True)
class Code:
    """Stored byte u means lo + step * u, u < levels; `border` is the byte of zero where there is a border."""

    lo: int
    step: int
    levels: int
    border: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where element (c, y, x) is: `interior + c * plane + y * row + x`, counted in elements of `width_bytes`.

    A stored u means the integer lo + step * u (lo = 0, step = 1 for plain integers). `border` is the stored byte of
    the real zero, None where the tensor has no border; `size` is the whole storage in bytes. With `lines`, memory holds
    only that many rows of a plane at a time, and at first those from the border above on (see streams). `bare`: row y
    of all channels lies before row y + 1 of any, and there is no border left and right (see passes/bare).
    """

    channels: int
    height: int
    width: int
    plane: int
    row: int
    interior: int
    size: int
    width_bytes: int = 1
    lo: int = 0
    step: int = 1
    levels: int = 0
    border: int | None = None
    lines: int = 0
    bare: bool = False

    @property
    def above(self) -> int:
        """Rows of border above the tensor."""
        return self.interior // self.row

    @property
    def elements(self) -> int:
        return self.channels * self.height * self.width

    @property
    def contiguous(self) -> bool:
        return self.row == self.width and self.plane == self.height * self.width and self.interior == 0

    @property
    def as_row(self) -> Layout:
        """For kernels that go row by row and treat all channels alike: the elements as one row, where they are one
        and its length fits 16 bits."""
        n = self.elements
        one = self.contiguous and n <= 0xFFFF
        return replace(self, channels=1, height=1, width=n, plane=n, row=n) if one else self

    @property
    def is_bytes(self) -> bool:
        return self.width_bytes == 1

    def decode(self, storage: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The integers, [n, channels, height, width], of n copies of the storage, [n, size] bytes (little-endian)."""
        raw = np.ascontiguousarray(storage).view(_DTYPES[self.width_bytes])
        c, y, x = np.ogrid[: self.channels, : self.height, : self.width]
        stored = raw[:, self.interior + c * self.plane + y * self.row + x]
        return np.asarray(self.lo + self.step * stored.astype(np.int64))


def chw(value: ir.Value) -> tuple[int, int, int]:
    """[1] as (1, 1, 1), [1, K] as (K, 1, 1), [1, C, W] as (C, 1, W), [1, C, H, W] as it is.

    Raises CompileError for another rank.
    """
    match shape_of(value)[1:]:
        case ():
            return 1, 1, 1
        case (k,):
            return k, 1, 1
        case (c, w):
            return c, 1, w
        case (c, h, w):
            return c, h, w
    raise CompileError(
        f"tensor {value.name!r} of shape {list(shape_of(value))} has no layout in memory",
        node=value.producer(),
        fix="use tensors of at most rank 4, channels first",
    )


def set_layout(value: ir.Value, layout: Layout) -> None:
    value.metadata_props[_KEY] = json.dumps(asdict(layout), separators=(",", ":"))


def layout_of(value: ir.Value) -> Layout:
    """The layout that plan-memory gave to `value`."""
    text = value.metadata_props.get(_KEY)
    if text is None:
        raise CompileError(
            f"tensor {value.name!r} has no place in memory",
            node=value.producer(),
            fix="run the pass plan-memory, or compile from the imported model",
        )
    try:
        layout = Layout(**json.loads(text))
    except (ValueError, TypeError) as error:
        fix = "write the stage again with --stop-after"
        raise CompileError(f"tensor {value.name!r} has a malformed layout", node=value.producer(), fix=fix) from error
    if layout.elements != prod(shape_of(value)[1:]):
        fix = "write the stage again with --stop-after"
        raise CompileError(f"the layout of {value.name!r} does not fit its shape", node=value.producer(), fix=fix)
    return layout


def storage_of(layout: Layout, x: Array) -> NDArray[np.uint8]:
    """The storage, [size] bytes, that holds `x` [channels, height, width]; what is no element holds the border or 0."""
    raw = np.full(layout.size // layout.width_bytes, layout.border or 0, np.int64)
    c, y, i = np.ogrid[: layout.channels, : layout.height, : layout.width]
    raw[layout.interior + c * layout.plane + y * layout.row + i] = (x - layout.lo) // layout.step
    return raw.astype(_DTYPES[layout.width_bytes]).view(np.uint8)
