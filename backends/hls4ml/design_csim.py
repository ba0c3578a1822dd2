"""C simulation of a deck's whole design, by the script that the project brings along."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array
from ...project import Project

_TIMEOUT = 1800.0  # seconds of g++


class DesignCsim:
    """A compiled simulation of `project`, the design `name`. CompileError where g++ is missing or fails."""

    def __init__(self, project: Project, name: str, classes: int) -> None:
        if shutil.which("g++") is None:
            raise CompileError("g++ is missing; C simulation needs it", fix="run `apt install g++`")
        self.classes = classes
        folder = Path(tempfile.mkdtemp(prefix="cardc-design-csim-"))  # weights are read when the first image comes
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for path, content in project.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        done = subprocess.run(
            ["bash", "build_lib.sh"], cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        if done.returncode != 0:
            said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
            fix = "use g++ 9 or newer"
            raise CompileError(f"g++ could not compile the design: {said}", node=name, fix=fix, exit_code=1)
        self._library = ctypes.CDLL(str(folder / "firmware" / f"{name}.so"))

    def run(self, images: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Picks [N] (0 without a gate) and results [N, classes] for a sequence q [N, C, ...] from an empty window."""
        rows = np.moveaxis(np.asarray(images), 1, -1).reshape(len(images), -1)
        data = np.ascontiguousarray(rows, np.int32)
        picks, out = np.zeros(len(data), np.int64), np.zeros((len(data), self.classes), np.int32)
        for i, (row, to) in enumerate(zip(data, out, strict=True)):
            where = ctypes.c_void_p(to.ctypes.data)
            picks[i] = self._library.simulated(ctypes.c_void_p(row.ctypes.data), row.size, int(i == 0), where, len(to))
        if (picks < 0).any():
            raise AssertionError("the design took in other pixels, or gave other results, than it should")
        return picks, out.astype(np.int64)
