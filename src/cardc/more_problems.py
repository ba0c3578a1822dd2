"""What else is wrong with a model that is refused: problems of the parts that no refused node reaches."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import onnx_ir as ir

from .errors import CompileError, CompileErrors
from .frontend.load import load
from .passes.absorb_thresholds import AbsorbThresholds
from .passes.base import PassTrace, run_steps
from .passes.pipeline import TO_INTEGER

After = Callable[[str, ir.Model], None]
Prepare = Callable[[onnx.ModelProto], onnx.ModelProto]


def with_more(error: CompileError, proto: onnx.ModelProto, prepare: Prepare | None = None) -> CompileError:
    """`error`, which `load` raised for `proto`, with the problems that import and lowering have elsewhere.

    Each refused node gives way to an Identity in a copy, which then goes the whole road; what is found behind such a
    node may be its fault and is left out. `prepare` is what a copy goes through first.
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
        lower(load(prepare(copy) if prepare is not None else copy))
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


def lower(model: ir.Model, after: After = lambda name, model: None) -> tuple[PassTrace, ...]:
    """Bring the imported `model` to integers, in place. Raises CompileError with the problems of all passes."""
    imported = model.clone()
    try:
        return run_steps(model, TO_INTEGER, after=after)
    except CompileError as error:
        raise with_later(error, imported) from error


def with_later(error: CompileError, imported: ir.Model) -> CompileError:
    """`error`, which a pass raised on a copy of `imported`, with the problems that later passes would have elsewhere.

    What depends on a refused node is cut off, and the rest goes the same road again, until no more is found.
    """
    errors = list(error.each())
    try:
        for _ in range(len(imported.graph)):
            rest = imported.clone()
            if not _cut(rest.graph, {_place(one) for one in errors}):
                break
            try:
                run_steps(rest, TO_INTEGER, stop_after=AbsorbThresholds.name)  # what follows needs the whole model
                break
            except CompileError as more:
                known = {(_place(one), one.what) for one in errors}
                found = [one for one in more.each() if (_place(one), one.what) not in known and _place(one)]
                if not found:
                    break
                errors += found
    except Exception:  # a part of a model may break any rule; what is known to be wrong must still be said
        return error
    return CompileErrors(errors) if len(errors) > len(error.each()) else error


def _place(error: CompileError) -> str:
    return (error.node.name or "") if isinstance(error.node, ir.Node) else ""


def _cut(graph: ir.Graph, names: set[str]) -> bool:
    """Take the nodes of `names`, and what depends on them, out of `graph`; its outputs are what they read.

    Whether that can be done: every name is known, and something with a quantiser is left.
    """
    nodes = {node.name or "": node for node in graph}
    if not names <= set(nodes):
        return False
    gone: set[ir.Value] = set()
    behind: list[ir.Node] = []
    for node in graph:
        if node.name in names or any(v in gone for v in node.inputs):
            gone.update(node.outputs)
            behind.append(node)
    ends = [v for node in behind for v in node.inputs if v is not None and v not in gone and v.producer() is not None]
    graph.outputs[:] = [v for v in graph.outputs if v not in gone] + list(dict.fromkeys(ends))
    for node in reversed(behind):
        graph.remove(node, safe=True)
    return bool(graph.outputs)
