"""A model on a microcontroller: a C library, emulated and measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

import numpy as np

from ..backends.c.backend import CBackend
from ..backends.c.emulate.cores import get_core
from ..backends.c.image import Pixels
from ..backends.c.program import Program
from ..backends.c.program import build as build_program
from ..backends.c.run import EMULATED, FLASH, CBuild
from ..backends.c.single_header import single_header
from ..backends.c.step import Step
from ..compiler import Lowered
from ..ops.base import Array, constant, operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import find_qtype, qtype
from ..passes.layouts import layout_of
from ..passes.plan_memory import OFFSET, SCRATCH, lifetimes
from ..passes.schedule import Stage as Scheduled
from ..project import Project
from ..report import Figure, Layer, MemoryMap, MemoryTensor, Report, board, fits, latency_seconds, mcu_cycles
from ..targets.base import Target
from ..verify.run import Stage
from .base import Build

_SMALLER = "try --optimize size: weights near their entropy, and a few rows of a feature map at a time"


def compiler_option(lowered: Lowered) -> str | None:
    """What compilers are told to optimise for; None is the core's own."""
    return None if lowered.optimize == "speed" else "-Os"


class McuBuild(Build):
    """C library and emulation. Sizes come from the linked program, instructions from the emulated core. `pixels` says
    how bytes of an image become the model's input, for a library that takes images."""

    def __init__(self, lowered: Lowered, target: Target, pixels: Pixels | None = None) -> None:
        self.pixels = pixels
        super().__init__(lowered, target)

    @cached_property
    def program(self) -> Program:
        return build_program(self.lowered.lowered)

    @cached_property
    def _backend(self) -> CBackend:
        optimise = self._optimise or get_core(self.target.core).optimise
        return CBackend(title=self.name, pixels=self.pixels, optimise=optimise)

    @property
    def _optimise(self) -> str | None:
        return compiler_option(self.lowered)

    @cached_property
    def project(self) -> Project:
        return self._backend.project(self.lowered.lowered, self.program, self.target)

    @cached_property
    def c(self) -> CBuild:
        """The emitted library, to run on this computer or on any emulated core."""
        return CBuild(self.project, self.program, self._backend.identifier(self.lowered.lowered), self._optimise)

    def single_header(self) -> str:
        return single_header(self.c.name, self.c.sources())

    def stages(self, inputs: int, emulated: int) -> Sequence[Stage]:
        core = self.target.core
        return [
            Stage("c:host", self.c.trace, inputs),
            # Small batches, so that progress shows: an emulated core takes milliseconds to seconds an input.
            Stage(f"c:{core}", partial(self.c.trace, core=core), emulated, batch=20),
        ]

    def run_integers(self, x: Array) -> Array:
        return self.c.run(x, self.target.core)

    def _measure(self) -> Report:
        found = self.c.measure(self.target.core)
        cycles = mcu_cycles(found.instructions, self.target)
        if found.cycles is not None:
            cycles = Figure(found.cycles, EMULATED)
        totals = {
            "flash_bytes": Figure(found.flash_bytes, FLASH),
            # Input and output buffers are the caller's, but they are RAM all the same.
            "ram_bytes": Figure(found.arena_bytes + found.static_bytes + found.io_bytes, FLASH),
            "stack_bytes": Figure(found.stack_bytes, EMULATED),
            "instructions": Figure(found.instructions, EMULATED),
            "cycles": cycles,
            "latency_s": latency_seconds(cycles, self.target),
        }
        layers = tuple(step_rows(self.program, self.c.symbols(), found.by_layer))
        memory = memory_map(self.program)
        hint = _SMALLER if self.lowered.optimize != "size" else ""
        return Report(
            model=self.name,
            board=board(self.target),
            fit=fits(totals, self.target, layers=layers, memory=memory, hint=hint),
            totals=totals,
            layers=layers,
            memory=memory,
            passes=self.lowered.traces,
            provenance=self.provenance(),
        )


def step_rows(program: Program, symbols: Sequence[str], by_layer: Mapping[str, int]) -> list[Layer]:
    """A row for each step of `program`, with what `by_layer` says of its symbol."""
    stages = {stage.output.name: stage for stage in program.schedule.stages}
    rows = []
    for step, mark in zip(program.steps, symbols, strict=True):
        spent = {"instructions": Figure(by_layer.get(mark, 0), EMULATED)}
        stage = stages.get(step.value.name) if step.value is not None else None
        if stage is None or step.index == 0:
            name = "load input" if step.index == 0 else "store output"
            rows.append(Layer(name=name, op=name.split()[0], figures=spent))
        else:
            rows.append(_layer(stage, step, spent))
    return rows


def _layer(stage: Scheduled, step: Step, figures: Mapping[str, Figure]) -> Layer:
    node, value = stage.node, stage.output
    w = constant(node.inputs[1]) if is_cardc(node, "Conv", "MatMul") else None
    incoming, accumulator = find_qtype(operand(node, 0)), find_qtype(result(node))
    finish = stage.finish.op_type if stage.finish is not None else node.op_type
    positions = int(np.prod(shape_of(result(node))[2:], dtype=np.int64)) if w is not None else 0
    return Layer(
        name=node.name or "",
        op=node.op_type,
        encoding=text(node, "encoding", "none"),
        in_shape=shape_of(operand(node, 0))[1:],
        out_shape=shape_of(value)[1:],
        in_bits=incoming.bits if incoming else 0,
        out_bits=qtype(value).bits,
        macs=0 if w is None else w.size * positions,
        weights=0 if w is None else w.size,
        nonzeros=0 if w is None else int(np.count_nonzero(w)),
        weight_bytes=step.weight_bytes,
        acc_bits=accumulator.bits if w is not None and accumulator else 0,
        requantise={"Threshold": "thresholds", "Requantize": "dyadic"}.get(finish, "none"),
        levels=qtype(value).levels - 1 if finish in ("Threshold", "Requantize") else 0,
        figures=figures,
    )


def memory_map(program: Program) -> MemoryMap:
    """Where every tensor and scratch buffer lies, and from which step to which it lives."""
    plan, steps = program.schedule, program.steps
    begin = {stream.last + 1: stream.first + 1 for stream in program.streams}
    tensors = [
        MemoryTensor(
            value.name or "",
            int(value.metadata_props[OFFSET]),
            layout_of(value).size,
            begin.get(first, first),
            min(last, len(steps) - 1),
        )
        for value, first, last in lifetimes(plan, program.streams)
    ]
    for k, stage in enumerate(plan.stages):
        for name, (offset, size) in json.loads(stage.node.metadata_props.get(SCRATCH, "{}")).items():
            tensors.append(MemoryTensor(f"{stage.node.name} {name}", offset, size, k + 1, k + 1))
    titles = tuple((step.node.name if step.node is not None else step.op) or step.op for step in steps)
    return MemoryMap(program.arena, program.lower_bound, titles, tuple(tensors))
