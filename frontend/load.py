"""A QONNX model in: read, normalised, checked; every problem of a model reported at once."""

from __future__ import annotations

from math import prod
from pathlib import Path

import onnx
import onnx_ir as ir

from ..errors import CompileError, printable, raise_all
from ..ops import lookup
from ..ops.base import QONNX, ints, shape_of
from ..ops.graph import drop_unused, infer_node
from .fold import MAX_ELEMENTS, check_size, fold_constants, lift_constants
from .normalise import constants_second, name_everything, normalise_domain, split_bias
from .read import read_model
from .structure import check_numbers, check_structure


def load(source: str | Path | onnx.ModelProto | ir.Model) -> ir.Model:
    """`source` as a graph at the imported level: constants folded, shapes known, Gemm as MatMul + Add.

    Raises CompileError (all problems at once) where an operator is unknown or malformed.
    """
    model = source if isinstance(source, ir.Model) else read_model(source)
    check_structure(model.graph)
    model = model.clone()
    graph = model.graph
    if model.functions:
        raise CompileError(
            "the model holds ONNX functions", fix="inline them: onnx.inliner.inline_local_functions(model)"
        )
    model.ir_version = 10  # the first that keeps metadata of tensors, where the integer types live
    for node in graph:
        normalise_domain(node)
    graph.opset_imports.setdefault(QONNX, 1)
    graph.opset_imports.setdefault("cardc", 1)
    name_everything(graph)
    _drop_shadowed_inputs(graph)
    lift_constants(graph)
    _one_input(graph)
    check_numbers(graph)
    _check_operators(graph)
    _infer_and_fold(graph)
    constants_second(graph)
    split_bias(graph)
    drop_unused(graph)
    return model


def _drop_shadowed_inputs(graph: ir.Graph) -> None:
    """Old files list their initializers among the inputs: defaults, which nobody overrides."""
    for value in [v for v in graph.inputs if v.name in graph.initializers]:
        graph.inputs.remove(value)


def _one_input(graph: ir.Graph) -> None:
    """One tensor in, one out, batch first; the batch axis, symbolic or 1, is 1 from here on."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise CompileError(
            f"the model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; one of each is supported",
            fix="split the model, or join the tensors before exporting it",
        )
    (x,) = graph.inputs
    if x.shape is None or len(x.shape) < 2:
        raise CompileError(
            f"input {x.name!r} has shape {x.shape}, without a batch axis and features",
            fix="export with a sample input of shape [1, ...]",
        )
    dims = list(x.shape)
    if isinstance(dims[0], int) and dims[0] != 1:
        raise CompileError(
            f"input {x.name!r} has batch {dims[0]}", fix="export the model with a sample input of batch 1"
        )
    x.shape = ir.Shape([1, *dims[1:]])
    if min(shape_of(x)) < 1 or prod(shape_of(x)) > MAX_ELEMENTS:
        raise CompileError(f"input {x.name!r} has shape {x.shape}", fix=f"use 1 to {MAX_ELEMENTS} elements")


def _check_operators(graph: ir.Graph) -> None:
    errors: list[CompileError] = []
    for node in graph:
        try:
            lookup(node)
            if len(node.outputs) > 1 and any(v.uses() for v in node.outputs[1:]):
                raise CompileError(
                    f"{node.op_type} has a second output in use",
                    node=node,
                    fix="export the model in eval mode",
                )
        except CompileError as error:
            errors.append(error)
    for found in errors:
        found.stage = "import"
    raise_all(errors)


def _infer_and_fold(graph: ir.Graph) -> None:
    """Node by node in order: check, infer, fold; a node after a broken one is not looked at."""
    errors: list[CompileError] = []
    broken: set[ir.Value] = set()
    sampled = set(graph.inputs)  # what depends on the input, and so has a batch axis
    for node in list(graph):
        if any(v in broken for v in node.inputs):
            broken.update(node.outputs)
            continue
        try:
            if fold_constants(graph, node):
                continue
            lookup(node).verify(node)
            infer_node(node)
            check_size(node, shape_of(node.outputs[0]))
            if any(v in sampled for v in node.inputs):
                _keeps_batch(node)
                sampled.update(node.outputs)
        except CompileError as error:
            error.stage, error.node = error.stage or "import", error.node or node
            errors.append(error)
            broken.update(node.outputs)
        except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError) as error:
            # An attribute of the wrong kind, an axis that is not there: the operator's own code trips over it.
            errors.append(_malformed(node, error))
            broken.update(node.outputs)
    raise_all(errors)


def _keeps_batch(node: ir.Node) -> None:
    before, after = shape_of(node.inputs[0]), shape_of(node.outputs[0])
    if after[:1] != (1,) or (node.op_type == "Transpose" and ints(node, "perm", (1,))[0] != 0):
        raise CompileError(
            f"{node.op_type} moves the batch axis: {list(before)} to {list(after)}",
            node=node,
            fix="keep axis 0 as the batch",
        )


def _malformed(node: ir.Node, error: Exception) -> CompileError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return CompileError(
        f"{node.op_type} is malformed: {printable(reason)}",
        node=node,
        fix="export the model again; onnx.checker.check_model(path, full_check=True) says more",
        stage="import",
    )
