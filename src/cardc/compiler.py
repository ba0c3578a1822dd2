"""From a model to a lowered graph: what `cardc.compile` does before a backend takes over."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from .errors import CompileError, did_you_mean
from .frontend.input_quantizer import InputQuantizer, fit, insert
from .frontend.load import load
from .frontend.read import read_model
from .frontend.sizes import with_sizes
from .identifiers import identifier
from .more_problems import lower as to_integer_level
from .more_problems import with_more
from .ops.base import Array
from .passes.base import PassTrace, Step, run_steps
from .passes.choose_encodings import OPTIMIZE
from .passes.pipeline import TO_INTEGER, for_microcontroller
from .targets.base import Target

After = Callable[[str, ir.Model], None]
Source = Any
"""A path to an ONNX file, an onnx.ModelProto, an onnx_ir.Model, or a Brevitas module (with a sample input)."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """How the input of a model without an input quantiser is quantised; `samples` x [N, ...] fit a missing scale."""

    quantizer: InputQuantizer
    samples: Array | None = None


@dataclass(frozen=True, slots=True)
class Lowered:
    """One model at three levels, and how it got there. `integer` is what every backend must equal."""

    name: str
    proto: onnx.ModelProto
    imported: ir.Model
    integer: ir.Model
    lowered: ir.Model
    traces: tuple[PassTrace, ...]
    module: Any = None
    notes: tuple[str, ...] = ()
    optimize: str = "speed"


def steps_for(target: Target, encodings: Mapping[str, str] | None = None, optimize: str = "speed") -> tuple[Step, ...]:
    """The whole pipeline for `target`; hardware-aware passes read its capabilities. `encodings` of weights by layer,
    and for what (choose_encodings.OPTIMIZE) those of the others are chosen."""
    if optimize not in OPTIMIZE:
        raise CompileError(f"{optimize!r} is nothing to optimise for", fix=did_you_mean(optimize, OPTIMIZE))
    if optimize != "speed" and target.backend != "c":
        fix = "leave optimize out, and choose reuse factors and strategies"
        raise CompileError(f"{target.title} is not optimised for {optimize}", fix=fix)
    if encodings and target.backend != "c":
        raise CompileError(f"{target.title} has no encodings of weights", fix="leave encodings out")
    return (*TO_INTEGER, *(for_microcontroller(target, encodings, optimize) if target.backend == "c" else ()))


@dataclass(frozen=True, slots=True)
class Integers:
    """A model at the imported and the integer level, before any board is in sight: what `lower` starts from."""

    name: str
    proto: onnx.ModelProto
    imported: ir.Model
    integer: ir.Model
    traces: tuple[PassTrace, ...]
    module: Any = None
    notes: tuple[str, ...] = ()

    def on(
        self,
        target: Target,
        *,
        encodings: Mapping[str, str] | None = None,
        optimize: str = "speed",
        after: After | None = None,
    ) -> Lowered:
        """Run the passes that know `target` on a copy. Raises CompileError where the board cannot take the model."""
        steps = steps_for(target, encodings, optimize)[len(TO_INTEGER) :]
        lowered = self.integer.clone()
        traces = self.traces + run_steps(lowered, steps, after=after or (lambda name, model: None))
        return Lowered(
            self.name, self.proto, self.imported, self.integer, lowered, traces, self.module, self.notes, optimize
        )


def lower(
    source: Source,
    target: Target,
    *,
    name: str | None = None,
    sample: Any = None,
    after: After | None = None,
    entrance: Entrance | None = None,
    dims: Mapping[str, int] | None = None,
    encodings: Mapping[str, str] | None = None,
    optimize: str = "speed",
) -> Lowered:
    """Import `source` and run the pipeline for `target`.

    `dims` gives sizes to symbolic axes of its input by their names; the batch needs none. `encodings` are how a
    microcontroller stores the weights of the layers that it names; the others are chosen for `optimize`. Raises
    CompileError where the model cannot be lowered exactly. `after` sees the graph behind every pass.
    """
    steps_for(target, encodings, optimize)  # what the board refuses is refused before any work
    found = to_integers(source, name=name, sample=sample, after=after, entrance=entrance, dims=dims)
    return found.on(target, encodings=encodings, optimize=optimize, after=after)


def to_integers(
    source: Source,
    *,
    name: str | None = None,
    sample: Any = None,
    after: After | None = None,
    entrance: Entrance | None = None,
    dims: Mapping[str, int] | None = None,
) -> Integers:
    """Import `source` and bring it to integers, once for all boards; arguments as for `lower`."""
    proto, module, stem = as_proto(source, sample, dims)
    notes: tuple[str, ...] = ()
    if entrance is not None:
        proto, spec = quantise_input(proto, entrance)
        module, notes = None, (f"input quantised to {spec}",)
    imported = _load(proto)
    title = identifier(name or stem)
    imported.graph.name = title  # what backends call the project
    integer = imported.clone()
    traces = to_integer_level(integer, after or (lambda name, model: None))
    return Integers(title, proto, imported, integer, traces, module, notes)


def stop_after(
    source: Source,
    target: Target,
    pass_name: str,
    *,
    sample: Any = None,
    after: After | None = None,
    entrance: Entrance | None = None,
    dims: Mapping[str, int] | None = None,
) -> ir.Model:
    """The graph behind the pass of that name, to be saved and compiled further later.

    Raises CompileError for a pass that the pipeline does not have.
    """
    steps = steps_for(target)
    check_pass_names([pass_name], target)
    proto, _, _ = as_proto(source, sample, dims)
    model = _load(quantise_input(proto, entrance)[0] if entrance is not None else proto)
    run_steps(model, steps, stop_after=pass_name, after=after or (lambda name, model: None))
    return model


def imported(source: Source, entrance: Entrance | None = None, dims: Mapping[str, int] | None = None) -> ir.Model:
    """`source` at the imported level, its input quantised where `entrance` says how."""
    proto, _, _ = as_proto(source, dims=dims)
    return _load(quantise_input(proto, entrance)[0] if entrance is not None else proto)


def _load(proto: onnx.ModelProto, prepare: Callable[[onnx.ModelProto], onnx.ModelProto] | None = None) -> ir.Model:
    """`proto` imported. Raises CompileError with all of its problems, those of lowering included."""
    try:
        return load(proto)
    except CompileError as error:
        raise with_more(error, proto, prepare) from error


def quantise_input(proto: onnx.ModelProto, entrance: Entrance) -> tuple[onnx.ModelProto, InputQuantizer]:
    """The model with a quantiser in front of its first layer, and that quantiser; this *is* the model from here on.

    Raises CompileError where the model has one already, or no scale is given and no samples to find it.
    """
    spec = entrance.quantizer
    guess = spec if spec.scale is not None else replace(spec, scale=1.0)
    checked = _load(proto, lambda copy: _with_quantizer(copy, guess))  # whatever is wrong with the model is said here
    if spec.scale is None and entrance.samples is not None:
        spec = fit(spec, checked, entrance.samples)
    return _with_quantizer(proto, spec), spec


def _with_quantizer(proto: onnx.ModelProto, spec: InputQuantizer) -> onnx.ModelProto:
    model = read_model(proto)
    insert(model, spec)
    return ir.to_proto(model)


def check_pass_names(names: Sequence[str], target: Target) -> None:
    """Raise CompileError for the first of `names` that is no pass of the pipeline for `target`."""
    known = [step.transform.name for step in steps_for(target)]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            fix = near if near.startswith("did") else f"the passes are, in order: {', '.join(known)}"
            raise CompileError(f"no pass {name!r}", fix=fix)


def as_proto(
    source: Source, sample: Any = None, dims: Mapping[str, int] | None = None
) -> tuple[onnx.ModelProto, Any, str]:
    """`source` as an ONNX model with the sizes of `dims`, the Brevitas module if it is one, and a name for it."""
    proto, module, name = _as_proto(source, sample)
    return with_sizes(proto, dims) if dims else proto, module, name


def _as_proto(source: Source, sample: Any) -> tuple[onnx.ModelProto, Any, str]:
    if isinstance(source, (str, os.PathLike)):
        model = ir.to_proto(read_model(Path(source)))
        return model, None, Path(source).name.removesuffix(".onnx")
    if isinstance(source, onnx.ModelProto):
        return source, None, source.graph.name or "model"
    if isinstance(source, ir.Model):
        return ir.to_proto(source), None, source.graph.name or "model"
    if _is_module(source):
        return _export(source, sample), source, "model"
    raise CompileError(
        f"cannot compile a {type(source).__name__}",
        fix="give a path to a QONNX file, an onnx model, or a Brevitas module with sample=",
    )


def _is_module(source: object) -> bool:
    # By name, so that the core works without torch.
    return any(c.__module__.startswith("torch.nn.modules") for c in type(source).__mro__)


def _export(module: Any, sample: Any) -> onnx.ModelProto:
    if sample is None:
        raise CompileError("a Brevitas module needs a sample input", fix="cardc.compile(module, target, sample=x[:1])")
    from .frontend.train.export import export_qonnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_qonnx(module, sample, path)
        return onnx.load(str(path))
