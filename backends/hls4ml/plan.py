"""Integer graph and target to a plan of hls4ml layers; no hls4ml needed, nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import onnx_ir as ir

from ...errors import CompileError, raise_all
from ...ops.base import CARDC, ONNX, ints, shape_of
from ...ops.qtype import qtype
from ...targets.base import Target
from . import lower_elementwise, lower_joins, lower_linear, lower_moves, lower_windows
from .builder import Builder
from .distributed import with_fixed_inputs
from .edges import INPUT, check_target, project_name, split_host
from .layer import Layer, Plan, Tensor
from .layout import Layout
from .options import Options
from .types import narrowest

# How many copies of a stream hls4ml's clone_stream can make.
_READERS = 7

LOWERINGS: Mapping[tuple[str, str], Callable[[ir.Node, Builder], None]] = MappingProxyType(
    {
        (CARDC, "MatMul"): lower_linear.matmul,
        (CARDC, "Conv"): lower_linear.conv,
        (CARDC, "Threshold"): lower_elementwise.threshold,
        (CARDC, "Requantize"): lower_elementwise.requantize,
        (CARDC, "Affine"): lower_elementwise.affine,
        (CARDC, "Add"): lower_joins.add,
        (CARDC, "Concat"): lower_joins.concat,
        (CARDC, "ArgMax"): lower_joins.argmax,
        (CARDC, "MaxPool"): lower_windows.maxpool,
        (CARDC, "SumPool"): lower_windows.sumpool,
        (CARDC, "Resize"): lower_moves.resize,
        (CARDC, "Pad"): lower_moves.pad,
        (CARDC, "ZeroStuff"): lower_moves.zero_stuff,
        (ONNX, "Transpose"): lower_moves.transpose,
        (ONNX, "Flatten"): lower_moves.reshape,
        (ONNX, "Reshape"): lower_moves.reshape,
    }
)


def make_plan(model: ir.Model, target: Target, options: Options) -> Plan:
    """The layers of `model` on `target`, in order.

    CompileError (all nodes at once) for an operator without a lowering, a graph that is not at the integer
    level, a layer too large for io_parallel, or a target that is no hls4ml target.
    """
    backend = check_target(target, options.backend)
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
    end = _single_output(model, builder)
    _check_fan_out(builder)
    layers, views = with_fixed_inputs(builder.layers), tuple(builder.views)
    return Plan(project_name(model), builder.io_type, layers, boundary, end, backend, views, builder.choices)


def _unsupported(node: ir.Node) -> CompileError:
    names = ", ".join(sorted({name for _, name in LOWERINGS}))
    return CompileError(
        f"operator {node.op_type} is not supported by the hls4ml backend",
        node=node,
        fix=f"use operators that become {names}, or a microcontroller target",
    )


def _io_type(nodes: list[ir.Node], target: Target, options: Options) -> str:
    windows = any(node.op_type in ("Conv", "MaxPool", "SumPool") for node in nodes)
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
    layout, q = _input_layout(boundary), qtype(boundary)
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
    builder.tensors[boundary.name or ""] = Tensor(boundary.name or "", name, layout, q)


def _input_layout(boundary: ir.Value) -> Layout:
    """Channels last as the layers want it: where the graph only transposes its input, as the transposition has it."""
    shape = shape_of(boundary)[1:]
    readers = [node for node in boundary.consumers() if node.op_type == "Transpose"]
    perms = {ints(node, "perm", ()) for node in readers}
    if len(readers) != len(boundary.uses()) or len(perms) != 1:
        return Layout.natural(shape)
    perm = tuple(p - 1 for p in perms.pop()[1:])
    if sorted(perm) != list(range(len(shape))):
        return Layout.natural(shape)
    inverse = tuple(int(i) for i in np.argsort(perm))
    return Layout.natural(tuple(shape[p] for p in perm)).transposed(inverse)


def _single_output(model: ir.Model, builder: Builder) -> Tensor:
    outputs = list(model.graph.outputs)
    last = builder.layers[-1]
    found = builder.tensors.get(outputs[0].name or "") if len(outputs) == 1 else None
    if found is None or found.layer != last.name or last.class_name == "InputLayer":
        raise CompileError(
            "the hls4ml backend takes a graph with one integer output, computed by its last node",
            fix="give the model one output",
        )
    return found


def _check_fan_out(builder: Builder) -> None:
    readers = Counter(name for layer in builder.layers for name in layer.inputs)
    used = {*readers, builder.layers[-1].name}
    for layer in builder.layers:
        if builder.io_type == "io_stream" and readers[layer.name] > _READERS:
            raise CompileError(
                f"a tensor that {readers[layer.name]} layers read is not possible in a stream (at most {_READERS})",
                node=layer.node,
                fix="use io_type io_parallel, or fewer branches",
            )
        if layer.name not in used:
            raise CompileError(
                "a tensor is computed that nothing reads", node=layer.node, fix="remove the layer from the model"
            )
