"""C simulation of the gate's component with g++ and hls4ml's ap_types, as hls4ml simulates its own layers."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array
from ...ops.spectral import IntegerGate, Plan
from ...ops.spectral.gate import sliding
from ...ops.spectral.spectrum import words
from .gate import gate_component
from .vendor import hls4ml

_BRIDGE = """\
#include "firmware/simulated_gate.h"
#include <cstring>
#include <vector>
#ifdef CARDC_TRACED
std::vector<unsigned> cardc_seen;
#endif
extern "C" int simulated(const int *pixels, unsigned count, int reset, unsigned *seen, unsigned room) {
    static hls::stream<simulated_gate_pixel_t> in;
    static hls::stream<simulated_gate_pick_t> out;
    for (unsigned i = 0; i < count; i++)
        in.write(simulated_gate_pixel_t(pixels[i]));
    simulated_gate(in, reset != 0, out);
#ifdef CARDC_TRACED
    if (cardc_seen.size() != room)
        return -2;
    std::memcpy(seen, cardc_seen.data(), 4 * room);
    cardc_seen.clear();
#endif
    return in.empty() ? int(out.read().to_uint()) : -1;
}
"""
_TIMEOUT = 600.0  # seconds of g++


class GateCsim:
    """A compiled simulation of `gate`; `traced` with all intermediate words. CompileError where g++ is missing."""

    def __init__(self, gate: IntegerGate, *, reuse_factor: int = 4, traced: bool = False) -> None:
        if shutil.which("g++") is None:
            raise CompileError("g++ is missing; C simulation needs it", fix="run `apt install g++`")
        self.gate, self.traced = gate, traced
        types = Path(os.path.dirname(hls4ml().__file__)) / "templates" / "vivado" / "ap_types"
        with tempfile.TemporaryDirectory(prefix="cardc-gate-csim-") as name:
            folder = Path(name)
            for path, text in gate_component(gate, "simulated", reuse_factor=reuse_factor).items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
            (folder / "bridge.cpp").write_text(_BRIDGE, encoding="utf-8")
            flags = ["-O1", "-fPIC", "-shared", "-std=c++11", "-Wno-unknown-pragmas", f"-I{types}", "-I."]
            flags += ["-fno-gnu-unique"]  # else two simulations in one process would share their windows
            flags += ["-DCARDC_TRACED"] if traced else []
            command = ["g++", *flags, "firmware/simulated_gate.cpp", "bridge.cpp", "-o", "gate.so"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
            if done.returncode != 0:
                said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
                raise CompileError(
                    f"g++ could not compile the gate: {said}", node="gate", fix="use g++ 9 or newer", exit_code=1
                )
            self._library = ctypes.CDLL(str(folder / "gate.so"))

    def run(self, images: Array) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Picks [N] for a sequence q [N, C, H, W] from an empty window, and words [N, T]."""
        images = self.gate.checked(images)
        data = np.ascontiguousarray(np.moveaxis(images, 1, -1).reshape(len(images), -1), np.int32)
        room = component_words(self.gate, images[:1]).shape[1] if self.traced else 0
        seen, picks = np.zeros((len(data), room), np.uint32), np.zeros(len(data), np.int64)
        for i, row in enumerate(data):
            at = ctypes.c_void_p(row.ctypes.data), row.size, int(i == 0), ctypes.c_void_p(seen[i:].ctypes.data), room
            picks[i] = self._library.simulated(*at)
        if (picks < 0).any():
            raise AssertionError("the component took in other pixels, or reported other words, than it should")
        return picks, seen


def component_words(gate: IntegerGate, images: Array) -> NDArray[np.uint32]:
    """uint32 [N, T]: every intermediate word for a sequence q [N, C, H, W], in the component's order."""
    plan, n = gate.plan, len(images)
    found = words(plan, np.asarray(images, np.int64))
    rows, columns = gate.picked()
    spectrum = found.spectrum[0][..., rows, columns], found.spectrum[1][..., rows, columns]
    p, y = gate.curve(spectrum, (rows == 0) & (columns == 0))
    powers = [p & 0xFFFFFFFF, p >> 32] if plan.wide else [p]
    seen = np.stack([*powers, y & 0xFFFFFFFF], -1)
    parts = []
    for plane in range(plan.planes):
        pixels = found.pixels[:, plane]
        lines = [(pixels[..., 0::2], pixels[..., 1::2]), *((re[:, plane], im[:, plane]) for re, im in found.row_stages)]
        parts.append(np.stack([_packed(plan, *z) for z in lines], 2))
        parts.append(np.stack([_packed(plan, re[:, plane], im[:, plane]) for re, im in found.column_stages], 2))
        parts.append(seen[:, plane])
    sums = sliding(gate.scores(images), gate.window)
    parts.append(np.stack([sums & 0xFFFFFFFF, sums >> 32 & 0xFFFFFFFF], -1))
    return np.concatenate([part.reshape(n, -1) for part in parts], 1).astype(np.uint32)


def _packed(plan: Plan, re: Array, im: Array) -> Array:
    if plan.wide:
        return np.stack([re & 0xFFFFFFFF, im & 0xFFFFFFFF], -1)
    return (re & 0xFFFF) | (im & 0xFFFF) << 16
