"""A deck on this computer and on one emulated core, state and buffers in memory as a caller has them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ....ops.base import Array
from ..emulate import host
from ..emulate.cores import get_core
from ..emulate.elf import Elf
from ..emulate.unicorn_cpu import Machine, Run
from .driver import DRIVER, driver
from .program import DeckProgram

_GARBAGE = 0xA5


@dataclass(frozen=True, slots=True, eq=False)
class DeckRuns:
    """Picks [N, picked] and outputs [N, classes] of a sequence, int64, and, where counted, what each inference took."""

    picks: Array
    outputs: Array
    runs: tuple[Run, ...] = ()


class HostDeck:
    """The library with the driver, compiled here."""

    def __init__(self, deck: DeckProgram, sources: Mapping[str, str]) -> None:
        self.deck = deck
        self._library = host.compile_shared({**sources, DRIVER: driver(deck)})

    def run(self, data: Array) -> DeckRuns:
        """A sequence [N, inputs] of the input's C type, from a fresh state."""
        deck, n = self.deck, len(data)
        out = np.empty((n, deck.outputs), deck.out_dtype)
        picks = np.zeros((n, deck.joint.picked), np.uint8)
        # Garbage: a deck must not rely on what it did not write.
        arena = np.full(-(-deck.arena // 4), 0xA5A5A5A5, np.uint32)
        state = np.full(-(-int(self._library.cardc_deck_state_bytes()) // 8) + 1, -1, np.int64)
        self._library.cardc_deck_reset(_pointer(state))
        arrays = [_pointer(a) for a in (np.ascontiguousarray(data), out, picks, state, arena)]
        code = self._library.cardc_deck_run(n, *arrays)
        if code != 0:
            raise AssertionError(f"{deck.name}_predict returned {code}")
        return DeckRuns(picks.astype(np.int64), out.astype(np.int64))


class BoardDeck:
    """The library as it is shipped, linked for a core. `link(functions)` gives a program that holds them."""

    def __init__(self, deck: DeckProgram, link: Callable[[tuple[str, ...]], Elf], core: str) -> None:
        self.deck, self.core = deck, core
        self.machine = Machine(link((f"{deck.name}_predict", *HELPERS)), get_core(core))
        machine = self.machine
        self.state_bytes = machine.call("cardc_deck_state_bytes")
        self._state = machine.alloc(max(8, self.state_bytes), align=8)
        self._arena = machine.alloc(deck.arena, align=4)
        self._in = machine.alloc(deck.inputs * deck.in_dtype.itemsize, align=deck.in_dtype.itemsize, read_only=True)
        self._out = machine.alloc(deck.outputs * deck.out_dtype.itemsize, align=deck.out_dtype.itemsize)
        self._picks = machine.alloc(max(1, deck.joint.picked), align=1)

    def run(self, data: Array, *, marks: tuple[str, ...] = (), measure_stack: bool = False) -> DeckRuns:
        """A sequence [N, inputs] from a fresh state; instructions are split by `marks`."""
        deck, machine = self.deck, self.machine
        machine.mark(())
        machine.call("cardc_deck_reset", self._state)
        outputs, picks, runs = [], [], []
        arguments = [self._in, self._out, *([self._state] if deck.gate is not None else []), self._arena]
        for row in data:
            machine.write(self._arena, bytes([_GARBAGE]) * deck.arena)
            machine.write(self._in, row.tobytes())
            machine.mark(marks)
            run = machine.run(f"{deck.name}_predict", *arguments, measure_stack=measure_stack)
            machine.mark(())
            if run.result != 0:
                raise AssertionError(f"{deck.name}_predict returned {run.result}")
            machine.call("cardc_deck_picks", self._state, self._picks)
            picks.append(np.frombuffer(machine.read(self._picks, max(1, deck.joint.picked)), np.uint8))
            raw = machine.read(self._out, deck.outputs * deck.out_dtype.itemsize)
            outputs.append(np.frombuffer(raw, deck.out_dtype))
            runs.append(run)
        n = len(data)
        return DeckRuns(
            np.asarray(picks, np.int64).reshape(n, -1)[:, : deck.joint.picked],
            np.asarray(outputs, np.int64).reshape(n, deck.outputs),
            tuple(runs),
        )


HELPERS = ("cardc_deck_reset", "cardc_deck_picks", "cardc_deck_state_bytes")


def _pointer(array: Array) -> ctypes.c_void_p:
    """The address of `array`, which the caller keeps alive."""
    return ctypes.c_void_p(array.ctypes.data)
