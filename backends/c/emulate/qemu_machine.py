"""Calls of single functions under QEMU, for the cores that unicorn lacks: exact counts, buffers with guarded ends."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from . import qemu, qemu_count, zig
from .cores import Core
from .process import SUPPORT, EmulationError, Sources, ToolError, require

_FETCH, _STORE, _CALL, _REGION = 1, 2, 3, 4
_RETURNED = "cardc_returned"
_TIMEOUT = 120.0  # seconds for one answer
_GRAIN = 32  # bytes: where a region of Armv8-M's memory protection begins and ends
_REGIONS = 16
_ROOM = 1 << 20  # bytes for buffers; below them in RAM lies the program's data, above them its stack
_ABOVE = 1 << 18
_READ_ONLY, _READ_WRITE, _NO_CODE = 0b11 << 1, 0b01 << 1, 1


class QemuMachine:
    """The functions `keep` of `sources` on the first board of `core`, used as `unicorn_cpu.Machine` is.

    One QEMU runs until the object goes. On Arm cores the first twelve buffers are regions of memory protection
    (Armv8-M): a function that reads or writes beside them raises `EmulationError`, up to the 3 bytes that alignment
    takes. Behind a fault `reset` starts the machine again.
    """

    def __init__(self, sources: Sources, core: Core, keep: Sequence[str], *, optimise: str | None = None) -> None:
        self.core, self.keep = core, tuple(keep)
        support = {"serve.c": (SUPPORT / "serve.c").read_text(encoding="utf-8")}
        board = core.boards[0]
        files = qemu.with_startup({**sources, **support}, core)
        elf = zig.compile_elf(
            files, core, keep=("cardc_reset", *keep), optimise=optimise or core.optimise, memory=board.memory
        )
        tool, package = qemu.TOOLS[core.isa]
        self.elf = elf
        self._program = qemu.Program(elf, board, require(tool, apt=package))
        self._process: subprocess.Popen[bytes] | None = None
        self.instructions = 0
        self.reset()

    def reset(self) -> None:
        """Forget all buffers; start QEMU where it does not run."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        memory = self._program.board.memory
        top = memory.ram + memory.ram_size - _ABOVE
        self._next, self._end, self._regions = top - _ROOM, top, 0
        if self.core.isa == "arm":
            self._region(memory.flash, memory.flash + memory.flash_size, _READ_ONLY)
            self._region(memory.ram, self._next, _READ_WRITE | _NO_CODE)
            self._region(top, memory.ram + memory.ram_size, _READ_WRITE | _NO_CODE)

    def alloc(self, size: int, *, align: int = 4, data: bytes = b"", read_only: bool = False) -> int:
        """A new buffer of `size` bytes, zeroed behind `data`: its address. It ends where its region ends, as far as
        `align` allows."""
        grains = -(-max(size, 1) // _GRAIN) * _GRAIN
        start = self._next + (grains - size) // align * align
        if self._next + grains + _GRAIN > self._end:
            raise EmulationError(f"no room for {size} bytes more on {self._program.board.machine}")
        if self._regions < _REGIONS - 1:
            access = _READ_ONLY if read_only else _READ_WRITE
            self._region(self._next, self._next + grains, access | _NO_CODE)
        elif self._regions == _REGIONS - 1:  # the last one has room for all that come
            self._region(self._next, self._end, _READ_WRITE | _NO_CODE)
        self._next += grains + _GRAIN
        self.write(start, data.ljust(size, b"\0"))
        return start

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`."""
        self._send(struct.pack("<4I", _STORE, address, len(data), 0) + data)

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`."""
        self._send(struct.pack("<4I", _FETCH, address, size, 0))
        return self._receive(size)

    def call(self, target: str, *args: int) -> int:
        """Call one of `keep` with at most eight 32-bit arguments: its result; `instructions` is then what it took, with
        a few between its return and the next call."""
        guarded = int(self.core.isa == "arm")
        words = [value & 0xFFFFFFFF for value in args] + [0] * (8 - len(args))
        # Thumb's addresses are odd.
        address = self.elf.address(target) | (self.core.isa == "arm")
        self._send(struct.pack("<12I", _CALL, address, guarded, 0, *words))
        (result,) = struct.unpack("<I", self._receive(4))
        self.instructions = self._counted()
        return int(result)

    def _region(self, start: int, end: int, access: int) -> None:
        self._regions += 1
        self._send(struct.pack("<4I", _REGION, start | access, end - _GRAIN, self._regions))

    def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cardc-serve-")
        folder = Path(self._folder.name)
        (folder / "selftest.elf").write_bytes(self.elf.data)
        for pipe in ("in", "out"):
            os.mkfifo(folder / pipe)
        # Opened for both, so that no end waits for the other.
        self._in, self._out = (os.open(folder / pipe, os.O_RDWR) for pipe in ("in", "out"))
        self._report = folder / "entries"
        marks = [self.elf.symbol(name) for name in (_RETURNED, *self.keep)]
        plugin = qemu_count.plugin(self._program.emulator, marks, self._report)
        command = [self._program.emulator, *qemu.arguments(self._program.board), *plugin]
        self._process = subprocess.Popen(
            [*command, "-kernel", str(folder / "selftest.elf")], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._seen = 0
        weakref.finalize(self, _stop, self._process, self._folder, self._in, self._out)

    def _counted(self) -> int:
        """From the last entry into a function that is not within another one's call to the last return."""
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            lines = self._report.read_text(encoding="ascii").splitlines()[self._seen :]
            if lines and lines[-1].split()[0] == "0":
                self._seen += len(lines)
                return int(lines[-1].split()[1]) - int(lines[0].split()[1])
        raise ToolError("QEMU's counting plugin did not see the call")

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if not select.select([], [self._in], [], 0.1)[1]:
                self._check_alive()
                continue
            view = view[os.write(self._in, view[:4096]) :]

    def _receive(self, size: int) -> bytes:
        found, deadline = bytearray(), time.monotonic() + _TIMEOUT
        while len(found) < size:
            if select.select([self._out], [], [], 0.1)[0]:
                found += os.read(self._out, size - len(found))
                continue
            self._check_alive()
            if time.monotonic() > deadline:
                raise EmulationError(f"a call on {self._program.board.machine} did not end within {_TIMEOUT:g} s")
        return bytes(found)

    def _check_alive(self) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        said = (process.stdout.read() if process.stdout else b"").decode(errors="replace")
        self._process = None
        raise EmulationError(f"the program faulted on {self._program.board.machine} ({process.returncode})\n{said}")


def _stop(
    process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str], incoming: int, outgoing: int
) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
    os.close(incoming)
    os.close(outgoing)
    folder.cleanup()
