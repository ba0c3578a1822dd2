"""The C backend: from a graph with encodings and a memory plan to a library with everything that goes with it."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import PurePosixPath

import onnx_ir as ir

from ...ops.qtype import qtype
from ...passes.choose_encodings import ChooseEncodings
from ...passes.plan_memory import PlanMemory
from ...project import Project, identifier
from ...targets.base import Target
from . import runtime
from .constants import weights, weights_header
from .header import header
from .image import Pixels, image
from .in_place import input_offset
from .limits import check_limits
from .network import argmax_kernel, network
from .packaging import packaging
from .program import Program, build
from .quantizer import load_kernel, quantizer
from .selftest import golden_inputs, integers, selftest

_DECLARATION = re.compile(r"^\w+ (cardc_\w+)\(", re.MULTILINE)
OUT_SCALE, OUT_OFFSET = "cardc.out_scale", "cardc.out_offset"
"""Metadata of the graph's output: the model's own output is scale * integer + offset."""


def lowering(target: Target) -> tuple[ChooseEncodings, PlanMemory]:
    """The passes that bring an integer-level graph to what `emit` takes."""
    return ChooseEncodings(features=target.features), PlanMemory()


@dataclass(frozen=True)
class CBackend:
    """`title` names the network (any text; its files and functions get the nearest C identifier); None takes the
    graph's name. With `pixels`, the library takes images too. `optimise` is what CMake hands to the compiler."""

    name: str = "c"
    title: str | None = None
    vectors: int = 24
    pixels: Pixels | None = None
    optimise: str = "-O2"

    def emit(self, model: ir.Model, target: Target) -> Project:
        """The project of `model` for `target`. CompileError, with node and remedy, for what has no exact kernel."""
        return self.project(model, build(model), target)

    def identifier(self, model: ir.Model) -> str:
        """The prefix of everything that is emitted for `model`."""
        return identifier(self.title or model.graph.name or "network").lower()

    def project(self, model: ir.Model, program: Program, target: Target) -> Project:
        """As `emit`, for a program that is built already."""
        check_limits(program, target)
        name = self.identifier(model)
        inputs = golden_inputs(program, self.vectors)
        outputs = integers(model, program, inputs)[program.schedule.output.name or ""]
        files = library_files(name, program, self.pixels)
        files[f"test/{name}_selftest.c"] = selftest(name, program, inputs, outputs)
        sources = sorted(path for path in files if path.startswith("src/") and path.endswith(".c"))
        test = f"test/{name}_selftest.c"
        files |= packaging(name, program, target.title, sources, test, self.optimise, images=self.pixels is not None)
        return Project({PurePosixPath(path): text for path, text in files.items()})


def library_files(name: str, program: Program, pixels: Pixels | None = None) -> dict[str, str]:
    """`src/`: the network's files and the kernels that it uses, no others."""
    output = program.schedule.output
    scale = output.metadata_props.get(OUT_SCALE, _scale(output))
    offset = output.metadata_props.get(OUT_OFFSET, "0.0")
    kernels = set(program.functions) | {argmax_kernel(program.out_type)}
    own = {
        f"{name}.h": header(name, program, scale, offset, pixels, input_offset(program)),
        f"{name}.c": network(name, program, declaring(kernels)),
        f"{name}_weights.h": weights_header(name, program),
        f"{name}_weights.c": weights(name, program),
    }
    if pixels is not None:
        own[f"{name}_image.c"] = image(name, program, pixels)
    quantize = quantizer(name, program)
    if quantize is not None:
        own[f"{name}_quantize.c"] = quantize
        kernels.add(load_kernel(program))
    return {f"src/{file}": text for file, text in sorted((own | runtime.sources(kernels)).items())}


def declaring(functions: Set[str]) -> list[str]:
    """The runtime's headers that declare any of `functions`, sorted."""
    heads = {file: text for file, text in runtime.sources(functions).items() if file.endswith(".h")}
    declared = {file: set(_DECLARATION.findall(text)) for file, text in heads.items()}
    return [file for file, names in sorted(declared.items()) if names & functions]


def _scale(output: ir.Value) -> str:
    return repr(qtype(output).scale[0])
