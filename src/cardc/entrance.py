"""A model's input: the quantiser that it has, or the one that the user puts before it, and the import behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import onnx
import onnx_ir as ir

from .errors import CompileError
from .frontend.input_quantizer import InputQuantizer, fit, insert
from .frontend.load import load
from .frontend.read import read_model
from .more_problems import with_more
from .ops.base import Array


@dataclass(frozen=True, slots=True)
class Entrance:
    """How the input of a model without an input quantiser is quantised; `samples` x [N, ...] fit a missing scale."""

    quantizer: InputQuantizer
    samples: Array | None = None


def import_graph(
    proto: onnx.ModelProto, prepare: Callable[[onnx.ModelProto], onnx.ModelProto] | None = None
) -> ir.Model:
    """`proto` imported. Raises CompileError with all of its problems, those of lowering included."""
    try:
        return load(proto)
    except CompileError as error:
        raise with_more(error, proto, prepare) from error


def quantise_input(proto: onnx.ModelProto, entrance: Entrance) -> tuple[onnx.ModelProto, InputQuantizer]:
    """The model with a quantiser in front of its first layer, and that quantiser; this *is* the model from here on.

    Raises CompileError where the model has one already, or no scale is given and no samples to find it.
    """
    spec = entrance.quantizer
    guess = spec if spec.scale is not None else replace(spec, scale=1.0)
    # Whatever is wrong with the model is said here.
    checked = import_graph(proto, lambda copy: _with_quantizer(copy, guess))
    if spec.scale is None and entrance.samples is not None:
        spec = fit(spec, checked, entrance.samples)
    return _with_quantizer(proto, spec), spec


def _with_quantizer(proto: onnx.ModelProto, spec: InputQuantizer) -> onnx.ModelProto:
    model = read_model(proto)
    insert(model, spec)
    return ir.to_proto(model)
