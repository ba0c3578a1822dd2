"""A network under QEMU, for the cores that unicorn lacks (Cortex-M55, RISC-V with Zbb): many inputs in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...ops.base import Array
from .driver import DRIVER, driver, snapshot_bytes
from .emulate import qemu, qemu_count
from .emulate.cores import get_core
from .emulate.process import SUPPORT, EmulationError
from .emulate.qemu_watch import watch
from .emulate.unicorn_cpu import Run
from .network import symbol
from .program import Program
from .writer import Writer

_STACK = 32768  # bytes that are watched
_TIMEOUT = 600.0  # seconds for one batch
_FIRST_BATCH, _GROWTH, _SECONDS = 16, 16.0, 30.0  # inputs, times as many from one batch to the next, and their aim
_FIRST, _LAST = "cardc_batch", "depth"  # what run_network.c calls before and behind an inference


class QemuNetwork:
    """The library with the driver, linked for a board that QEMU has. Inputs are rows of quantised integers of the
    input's C type. CompileError where QEMU is missing or no board of it holds the network."""

    def __init__(
        self, name: str, program: Program, sources: Mapping[str, str], core: str, optimise: str | None = None
    ) -> None:
        self.name, self.program, self.core, self.optimise = name, program, core, optimise
        self._sources = sources

    def predict(self, data: Array) -> Array:
        """[n, inputs] to [n, outputs]."""
        return self._results(self._watched(_FIRST), self._network, data, trace=False)[0]

    def trace(self, data: Array) -> tuple[Array, Array]:
        """As `predict`, with the storage of every tensor behind each layer, [n, bytes]."""
        out, seen, _ = self._results(self._watched("cardc_trace"), self._network, data, trace=True)
        return out, seen

    def quantize(self, data: Array) -> Array:
        """float32 [n, inputs] through the emitted input quantiser."""
        run = self._watched(f"{self.name}_quantize")
        return self._results(run, self._quantizer, np.asarray(data, np.float32), trace=False)[0]

    def counted(self, data: Array) -> list[Run]:
        """What each inference took, with the few instructions between return and the next call."""
        counts: list[qemu_count.Counted] = []
        layers = [symbol(self.name, step) for step in self.program.steps]
        stacks = self._results(self._watched(_FIRST, layers, counts), self._network, data, trace=False)[2]
        calls = [entry for count in counts for entry in count.entries]
        width = len(self.program.calls) + 2
        if len(calls) != width * len(data):
            raise EmulationError(f"{self.name} entered {len(calls)} functions for {len(data)} inputs")
        runs = [tuple(calls[at : at + width]) for at in range(0, len(calls), width)]
        return [_run(entries, int(stack)) for entries, stack in zip(runs, stacks, strict=True)]

    def _watched(
        self, first: str, layers: Sequence[str] = (), counts: list[qemu_count.Counted] | None = None
    ) -> qemu.Runner:
        """A runner that stops where anything but the network's own memory is touched between `first` and what is called
        behind it; entries into `layers` go to `counts`."""
        quantizes, width = not first.startswith("cardc_"), self.program.in_dtype.itemsize
        given = {
            "in": self.program.inputs * (4 if quantizes else width),
            "out": self.program.inputs * width if quantizes else self.program.outputs * self.program.out_dtype.itemsize,
            "arena": max(1, self.program.arena),
            "seen": snapshot_bytes(self.program),
        }
        core = get_core(self.core)

        def run(program: qemu.Program, *, timeout: float, cwd: Path) -> qemu.QemuResult:
            watched = watch(program, core, given, (), _STACK)
            counted = qemu_count.run(program, (first, *layers, _LAST), timeout=timeout, cwd=cwd, watched=watched)
            if counts is not None:
                counts.append(counted)
            return counted.run

        return run

    @cached_property
    def _network(self) -> qemu.Program:
        """The library under the driver, which includes it to reach its layers: to the compiler it becomes a header."""
        program, network = self.program, f"{self.name}.c"
        text = driver(self.name, program).replace(f'"{network}"', f'"{network}.h"')
        rest = {file: content for file, content in self._sources.items() if file != network}
        declared = (
            f"int cardc_batch(uint32_t count, const {program.in_type} *from, {program.out_type} *to, void *memory);",
            f"int cardc_trace(uint32_t count, const {program.in_type} *from, {program.out_type} *to, void *memory, "
            "uint8_t *seen);",
        )
        calls = ("cardc_batch(1, in, out, arena)", "cardc_trace(1, in, out, arena, seen)")
        setting = _setting(program, program.in_type, program.out_type, program.outputs, declared, calls)
        return self._build({**rest, f"{network}.h": self._sources[network], DRIVER: text, "run_network.h": setting})

    @cached_property
    def _quantizer(self) -> qemu.Program:
        program, head = self.program, f'#include "{self.name}.h"'
        call = f"({self.name}_quantize(in, out), 0)"
        setting = _setting(program, "float", program.in_type, program.inputs, (head,), (call, call))
        return self._build({**self._sources, "run_network.h": setting})

    def _build(self, sources: Mapping[str, str]) -> qemu.Program:
        text = (SUPPORT / "run_network.c").read_text(encoding="utf-8")
        core = get_core(self.core)
        files = {**sources, "run_network.c": text}
        return qemu.build_selftest(files, core, compiler="zig", optimise=self.optimise or core.optimise)

    def _results(
        self, run: qemu.Runner, program: qemu.Program, data: Array, *, trace: bool
    ) -> tuple[Array, Array, Array]:
        """Outputs [n, outputs], snapshots [n, bytes] (empty unless `trace`), stack depths [n]. In batches that take
        seconds, so that no number of inputs meets the time limit."""
        parts, at, size = list[Array](), 0, _FIRST_BATCH
        while at < len(data) or not parts:
            began = time.monotonic()
            parts.append(self._batch(run, program, data[at : at + size], trace))
            at += size
            size = max(1, int(size * min(_GROWTH, _SECONDS / max(time.monotonic() - began, 1e-3))))
        found = np.concatenate(parts)
        return found["out"], found["seen"], found["stack"]

    def _batch(self, run: qemu.Runner, program: qemu.Program, data: Array, trace: bool) -> Array:
        dtype, count = self.program.out_dtype, self.program.outputs
        if data.dtype == np.float32:  # which is quantised
            dtype, count = self.program.in_dtype, self.program.inputs
        seen = snapshot_bytes(self.program) if trace else 0
        record = np.dtype([("stack", "<u4"), ("out", dtype, (count,)), ("seen", np.uint8, (seen,))])
        with tempfile.TemporaryDirectory(prefix="cardc-network-") as name:
            folder = Path(name)
            (folder / "in").write_bytes(bytes([trace]) + np.ascontiguousarray(data).tobytes())
            done = run(program, timeout=_TIMEOUT, cwd=folder)
            if done.exit_code != 0:
                raise EmulationError(f"{self.name} on {done.board} ended with {done.exit_code}\n{done.output}")
            found = np.frombuffer((folder / "out").read_bytes(), record)
        if len(found) != len(data):
            raise EmulationError(f"{self.name} on {done.board} gave {len(found)} results for {len(data)} inputs")
        return found


