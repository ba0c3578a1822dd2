"""Every operator the compiler knows, one module each, found by walking this package.

A module that defines operators has `OPS`, a tuple of `OpDef`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import onnx_ir as ir

from ..errors import CompileError, did_you_mean, printable
from .base import OpDef

_NOT_OPS = {"base", "qtype", "execute", "linear", "window", "graph", "constants", "spectral"}


@cache
def ops() -> Mapping[tuple[str, str], OpDef]:
    """All operators by (domain, name)."""
    found: dict[tuple[str, str], OpDef] = {}
    for name in sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NOT_OPS):
        for op in importlib.import_module(f"{__name__}.{name}").OPS:
            if not isinstance(op, OpDef):
                raise TypeError(f"{__name__}.{name}.OPS holds a {type(op).__name__}, not an OpDef")
            if (op.domain, op.name) in found:
                raise ValueError(f"{name} defines {op.domain}::{op.name} a second time")
            found[op.domain, op.name] = op
    return MappingProxyType(found)


def lookup(node: ir.Node) -> OpDef:
    """The definition of `node`'s operator.

    Raises CompileError for an operator the compiler does not know, with the nearest known name.
    """
    op = ops().get((node.domain, node.op_type))
    if op is None:
        public = {name for domain, name in ops() if domain != "cardc"}
        near = did_you_mean(node.op_type, public)
        raise CompileError(
            f"operator {printable(node.op_type)} is not supported",
            node=node,
            fix=near if near.startswith("did") else "replace it with a supported operator: see docs/operators.md",
        )
    return op
