"""The C printer: lines, indentation, comments that cannot end early, arrays that wrap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ...ops.base import Array

_WIDTH = 100
_INT_TYPES = {
    "uint8_t": (0, 2**8 - 1), "int8_t": (-(2**7), 2**7 - 1),
    "uint16_t": (0, 2**16 - 1), "int16_t": (-(2**15), 2**15 - 1),
    "uint32_t": (0, 2**32 - 1), "int32_t": (-(2**31), 2**31 - 1),
    "int64_t": (-(2**63), 2**63 - 1),
}  # fmt: skip


class Writer:
    """Collects lines of C. Call it with a line; `block` indents what is written inside it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def __call__(self, line: str = "") -> None:
        self._lines.append("    " * self._depth + line if line else "")

    def lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self(line)

    @contextmanager
    def block(self, head: str, tail: str = "}") -> Iterator[None]:
        self(f"{head} {{".lstrip())
        self._depth += 1
        yield
        self._depth -= 1
        self(tail)

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """A header's guard around what is written inside it."""
        self.lines((f"#ifndef {name}", f"#define {name}", ""))
        yield
        self.lines(("", "#endif"))

    @contextmanager
    def declarations(self) -> Iterator[None]:
        """What is written inside has C linkage in C++, too."""
        self.lines(("#ifdef __cplusplus", 'extern "C" {', "#endif", ""))
        yield
        self.lines(("", "#ifdef __cplusplus", "}", "#endif"))

    def comment(self, *text: str) -> None:
        """A block comment; each item is one line of it."""
        clean = [comment_text(line) for line in text]
        if len(clean) == 1:
            self(f"/* {clean[0]} */")
            return
        self(f"/* {clean[0]}")
        for line in clean[1:]:
            self(f" * {line}" if line else " *")
        self(" */")

    def array(self, declaration: str, ctype: str, values: Array | Sequence[int]) -> None:
        """`<declaration> = { ... };` with the elements of `values`, each checked against `ctype`."""
        flat = np.asarray(values).ravel().tolist()
        with self.block(f"{declaration} =", "};"):
            self.lines(wrapped((literal(v, ctype) for v in flat), _WIDTH - 4 * self._depth))

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def wrapped(items: Iterable[str], width: int) -> Iterator[str]:
    """`items` joined by commas in lines of at most `width` characters."""
    line = ""
    for item in items:
        piece = f"{item},"
        if line and len(line) + 1 + len(piece) > width:
            yield line
            line = piece
        else:
            line = f"{line} {piece}" if line else piece
    if line:
        yield line


def literal(value: int, ctype: str) -> str:
    """`value` as a constant of `ctype` that every compiler takes without a warning; ValueError if it does not fit."""
    lo, hi = _INT_TYPES[ctype]
    if not lo <= value <= hi:
        raise ValueError(f"{value} does not fit {ctype}")
    if ctype == "uint32_t":
        return f"0x{value:08X}u"
    if value == -(2**31) and ctype == "int32_t":  # -2147483648 would be the negation of a long
        return "(-2147483647 - 1)"
    if ctype == "int64_t":
        return "(-9223372036854775807LL - 1)" if value == lo else f"{value}LL"
    return str(value)


def comment_text(text: str) -> str:
    """`text` made safe inside a comment: printable ASCII, no end or start of a comment, no trigraph, no backslash."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/").replace("??", "? ?")
