"""Integer graph and target to a plan of hls4ml layers; no hls4ml needed, nothing written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import onnx_ir as ir

from ...errors import CompileError, raise_all
from ...identifiers import identifier
from ...ops.base import CARDC, ONNX, operand, shape_of
from ...ops.qtype import find_qtype, qtype
from ...targets.base import Target
from . import lower_elementwise, lower_linear, lower_moves
from .builder import Builder
from .layer import Layer, Plan, Tensor
from .layout import Layout
from .options import Options
from .types import narrowest

INPUT = "x_in"
LOWERINGS: Mapping[tuple[str, str], Callable[[ir.Node, Builder], None]] = MappingProxyType(
    {
        (CARDC, "MatMul"): lower_linear.matmul,
        (CARDC, "Conv"): lower_linear.conv,
        (CARDC, "Threshold"): lower_elementwise.threshold,
        (CARDC, "Requantize"): lower_elementwise.requantize,
        (CARDC, "Affine"): lower_elementwise.affine,
        (CARDC, "MaxPool"): lower_moves.maxpool,
        (ONNX, "Flatten"): lower_moves.reshape,
        (ONNX, "Reshape"): lower_moves.reshape,
    }
)
# What hls4ml's own files, types and variables are called: a project of such a name would collide with them.
_TAKEN = re.compile(
    r"(nnet|cardc|ap|hls)(_.*)?|(input|result|layer|config|w|b|threshold|falling|multiplier|offset)\d*(_.*)?"
    r"|defines|parameters|weights|firmware|trace_.*|(allocate|free|collect)_trace.*|dump_.*|" + INPUT
)
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def make_plan(model: ir.Model, target: Target, options: Options) -> Plan:
    """The layers of `model` on `target`, in order.

    CompileError (all nodes at once) for an operator without a lowering, a graph that is not at the integer
    level, a layer too large for io_parallel, or a target that is no hls4ml target.
    """
    _check_target(target)
    boundary, nodes = split_host(model)
    unsupported = [node for node in nodes if (node.domain, node.op_type) not in LOWERINGS]
    raise_all([_unsupported(node) for node in unsupported])
    builder = Builder(target, options, _io_type(nodes, target, options))
    _check_names(nodes, options)
    _add_input(boundary, builder)
    errors: list[CompileError] = []
    for node in nodes:
        try:
            LOWERINGS[node.domain, node.op_type](node, builder)
        except CompileError as error:
            errors.append(error)
            break  # what follows needs this node's tensor
    raise_all(errors)
    output = _single_output(model, builder)
    return Plan(project_name(model), builder.io_type, tuple(builder.layers), boundary, output)


def project_name(model: ir.Model) -> str:
    """The top function's name: the graph's, made fit for C++, Tcl and hls4ml's own names."""
    name = identifier(model.graph.name or "network")
    return identifier(f"{name[:24]}_net") if _TAKEN.fullmatch(name.lower()) else name


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


def _unsupported(node: ir.Node) -> CompileError:
    names = ", ".join(sorted({name for _, name in LOWERINGS}))
    return CompileError(
        f"operator {node.op_type} is not supported by the hls4ml backend",
        node=node,
        fix=f"use operators that become {names}, or a microcontroller target",
    )


def _check_target(target: Target) -> None:
    if target.backend != "hls4ml":
        raise CompileError(
            f"target {target.name} is built by backend {target.backend!r}, not by hls4ml",
            fix="choose an FPGA board: `cardc targets` lists them",
        )
    if target.hls4ml_backend != "Vitis":
        raise CompileError(
            f"hls4ml backend {target.hls4ml_backend!r} is not supported",
            node=target.name,
            fix='set `hls4ml_backend = "Vitis"` in the board\'s file',
        )
    if not _PART.fullmatch(target.part):  # it goes into Tcl
        raise CompileError(
            f"{target.part!r} is no part name", node=target.name, fix="use letters, digits, '.', '_' and '-'"
        )


def _io_type(nodes: list[ir.Node], target: Target, options: Options) -> str:
    windows = any(node.op_type in ("Conv", "MaxPool") for node in nodes)
    auto = "io_stream" if windows else "io_parallel"
    io_type = auto if options.io_type == "auto" else options.io_type
    if target.io_types and io_type not in target.io_types:
        raise CompileError(f"target {target.name} does not take {io_type}", fix=f"use {' or '.join(target.io_types)}")
    return io_type


def _check_names(nodes: list[ir.Node], options: Options) -> None:
    known = {node.name for node in nodes}
    wrong = sorted((set(options.reuse) | set(options.strategy)) - known)
    raise_all(
        [
            CompileError(
                "an option names a layer that the graph does not have",
                node=name,
                fix=f"use one of: {', '.join(sorted(n or '' for n in known))}",
            )
            for name in wrong
        ]
    )


def _add_input(boundary: ir.Value, builder: Builder) -> None:
    layout, q = Layout.natural(shape_of(boundary)[1:]), qtype(boundary)
    builder.check_size(boundary.producer(), layout)
    # Its name becomes a parameter of the top function, where a global of that name would be hidden.
    name = builder.name(INPUT)
    builder.layers.append(
        Layer(
            name=name,
            class_name="InputLayer",
            node=None,
            value=boundary.name or "",
            inputs=(),
            layout=layout,
            q=q,
            result=narrowest(q.lo, q.hi),
            attributes={"input_shape": list(layout.hls_shape)},
            traced=False,
        )
    )
    builder.tensors[boundary.name or ""] = Tensor(name, layout, q)


def _single_output(model: ir.Model, builder: Builder) -> ir.Value:
    outputs = list(model.graph.outputs)
    last = builder.layers[-1]
    if len(outputs) != 1 or outputs[0].name != last.value or last.class_name == "InputLayer":
        raise CompileError(
            "the hls4ml backend takes a graph with one integer output, computed by its last node",
            fix="give the model one output",
        )
    if last.class_name == "Reshape":
        raise CompileError(
            "the last node only reshapes, which hls4ml drops",
            node=last.node,
            fix="end the model with a dense layer",
        )
    return outputs[0]
