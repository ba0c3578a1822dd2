"""What must hold of any graph before its operators are looked at: opset, names, order, numbers that are numbers."""

from __future__ import annotations

import contextlib

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from ..errors import CompileError, printable, raise_all
from ..ops.base import constant
from ..ops.qtype import find_qtype

OPSETS = range(9, 27)
_REAL = ir.DataType.FLOAT
_WHOLE = (
    ir.DataType.INT8, ir.DataType.INT16, ir.DataType.INT32, ir.DataType.INT64,
    ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64, ir.DataType.BOOL,
    ir.DataType.INT4, ir.DataType.UINT4, ir.DataType.INT2, ir.DataType.UINT2,
)  # fmt: skip


def sort(graph: ir.Graph) -> None:
    """Nodes behind what they read, where the file has them in another order; a cycle is left for `check_structure`."""
    known = {*graph.inputs, *graph.initializers.values()}
    for node in graph:
        if any(v is not None and v not in known for v in node.inputs):
            with contextlib.suppress(ValueError):
                graph.sort()
            return
        known.update(node.outputs)


def inline(model: ir.Model) -> None:
    """ONNX functions (which some exporters make of modules) in the places where they are called."""
    if not model.functions:
        return
    try:
        InlinePass()(model)
    except (ValueError, KeyError, TypeError, RuntimeError, ir.passes.PassError) as error:
        raise CompileError(
            "the model's ONNX functions cannot be inlined",
            fix="inline them before: onnx.inliner.inline_local_functions(model)",
            stage="import",
        ) from error
    model.functions.clear()


def check_structure(graph: ir.Graph) -> None:
    """Raise CompileError, all problems at once, for a graph that cannot be walked from its input to its output."""
    opset = graph.opset_imports.get("", graph.opset_imports.get("ai.onnx"))
    if opset not in OPSETS:
        raise CompileError(
            f"the model uses ONNX opset {opset}; known are {OPSETS.start} to {OPSETS.stop - 1}",
            fix="export with opset_version=17, or convert it: onnx.version_converter.convert_version(model, 17)",
        )
    _report(_order(graph))


def check_numbers(graph: ir.Graph) -> None:
    """Raise CompileError, all problems at once, for an input or a constant that is neither float32 nor whole."""
    _report(_numbers(graph))


def _report(errors: list[CompileError]) -> None:
    for error in errors:
        error.stage = "import"
    raise_all(errors)


def _order(graph: ir.Graph) -> list[CompileError]:
    """Every tensor has one name and is there before it is used."""
    errors: list[CompileError] = []
    known = {*graph.inputs, *graph.initializers.values()}
    names = {v.name for v in known}
    if len(names) < len(known):
        errors.append(CompileError("two of the graph's inputs have one name", fix="give each tensor its own name"))
    for node in graph:
        for value in node.inputs:
            if value is not None and value not in known:
                errors.append(_missing(node, value))
        for value in node.outputs:
            if value.name and value.name in names:
                what = f"two tensors are called {printable(value.name)!r}"
                errors.append(CompileError(what, node=node, fix="give each tensor its own name"))
            names.add(value.name)
        known.update(node.outputs)
    for output in graph.outputs:
        if output not in known:
            what = f"nothing computes output {printable(output.name or '?')!r}"
            errors.append(CompileError(what, fix="export the model again"))
    return errors


def _missing(node: ir.Node, value: ir.Value) -> CompileError:
    name = printable(value.name or "?")
    if value.producer() is None:
        return CompileError(f"nothing computes tensor {name!r}", node=node, fix="export the model again")
    return CompileError(
        f"tensor {name!r} is used before it is computed",
        node=node,
        fix="sort the graph (onnx_ir: model.graph.sort()); a graph with a cycle is no feed-forward network",
    )


def _numbers(graph: ir.Graph) -> list[CompileError]:
    """Finite as well; an infinite bound of a Clip is no bound."""
    errors: list[CompileError] = []
    for value in graph.inputs:
        if value.dtype != _REAL and find_qtype(value) is None:
            what = f"input {printable(value.name or '?')!r} is of type {value.dtype}, not float32"
            errors.append(CompileError(what, fix="export with a float32 sample input"))
    for value in graph.initializers.values():
        users = [use.node for use in value.uses()]
        if fault := _number_fault(value, users):
            name = printable(value.name or "?")
            errors.append(CompileError(f"constant {name!r} {fault[0]}", node=users[0] if users else name, fix=fault[1]))
    return errors


def _number_fault(value: ir.Value, users: list[ir.Node]) -> tuple[str, str] | None:
    tensor = value.const_value
    if tensor is None:
        return "has no value", "export the model again"
    if tensor.dtype != _REAL and tensor.dtype not in _WHOLE:
        return f"is of type {tensor.dtype}", "export the model in float32 (model.float())"
    array = constant(value)
    if array is None or tensor.dtype != _REAL:
        return None
    bounds = bool(users) and all(node.op_type == "Clip" for node in users)
    if np.isnan(array).any() or (np.isinf(array).any() and not bounds):
        return "holds NaN or infinity", "check the training: it has diverged"
    return None
