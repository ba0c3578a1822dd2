"""An emitted gate on this computer, on an emulated core, or on a board under QEMU: picks, every word, instructions."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...ops.base import Array
from ...ops.spectral import IntegerGate
from .emulate import gcc, host, qemu, qemu_count, zig
from .emulate.cores import get_core
from .emulate.process import SUPPORT, EmulationError
from .emulate.unicorn_cpu import Machine
from .gate import GateCode, emit_gate
from .gate_trace import Words, trace_words
from .writer import Writer

_PREFIX = "tried"
_TIMEOUT = 600.0  # seconds for one batch
_TRACED = "-DCARDC_TRACED"


class GateOn:
    """`gate` compiled for `core` ("host", or one of emulate.cores); a sequence begins with an empty window.

    `traced`: with the reports of all intermediate words, which the shipped kernels do not have. `compiler`: "zig" or
    "gcc", for emulated cores.
    """

    def __init__(self, gate: IntegerGate, core: str, *, traced: bool = False, compiler: str = "zig") -> None:
        self.gate, self.core, self.traced, self.compiler = gate, core, traced, compiler
        self.code = emit_gate(gate, _PREFIX)
        self.instructions: list[int] = []
        zeros = np.zeros((1, gate.plan.channels, gate.plan.height, gate.plan.width), np.int64)
        self._words = trace_words(gate, zeros).shape[1] if traced else 0

    def run(self, images: Array) -> tuple[NDArray[np.int64], Words]:
        """Picks [N] and, with `traced`, words [N, T] for q [N, C, H, W]. Emulated cores leave in `instructions` what
        each image took."""
        dtype = np.int8 if self.code.elem == "int8_t" else np.uint8
        data = np.ascontiguousarray(np.asarray(images).reshape(len(images), -1), dtype)
        if self.core == "host":
            return self._on_host(data)
        return self._on_core(data) if get_core(self.core).unicorn is not None else self._on_board(data)

    def _on_host(self, data: Array) -> tuple[NDArray[np.int64], Words]:
        library = host.compile_shared(self._sources(), flags=self._flags())
        arena = np.full(self.code.arena // 4, 0xA5A5A5A5, np.uint32)
        picks, seen = np.zeros(len(data), np.int32), np.zeros((len(data), self._words), np.uint32)
        for i, row in enumerate(data):
            library.gate_run(*(ctypes.c_void_p(a.ctypes.data) for a in (row, picks[i:], arena, seen[i:])))
        return picks.astype(np.int64), seen

    def _on_core(self, data: Array) -> tuple[NDArray[np.int64], Words]:
        core = get_core(self.core)
        build = gcc.compile_elf if self.compiler == "gcc" else zig.compile_elf
        elf = build(self._sources(), core, keep=("gate_run", f"{_PREFIX}_gate_feed"), flags=self._flags())
        machine = Machine(elf, core)
        machine.mark([f"{_PREFIX}_gate_feed"])
        arena, out = machine.alloc(self.code.arena), machine.alloc(4)
        image, seen = machine.alloc(data.shape[1]), machine.alloc(4 * max(1, self._words))
        machine.write(arena, b"\xa5" * self.code.arena)
        picks, found, self.instructions = [], [], []
        for row in data:
            machine.write(image, row.tobytes())
            run = machine.run("gate_run", image, out, arena, seen)
            self.instructions.append(run.by_mark[f"{_PREFIX}_gate_feed"])
            picks.append(int.from_bytes(machine.read(out, 4), "little"))
            found.append(np.frombuffer(machine.read(seen, 4 * self._words), "<u4"))
        return np.asarray(picks, np.int64), np.asarray(found, np.uint32).reshape(len(data), self._words)

    def _on_board(self, data: Array) -> tuple[NDArray[np.int64], Words]:
        text = (SUPPORT / "run_network.c").read_text(encoding="utf-8")
        sources = {**self._sources(), "run_network.c": text, "run_network.h": self._setting(data.shape[1])}
        program = qemu.build_selftest(sources, get_core(self.core), compiler=self.compiler, extra_cflags=self._flags())
        record = np.dtype([("stack", "<u4"), ("out", "<i4"), ("seen", "<u4", (self._words,))])
        with tempfile.TemporaryDirectory(prefix="cardc-gate-") as name:
            (Path(name) / "in").write_bytes(bytes([self.traced]) + data.tobytes())
            marks = (f"{_PREFIX}_gate_feed", "depth")
            counted = qemu_count.run(program, marks, timeout=_TIMEOUT, cwd=Path(name))
            if counted.run.exit_code != 0:
                raise EmulationError(f"the gate on {self.core} ended with {counted.run.exit_code}")
            found = np.frombuffer((Path(name) / "out").read_bytes(), record)
        if len(found) != len(data):
            raise EmulationError(f"the gate on {self.core} gave {len(found)} results for {len(data)} images")
        at = [count for _, count in counted.entries]
        self.instructions = [after - before for before, after in zip(at[0::2], at[1::2], strict=True)]
        return found["out"].astype(np.int64), found["seen"].astype(np.uint32)

    def _flags(self) -> Sequence[str]:
        return (_TRACED,) if self.traced else ()

    def _sources(self) -> dict[str, str]:
        return {**self.code.sources(), "gate_driver.c": _driver(self.code)}

    def _setting(self, elements: int) -> str:
        w = Writer()
        w("#include <stdint.h>")
        w(f"int gate_run(const {self.code.elem} *in, int32_t *out, void *arena, void *seen);")
        w(f"#define CARDC_IN {self.code.elem}")
        w("#define CARDC_OUT int32_t")
        w(f"#define CARDC_INS {elements}")
        w("#define CARDC_OUTS 1")
        w(f"#define CARDC_ARENA {self.code.arena}")
        w(f"#define CARDC_SEEN {4 * self._words}")
        w("#define CARDC_STACK 4096")
        w("#define CARDC_RUN gate_run(in, out, arena, seen)")
        w("#define CARDC_TRACE gate_run(in, out, arena, seen)")
        return w.text()


def _driver(code: GateCode) -> str:
    """One image at a time; the first call empties the window."""
    w = Writer()
    w(f'#include "{_PREFIX}_gate.h"')
    w('#include "cardc_gate_common.h"')
    w("#ifdef CARDC_TRACED")
    w("static uint8_t *at;")
    with w.block("void cardc_traced(const void *words, uint32_t count)"):
        w("memcpy(at, words, 4 * count);")
        w("at += 4 * count;")
    w("#endif")
    w(f"int gate_run(const {code.elem} *in, int32_t *out, void *arena, void *seen);")
    with w.block(f"int gate_run(const {code.elem} *in, int32_t *out, void *arena, void *seen)"):
        w(f"static {_PREFIX}_gate_state state;")
        w("static int begun;")
        with w.block("if (!begun)"):
            w(f"{_PREFIX}_gate_reset(&state);")
            w("begun = 1;")
        w("#ifdef CARDC_TRACED")
        w("at = (uint8_t *)seen;")
        w("#else")
        w("(void)seen;")
        w("#endif")
        w(f"*out = (int32_t){_PREFIX}_gate_feed(&state, in, arena);")
        w("return 0;")
    return w.text()
