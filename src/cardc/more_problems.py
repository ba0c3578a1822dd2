"""What else is wrong with a model whose import fails: problems of the parts that no refused node reaches."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from .errors import CompileError, CompileErrors
from .frontend.load import load
from .passes.base import run_steps
from .passes.pipeline import TO_INTEGER


def with_more(error: CompileError, proto: onnx.ModelProto) -> CompileError:
    """`error`, which `load` raised for `proto`, with the problems that import and lowering have elsewhere.

    Each refused node gives way to an Identity in a copy, which then goes the whole road; what is found behind such a
    node may be its fault and is left out.
    """
    refused = {v.name for one in error.each() if isinstance(one.node, ir.Node) for v in one.node.outputs}
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    known = {v.name for v in (*copy.graph.input, *copy.graph.initializer)}
    behind: set[str] = set()
    replaced = 0
    for node in copy.graph.node:
        known.update(node.output)
        if behind.intersection(node.input) or refused.intersection(node.output):
            behind.update(node.output)
        if refused.intersection(node.output) and node.input and len(node.output) == 1:
            replaced += 1
            node.op_type, node.domain = "Identity", ""
            del node.input[1:], node.attribute[:]
    if not replaced:
        return error
    try:
        run_steps(load(copy), TO_INTEGER)
    except CompileError as more:
        found = [one for one in more.each() if _elsewhere(one.node, known, behind)]
        return CompileErrors([*error.each(), *found]) if found else error
    except Exception:  # a model with holes may break any rule; what is known to be wrong must still be said
        return error
    return error


def _elsewhere(node: ir.Node | str | None, known: set[str], behind: set[str]) -> bool:
    """Whether `node` reads tensors of the model, none of which depends on a refused node."""
    if not isinstance(node, ir.Node):
        return False
    names = {v.name or "" for v in node.inputs if v is not None}
    outputs = {v.name or "" for v in node.outputs}
    return bool(names & known) and not (names | outputs) & behind
