"""What every build can do, whatever its backend."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..compiler import Lowered
from ..errors import CompileError
from ..ops.base import Array
from ..ops.execute import execute
from ..project import Project
from ..report import Exact, Report, require_fit
from ..targets.base import Target
from ..verify.run import Progress, Stage, check_inputs, entry, verify

DEFAULT_EMULATED = 1000
VERSIONS = ("cardc", "numpy", "onnx", "onnx_ir", "qonnx")


def silent(stage: str, done: int, total: int) -> None:
    """A progress watcher that says nothing."""


class Build(ABC):
    """One model on one board. Everything is made when it is first asked for, and kept."""

    def __init__(self, lowered: Lowered, target: Target) -> None:
        self.lowered, self.target = lowered, target
        self.exact: Exact | None = None
        _ = self.project  # what the backend refuses is refused now

    @property
    def name(self) -> str:
        """The name of the library or project: a C identifier."""
        return self.lowered.name

    @cached_property
    @abstractmethod
    def project(self) -> Project:
        """The emitted files, in memory."""

    @abstractmethod
    def stages(self, inputs: int, emulated: int) -> Sequence[Stage]:
        """The compiled forms that `verify` compares; emulators get `emulated` of the `inputs` samples."""

    @abstractmethod
    def run_integers(self, x: Array) -> Array:
        """Results [N, ...] (int64) for quantised inputs [N, ...], from the emulated board or C simulation."""

    @abstractmethod
    def _measure(self) -> Report:
        """The report, measured, without the verdict of `verify`."""

    @cached_property
    def _measured(self) -> Report:
        return self._measure()

    @property
    def report(self) -> Report:
        """Size, cost and fit; with the verdict of the last `verify`, if any."""
        return self._measured.replace(exact=self.exact)

    def quantize(self, x: Array) -> Array:
        """The model's input x [N, ...] (real numbers) as the integers that the board is given (int64)."""
        floats = check_inputs(self.lowered.imported, x)
        graph = self.lowered.integer.graph
        return execute(self.lowered.integer, {graph.inputs[0].name or "": floats})[entry(self.lowered.integer)]

    def emulate(self, x: Array) -> Array:
        """The model's integer results [N, ...] for x [N, ...], on the emulated CPU or in hls4ml C simulation.

        Raises CompileError where x does not fit the model's input.
        """
        return self.run_integers(self.quantize(x))

    def verify(
        self,
        inputs: Array,
        labels: Array | None = None,
        *,
        emulated_inputs: int | None = None,
        progress: Progress = silent,
    ) -> Exact:
        """Run the whole equality chain on this board; the verdict also enters the report."""
        low, n = self.lowered, len(np.atleast_1d(inputs))
        stages = self.stages(n, min(n, emulated_inputs or DEFAULT_EMULATED))
        self.exact = verify(
            low.imported, low.integer, low.proto, inputs, stages, labels=labels, module=low.module, progress=progress
        )
        return self.exact

    def single_header(self) -> str:
        """The whole library as one C header. Raises CompileError where the build is no C library."""
        fix = "compile for a microcontroller: `cardc targets` lists them"
        raise CompileError(f"{self.target.title} gets no C library", fix=fix)

    def write(self, folder: str | Path, *, single_header: bool = False) -> None:
        """Write the project with report.json and report.html into `folder`, all or nothing; with `single_header`, the
        library as one file too, single/NAME.h.

        Raises CompileError where the design does not fit the board, or the folder holds files not ours.
        """
        require_fit(self.report)
        files = {"report.json": self.report.to_json(), "report.html": self.report.to_html()}
        if single_header:
            files[f"single/{self.name.lower()}.h"] = self.single_header()
        self.project.with_files(files).write(Path(folder))

    def provenance(self) -> dict[str, str]:
        """Versions and digests: no time, no path, so that equal input gives equal bytes."""
        model = hashlib.sha256(self.lowered.proto.SerializeToString(deterministic=True)).hexdigest()
        versions = {f"version:{name}": version(name) for name in VERSIONS}
        return versions | {"model:sha256": model, "project:sha256": self.project.digest()}
