"""A QONNX model in: read, normalised, checked; every problem of a model reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

import onnx
import onnx_ir as ir

from ..errors import CompileError, printable, raise_all
from ..ops import lookup
from ..ops.base import QONNX, shape_of
from ..ops.graph import drop_unused
from .annotations import check_integers, quantize_input, retype_input
from .fold import MAX_ELEMENTS, lift_constants
from .normalise import constants_second, name_everything, normalise_domain, split_bias
from .numbers import to_float32
from .qcdq import check_pairs
from .read import read_model
from .remedies import FLOW, REMEDIES
from .rules import known
from .sizes import HOW
from .structure import check_numbers, check_structure, inline, sort
from .walk import Walk


def load(source: str | Path | onnx.ModelProto | ir.Model) -> ir.Model:
    """`source` as a graph at the imported level: one spelling for each operator, constants folded, shapes known.

    Raises CompileError (all problems at once) where an operator is unknown or malformed.
    """
    model = source if isinstance(source, ir.Model) else read_model(source)
    sort(model.graph)
    check_structure(model.graph)
    model = model.clone()
    graph = model.graph
    inline(model)
    model.ir_version = 10  # the first that keeps metadata of tensors, where the integer types live
    for node in graph:
        normalise_domain(node)
    graph.opset_imports.setdefault(QONNX, 1)
    graph.opset_imports.setdefault("cardc", 1)
    name_everything(graph)
    _drop_shadowed_inputs(graph)
    lift_constants(graph)
    _one_input(graph)
    check_integers(graph)
    integers = retype_input(graph)
    to_float32(graph)
    check_numbers(graph)
    _check_operators(graph)
    Walk(graph).run()
    drop_unused(graph)
    raise_all(check_pairs(graph))
    constants_second(graph)
    split_bias(graph)
    drop_unused(graph)
    if integers is not None:
        quantize_input(graph, integers)
    return model


def _drop_shadowed_inputs(graph: ir.Graph) -> None:
    """Old files list their initializers among the inputs: defaults, which nobody overrides."""
    for value in [v for v in graph.inputs if v.name in graph.initializers]:
        graph.inputs.remove(value)


def _one_input(graph: ir.Graph) -> None:
    """One tensor in, one out, batch first; the batch axis, symbolic or 1, is 1 from here on."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise _not_one(graph)
    (x,) = graph.inputs
    if x.shape is None or len(x.shape) < 2:
        raise CompileError(
            f"input {x.name!r} has shape {x.shape}, without a batch axis and features",
            fix="export with a sample input of shape [1, ...]",
        )
    batch, *dims = x.shape
    if isinstance(batch, int) and batch != 1:
        raise CompileError(f"input {x.name!r} has batch {batch}", fix="export the model with a sample input of batch 1")
    if any(not isinstance(d, int) for d in dims):
        raise _open_axes(x, dims)
    x.shape = ir.Shape([1, *dims])
    if min(shape_of(x)) < 1 or prod(shape_of(x)) > MAX_ELEMENTS:
        raise CompileError(f"input {x.name!r} has shape {x.shape}", fix=f"use 1 to {MAX_ELEMENTS} elements")


def _not_one(graph: ir.Graph) -> CompileError:
    """The problem of a model with other than one input and one output, and how to cut one of each out of it."""
    ins, outs = ([printable(v.name or "?", 40) for v in values] for values in (graph.inputs, graph.outputs))
    what = f"the model has {len(ins)} inputs and {len(outs)} outputs; one of each is supported"
    if not ins or not outs:
        return CompileError(what, fix="export the model again, from its input to its result")
    names = f"inputs {', '.join(ins[:8])}" if len(ins) > 1 else f"outputs {', '.join(outs[:8])}"
    if len(ins) > 1:
        return CompileError(f"{what} ({names})", fix="split the model, or join the tensors before exporting it")
    cut = f"onnx.utils.extract_model('model.onnx', 'part.onnx', [{ins[0]!r}], [{outs[0]!r}])"
    return CompileError(f"{what} ({names})", fix=f"compile each output by itself, cut out by {cut}")


def _open_axes(x: ir.Value, dims: Sequence[int | ir.SymbolicDim]) -> CompileError:
    """The problem of an input whose axes (but the batch) have no sizes."""
    named = [str(d.value) if d.value else "" for d in dims if not isinstance(d, int)]
    if not all(named):
        what = f"input {printable(x.name or '?')!r} has axes without a size"
        return CompileError(what, fix="export the model with a sample input of fixed shape")
    names = ", ".join(printable(name) for name in dict.fromkeys(named))
    return CompileError(f"input {printable(x.name or '?')!r} has axes of unknown size: {names}", fix=HOW)


def _check_operators(graph: ir.Graph) -> None:
    """Every operator is known, before any of them is looked at."""
    errors: list[CompileError] = []
    for node in graph:
        try:
            if not known(node):
                lookup(node)
        except CompileError as error:
            error.stage = "import"
            error.fix = FLOW if "fpgadataflow" in node.domain else REMEDIES.get(node.op_type, error.fix)
            errors.append(error)
    raise_all(errors)
