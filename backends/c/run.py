"""An emitted network at work: on this computer, on emulated cores, and measured there."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array, shape_of
from ...ops.qtype import qtype
from ...project import Project
from .driver import DRIVER, driver, snapshot_bytes, snapshots
from .emulate import host, qemu, zig
from .emulate.cores import get_core
from .emulate.elf import Elf
from .emulate.unicorn_cpu import Machine, Run
from .library import symbol
from .products import elements
from .program import Program, place_of
from .step import Step

_DTYPES = {"int8_t": np.int8, "uint8_t": np.uint8, "int16_t": np.int16, "int32_t": np.int32}
_CHUNK = 1 << 26  # bytes of snapshots at once
MEASURED_INPUTS = 8

FLASH, EMULATED = "measured:elf", "measured:emulated"
"""Stages of a Measurement's figures: sizes are FLASH, instructions and stack EMULATED."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a network takes on one core, built by zig with -O2. Bytes and instructions.

    `flash_bytes` is all of the linked program but the caller, compiler support included; `rodata_bytes` its constants.
    `arena_bytes` and `io_bytes` (input and output buffers) are RAM that the caller gives; `static_bytes` is RAM that
    the library itself holds (0: it keeps no state). `instructions` is the most that any of the measured inputs took,
    `by_layer` the same input's split by the symbols of the layers, `least_instructions` the fewest.
    """

    core: str
    flash_bytes: int
    text_bytes: int
    rodata_bytes: int
    static_bytes: int
    arena_bytes: int
    io_bytes: int
    stack_bytes: int
    instructions: int
    least_instructions: int
    by_layer: Mapping[str, int]
    inputs: int


class CBuild:
    """A network that was emitted as C: `project` holds the files, `program` what is in them.

    `core` is everywhere the name of one of emulate/cores.py, or "host" for this computer. Inputs are quantised
    integers [n, *shape of the graph's input]; CompileError where they do not fit that, or a tool is missing.
    """

    def __init__(self, project: Project, program: Program, name: str) -> None:
        self.project, self.program, self.name = project, program, name
        self._elves: dict[str, Elf] = {}
        self._machines: dict[str, _Board] = {}

    # What runs

    def run(self, x: Array, core: str = "host") -> NDArray[np.int64]:
        """The network's integer results, [n, *shape of the output]."""
        data = self._input(x)
        shape = (len(data), *shape_of(self.program.schedule.output)[1:])
        if core == "host":
            out = np.empty((len(data), self._outputs), self._out_dtype)
            arena = self._arena()
            self._check(self._host.cardc_batch(len(data), _p(data), _p(out), _p(arena)))
            return out.astype(np.int64).reshape(shape)
        board = self._board(core)
        return np.asarray([board.predict(row)[0] for row in data], np.int64).reshape(shape)

    def trace(self, x: Array, core: str = "host") -> dict[str, NDArray[np.int64]]:
        """Every integer tensor that exists in memory, by name, [n, *shape of the tensor], the result included.

        On the host the layers are called one by one; on a core the library runs as it is, and the arena is read
        whenever a layer's function is entered.
        """
        data = self._input(x)
        kept = snapshots(self.program)
        step = max(1, _CHUNK // max(1, snapshot_bytes(self.program)))
        values: dict[str, list[Array]] = {step.value.name or "": [] for step, _ in kept if step.value is not None}
        outputs: list[Array] = []
        for start in range(0, len(data), step):
            rows = data[start : start + step]
            out, seen = self._trace_host(rows) if core == "host" else self._trace_core(rows, core)
            outputs.append(out)
            at = 0
            for one, layout in kept:
                stored = [layout.decode(s[at : at + layout.size].tobytes()) for s in seen]
                at += layout.size
                assert one.value is not None
                values[one.value.name or ""] += stored
        found = {name: np.asarray(v, np.int64) for name, v in values.items()}
        output = self.program.schedule.output
        found[output.name or ""] = np.concatenate(outputs) if outputs else np.empty((0, self._outputs), np.int64)
        shapes = {(v.name or ""): shape_of(v)[1:] for v in (output, *(s.value for s, _ in kept if s.value is not None))}
        return {name: array.reshape(len(data), *shapes[name]) for name, array in found.items()}

    def quantize(self, x: Array, core: str = "host") -> NDArray[np.int64]:
        """The emitted input quantiser on float32 [n, *shape]: integers of the same shape."""
        source = self.program.schedule.source
        if self.program.schedule.quantizer is None:
            raise CompileError("this network has no input quantiser", fix="give it integers")
        data = np.ascontiguousarray(x, np.float32).reshape(len(x), elements(source))
        dtype = _DTYPES[self.program.in_type]
        out = np.empty(data.shape, dtype)
        if core == "host":
            quantize = getattr(self._host, f"{self.name}_quantize")
            for row, to in zip(data, out, strict=True):
                quantize(_p(row), _p(to))
        else:
            machine = Machine(self.elf(core, quantize=True), get_core(core))
            src, dst = machine.alloc(4 * data.shape[1]), machine.alloc(data.shape[1])
            for row, to in zip(data, out, strict=True):
                machine.write(src, row.astype("<f4").tobytes())
                machine.call(f"{self.name}_quantize", src, dst)
                to[:] = np.frombuffer(machine.read(dst, data.shape[1]), dtype)
        return out.astype(np.int64).reshape(len(x), *shape_of(source)[1:])

    def measure(self, core: str, x: Array | None = None) -> Measurement:
        """Sizes from the linked file; instructions and stack from running inputs `x` (random ones if not given)."""
        board, elf, program = self._board(core), self.elf(core), self.program
        data = self._input(x[:MEASURED_INPUTS] if x is not None else self._random())
        runs = [board.predict(row, measure_stack=True)[1] for row in data]
        most = max(runs, key=lambda r: r.instructions)
        in_bytes = elements(program.schedule.source) * np.dtype(_DTYPES[program.in_type]).itemsize
        return Measurement(
            core,
            flash_bytes=elf.sizes.flash,
            text_bytes=elf.sizes.text,
            rodata_bytes=elf.sizes.rodata,
            static_bytes=elf.sizes.ram,
            arena_bytes=program.arena,
            io_bytes=in_bytes + self._outputs * self._out_dtype.itemsize,
            stack_bytes=max(r.stack_bytes or 0 for r in runs),
            instructions=most.instructions,
            least_instructions=min(r.instructions for r in runs),
            by_layer=most.by_mark,
            inputs=len(data),
        )

    def selftest(self, core: str, compiler: str = "gcc") -> qemu.QemuResult:
        """Build and run the emitted self-test on a board that QEMU emulates."""
        return qemu.run_selftest(self.sources(selftest=True), get_core(core), compiler=compiler)

    # What is built

    def sources(self, *, selftest: bool = False) -> dict[str, str]:
        """The C files by their base names, as the compilers of `emulate` take them."""
        folders = ("src", "test") if selftest else ("src",)
        return {p.name: self.project.text(p) for p in self.project.files if p.parts[0] in folders}

    def elf(self, core: str, *, quantize: bool = False) -> Elf:
        """The library linked for `core` by zig: `<name>_predict` and all that it reaches, nothing else."""
        key = f"{core} {quantize}"
        if key not in self._elves:
            entry = f"{self.name}_{'quantize' if quantize else 'predict'}"
            self._elves[key] = zig.compile_elf(self.sources(), get_core(core), keep=(entry,))
        return self._elves[key]

    def symbols(self) -> list[str]:
        """The function of each step, in order."""
        return [symbol(self.name, step) for step in self.program.steps]

    @cached_property
    def _host(self) -> ctypes.CDLL:
        sources = self.sources()
        network = f"{self.name}.c"
        # Included by the driver, not compiled by itself: a header to the compiler.
        text = driver(self.name, self.program).replace(f'"{network}"', f'"{network}.h"')
        rest = {n: t for n, t in sources.items() if n != network}
        return host.compile_shared({**rest, f"{network}.h": sources[network], DRIVER: text})

    def _board(self, core: str) -> _Board:
        if core not in self._machines:
            self._machines[core] = _Board(self, core)
        return self._machines[core]

    # Data

    @property
    def _outputs(self) -> int:
        return elements(self.program.schedule.output)

    @property
    def _out_dtype(self) -> np.dtype[Any]:
        return np.dtype(_DTYPES[self.program.out_type])

    def _input(self, x: Array) -> Array:
        source = self.program.schedule.source
        q, shape = qtype(source), shape_of(source)[1:]
        if x.ndim == 0 or x.shape[1:] != shape or not np.issubdtype(x.dtype, np.integer):
            fix = f"give quantised integers [N, {', '.join(map(str, shape))}]"
            raise CompileError(f"the input is {x.dtype} {list(x.shape)}", node=str(source.name), fix=fix)
        if x.size and not (q.lo <= int(x.min()) and int(x.max()) <= q.hi):
            raise CompileError(f"the input leaves its range {q}", node=str(source.name), fix="quantise it first")
        return np.ascontiguousarray(x.reshape(len(x), -1), _DTYPES[self.program.in_type])

    def _random(self) -> Array:
        source = self.program.schedule.source
        q = qtype(source)
        levels = np.random.default_rng(0).integers(0, q.levels, (MEASURED_INPUTS, *shape_of(source)[1:]))
        return np.asarray(q.lo + q.step * levels)

    def _arena(self) -> Array:
        # Filled with garbage: a network must not rely on what it did not write.
        return np.full(-(-max(1, self.program.arena) // 4), 0xA5A5A5A5, np.uint32)

    def _check(self, code: int) -> None:
        if code != 0:
            raise AssertionError(f"{self.name}_predict returned {code}")

    def _trace_host(self, data: Array) -> tuple[Array, Array]:
        out = np.empty((len(data), self._outputs), self._out_dtype)
        seen = np.empty((len(data), snapshot_bytes(self.program)), np.uint8)
        arena = self._arena()
        self._check(self._host.cardc_trace(len(data), _p(data), _p(out), _p(arena), _p(seen)))
        return out.astype(np.int64), seen

    def _trace_core(self, data: Array, core: str) -> tuple[Array, Array]:
        board = self._board(core)
        seen: list[bytes] = []
        outputs = []
        for row in data:
            snapshot: list[bytes] = []
            outputs.append(board.predict(row, keep=snapshot)[0])
            seen.append(b"".join(snapshot))
        raw = np.frombuffer(b"".join(seen), np.uint8).reshape(len(data), -1)
        return np.asarray(outputs, np.int64).reshape(len(data), -1), raw


class _Board:
    """One emulated core with the network and its buffers in memory."""

    def __init__(self, build: CBuild, core: str) -> None:
        self.build = build
        self.machine = Machine(build.elf(core), get_core(core))
        program = build.program
        self.entry = f"{build.name}_predict"
        self.arena = self.machine.alloc(max(1, program.arena))
        self.source = self.machine.alloc(elements(program.schedule.source))
        self.out_bytes = build._outputs * build._out_dtype.itemsize
        self.out = self.machine.alloc(self.out_bytes)
        self.garbage = bytes([0xA5]) * max(1, program.arena)
        self.kept = {step.index: layout.size for step, layout in snapshots(program)}
        self.steps: dict[str, Step] = dict(zip(build.symbols(), program.steps, strict=True))

    def predict(
        self, row: Array, *, keep: list[bytes] | None = None, measure_stack: bool = False
    ) -> tuple[NDArray[np.int64], Run]:
        """One inference; `keep` gets the storage of each tensor, in order, as each is complete."""
        machine, order = self.machine, list(self.steps.values())
        last: list[Step] = []

        def entered(name: str) -> None:
            if keep is not None and last:
                self._keep(last[-1], keep)
            last.append(self.steps[name])

        machine.mark(list(self.steps), entered)
        machine.write(self.arena, self.garbage)
        machine.write(self.source, row.tobytes())
        run = machine.run(self.entry, self.source, self.out, self.arena, measure_stack=measure_stack)
        self.build._check(run.result)
        if last != order:
            raise AssertionError(f"layers ran out of order: {[s.index for s in last]}")
        if keep is not None:
            self._keep(last[-1], keep)
        raw = np.frombuffer(machine.read(self.out, self.out_bytes), self.build._out_dtype)
        return raw.astype(np.int64), run

    def _keep(self, step: Step, keep: list[bytes]) -> None:
        if step.index in self.kept and step.value is not None:
            keep.append(self.machine.read(self.arena + place_of(step.value), self.kept[step.index]))


def _p(array: Array) -> ctypes.c_void_p:
    """The address of `array`, which the caller keeps alive."""
    return ctypes.c_void_p(array.ctypes.data)


def unmapped(program: Program) -> set[str]:
    """Names of the integer tensors that never exist in memory: accumulators that a layer finishes at once."""
    return {stage.node.outputs[0].name or "" for stage in program.schedule.stages if stage.finish is not None}
