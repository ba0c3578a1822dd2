"""Where the hardware begins and what it is called: the input boundary, the target, the project's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import onnx_ir as ir

from ...errors import CompileError
from ...identifiers import identifier
from ...ops.base import operand
from ...ops.qtype import find_qtype
from ...targets.base import Target

INPUT = "x_in"
# hls4ml's backends whose C simulation is compared with the integer graph in the tests.
BACKENDS = ("Vitis", "Vivado", "VivadoAccelerator")
# Those that cannot pass it, and why.
_AC = "it writes ac_int and ac_channel, and cardc's layers are written in ap_int and hls::stream"
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "Catapult": _AC,
        "Quartus": _AC,
        "oneAPI": "its C simulation needs Intel's icpx and SYCL pipes, so nothing of it could be compared",
        "Libero": "its C simulation needs Microchip's SmartHLS, so nothing of it could be compared",
        "SymbolicExpression": "it computes formulas, not layers",
        "VitisAccelerator": "hls4ml 1.3.0 has no backend of that name",
    }
)
# What hls4ml's own files, types and variables are called: a project of such a name would collide with them.
_TAKEN = re.compile(
    r"(nnet|cardc|ap|hls)(_.*)?|(input|result|layer|config|w|b|threshold|falling|multiplier|offset)\d*(_.*)?"
    r"|defines|parameters|weights|firmware|trace_.*|(allocate|free|collect)_trace.*|dump_.*|" + INPUT
)
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def split_host(model: ir.Model) -> tuple[ir.Value, list[ir.Node]]:
    """The tensor of integers where the hardware begins, and the nodes behind it.

    Everything from the float graph input up to and with the input quantiser stays on the host.
    """
    if len(model.graph.inputs) != 1:
        raise CompileError(
            f"a model of {len(model.graph.inputs)} inputs is not supported by the hls4ml backend",
            fix="give the model one input",
        )
    host: list[ir.Node] = []
    hardware: list[ir.Node] = []
    first = model.graph.inputs[0]
    candidates = [first] if find_qtype(first) is not None else []
    for node in model.graph:
        on_integers = find_qtype(operand(node, 0)) is not None
        (hardware if on_integers else host).append(node)
        if not on_integers and find_qtype(node.outputs[0]) is not None:
            candidates.append(node.outputs[0])
    if len(candidates) != 1:
        raise CompileError(
            f"the graph has {len(candidates)} input quantisers, not one",
            node=host[0] if host else None,
            fix="quantise the input once, and compile to the integer level first",
        )
    return candidates[0], hardware


def check_target(target: Target, chosen: str = "") -> str:
    """The hls4ml backend for `target`: `chosen`, else the board's own.

    CompileError unless it is one that passes the tests, and the target one that it can build for.
    """
    if target.backend != "hls4ml":
        raise CompileError(
            f"target {target.name} is built by backend {target.backend!r}, not by hls4ml",
            fix="choose an FPGA board: `cardc targets` lists them",
        )
    backend = chosen or target.hls4ml_backend
    if backend not in BACKENDS:
        why = f": {REFUSED[backend]}" if backend in REFUSED else ""
        raise CompileError(
            f"hls4ml backend {backend!r} is not supported{why}",
            node=target.name,
            fix=f"use one of {', '.join(BACKENDS)} (`hls4ml_backend` in the board's file, or the option `backend`)",
        )
    if backend == "VivadoAccelerator" and not target.hls4ml_board:
        raise CompileError(
            "hls4ml has no ready-made design for this board",
            node=target.name,
            fix="use backend Vitis or Vivado, which export an IP core, or set `hls4ml_board` in the board's file",
        )
    if not _PART.fullmatch(target.part):  # it goes into Tcl
        raise CompileError(
            f"{target.part!r} is no part name", node=target.name, fix="use letters, digits, '.', '_' and '-'"
        )
    return backend


def project_name(model: ir.Model) -> str:
    """The top function's name: the graph's, made fit for C++, Tcl and hls4ml's own names."""
    name = identifier(model.graph.name or "network")
    return identifier(f"{name[:24]}_net") if _TAKEN.fullmatch(name.lower()) else name
