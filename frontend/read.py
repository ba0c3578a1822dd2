"""Read an untrusted ONNX file into memory: sizes and external data checked before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import onnx_ir as ir
from google.protobuf.message import DecodeError

from ..errors import CompileError

MAX_BYTES = 1 << 30


def read_model(path: str | Path) -> ir.Model:
    """The model in the ONNX file `path`.

    Raises CompileError where the file is missing, too large, no ONNX, or reaches outside its folder.
    """
    path = Path(path)
    if not path.is_file():
        raise CompileError(f"no such model file: {path.name!r}", node=str(path), fix="check the path")
    if path.stat().st_size > MAX_BYTES:
        raise CompileError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB", fix="use a smaller model")
    try:
        model = ir.load(path)
    except (DecodeError, ValueError, TypeError, KeyError, UnicodeDecodeError) as error:
        raise CompileError(
            f"{path.name} is not an ONNX model ({type(error).__name__})",
            node=str(path),
            fix="export the model with brevitas.export.export_qonnx or torch.onnx.export",
        ) from error
    if not model.graph.outputs or (not len(model.graph) and not model.graph.initializers):
        raise CompileError(
            f"{path.name} is not an ONNX model: it holds no graph",
            node=str(path),
            fix="export the model with brevitas.export.export_qonnx or torch.onnx.export",
        )
    _load_external(model, path.resolve().parent)
    return model


def _load_external(model: ir.Model, folder: Path) -> None:
    """Bring external tensors into memory; only from files inside the model's own folder."""
    for value in model.graph.initializers.values():
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor):
            place = (folder / tensor.location).resolve()
            if not place.is_relative_to(folder):
                raise CompileError(
                    f"tensor {value.name!r} lies outside the model's folder",
                    node=str(tensor.location),
                    fix="save the model with its data inside, or beside it in the same folder",
                )
            if not place.is_file() or place.stat().st_size > MAX_BYTES:
                raise CompileError(
                    f"the data file of tensor {value.name!r} is missing or too large",
                    node=str(tensor.location),
                    fix="keep the data file beside the model",
                )
            value.const_value = ir.tensor(tensor.numpy().copy(), name=value.name)
