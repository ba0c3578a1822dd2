"""The one error a user sees: where it is, what is wrong, what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import onnx_ir as ir


class CompileError(Exception):
    """A fault in the user's model, target, options or data (never in this compiler).

    `what` says what is wrong, `node` (an ONNX node, or any text such as a file or key) where, `fix` what to do.
    `exit_code` is what the command line returns: 2 for bad input, 1 for a model that does not fit or match.
    """

    def __init__(
        self, what: str, *, node: ir.Node | str | None = None, fix: str, stage: str = "", exit_code: int = 2
    ) -> None:
        super().__init__(what)
        self.what, self.node, self.fix, self.stage, self.exit_code = what, node, fix, stage, exit_code

    def __reduce__(self) -> tuple[Any, ...]:
        """Between processes: a node goes along in words."""
        return _again, (self.what, self.where if self.node is not None else None, self.fix, self.stage, self.exit_code)

    @property
    def where(self) -> str:
        """The node or place in words; empty where there is none."""
        return describe(self.node) if isinstance(self.node, ir.Node) else printable(self.node or "")

    def each(self) -> tuple[CompileError, ...]:
        """This problem; of several that are reported together, every one."""
        return (self,)

    def __str__(self) -> str:
        lines = [f"error: {self.what}"]
        if isinstance(self.node, ir.Node):
            lines.append(f"  node  {self.where}")
        elif self.node is not None:
            lines.append(f"  where {self.where}")
        if self.stage:
            lines.append(f"  while {self.stage}")
        return "\n".join([*lines, f"  fix   {self.fix}"])


class CompileErrors(CompileError):
    """All problems of one model at once; prints each as its own block."""

    def __init__(self, errors: Sequence[CompileError]) -> None:
        super().__init__(f"{len(errors)} problems", fix="see each problem", exit_code=errors[0].exit_code)
        self.errors = tuple(errors)

    def __reduce__(self) -> tuple[Any, ...]:
        return CompileErrors, (self.errors,)

    def each(self) -> tuple[CompileError, ...]:
        return self.errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def _again(what: str, node: str | None, fix: str, stage: str, exit_code: int) -> CompileError:
    return CompileError(what, node=node, fix=fix, stage=stage, exit_code=exit_code)


def raise_all(errors: Sequence[CompileError]) -> None:
    """Raise nothing, the one error, or all of them together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise CompileErrors(errors)


def describe(node: ir.Node) -> str:
    """`Conv 'conv_1' (x:[1,3,8,8], w:[4,3,3,3]) -> y`, as it stands in error messages."""
    ins = ", ".join("-" if v is None else f"{_name(v)}:{v.shape if v.shape is not None else '?'}" for v in node.inputs)
    outs = ", ".join(_name(v) for v in node.outputs)
    return f"{printable(node.op_type)} '{printable(node.name or '')}' ({ins}) -> {outs}"


def _name(value: ir.Value) -> str:
    return printable(value.name or "?")


def printable(text: str, limit: int = 200) -> str:
    """`text` from an untrusted model for a terminal: control characters escaped, cut at `limit` characters."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit])
    return plain if len(text) <= limit else f"{plain}..."


def counted(count: float, things: str) -> str:
    """`1,200 inputs`, but `1 input`: `things` is a plural that ends in s."""
    return f"{count:,} {things if count != 1 else things.removesuffix('s')}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for a mistyped name: the nearest known one, or the list of all."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(names)}"
