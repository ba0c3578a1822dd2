"""Run the chain: Brevitas, QONNX, the integer graph, then every compiled stage, on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir

from ..errors import CompileError, counted
from ..ops.base import CARDC, Array
from ..ops.execute import execute
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from ..report.exact import Exact
from .compare import Tally, compare_floats, compare_integers
from .oracle import CHUNK, Oracle
from .points import points

if TYPE_CHECKING:
    from collections.abc import Iterator

Progress = Callable[[str, int, int], None]
"""Called with (stage, samples done, samples in all)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A compiled form of the model. `trace` takes the quantised input [N, ...] (int64) and gives integer tensors
    by their name in the integer graph; `inputs` is how many samples to give it, `batch` how many at a time.
    """

    name: str
    trace: Callable[[Array], Mapping[str, Array]]
    inputs: int
    batch: int = CHUNK


def check_inputs(model: ir.Model, x: Array) -> Array:
    """`x` as float32 [N, ...] of the model's input shape.

    Raises CompileError for another shape, no sample, NaN or infinity, or a type that is no real number.
    """
    (value,) = model.graph.inputs
    want, where = tuple(value.shape or ())[1:], f"input {value.name!r}"
    try:
        array = np.asarray(x)
    except ValueError as error:  # lists of unequal lengths
        raise CompileError(f"the inputs are no array: {error}", node=where, fix="give samples of one shape") from error
    real = np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating) or array.dtype == np.bool_
    if not real:
        raise CompileError(
            f"the inputs are of type {array.dtype}", node=where, fix="give an array of real numbers, such as float32"
        )
    if array.shape == want:
        array = array[None]
    if array.ndim == 0 or array.shape[1:] != want:
        shape = ", ".join(str(d) for d in want)
        raise CompileError(
            f"the inputs have shape {list(array.shape)}, not [N, {shape}]",
            node=where,
            fix="give an array [N, ...] of N samples of the shape that the model was exported with",
        )
    if len(array) == 0:
        raise CompileError("the inputs hold no sample", node=where, fix="give at least one")
    with np.errstate(over="ignore"):  # told below
        floats = array.astype(np.float32)
    if not np.isfinite(floats).all():
        raise CompileError("the inputs hold NaN, infinity or numbers beyond float32", node=where, fix="clean the data")
    return floats


def check_labels(labels: Array | None, inputs: int) -> Array | None:
    """`labels` as integers [N]. Raises CompileError unless they are one whole number for each input."""
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) != inputs:
        raise CompileError(
            f"labels of shape {list(array.shape)} for {counted(inputs, 'inputs')}",
            node="labels",
            fix="give one label an input",
        )
    number = np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)
    if not number or not np.isfinite(array).all() or (array != np.rint(array)).any() or (array < 0).any():
        raise CompileError(
            "the labels are not classes, whole numbers from 0", node="labels", fix="give the index of each right answer"
        )
    return array.astype(np.int64)


def verify(
    imported: ir.Model,
    integer: ir.Model,
    proto: onnx.ModelProto,
    x: Array,
    stages: Sequence[Stage],
    *,
    labels: Array | None = None,
    module: Any = None,
    progress: Progress = lambda stage, done, total: None,
) -> Exact:
    """Compare every stage with the integer graph at every quantised tensor of x [N, ...]; exact or not equal.

    `module` is the Brevitas module, if at hand; `labels` [N] give each stage's accuracy (argmax, lowest index on
    ties). Raises CompileError for inputs that do not fit the model.
    """
    _check_is_source(proto, imported)
    x = check_inputs(imported, x)
    labels = check_labels(labels, len(x))
    tally, right = Tally(), dict[str, list[int]]()
    names = (["brevitas"] if module is not None else []) + ["qonnx", "integer"]
    known = points(integer, imported)

    def score(stage: str, out: Array, part: slice) -> None:
        if labels is not None:
            hits, seen = right.setdefault(stage, [0, 0])
            picks = out.reshape(len(out), -1).argmax(axis=1)
            right[stage] = [hits + int((picks == labels[part]).sum()), seen + len(out)]

    output = integer.graph.outputs[0].name or ""
    for part, run in Oracle(proto).chunks(x):
        want = execute(integer, {integer.graph.inputs[0].name or "": x[part]})
        score("integer", want[output], part)
        score("qonnx", run.after[imported_output(imported)], part)
        compare_floats("qonnx", run.after, run.before, want, known, tally, part.start)
        if module is not None:
            after, before = _brevitas(module, x[part], imported_output(imported))
            score("brevitas", after[imported_output(imported)], part)
            compare_floats("brevitas", after, before, want, known, tally, part.start)
        progress("qonnx", part.stop, len(x))
    for stage in stages:
        names.append(stage.name)
        for part, want in _integer_batches(integer, x[: stage.inputs], stage.batch):
            got = stage.trace(want[entry(integer)])
            compare_integers(stage.name, got, want, tally, part.start)
            if output not in got:
                tally.note(f"{stage.name}: the model's output was not traced")
            else:
                score(stage.name, got[output], part)
            progress(stage.name, part.stop, min(stage.inputs, len(x)))
    return Exact(
        equal=not tally.difference,
        inputs=len(x),
        tensors=len(tally.tensors),
        float_boundary_cases=tally.boundary_cases,
        stages=tuple(names),
        stage_inputs={s.name: s.inputs for s in stages if s.inputs < len(x)},
        accuracy={name: hits / seen for name, (hits, seen) in right.items()},
        first_difference=tally.difference,
    )


def _check_is_source(proto: onnx.ModelProto, imported: ir.Model) -> None:
    """The chain begins at what was trained; a graph that cardc has already rewritten is not that."""
    if any(node.domain == CARDC for node in proto.graph.node):
        raise CompileError(
            "this model is a stage that --stop-after wrote; there is nothing independent to compare it with",
            node=next((node for node in imported.graph if is_cardc(node)), None),
            fix="verify the model as it was exported",
        )


def _integer_batches(integer: ir.Model, x: Array, batch: int) -> Iterator[tuple[slice, dict[str, Array]]]:
    name = integer.graph.inputs[0].name or ""
    for start in range(0, len(x), batch):
        part = slice(start, min(start + batch, len(x)))
        yield part, execute(integer, {name: x[part]})


def entry(integer: ir.Model) -> str:
    """The tensor that compiled stages start from: the quantised input."""
    (x,) = integer.graph.inputs
    first = next((n for n in integer.graph if x in n.inputs), None)
    value = first.outputs[0] if first is not None and first.op_type == "Threshold" else x
    qtype(value)  # raises where the graph is not at the integer level
    return value.name or ""


def imported_output(imported: ir.Model) -> str:
    return imported.graph.outputs[0].name or ""


def _brevitas(module: Any, x: Array, output: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """As `FloatRun`, from the module itself; its result goes by the exported graph's name for it, `output`."""
    from ..frontend.train.points import quantisers

    found, logits = quantisers(module, x)
    after: dict[str, Array] = {p.name: p.after for p in found}
    return after | {output: logits}, {p.name: p.before for p in found}
