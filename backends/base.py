"""What a backend is: an integer-level graph and a target in, files out, nothing written."""

from __future__ import annotations

from typing import Protocol

import onnx_ir as ir

from ..project import Project
from ..targets.base import Target


class Backend(Protocol):
    """Turns a lowered graph into a project for one kind of target.

    `emit` changes neither argument and gives the same bytes for the same graph, options and target.
    It raises CompileError, with node and remedy, for what it cannot express exactly.
    """

    name: str

    def emit(self, model: ir.Model, target: Target) -> Project: ...
