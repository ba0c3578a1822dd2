"""One step of an emitted network: a function in C, the constants that it reads, the kernels that it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ...ops.base import Array
from ...passes.layouts import Layout

Place = Callable[[ir.Value], int]
"""Bytes from the start of the arena to a tensor's storage."""

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
        full = f"l{self.index}_{name}"
        self.arrays.append(ConstArray(full, ctype, np.asarray(values).ravel(), comment))
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
        full = f"l{self.index}_{name}"
        lines = [f"static const CARDC_ROM {ctype} {full} = {{"]
        lines += [f"    {value}, /* {label} */" for label, value in fields]
        self.structs.append([*lines, "};"])
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


def at(offset: int, ctype: str = "uint8_t", *, const: bool = False) -> str:
    """A pointer to `offset` bytes into the arena."""
    place = f"arena + {offset}" if offset else "arena"
    if ctype == "uint8_t":
        return place
    qualifier = "const " if const else ""
    return f"({qualifier}{ctype} *){'(const void *)' if const else '(void *)'}({place})"
