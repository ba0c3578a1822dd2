"""QONNX export: Brevitas' exporter, then stable names and nothing of this machine in the file.

Brevitas 0.13.4 offers two exporters. The TorchScript one (`dynamo=False`) is used: it names nodes by module
and keeps BipolarQuant -> Mul(mask) -> Conv as trained. The dynamo one shares initializers that happen to hold
equal numbers (a scale with a batch norm's variance), slices weights, writes Gemm, and stores stack traces
with file paths.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx_ir as ir
import torch
from torch import Tensor, nn

from ...errors import CompileError
from .points import INPUT, OUTPUT, as_input, quantisers
from .recipe import one_thread

OPSET, IR_VERSION = 17, 8
_QUANTISERS = {"Quant", "IntQuant", "BipolarQuant", "Trunc", "FloatQuant"}


def export_qonnx(module: nn.Module, sample: Tensor, path: str | os.PathLike[str]) -> None:
    """Write `module` (any Brevitas module with one input and one output) to `path` as QONNX, batch 1, eval
    mode.

    `sample` [N, ...] gives the input's shape. The graph's input is called "input", its output "output", and
    the output of each activation quantiser as in `quantised_tensors`. Same module, same bytes. The module is
    left as it was. Raises CompileError where Brevitas cannot export it or the graph does not show every
    quantiser.
    """
    sample = as_input(sample)[:1]
    names = [point.name for point in quantisers(module, sample)[0]]
    model = ir.serde.deserialize_model(_exported(module, sample))
    _check_signature(model)
    model = _bare(model)
    _rename(model, names)
    Path(path).write_bytes(_with_shapes(model).SerializeToString(deterministic=True))


def _exported(module: nn.Module, sample: Tensor) -> onnx.ModelProto:
    from brevitas.export import export_qonnx as brevitas_export

    # Of a copy, since Brevitas leaves handlers and cached scales behind, and export mode when it fails.
    module = copy.deepcopy(module).eval()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), one_thread(), _no_graph_dump():
        warnings.simplefilter("ignore")
        try:
            exported: onnx.ModelProto = brevitas_export(
                module, args=sample, dynamo=False, opset_version=OPSET, keep_initializers_as_inputs=False
            )
        except Exception as error:  # whatever torch and Brevitas raise, its first line says which operator
            reason = (str(error).splitlines() or [""])[0]
            raise CompileError(
                f"Brevitas cannot export the module: {type(error).__name__}: {reason}",
                fix="use Brevitas layers and operators that have a QONNX form",
                stage="export",
            ) from error
    return exported


@contextlib.contextmanager
def _no_graph_dump() -> Iterator[None]:
    """Keep torch from printing the whole graph when an export fails: 2.13 does so even where its log is off."""
    log = torch._C._jit_onnx_log
    torch._C._jit_onnx_log = lambda *_: None
    try:
        yield
    finally:
        torch._C._jit_onnx_log = log


def _check_signature(model: ir.Model) -> None:
    graph = model.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise CompileError(
            f"the module has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs",
            fix="export a module that takes one tensor and returns one",
            stage="export",
        )


def _bare(model: ir.Model) -> ir.Model:
    """`model` with a fixed header and without comments, which hold paths and versions of this machine."""
    graph = model.graph
    graph.name, graph.doc_string = "card", None
    graph.metadata_props.clear()
    for node in graph:
        node.doc_string = None
        node.metadata_props.clear()
    used = {node.domain for node in graph}
    imports = {domain: version for domain, version in sorted(graph.opset_imports.items()) if domain in used | {""}}
    graph.opset_imports.clear()
    graph.opset_imports.update(imports)
    return ir.Model(graph, ir_version=IR_VERSION, producer_name="cardc")


def _rename(model: ir.Model, quantiser_names: list[str]) -> None:
    """Name every node by its module and operator, every tensor by its node, and the quantisers' outputs as given."""
    graph = model.graph
    found = list(_activation_quantisers(graph))
    if len(found) != len(quantiser_names):
        raise CompileError(
            f"the exported graph has {len(found)} activation quantisers, the module {len(quantiser_names)}",
            fix="make every quantiser part of the module's forward pass",
            stage="export",
        )
    fixed = {id(node.outputs[0]): name for node, name in zip(found, quantiser_names, strict=True)}
    fixed[id(graph.inputs[0])] = INPUT
    fixed.setdefault(id(graph.outputs[0]), OUTPUT)
    taken = set(fixed.values())
    for node in graph:
        node.name = _plain(node.name or node.op_type)
        for i, value in enumerate(node.outputs):
            stem = node.name if i == 0 else f"{node.name}.{i}"
            value.name = fixed.get(id(value)) or _unused(stem, taken)
    graph.inputs[0].name = INPUT
    for value in list(graph.initializers.values()):
        value.name = _unused(_plain(value.name or "constant"), taken)


def _with_shapes(model: ir.Model) -> onnx.ModelProto:
    """`model` with the shape of every tensor; torch gives those of the quantisers, which ONNX itself does not know."""
    proto = onnx.shape_inference.infer_shapes(ir.serde.serialize_model(model))
    shapes = {info.name: info for info in proto.graph.value_info}
    order = [name for node in proto.graph.node for name in node.output if name in shapes]
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(shapes[name] for name in order)
    return proto


def _activation_quantisers(graph: ir.Graph) -> Iterator[ir.Node]:
    """Quantiser nodes whose data comes from the graph's input (the others quantise weights and biases)."""
    live = {id(graph.inputs[0])}
    for node in graph:
        if any(id(value) in live for value in node.inputs):
            live |= {id(value) for value in node.outputs}
            if node.op_type in _QUANTISERS:
                yield node


def _plain(name: str) -> str:
    """`/conv1/weight_quant/export_handler/BipolarQuant` becomes `conv1.weight_quant.BipolarQuant`."""
    for noise in ("/export_handler", ".tensor_quant.scaling_impl", "/tensor_quant", "_output_0"):
        name = name.replace(noise, "")
    return name.strip("/").replace("/", ".")


def _unused(stem: str, taken: set[str]) -> str:
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}.{count}"
    taken.add(name)
    return name
