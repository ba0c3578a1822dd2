"""A network on one emulated core, with its buffers in the core's memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...ops.base import Array
from ...passes.layouts import layout_of
from .driver import snapshot_bytes, snapshot_places
from .emulate.cores import get_core
from .emulate.elf import Elf
from .emulate.machines import machine
from .emulate.unicorn_cpu import Machine, Run
from .network import symbol
from .order import Call, collect
from .program import Program
from .step import Step, place_of

_GUARDS = 3  # bytes behind up to three buffers


class BoardNetwork:
    """The library as it is shipped, linked for a core. Inputs are rows of quantised integers of the input's C type.

    `link(function)` gives the program that holds `<name>_<function>`."""

    def __init__(self, name: str, program: Program, link: Callable[[str], Elf], core: str) -> None:
        self.name, self.program, self.core, self._link = name, program, core, link
        sizes = (max(1, program.arena), program.inputs * program.in_dtype.itemsize)
        room = sum(sizes) + program.outputs * program.out_dtype.itemsize + _GUARDS
        self.machine = machine(link("predict"), get_core(core), buffers=room)
        self._steps: dict[str, Step] = {symbol(name, step): step for step in program.steps}
        self._calls = program.calls
        self._kept, self._places = snapshot_bytes(program), snapshot_places(program)
        # An end of a page faults. Inputs by turns have an arena whose end is one, and one whose beginning is; an AVR's
        # memory is watched byte by byte, and aligned to single bytes.
        paged, item, result = isinstance(self.machine, Machine), program.in_dtype.itemsize, program.out_dtype.itemsize
        self._arena = self.machine.alloc(sizes[0], align=4 if paged else 1)
        low = [self.machine.alloc(sizes[0], low=True)] if isinstance(self.machine, Machine) else []
        self._arenas = [self._arena, *low]
        self._in = self.machine.alloc(sizes[1], align=item if paged else 1, read_only=True)
        self._out = self.machine.alloc(program.outputs * result, align=result if paged else 1)

    def predict(self, data: Array) -> Array:
        """[n, inputs] to [n, outputs]."""
        out = np.empty((len(data), self.program.outputs), self.program.out_dtype)
        for n, (row, to) in enumerate(zip(data, out, strict=True)):
            self._arena = self._arenas[n % len(self._arenas)]
            to[:] = self.infer(row)[0]
        return out

    def trace(self, data: Array) -> tuple[Array, Array]:
        """As `predict`, with the storage of every tensor, [n, bytes], each read as soon as it is complete."""
        out = np.empty((len(data), self.program.outputs), self.program.out_dtype)
        seen = np.empty((len(data), self._kept), np.uint8)
        for n, (row, to, kept) in enumerate(zip(data, out, seen, strict=True)):
            self._arena = self._arenas[n % len(self._arenas)]
            to[:] = self.infer(row, complete=partial(self._keep, kept))[0]
        return out, seen

    def counted(self, data: Array) -> list[Run]:
        """What each inference took, its stack included."""
        self._arena = self._arenas[0]
        return [self.infer(row, measure_stack=True)[1] for row in data]

    def quantize(self, data: Array) -> Array:
        """float32 [n, inputs] through the emitted input quantiser."""
        out = np.empty(data.shape, self.program.in_dtype)
        sizes = (4 * self.program.inputs, self.program.inputs * out.itemsize)
        core = machine(self._link("quantize"), get_core(self.core), buffers=sum(sizes) + _GUARDS)
        source, target = (core.alloc(size) for size in sizes)
        for row, to in zip(data, out, strict=True):
            core.write(source, row.astype("<f4").tobytes())
            core.call(f"{self.name}_quantize", source, target)
            to[:] = np.frombuffer(core.read(target, to.nbytes), self.program.in_dtype)
        return out

    def infer(
        self, row: Array, *, complete: Callable[[Call], None] | None = None, measure_stack: bool = False
    ) -> tuple[Array, Run]:
        """One inference and what was counted; `complete(call)` is called behind each call of a step."""
        cpu, ran = self.machine, list[Step]()

        def entered(name: str) -> None:
            if complete is not None and ran:
                complete(self._calls[len(ran) - 1])
            ran.append(self._steps[name])

        cpu.mark(list(self._steps), entered)
        # Garbage: a network must not rely on what it did not write.
        cpu.write(self._arena, bytes([0xA5]) * max(1, self.program.arena))
        cpu.write(self._in, row.tobytes())
        run = cpu.run(f"{self.name}_predict", self._in, self._out, self._arena, measure_stack=measure_stack)
        if run.result != 0 or [step.index for step in ran] != [call.step for call in self._calls]:
            raise AssertionError(f"{self.name}_predict returned {run.result} after steps {[s.index for s in ran]}")
        if complete is not None:
            complete(self._calls[-1])
        raw = cpu.read(self._out, self.program.outputs * self.program.out_dtype.itemsize)
        return np.frombuffer(raw, self.program.out_dtype), run

    def _keep(self, kept: NDArray[np.uint8], call: Call) -> None:
        """Copy what `call` has left in memory to its place in `kept`."""
        value = self.program.steps[call.step].value
        if call.step not in self._places or value is None:
            return
        layout, place = layout_of(value), self._places[call.step]
        if call.rows is None:
            raw = self.machine.read(self._arena + place_of(value), layout.size)
            kept[place : place + layout.size] = np.frombuffer(raw, np.uint8)
            return
        memory = np.frombuffer(self.machine.read(self._arena, self.program.arena), np.uint8)
        whole = kept[place : place + layout.elements].reshape(layout.channels, layout.height, layout.width)
        collect(whole, memory, layout, call.rows)
