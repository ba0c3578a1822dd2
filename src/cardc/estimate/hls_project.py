"""An existing hls4ml project as layers of the estimator: what `cardc estimate` reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import CompileError
from .hls_folder import HlsFolder, open_folder
from .hls_layers import read_layer
from .hls_matrix import HlsReader
from .hls_source import calls, configs, stream_depths, typedefs
from .layer import FpgaLayer, Tool

_FAMILIES = {
    "Vivado": "vivado", "VivadoAccelerator": "vivado", "Vitis": "vitis", "VitisUnified": "vitis",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HlsProject:
    """The layers of a project in order, the tool it is for, and what could not be read of it."""

    name: str
    tool: Tool
    io_type: str
    layers: tuple[FpgaLayer, ...]
    notes: tuple[str, ...]


def read_project(path: Path) -> HlsProject:
    """Read the project that hls4ml (1.x; Vivado and Vitis) wrote to `path`.

    CompileError where the folder is no such project, is for another tool, or contradicts itself.
    """
    folder = open_folder(path)
    tool, io_type = _tool(folder), folder.settings["IOType"]
    if io_type not in ("io_parallel", "io_stream"):
        raise CompileError(f"IOType {io_type!r} is not known", node=str(path), fix="use io_parallel or io_stream")
    reader = HlsReader(folder, typedefs(folder.defines), configs(folder.parameters), io_type, stream_depths(folder.top))
    found = [read_layer(call, reader) for call in calls(folder.top)]
    if not found:
        raise CompileError(
            f"firmware/{folder.project}.cpp calls no layers",
            node=str(path),
            fix="let hls4ml write the project again (hls_model.write())",
        )
    return HlsProject(folder.project, tool, io_type, tuple(found), tuple(reader.notes))


def _tool(folder: HlsFolder) -> Tool:
    backend, period = folder.settings["Backend"], folder.settings["ClockPeriod"]
    if backend not in _FAMILIES:
        raise CompileError(
            f"no estimates for hls4ml's backend {backend[:40]!r}",
            node=str(folder.path),
            fix=f"use one of {', '.join(sorted(_FAMILIES))}",
        )
    try:
        return Tool(_FAMILIES[backend], float(period))
    except ValueError as error:
        raise CompileError(
            f"ClockPeriod {period[:40]!r} is no clock period in ns", node=str(folder.path), fix="write it as `5`"
        ) from error
