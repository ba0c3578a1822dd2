"""A deck under QEMU, for the cores that unicorn lacks (Cortex-M55, RISC-V with Zbb): a whole sequence in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from ....ops.base import Array
from ..emulate import qemu, qemu_count
from ..emulate.cores import get_core
from ..emulate.process import SUPPORT, EmulationError
from ..emulate.qemu_watch import watch
from ..emulate.unicorn_cpu import Run
from ..writer import Writer
from .board import DeckRuns
from .driver import DRIVER, driver
from .program import DeckProgram

_STACK = 32768  # bytes that are watched
_TIMEOUT = 600.0  # seconds for one sequence
_OWN = "kept_state", "kept_running"  # variables of the driver
_FIRST, _LAST = "cardc_deck_step", "depth"  # what run_network.c calls before and behind an inference


class QemuDeck:
    """The library with a driver that keeps the state. CompileError where QEMU is missing or no board holds the deck."""

    def __init__(
        self, deck: DeckProgram, sources: Mapping[str, str], core: str, optimise: str | None = None
    ) -> None:  # fmt: skip
        self.deck, self.core, self.optimise, self._sources = deck, core, optimise, sources

    def run(self, data: Array, *, marks: tuple[str, ...] = (), measure_stack: bool = False) -> DeckRuns:
        """A sequence [N, inputs] from a fresh state; with `marks`, instructions are counted and split by them."""
        deck, n = self.deck, len(data)
        picked = deck.joint.picked
        results = [("out", deck.out_dtype, (deck.outputs,)), ("picks", np.uint8, (picked,))]
        record = np.dtype([("stack", "<u4"), *results, ("size", "<u4")])
        with tempfile.TemporaryDirectory(prefix="cardc-deck-") as name:
            folder = Path(name)
            (folder / "in").write_bytes(b"\1" + np.ascontiguousarray(data).tobytes())
            watched = watch(self._program, get_core(self.core), self._given(), _OWN, _STACK)
            counted = qemu_count.run(
                self._program, (_FIRST, *marks, _LAST), timeout=_TIMEOUT, cwd=folder, watched=watched
            )
            done = counted.run
            if done.exit_code != 0:
                raise EmulationError(f"{deck.name} on {done.board} ended with {done.exit_code}\n{done.output}")
            found = np.frombuffer((folder / "out").read_bytes(), record)
        if len(found) != n:
            raise EmulationError(f"{deck.name} on {done.board} gave {len(found)} results for {n} inputs")
        runs = _split(counted.entries, marks, found["stack"]) if marks else ()
        return DeckRuns(found["picks"].astype(np.int64), found["out"].astype(np.int64), runs)

    def _given(self) -> dict[str, int]:
        """Bytes of what run_network.c gives to an inference."""
        deck = self.deck
        inputs, outputs = deck.inputs * deck.in_dtype.itemsize, deck.outputs * deck.out_dtype.itemsize
        return {"in": inputs, "out": outputs, "arena": deck.arena, "seen": deck.joint.picked + 4}

    @cached_property
    def state_bytes(self) -> int:
        """Of the caller's state on this core."""
        deck = self.deck
        with tempfile.TemporaryDirectory(prefix="cardc-deck-") as name:
            (Path(name) / "in").write_bytes(b"\1" + bytes(deck.inputs * deck.in_dtype.itemsize))
            qemu.run(self._program, timeout=_TIMEOUT, cwd=Path(name))
            return int.from_bytes((Path(name) / "out").read_bytes()[-4:], "little")

    @cached_property
    def _program(self) -> qemu.Program:
        text = (SUPPORT / "run_network.c").read_text(encoding="utf-8")
        sources = {
            **self._sources, DRIVER: driver(self.deck), "cardc_deck_step.c": _step(self.deck), "run_network.c": text,
            "run_network.h": _setting(self.deck),
        }  # fmt: skip
        core = get_core(self.core)
        return qemu.build_selftest(sources, core, compiler="zig", optimise=self.optimise or core.optimise)


def _declared(deck: DeckProgram) -> str:
    return f"int cardc_deck_step(const {deck.in_type} *from, {deck.out_type} *to, void *memory, uint8_t *told);"


def _step(deck: DeckProgram) -> str:
    """A file that holds the state, so that one call is one inference; `told` gets picks and the state's size."""
    w = Writer()
    name, picked = deck.name, deck.joint.picked
    w(f'#include "{name}.h"')
    w("#include <string.h>")
    w(_declared(deck))
    w("uint32_t cardc_deck_state_bytes(void);")
    w("void cardc_deck_reset(void *state);")
    w("void cardc_deck_picks(const void *state, uint8_t *picks);")
    stateful = deck.gate is not None
    w(f"static {f'{name}_state' if stateful else 'uint32_t'} kept_state;")
    w("static uint32_t kept_running;")
    with w.block(_declared(deck).rstrip(";")):
        w("uint32_t size = cardc_deck_state_bytes();")
        w("int error;")
        with w.block("if (!kept_running)"):
            w("kept_running = 1;")
            w("cardc_deck_reset(&kept_state);")
        w(f"error = {name}_predict(from, to, {'&kept_state, ' if stateful else ''}memory);")
        w("cardc_deck_picks(&kept_state, told);")
        w(f"memcpy(told + {picked}, &size, 4);")
        w("return error;")
    return w.text()


def _setting(deck: DeckProgram) -> str:
    """`run_network.h`."""
    w = Writer()
    w("#ifndef CARDC_RUN_NETWORK_H")
    w("#define CARDC_RUN_NETWORK_H")
    w("#include <stdint.h>")
    w(_declared(deck))
    for key, value in (
        ("IN", deck.in_type), ("OUT", deck.out_type), ("INS", deck.inputs), ("OUTS", deck.outputs),
        ("ARENA", deck.arena), ("SEEN", deck.joint.picked + 4), ("STACK", _STACK),
        ("RUN", "cardc_deck_step(in, out, arena, seen)"), ("TRACE", "cardc_deck_step(in, out, arena, seen)"),
    ):  # fmt: skip
        w(f"#define CARDC_{key} {value}")
    w("#endif")
    return w.text()


def _split(entries: Sequence[tuple[str, int]], marks: tuple[str, ...], stacks: Array) -> tuple[Run, ...]:
    """Entries of all inferences to what each took, with the few instructions of the driver."""
    starts = [i for i, (name, _) in enumerate(entries) if name == _FIRST]
    runs = []
    for start, stack in zip(starts, stacks, strict=True):
        end = next(i for i in range(start, len(entries)) if entries[i][0] == _LAST)
        spent, entered = dict.fromkeys(("", *marks), 0), dict.fromkeys(marks, 0)
        for i in range(start, end):
            name = "" if entries[i][0] == _FIRST else entries[i][0]
            spent[name] += entries[i + 1][1] - entries[i][1]
            if name:
                entered[name] += 1
        runs.append(Run(0, 0, entries[end][1] - entries[start][1], spent, entered, int(stack)))
    return tuple(runs)
