"""A plan to hls4ml's own model, every precision explicit, and to files in a folder."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import CompileError
from ...targets.base import Target
from .fifo import needed_depths
from .layer import Layer, Plan
from .options import DISTRIBUTED
from .vendor import hls4ml, need_da4ml, quiet
from .written import read

_FLOAT_BITS = 24


def layer_entry(layer: Layer) -> dict[str, Any]:
    """What `ModelGraph.from_layer_list` is told of `layer`."""
    entry: dict[str, Any] = {"name": layer.name, "class_name": layer.class_name, **layer.attributes}
    entry |= {f"{w.name}_data": w.stored for w in layer.weights}
    if layer.inputs:
        entry["inputs"] = list(layer.inputs)
    return entry


def layer_config(layer: Layer) -> dict[str, Any]:
    """Precisions, strategy and reuse of `layer`; there is no default for hls4ml to fall back on."""
    precision = {"result": layer.result.cpp} | {w.name: w.type.cpp for w in layer.weights}
    if layer.accum is not None:
        precision["accum"] = layer.accum.cpp
    return {
        "Precision": precision,
        "ReuseFactor": layer.reuse,
        "Strategy": layer.strategy,
        "Trace": layer.traced,
    }


def _config(plan: Plan, target: Target, folder: Path, backend: Any) -> dict[str, Any]:
    names = {layer.name: layer_config(layer) for layer in plan.layers}
    for layer in plan.layers:
        names[f"clone_{layer.name}"] = {**layer_config(layer), "Trace": False}  # where several layers read a stream
        if layer.class_name == "Reshape":  # hls4ml may put a repacking of the stream in its place
            names[f"repack_{layer.name}"] = {**layer_config(layer), "Trace": False}
    period = target.clock_period_ns
    settings: dict[str, Any] = {
        "part": target.part,
        "clock_period": int(period) if period == int(period) else round(period, 6),
        "io_type": plan.io_type,
    }
    if plan.backend == "VivadoAccelerator":
        settings |= {"board": target.hls4ml_board}
    config: dict[str, Any] = backend.create_initial_config(**settings)
    config |= {
        "Backend": plan.backend,
        "ProjectName": plan.project,
        "OutputDir": str(folder),
        "HLSConfig": {"Model": {"ReuseFactor": 1, "Strategy": "Latency"}, "LayerName": names},
    }
    return config


def hls_model(plan: Plan, target: Target, folder: Path) -> Any:
    """hls4ml's ModelGraph of `plan`, its output folder set, ready to be written.

    CompileError where hls4ml itself fails.
    """
    package = hls4ml()
    if any(layer.strategy == DISTRIBUTED for layer in plan.layers):
        need_da4ml()
    backend = package.backends.get_backend(plan.backend)
    if plan.backend == "VivadoAccelerator":
        _check_accelerator(plan, target, package)
    entries = [layer_entry(layer) for layer in plan.layers]
    graph = package.model.graph.ModelGraph
    with quiet() as said:
        try:
            model = graph.from_layer_list(_config(plan, target, folder, backend), entries)
            model.apply_flow(backend.get_default_flow())
            if plan.io_type == "io_stream":
                _set_depths(model, plan, folder)
        except Exception as error:  # hls4ml raises bare Exceptions
            raise _failed("hls4ml could not convert the graph", error, said.getvalue(), plan) from error
    return model


def _check_accelerator(plan: Plan, target: Target, package: Any) -> None:
    """CompileError where hls4ml has no design for the board, or would build it for another part, or a value would not
    survive the float that its AXI wrapper carries it in."""
    folder = Path(package.backends.vivado_accelerator.__file__).parent
    boards = json.loads((folder / "supported_boards.json").read_text(encoding="utf-8"))
    if target.hls4ml_board not in boards:
        raise CompileError(
            f"hls4ml has no design for a board {target.hls4ml_board!r}",
            node=target.name,
            fix=f"use one of {', '.join(sorted(boards))}, or backend Vitis or Vivado",
        )
    part = boards[target.hls4ml_board]["part"]
    if part != target.part:
        raise CompileError(
            f"hls4ml builds board {target.hls4ml_board} for part {part}, not {target.part}",
            node=target.name,
            fix="use backend Vitis or Vivado for this part",
        )
    for layer in (plan.first, plan.last):
        if layer.result.width > _FLOAT_BITS:
            raise CompileError(
                f"{layer.result.width} bits do not fit the 32-bit floats of hls4ml's AXI wrapper exactly",
                node=layer.node,
                fix="use backend Vitis or Vivado",
            )


def _set_depths(model: Any, plan: Plan, folder: Path) -> None:
    """Make each stream as deep as `fifo` says, by the C++ that hls4ml would write."""
    writer = model.config.backend.writer
    for part in (writer.write_project_dir, writer.write_project_cpp, writer.write_defines, writer.write_parameters):
        part(model)
    names = ("defines.h", "parameters.h", f"{plan.project}.cpp")
    paths = [PurePosixPath("firmware") / name for name in names]
    depths = needed_depths(read({path: (folder / path).read_bytes() for path in paths}, plan.project), plan)
    for layer in model.get_layers():
        for name in layer.outputs:
            variable = layer.get_output_variable(name)
            if variable.name in depths:
                variable.pragma = ("stream", depths[variable.name])


def write(model: Any, plan: Plan) -> None:
    """Let hls4ml write its files into the model's output folder."""
    with quiet() as said:
        try:
            model.write()
        except Exception as error:  # hls4ml raises bare Exceptions
            raise _failed("hls4ml could not write the project", error, said.getvalue(), plan) from error


def _failed(what: str, error: Exception, said: str, plan: Plan) -> CompileError:
    text = f"{type(error).__name__}: {error}"
    layer = next((x for x in plan.layers if x.name in text), None)
    tail = said.strip().splitlines()[-1:] or [""]
    return CompileError(
        f"{what}: {text}{f' ({tail[0]})' if tail[0] else ''}",
        node=layer.node if layer is not None else plan.project,
        fix="save the integer graph with --stop-after and report it together with this message",
        exit_code=1,
    )
