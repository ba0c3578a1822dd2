"""What can be compiled: files, ONNX models, graphs and Brevitas modules, all as one ONNX model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from .errors import CompileError
from .frontend.read import read_model
from .frontend.sizes import with_sizes

Source = Any
"""A path to an ONNX file, an onnx.ModelProto, an onnx_ir.Model, or a Brevitas module (with a sample input)."""


def as_proto(
    source: Source, sample: Any = None, dims: Mapping[str, int] | None = None
) -> tuple[onnx.ModelProto, Any, str]:
    """`source` as an ONNX model with the sizes of `dims`, the Brevitas module if it is one, and a name for it."""
    proto, module, name = _as_proto(source, sample)
    return with_sizes(proto, dims) if dims else proto, module, name


def _as_proto(source: Source, sample: Any) -> tuple[onnx.ModelProto, Any, str]:
    if isinstance(source, (str, os.PathLike)):
        model = ir.to_proto(read_model(Path(source)))
        return model, None, Path(source).name.removesuffix(".onnx")
    if isinstance(source, onnx.ModelProto):
        return source, None, source.graph.name or "model"
    if isinstance(source, ir.Model):
        return ir.to_proto(source), None, source.graph.name or "model"
    if _is_module(source):
        return _export(source, sample), source, "model"
    raise CompileError(
        f"cannot compile a {type(source).__name__}",
        fix="give a path to a QONNX file, an onnx model, or a Brevitas module with sample=",
    )


def _is_module(source: object) -> bool:
    # By name, so that the core works without torch.
    return any(c.__module__.startswith("torch.nn.modules") for c in type(source).__mro__)


def _export(module: Any, sample: Any) -> onnx.ModelProto:
    if sample is None:
        raise CompileError("a Brevitas module needs a sample input", fix="cardc.compile(module, target, sample=x[:1])")
    from .frontend.train.export import export_qonnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_qonnx(module, sample, path)
        return onnx.load(str(path))
