"""One step of an emitted network: a function in C, the constants that it reads, the kernels that it calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ...errors import CompileError
from ...ops.base import Array
from ...passes.layouts import Layout, chw
from ...passes.plan_memory import OFFSET


@dataclass(frozen=True, slots=True)
class Moving:
    """A place in the arena: `start`, and `step` bytes more for each row of `row`, the first one that is at work."""

    start: int
    step: int = 0

    def __add__(self, further: int) -> Moving:
        return Moving(self.start + further, self.step)

    def fixed(self, row: int | None) -> Moving:
        """The place for row `row`; None: as it is."""
        return self if row is None else Moving(self.start + row * self.step)


class Places:
    """Where tensors lie and how much of them there is: as plan-memory says."""

    def start(self, value: ir.Value) -> Moving:
        """From the start of the arena to the storage of `value`."""
        return Moving(place_of(value))

    def sizes(self, value: ir.Value) -> tuple[int, int, int]:
        """Channels, height and width of what is there of `value`."""
        return chw(value)


def place_of(value: ir.Value) -> int:
    """Bytes from the start of the arena to the storage of `value`."""
    text = value.metadata_props.get(OFFSET)
    if text is None:
        raise CompileError(f"tensor {value.name!r} has no place in memory", fix="run the pass plan-memory first")
    return int(text)


_MAP = ("channels", "height", "width", "plane", "row")


@dataclass(frozen=True, slots=True)
class ConstArray:
    """A constant in flash: `<network>_<name>`, elements of `ctype`."""

    name: str
    ctype: str
    values: Array
    comment: str

    @property
    def bytes(self) -> int:
        return max(1, int(self.values.size)) * (int(self.ctype.removesuffix("_t").lstrip("uint")) // 8)


@dataclass(slots=True)
class Step:
    """`body` may use `in`, `out` and `arena`; `{prefix}` in it and in `structs` stands for the network's name.

    `node` is the graph's node (None for the load and the store), `value` the tensor that the step leaves in memory.
    """

    index: int
    op: str
    title: str
    node: ir.Node | None
    value: ir.Value | None
    encoding: str = ""
    arrays: list[ConstArray] = field(default_factory=list)
    structs: list[list[str]] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)

    def array(self, name: str, ctype: str, values: Array | Sequence[int], comment: str) -> str:
        """Add a constant; its name in C, with the placeholder for the network's name."""
        full, flat = f"l{self.index}_{name}", np.asarray(values).ravel()
        same = (a for a in self.arrays if a.name == full and a.ctype == ctype and np.array_equal(a.values, flat))
        if next(same, None) is None:
            self.arrays.append(ConstArray(full, ctype, flat, comment))
        return f"{{prefix}}_{full}"

    def maps(self, name: str, layout: Layout) -> str:
        """Add a static cardc_map, or find one of the same fields."""
        lines = [f"    {getattr(layout, n)}, /* {n} */" for n in _MAP]
        for struct in self.structs:
            if struct[1:-1] == lines:
                return f"&{struct[0].split()[4]}"
        return self.struct("cardc_map", name, [(n, getattr(layout, n)) for n in _MAP])

    def struct(self, ctype: str, name: str, fields: Iterable[tuple[str, object]]) -> str:
        """Add a static constant of struct type, fields in the order of its declaration; `&name` to pass it."""
        body = [*(f"    {value}, /* {label} */" for label, value in fields), "};"]
        kind = f"static const CARDC_ROM {ctype} l{self.index}_{name}"
        alike = [struct for struct in self.structs if struct[0].startswith(kind)]
        for struct in alike:
            if struct[1:] == body:
                return f"&{struct[0].split()[4]}"
        full = f"l{self.index}_{name}{len(alike) + 1 if alike else ''}"
        self.structs.append([f"static const CARDC_ROM {ctype} {full} = {{", *body])
        return f"&{full}"

    def call(self, function: str, *arguments: object) -> None:
        """Add a call of a kernel."""
        self.functions.add(function)
        self.body.append(f"{function}({', '.join(map(str, arguments))});")

    @property
    def weight_bytes(self) -> int:
        """Bytes of flash of the step's constant arrays."""
        return sum(a.bytes for a in self.arrays)


def c_map(layout: Layout) -> str:
    """A cardc_map initialiser."""
    return f"{{{layout.channels}, {layout.height}, {layout.width}, {layout.plane}, {layout.row}}}"


def at(offset: int | Moving, ctype: str = "uint8_t", *, const: bool = False) -> str:
    """A pointer to `offset` bytes into the arena."""
    start, step = (offset.start, offset.step) if isinstance(offset, Moving) else (offset, 0)
    place = f"arena + {start}" if start else "arena"
    place = f"{place} + {step} * row" if step else place
    if ctype == "uint8_t":
        return place
    qualifier = "const " if const else ""
    return f"({qualifier}{ctype} *){'(const void *)' if const else '(void *)'}({place})"
