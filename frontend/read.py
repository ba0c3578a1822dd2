"""Read an untrusted ONNX file into memory: sizes and external data checked before anything is loaded."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from ..errors import CompileError, printable

MAX_BYTES = 1 << 30
_EXPORT = "export the model with brevitas.export.export_qonnx or torch.onnx.export"


def read_model(source: str | Path | onnx.ModelProto) -> ir.Model:
    """The model in an ONNX file or in memory, all of its tensors loaded.

    Raises CompileError where the file is missing, too large, no ONNX, or reaches outside its folder. What is in
    memory only has no folder: its external tensors are refused.
    """
    if isinstance(source, onnx.ModelProto):
        name, folder = source.graph.name or "model", None
        read = functools.partial(ir.from_proto, source)
    else:
        path = Path(source)
        name, folder = path.name, path.resolve().parent if _is_small_file(path) else None
        # By content, never by the file's ending: a text format would be read as such otherwise.
        read = functools.partial(ir.load, path, format="protobuf")
    try:
        model = read()
    except OSError as error:
        what = f"cannot read {printable(name)!r}: {error.strerror}"
        raise CompileError(what, node=str(source), fix="check the path and its permissions") from error
    except (DecodeError, ValueError, TypeError, KeyError, RuntimeError, NotImplementedError) as error:
        raise _no_model(name, source, _first_line(error.__cause__ or error)) from error
    if not model.graph.outputs or (not len(model.graph) and not model.graph.initializers):
        raise _no_model(name, source, "it holds no graph")
    if not all(isinstance(word, str) for word in _words(model.graph)):
        raise _no_model(name, source, "a name in it is no text")
    _load_tensors(model, folder)
    return model


def _words(graph: ir.Graph) -> Iterator[object]:
    """Every name in the graph; protobuf hands out bytes for what is not UTF-8."""
    for value in (*graph.inputs, *graph.outputs, *graph.initializers.values()):
        yield value.name or ""
    for node in graph:
        yield from (node.name or "", node.op_type, node.domain, *node.attributes)
        yield from (v.name or "" for v in (*node.inputs, *node.outputs) if v is not None)


def _is_small_file(path: Path) -> bool:
    try:
        if not path.is_file():
            raise CompileError(f"no such model file: {path.name!r}", node=str(path), fix="check the path")
        if path.stat().st_size > MAX_BYTES:
            what = f"{printable(path.name)} is larger than {MAX_BYTES >> 20} MiB"
            raise CompileError(what, node=str(path), fix="use a smaller model")
    except (OSError, ValueError) as error:
        raise CompileError(f"cannot read {path.name!r}", node=str(path), fix="check the path") from error
    return True


def _no_model(name: str, source: str | Path | onnx.ModelProto, reason: str) -> CompileError:
    where = name if isinstance(source, onnx.ModelProto) else str(source)
    return CompileError(f"{printable(name)} is not an ONNX model: {reason}", node=where, fix=_EXPORT)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def _load_tensors(model: ir.Model, folder: Path | None) -> None:
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


def _check_external(tensor: ir.ExternalTensor, name: str, folder: Path | None) -> None:
    where = printable(str(tensor.location))
    inside = there = False
    try:
        place = (folder / tensor.location).resolve() if folder is not None else None
        inside = place is not None and folder is not None and place.is_relative_to(folder) and place != folder
        there = inside and place is not None and place.is_file() and place.stat().st_size <= MAX_BYTES
    except (OSError, ValueError, RuntimeError):  # a NUL in the path, a loop of links
        inside = False
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
