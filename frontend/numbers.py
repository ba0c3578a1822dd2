"""Constants of other float types as float32, where that keeps every value."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, printable, raise_all

_FLOATS = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)


def to_float32(graph: ir.Graph) -> None:
    """float16, bfloat16 and float64 initializers to float32. CompileError, all at once, where one would be rounded."""
    errors: list[CompileError] = []
    for value in graph.initializers.values():
        tensor = value.const_value
        if tensor is None or tensor.dtype not in _FLOATS:
            continue
        exact = tensor.numpy().astype(np.float64)
        with np.errstate(over="ignore"):
            rounded = exact.astype(np.float32)
        if not np.array_equal(rounded.astype(np.float64), exact, equal_nan=True):
            users = [use.node for use in value.uses()]
            errors.append(
                CompileError(
                    f"constant {printable(value.name or '?')!r} of type {tensor.dtype.name} does not fit float32",
                    node=users[0] if users else value.name,
                    fix="export the model in float32 (model.float())",
                    stage="import",
                )
            )
            continue
        value.const_value = ir.tensor(rounded, name=value.name)
        value.dtype = ir.DataType.FLOAT
    raise_all(errors)
