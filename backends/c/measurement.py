"""What a network takes on a core, each figure with the stage that it was measured at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FLASH, EMULATED = "measured:elf", "measured:emulated"
"""Stages of a Measurement's figures: sizes are FLASH, instructions and stack EMULATED."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a network takes on one core, built by zig with -O2 (-Os where the core asks for it; by gcc for AVR). Bytes
    and instructions.

    `flash_bytes` is all of the linked program but the caller, compiler support included; `rodata_bytes` its constants.
    `arena_bytes` and `io_bytes` (input and output buffers) are RAM that the caller gives; `static_bytes` is RAM that
    the library itself holds (0: it keeps no state). `instructions` is the most that any of the measured inputs took,
    `by_layer` the same input's split by the symbols of the layers, `least_instructions` the fewest. `cycles` is the
    most too, where the emulator counts them (simavr does).
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
    cycles: int | None = None
