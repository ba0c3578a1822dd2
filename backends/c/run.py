"""An emitted network at work: on this computer, on emulated cores, and measured there."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array, shape_of
from ...ops.qtype import qtype
from ...passes.schedule import views
from ...project import Project
from .board import BoardNetwork
from .driver import snapshot_bytes, snapshots
from .emulate import avr_selftest, qemu
from .emulate.cores import get_core
from .emulate.elf import Elf
from .emulate.machines import compile_elf, is_called
from .host_network import HostNetwork
from .measurement import EMULATED, FLASH, Measurement
from .network import symbol
from .program import Program
from .qemu_network import QemuNetwork

_CHUNK = 1 << 26  # bytes of snapshots at once
MEASURED_INPUTS = 8


class CBuild:
    """A network that was emitted as C: `project` holds the files, `program` what is in them.

    `core` is everywhere the name of one of emulate/cores.py, or "host" for this computer. Inputs are quantised
    integers [n, *shape of the graph's input]; CompileError where they do not fit that, or a tool is missing. `optimise`
    is the compiler's option for emulated cores; None is each core's own.
    """

    def __init__(self, project: Project, program: Program, name: str, optimise: str | None = None) -> None:
        self.project, self.program, self.name, self.optimise = project, program, name, optimise
        self._elves: dict[str, Elf] = {}
        self._boards: dict[str, BoardNetwork | QemuNetwork] = {}

    def run(self, x: Array, core: str = "host") -> NDArray[np.int64]:
        """The network's integer results, [n, *shape of the output]."""
        out = self._network(core).predict(self._input(x))
        return out.astype(np.int64).reshape(len(x), *shape_of(self.program.schedule.output)[1:])

    def trace(self, x: Array, core: str = "host") -> dict[str, NDArray[np.int64]]:
        """Every integer tensor that exists in memory, by name, [n, *shape of the tensor], the result included.

        On the host the layers are called one by one; on a core the library runs as it is, and the arena is read
        whenever a layer's function is entered.
        """
        data, network = self._input(x), self._network(core)
        step = max(1, _CHUNK // max(1, snapshot_bytes(self.program)))
        parts = [network.trace(data[start : start + step]) for start in range(0, max(1, len(data)), step)]
        out, seen = (np.concatenate([part[k] for part in parts]) for k in range(2))
        found, at = {}, 0
        for one, layout in snapshots(self.program):
            value = one.value
            assert value is not None
            found[value.name or ""] = layout.decode(seen[:, at : at + layout.size]).reshape(
                len(data), *shape_of(value)[1:]
            )
            at += layout.size
        output = self.program.schedule.output
        for view in views(output):  # the model's output may be one
            if view is output or view.is_graph_output():
                found[view.name or ""] = out.astype(np.int64).reshape(len(data), *shape_of(view)[1:])
        return found

    def quantize(self, x: Array, core: str = "host") -> NDArray[np.int64]:
        """The emitted input quantiser on real numbers [n, *shape]: integers of the same shape."""
        if self.program.schedule.quantizer is None:
            raise CompileError("this network has no input quantiser", fix="give it integers")
        data = np.ascontiguousarray(x, np.float32).reshape(len(x), self.program.inputs)
        out = self._network(core).quantize(data)
        return out.astype(np.int64).reshape(len(x), *shape_of(self.program.schedule.source)[1:])

    def measure(self, core: str, x: Array | None = None) -> Measurement:
        """Sizes from the linked file; instructions and stack from running inputs `x` (random ones if not given)."""
        elf, program, board = self.elf(core), self.program, self._board(core)
        data = self._input(x[:MEASURED_INPUTS] if x is not None else self._random())
        runs = board.counted(data)
        most = max(runs, key=lambda r: r.instructions)
        return Measurement(
            core,
            flash_bytes=elf.sizes.flash,
            text_bytes=elf.sizes.text,
            rodata_bytes=elf.sizes.rodata,
            static_bytes=elf.sizes.ram,
            arena_bytes=program.arena,
            io_bytes=program.inputs * program.in_dtype.itemsize + program.outputs * program.out_dtype.itemsize,
            stack_bytes=max(r.stack_bytes or 0 for r in runs),
            instructions=most.instructions,
            least_instructions=min(r.instructions for r in runs),
            by_layer=most.by_mark,
            inputs=len(data),
            cycles=None if most.cycles is None else max(r.cycles or 0 for r in runs),
        )

    def selftest(self, core: str, compiler: str = "gcc") -> qemu.QemuResult:
        """Build and run the emitted self-test on a board that QEMU emulates, or on an AVR."""
        if get_core(core).simavr:
            return avr_selftest.run_selftest(self.sources(selftest=True), get_core(core))
        return qemu.run_selftest(self.sources(selftest=True), get_core(core), compiler=compiler)

    def sources(self, *, selftest: bool = False) -> dict[str, str]:
        """The C files by their base names, as the compilers of `emulate` take them."""
        folders = ("src", "test") if selftest else ("src",)
        return {p.name: self.project.text(p) for p in self.project.files if p.parts[0] in folders}

    def elf(self, core: str, function: str = "predict") -> Elf:
        """The library linked for `core`: `<name>_<function>` and all that it reaches, nothing else."""
        key = f"{function} on {core}"
        if key not in self._elves:
            keep = (f"{self.name}_{function}",)
            self._elves[key] = compile_elf(self.sources(), get_core(core), keep=keep, optimise=self.optimise)
        return self._elves[key]

    def symbols(self) -> list[str]:
        """The function of each step, in order."""
        return [symbol(self.name, step) for step in self.program.steps]

    @cached_property
    def _host(self) -> HostNetwork:
        return HostNetwork(self.name, self.program, self.sources())

    def _board(self, core: str) -> BoardNetwork | QemuNetwork:
        if core not in self._boards:
            if is_called(get_core(core)):
                self._boards[core] = BoardNetwork(self.name, self.program, partial(self.elf, core), core)
            else:
                self._boards[core] = QemuNetwork(self.name, self.program, self.sources(), core, self.optimise)
        return self._boards[core]

    def _network(self, core: str) -> HostNetwork | BoardNetwork | QemuNetwork:
        return self._host if core == "host" else self._board(core)

    def _input(self, x: Array) -> Array:
        source = self.program.schedule.source
        x, q, shape = np.asarray(x), qtype(source), shape_of(source)[1:]
        if x.ndim == 0 or x.shape[1:] != shape or not np.issubdtype(x.dtype, np.integer):
            fix = f"give quantised integers [N, {', '.join(map(str, shape))}]"
            raise CompileError(f"the input is {x.dtype} {list(x.shape)}", node=str(source.name), fix=fix)
        if x.size and not (q.lo <= int(x.min()) and int(x.max()) <= q.hi):
            raise CompileError(f"the input leaves its range {q}", node=str(source.name), fix="quantise it first")
        if ((x.astype(np.int64) - q.lo) % q.step).any():
            raise CompileError(
                f"the input lies between the levels of {q}", node=str(source.name), fix="quantise it first"
            )
        return np.ascontiguousarray(x.reshape(len(x), self.program.inputs), self.program.in_dtype)

    def _random(self) -> Array:
        source = self.program.schedule.source
        q = qtype(source)
        levels = np.random.default_rng(0).integers(0, q.levels, (MEASURED_INPUTS, *shape_of(source)[1:]))
        return np.asarray(q.lo + q.step * levels)


def unmapped(program: Program) -> set[str]:
    """Names of the integer tensors that never exist in memory: accumulators that a layer finishes at once."""
    return {stage.node.outputs[0].name or "" for stage in program.schedule.stages if stage.finish is not None}


__all__ = ["EMULATED", "FLASH", "CBuild", "Measurement", "unmapped"]
