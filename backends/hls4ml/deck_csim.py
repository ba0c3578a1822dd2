"""C simulation of the component that joins a deck's answers, with g++ and hls4ml's ap_types."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array
from ...ops.deck_join import Joint
from .deck import join_component
from .vendor import hls4ml

_TIMEOUT = 600.0  # seconds of g++


class JoinCsim:
    """A compiled simulation of the component. CompileError where g++ or hls4ml is missing."""

    def __init__(self, name: str, cards: Sequence[str], joint: Joint, classes: int, groups: int) -> None:
        if shutil.which("g++") is None:
            raise CompileError("g++ is missing; C simulation needs it", fix="run `apt install g++`")
        self.cards, self.joint, self.classes = tuple(cards), joint, classes
        types = Path(os.path.dirname(hls4ml().__file__)) / "templates" / "vivado" / "ap_types"
        parts = join_component(name, cards, joint, classes, groups, part="", clock_ns=5)
        with tempfile.TemporaryDirectory(prefix="cardc-join-csim-") as temporary:
            folder = Path(temporary)
            for path, text in parts.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
            (folder / "bridge.cpp").write_text(self._bridge(name), encoding="utf-8")
            flags = ["-O1", "-fPIC", "-shared", "-std=c++11", "-Wno-unknown-pragmas", f"-I{types}", "-I."]
            command = ["g++", *flags, f"firmware/{name}_join.cpp", "bridge.cpp", "-o", "join.so"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
            if done.returncode != 0:
                said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
                fix = "use g++ 9 or newer"
                raise CompileError(f"g++ could not compile the join: {said}", node=name, fix=fix, exit_code=1)
            self._library = ctypes.CDLL(str(folder / "join.so"))

    def run(self, runs: NDArray[np.bool_], picks: Array, results: Sequence[Array]) -> NDArray[np.int64]:
        """[N, classes] for picks [N, picked], and of each card [N, classes], read where `runs` [N, cards]."""
        data = np.ascontiguousarray(np.stack([np.asarray(r, np.int32) for r in results], 1))
        out = np.zeros((len(data), self.classes), np.int32)
        for i, (row, to) in enumerate(zip(data, out, strict=True)):
            mask = np.ascontiguousarray(runs[i], np.uint8)
            pick = int(picks[i, 0]) if picks.shape[1] else 0
            pointers = [ctypes.c_void_p(a.ctypes.data) for a in (row, mask, to)]
            left = self._library.simulated(pick, *pointers)
            if left:
                raise AssertionError("the component left results unread")
        return out.astype(np.int64)

    def _bridge(self, name: str) -> str:
        top, n = f"{name}_join", self.classes
        streams = "".join(f"    static hls::stream<int> {card};\n" for card in self.cards)
        fill = "".join(
            f"    if (runs[{k}])\n        for (unsigned j = 0; j < {n}; j++) {card}.write(x[{k * n} + j]);\n"
            for k, card in enumerate(self.cards)
        )
        gate = [f"    static hls::stream<{top}_pick_t> pick;\n    pick.write({top}_pick_t(picked));\n"]
        ports = ", ".join([*(["pick"] if self.joint.picked else []), *self.cards, "out"])
        empty = " && ".join(f"{card}.empty()" for card in self.cards)
        return (
            f'#include "firmware/{top}.h"\n'
            'extern "C" int simulated(unsigned picked, const int *x, const unsigned char *runs, int *to) {\n'
            f"{streams}    static hls::stream<int> out;\n    (void)picked;\n"
            f"{gate[0] if self.joint.picked else ''}{fill}    {top}({ports});\n"
            f"    for (unsigned j = 0; j < {n}; j++) to[j] = out.read();\n"
            f"    return {empty} && out.empty() ? 0 : 1;\n}}\n"
        )
