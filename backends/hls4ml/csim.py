"""C simulation of a project through hls4ml's own compile(), predict() and trace()."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array
from ...targets.base import Target
from .emit import collect, emit
from .generate import hls_model
from .layer import Plan
from .options import Options
from .plan import make_plan
from .readback import check
from .reference import check_input
from .vendor import quiet

# Values cross the bridge between Python and C++ as doubles.
_EXACT_BITS = 53
_TRACE = re.compile(r"#ifndef __SYNTHESIS__\n    nnet::save_layer_output<[^\n]*\n#endif\n")


class Csim:
    """A compiled C simulation; `compile_seconds` is what g++ took.

    Its sources are those of `emit(model, target, options)` but for the lines that record layer outputs: that
    is checked, not assumed. Use as a context manager, or call `close` to remove the temporary folder.
    """

    def __init__(self, model: ir.Model, target: Target, options: Options | None = None) -> None:
        """CompileError as for `emit`, and where g++ is missing or fails."""
        options = options or Options()
        if shutil.which("g++") is None:
            raise CompileError("g++ is missing; hls4ml's C simulation needs it", fix="run `apt install g++`")
        project = emit(model, target, options)
        self.plan: Plan = make_plan(model, target, options)
        _check_widths(self.plan)
        self._folder = Path(tempfile.mkdtemp(prefix="cardc-csim-"))
        # Also where nobody calls close(): with this object, or at the latest with the process.
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._model: Any = hls_model(self.plan, target, self._folder)
        self._model.config.trace_output = True
        start = time.perf_counter()
        self._compile()
        self.compile_seconds = time.perf_counter() - start
        # trace() compiles again each time; the library at hand already records.
        self._model.compile = lambda: None
        self._compare(project.files)

    def _compile(self) -> None:
        with quiet() as said:
            try:
                self._model.compile()
            except Exception as error:  # hls4ml raises bare Exceptions
                errors = [line for line in said.getvalue().splitlines() if "error:" in line]
                raise CompileError(
                    f"g++ could not compile the project: {errors[0] if errors else error}",
                    node=self.plan.project,
                    fix="use g++ 9 or newer; if it is, report this message",
                    exit_code=1,
                ) from error

    def _compare(self, emitted: Mapping[PurePosixPath, bytes]) -> None:
        files = {p: c for p, c in collect(self._folder).items() if p.suffix != ".so"}
        check(files, self.plan)
        for path, content in files.items():
            plain = _TRACE.sub("", content.decode("utf-8")).encode() if path.suffix == ".cpp" else content
            if path.parts[0] == "firmware" and emitted.get(path) != plain:
                raise CompileError(
                    "hls4ml wrote other sources for simulation than for the project",
                    node=str(path),
                    fix="report this message",
                    exit_code=1,
                )

    def run(self, x: Array) -> NDArray[np.int64]:
        """The output tensor for quantised integers `x` [N, *shape], channels-first, as the graph has it.

        CompileError unless `x` are integers of the input's shape and type.
        """
        given, layout = self._given(x), self.plan.exit.layout
        if not len(x):
            return np.empty((0, *layout.shape), np.int64)
        with quiet():
            y = self._model.predict(given)
        return layout.from_hls(_integers(y).reshape(len(x), layout.order.size))

    def trace(self, x: Array) -> dict[str, NDArray[np.int64]]:
        """Every tensor of the hardware by its name in the graph, channels-first, for integers `x`."""
        given = self._given(x)
        if not len(x):
            layouts = {t.value: t.layout for t in self.plan.layers} | {t.value: t.layout for t in self.plan.views}
            return {name: np.empty((0, *t.shape), np.int64) for name, t in layouts.items() if name}
        with quiet():
            _, traced = self._model.trace(given)
        raw: dict[str, NDArray[np.int64]] = {}
        values: dict[str, NDArray[np.int64]] = {}
        for layer in self.plan.layers:
            if not layer.inputs:
                raw[layer.name] = _integers(given)
            else:  # A layer that is not traced only reshapes: the same elements in the same order as before it.
                raw[layer.name] = _integers(traced[layer.name]) if layer.traced else raw[layer.inputs[0]]
            if layer.value:
                values[layer.value] = layer.layout.from_hls(raw[layer.name])
        return values | {view.value: view.layout.from_hls(raw[view.layer]) for view in self.plan.views}

    def _given(self, x: Array) -> NDArray[np.float64]:
        integers = check_input(self.plan.boundary, np.asarray(x))
        return np.ascontiguousarray(self.plan.first.layout.to_hls(integers).astype(np.float64))

    def close(self) -> None:
        """Remove the temporary folder; the simulation cannot run afterwards."""
        self._remove()

    def __enter__(self) -> Csim:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_widths(plan: Plan) -> None:
    for layer in plan.layers:
        if layer.result.width > _EXACT_BITS:
            raise CompileError(
                f"a tensor of {layer.result.width} bits cannot be simulated exactly (at most {_EXACT_BITS})",
                node=layer.node,
                fix="requantise it to fewer bits",
            )


def _integers(y: Array) -> NDArray[np.int64]:
    rounded = np.asarray(y).astype(np.int64)
    if not np.array_equal(rounded, y):
        raise AssertionError("the simulation gave numbers that are no integers")
    return rounded
