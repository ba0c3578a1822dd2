"""What the builds of a model and of a whole deck have in common: a project, a report, and a folder for both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

from ..project import Project
from ..report import Exact, Report, require_fit

DEFAULT_EMULATED = 1000
VERSIONS = ("cardc", "numpy", "onnx", "onnx_ir", "qonnx")


def silent(stage: str, done: int, total: int) -> None:
    """A progress watcher that says nothing."""


class Made(ABC):
    """Everything is made when it is first asked for, and kept. `exact` is the verdict of the last `verify`, if any."""

    exact: Exact | None = None

    @cached_property
    @abstractmethod
    def project(self) -> Project:
        """The emitted files, in memory."""

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

    def _write(self, folder: str | Path, more: dict[str, str]) -> None:
        """The project with its reports and `more` files, all or nothing; CompileError where it does not fit."""
        require_fit(self.report)
        files = {"report.json": self.report.to_json(), "report.html": self.report.to_html()}
        self.project.with_files(files | more).write(Path(folder))
