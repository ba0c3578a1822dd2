"""From a model to a lowered graph: what `cardc.compile` does before a backend takes over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import onnx_ir as ir

from .entrance import Entrance, import_graph, quantise_input
from .errors import CompileError, did_you_mean
from .identifiers import identifier
from .more_problems import lower as to_integer_level
from .passes.base import PassTrace, Step, run_steps
from .passes.choose_encodings import OPTIMIZE
from .passes.pipeline import TO_INTEGER, for_microcontroller
from .passes.plan_memory import has_room
from .sources import Source, as_proto
from .targets.base import Target

After = Callable[[str, ir.Model], None]


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


def steps_for(
    target: Target, encodings: Mapping[str, str] | None = None, optimize: str = "speed", *, whole: bool = False
) -> tuple[Step, ...]:
    """The whole pipeline for `target`; hardware-aware passes read its capabilities. `encodings` of weights by layer,
    and for what (choose_encodings.OPTIMIZE) those of the others are chosen; `whole` as for for_microcontroller."""
    if optimize not in OPTIMIZE:
        raise CompileError(f"{optimize!r} is nothing to optimise for", fix=did_you_mean(optimize, OPTIMIZE))
    if optimize != "speed" and target.backend != "c":
        fix = "leave optimize out, and choose reuse factors and strategies"
        raise CompileError(f"{target.title} is not optimised for {optimize}", fix=fix)
    if encodings and target.backend != "c":
        raise CompileError(f"{target.title} has no encodings of weights", fix="leave encodings out")
    return (
        *TO_INTEGER,
        *(for_microcontroller(target, encodings, optimize, whole=whole) if target.backend == "c" else ()),
    )


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
        after = after or (lambda name, model: None)
        for whole in (False, True):  # what needs no memory beside tensors, where more does not fit the board
            steps = steps_for(target, encodings, optimize, whole=whole)[len(TO_INTEGER) :]
            lowered = self.integer.clone()
            traces = self.traces + run_steps(lowered, steps, after=after)
            if target.backend != "c" or has_room(lowered, target.ram_bytes):
                break
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
    imported = import_graph(proto)
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
    model = import_graph(quantise_input(proto, entrance)[0] if entrance is not None else proto)
    run_steps(model, steps, stop_after=pass_name, after=after or (lambda name, model: None))
    return model


def imported(source: Source, entrance: Entrance | None = None, dims: Mapping[str, int] | None = None) -> ir.Model:
    """`source` at the imported level, its input quantised where `entrance` says how."""
    proto, _, _ = as_proto(source, dims=dims)
    return import_graph(quantise_input(proto, entrance)[0] if entrance is not None else proto)


def check_pass_names(names: Sequence[str], target: Target) -> None:
    """Raise CompileError for the first of `names` that is no pass of the pipeline for `target`."""
    known = [step.transform.name for step in steps_for(target)]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            fix = near if near.startswith("did") else f"the passes are, in order: {', '.join(known)}"
            raise CompileError(f"no pass {name!r}", fix=fix)
