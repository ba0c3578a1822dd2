"""Sizes for the symbolic axes of a model's input ("H", "width"), which an exporter left open.

Written into the model itself, wherever it says their names: what is compiled is then what an executor runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import onnx

from ..errors import CompileError, printable

HOW = "give each a size: --dim NAME=SIZE, or dims={'NAME': size}"


def with_sizes(proto: onnx.ModelProto, sizes: Mapping[str, int]) -> onnx.ModelProto:
    """A copy of `proto` whose axes named in `sizes` have those sizes.

    Raises CompileError for a name that no axis of an input has, or a size that is no positive whole number.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    known = {str(d.dim_param) for value in copy.graph.input for d in _axes(value) if d.dim_param}
    for name, size in sizes.items():
        if name not in known:
            names = ", ".join(printable(n) for n in sorted(known)) or "none"
            raise CompileError(
                f"the model's input has no symbolic axis {printable(str(name))!r}", fix=f"those that it has: {names}"
            )
        if not isinstance(size, (int, np.integer)) or not 1 <= size < 2**31:
            raise CompileError(f"axis {printable(name)!r} of size {size!r}", fix="use a whole number of at least 1")
    for value in (*copy.graph.input, *copy.graph.output, *copy.graph.value_info):
        for axis in _axes(value):
            if axis.dim_param in sizes:
                axis.dim_value = int(sizes[axis.dim_param])
    return copy


def _axes(value: onnx.ValueInfoProto) -> Iterator[onnx.TensorShapeProto.Dimension]:
    yield from value.type.tensor_type.shape.dim
