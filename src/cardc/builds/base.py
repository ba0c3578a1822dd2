"""What every build can do, whatever its backend."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..compiler import Lowered
from ..errors import CompileError
from ..ops.base import Array
from ..ops.execute import execute
from ..report import Exact
from ..targets.base import Target
from ..verify.run import Progress, Stage, check_inputs, entry, verify
from .made import DEFAULT_EMULATED, VERSIONS, Made, silent


class Build(Made):
    """One model on one board."""

    def __init__(self, lowered: Lowered, target: Target) -> None:
        self.lowered, self.target = lowered, target
        _ = self.project  # what the backend refuses is refused now

    @property
    def name(self) -> str:
        """The name of the library or project: a C identifier."""
        return self.lowered.name

    @abstractmethod
    def stages(self, inputs: int, emulated: int) -> Sequence[Stage]:
        """The compiled forms that `verify` compares; emulators get `emulated` of the `inputs` samples."""

    @abstractmethod
    def run_integers(self, x: Array) -> Array:
        """Results [N, ...] (int64) for quantised inputs [N, ...], from the emulated board or C simulation."""

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
        self._write(folder, {f"single/{self.name.lower()}.h": self.single_header()} if single_header else {})

    def provenance(self) -> dict[str, str]:
        """Versions and digests: no time, no path, so that equal input gives equal bytes."""
        model = hashlib.sha256(self.lowered.proto.SerializeToString(deterministic=True)).hexdigest()
        versions = {f"version:{name}": version(name) for name in VERSIONS}
        return versions | {"model:sha256": model, "project:sha256": self.project.digest()}
