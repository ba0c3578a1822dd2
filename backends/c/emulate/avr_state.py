"""What avr_cpu.py shares with support/avr.c, and the AVR's calling convention."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

FLASH_BYTES = 65536
MAY_READ, MAY_WRITE = 1, 2
FAULTS = {
    1: "read of address {0}, which is neither data nor buffer nor stack",
    2: "write to address {0}, which is neither data nor buffer nor stack",
    3: "read of flash at {0}, behind the program",
    4: "jump to {0}, behind the program",
    5: "the stack went down to {0}, into the buffers",
    6: "simavr stopped the program",
    7: "the call did not end within {1} instructions",
}

Entered = ctypes.CFUNCTYPE(None, ctypes.c_uint32)


class Mark(ctypes.Structure):
    """cardc_avr_mark"""

    _fields_ = [(name, ctypes.c_uint64) for name in ("start", "end", "instructions", "cycles", "entries")]


class State(ctypes.Structure):
    """cardc_avr"""

    _fields_ = [
        ("avr", ctypes.c_void_p),
        ("allowed", ctypes.c_void_p),
        ("mark_at", ctypes.c_void_p),
        ("marks", ctypes.POINTER(Mark)),
        *((name, ctypes.c_uint64) for name in ("code_bytes", "constant_bytes", "trap", "current", "previous", "total")),
        *((name, ctypes.c_uint64) for name in ("limit", "cycles", "lowest_stack", "stack_end", "fault")),
        ("fault_address", ctypes.c_uint64),
        ("entered", ctypes.c_void_p),
        ("stop", ctypes.c_uint64),
    ]


def place_arguments(values: Sequence[int], widths: Sequence[int]) -> tuple[dict[int, int], bytes]:
    """Registers (number -> byte) and what lies on the stack for arguments of `widths` bytes.

    GCC wiki, "avr-gcc", calling convention: from r25 down in even pairs; the first that does not fit above r8, and all
    behind it, go to the stack.
    """
    registers: dict[int, int] = {}
    stacked, next_register = b"", 26
    for value, width in zip(values, widths, strict=True):
        data = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        next_register -= width + width % 2
        if next_register >= 8 and not stacked:
            registers.update({next_register + i: byte for i, byte in enumerate(data)})
        else:
            stacked += data
    return registers, stacked
