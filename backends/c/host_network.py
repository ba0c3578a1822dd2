"""A network on this computer: many inputs in one call of C."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np

from ...ops.base import Array
from .driver import DRIVER, driver, snapshot_bytes
from .emulate import host
from .program import Program


class HostNetwork:
    """The library with the driver, compiled here. Inputs are rows of quantised integers of the input's C type."""

    def __init__(self, name: str, program: Program, sources: Mapping[str, str]) -> None:
        self.name, self.program = name, program
        network = f"{name}.c"
        # The driver includes the network to reach its layers: to the compiler it becomes a header.
        text = driver(name, program).replace(f'"{network}"', f'"{network}.h"')
        rest = {file: content for file, content in sources.items() if file != network}
        self._library = host.compile_shared({**rest, f"{network}.h": sources[network], DRIVER: text})

    def predict(self, data: Array) -> Array:
        """[n, inputs] to [n, outputs]."""
        out = np.empty((len(data), self.program.outputs), self.program.out_dtype)
        self._call("cardc_batch", data, out)
        return out

    def trace(self, data: Array) -> tuple[Array, Array]:
        """As `predict`, with the storage of every tensor behind each layer, [n, bytes]."""
        out = np.empty((len(data), self.program.outputs), self.program.out_dtype)
        seen = np.empty((len(data), snapshot_bytes(self.program)), np.uint8)
        self._call("cardc_trace", data, out, seen)
        return out, seen

    def quantize(self, data: Array) -> Array:
        """float32 [n, inputs] through the emitted input quantiser."""
        out = np.empty(data.shape, self.program.in_dtype)
        quantize = getattr(self._library, f"{self.name}_quantize")
        for row, to in zip(data, out, strict=True):
            quantize(_pointer(row), _pointer(to))
        return out

    def _call(self, function: str, data: Array, *outputs: Array) -> None:
        # Garbage: a network must not rely on what it did not write.
        arena = np.full(-(-max(1, self.program.arena) // 4), 0xA5A5A5A5, np.uint32)
        pointers = [_pointer(a) for a in (data, outputs[0], arena, *outputs[1:])]
        code = getattr(self._library, function)(len(data), *pointers)
        if code != 0:
            raise AssertionError(f"{self.name}_predict returned {code}")


def _pointer(array: Array) -> ctypes.c_void_p:
    """The address of `array`, which the caller keeps alive."""
    return ctypes.c_void_p(array.ctypes.data)