def _setting(
    program: Program, source: str, result: str, results: int, declared: tuple[str, ...], calls: tuple[str, str]
) -> str:
    """`run_network.h`."""
    w = Writer()
    w("#ifndef CARDC_RUN_NETWORK_H")
    w("#define CARDC_RUN_NETWORK_H")
    w("#include <stdint.h>")
    w.lines(declared)
    w(f"#define CARDC_IN {source}")
    w(f"#define CARDC_OUT {result}")
    w(f"#define CARDC_INS {program.inputs}")
    w(f"#define CARDC_OUTS {results}")
    w(f"#define CARDC_ARENA {max(1, program.arena)}")
    w(f"#define CARDC_SEEN {snapshot_bytes(program)}")
    w(f"#define CARDC_STACK {_STACK}")
    w(f"#define CARDC_RUN {calls[0]}")
    w(f"#define CARDC_TRACE {calls[1]}")
    w("#endif")
    return w.text()


def _run(entries: tuple[tuple[str, int], ...], stack: int) -> Run:
    """From the entries of one inference: what lies between the first and the last, and from each layer to the next."""
    spent: dict[str, int] = {}
    for (name, before), (_, after) in pairwise(entries):
        spent[name] = spent.get(name, 0) + after - before
    spent[""] = spent.pop(_FIRST)
    total = entries[-1][1] - entries[0][1]
    return Run(0, 0, total, spent, dict.fromkeys(spent, 1), stack)
