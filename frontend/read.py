"""Read an untrusted ONNX file into memory: sizes and external data checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx_ir as ir
from google.protobuf.message import DecodeError

from ..errors import CompileError, printable

MAX_BYTES = 1 << 30
_EXPORT = "export the model with brevitas.export.export_qonnx or torch.onnx.export"


def read_model(path: str | Path) -> ir.Model:
    """The model in the ONNX file `path`, all of its tensors in memory.

    Raises CompileError where the file is missing, too large, no ONNX, or reaches outside its folder.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise CompileError(f"no such model file: {path.name!r}", node=str(path), fix="check the path")
        if path.stat().st_size > MAX_BYTES:
            raise CompileError(
                f"{path.name} is larger than {MAX_BYTES >> 20} MiB", node=str(path), fix="use a smaller model"
            )
        # By content, never by the file's ending: a text format would be read as such otherwise.
        model = ir.load(path, format="protobuf")
    except OSError as error:
        raise CompileError(
            f"cannot read {path.name!r}: {error.strerror}", node=str(path), fix="check the path and its permissions"
        ) from error
    except (DecodeError, ValueError, TypeError, KeyError, RuntimeError, NotImplementedError) as error:
        raise _no_model(path, _first_line(error)) from error
    if not model.graph.outputs or (not len(model.graph) and not model.graph.initializers):
        raise _no_model(path, "it holds no graph")
    _load_tensors(model, path.resolve().parent)
    return model


def _no_model(path: Path, reason: str) -> CompileError:
    return CompileError(f"{path.name} is not an ONNX model: {reason}", node=str(path), fix=_EXPORT)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _load_tensors(model: ir.Model, folder: Path) -> None:
    """Bring every tensor into memory; external ones only from files inside the model's own folder."""
    for name, value, attr in _tensors(model.graph):
        tensor = value.const_value if value is not None else attr[0].attributes[attr[1]].as_tensor() if attr else None
        if tensor is None:
            continue
        if isinstance(tensor, ir.ExternalTensor):
            _check_external(tensor, name, folder)
        loaded = _loaded(tensor, name)
        if value is not None:
            value.const_value = loaded
        elif attr is not None:
            attr[0].attributes[attr[1]] = ir.AttrTensor(attr[1], loaded)


def _tensors(graph: ir.Graph) -> Iterator[tuple[str, ir.Value | None, tuple[ir.Node, str] | None]]:
    """Every tensor of the graph: initializers by value, attributes by node and name."""
    for value in graph.initializers.values():
        yield printable(value.name or "?"), value, None
    for node in graph:
        for key in [k for k, a in node.attributes.items() if a.type == ir.AttributeType.TENSOR]:
            yield f"{printable(node.name or node.op_type)}.{printable(key)}", None, (node, key)


def _check_external(tensor: ir.ExternalTensor, name: str, folder: Path) -> None:
    where = printable(str(tensor.location))
    try:
        place = (folder / tensor.location).resolve()
        inside = place.is_relative_to(folder) and place != folder
        there = inside and place.is_file() and place.stat().st_size <= MAX_BYTES
    except (OSError, ValueError):  # a NUL in the path, a loop of links
        inside = there = False
    if not inside:
        raise CompileError(
            f"tensor {name!r} lies outside the model's folder",
            node=where,
            fix="save the model with its data inside, or beside it in the same folder",
        )
    if not there or tensor.nbytes > MAX_BYTES:
        raise CompileError(
            f"the data file of tensor {name!r} is missing or too large", node=where, fix="keep it beside the model"
        )


def _loaded(tensor: ir.TensorProtocol, name: str) -> ir.TensorProtocol:
    """A copy of `tensor` in memory, which shows that its data is as long as its shape says."""
    if tensor.dtype == ir.DataType.STRING:
        raise CompileError(f"tensor {name!r} holds strings", node=name, fix="remove it from the model")
    try:
        return ir.Tensor(tensor.numpy().copy(), dtype=tensor.dtype, name=tensor.name)
    except (OSError, ValueError, TypeError, OverflowError, MemoryError, RuntimeError) as error:
        raise CompileError(
            f"the data of tensor {name!r} does not fit its shape: {_first_line(error)}",
            node=name,
            fix="export the model again",
        ) from error
