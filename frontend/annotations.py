"""FINN's datatype annotations: integers that arrive as floats, and an integer graph input, get their quantiser.

    x annotated INT4 (BIPOLAR, UINT8, ...)  ->  Dequantize(Quantize(x)) of scale 1 in that range

Only where no quantiser of the model's own stands between the input and its first layer. Source: qonnx 1.0.0,
core.datatype; annotations are `finn_datatype` in the graph's quantization_annotation.
"""

from __future__ import annotations

import re

import onnx_ir as ir

from ..errors import CompileError, printable
from ..ops.base import CARDC, constant, result
from ..ops.graph import fresh, make_node
from ..ops.linear_quant import RANGES
from ..ops.qtype import QType

_KEY = "quant_parameter_tensor_names"
_QUANTISERS = ("Quant", "BipolarQuant", "Quantize", "QuantizeLinear", "MultiThreshold")
_STRETCH = 64


def annotation(value: ir.Value) -> str:
    """The FINN datatype that `value` is annotated with, or an empty text."""
    names = value.meta.get(_KEY, {})
    return str(names.get("finn_datatype", "")) if isinstance(names, dict) else ""


def datatype_range(name: str) -> QType | None:
    """The integers of a FINN datatype, None for one that is no integer type."""
    if name == "BIPOLAR":
        return QType(-1, 1, step=2)
    if name in ("BINARY", "TERNARY"):
        return QType(-1 if name == "TERNARY" else 0, 1)
    found = re.fullmatch(r"(U?)INT(\d{1,2})", name)
    if found is None or not 1 <= int(found[2]) <= 32:
        return None
    bits = int(found[2])
    return QType(0, 2**bits - 1) if found[1] else QType(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def retype_input(graph: ir.Graph) -> QType | None:
    """Note the integers that the graph's input holds, by its element type or its annotation; it is float from here on.

    A Cast behind an integer input is then one of float32 to itself.
    """
    (x,) = graph.inputs
    if x.dtype is not None and x.dtype in RANGES and x.dtype != ir.DataType.INT32:
        q: QType | None = QType(*RANGES[x.dtype])
        x.dtype = ir.DataType.FLOAT
        return q
    return datatype_range(annotation(x))


def quantize_input(graph: ir.Graph, q: QType) -> None:
    """Put the quantiser of `q` behind the graph's input where its first layer would see unquantised numbers."""
    (x,) = graph.inputs
    if not _needs_quantiser(x):
        return
    uses = list(x.uses())
    name = fresh(graph, f"{x.name}_integers")
    quantize = make_node(
        CARDC, "Quantize", [x], name=fresh(graph, "input_quantizer"), out=name, q=q,
        attributes={"rounding_mode": "SIGN" if q.bipolar else "ROUND", "zero_point": 0},
    )  # fmt: skip
    back = make_node(
        CARDC, "Dequantize", [result(quantize)], name=fresh(graph, "input_value"), out=fresh(graph, f"{x.name}_value")
    )
    first = next(iter(graph))
    graph.insert_before(first, [quantize, back])
    for node, index in uses:
        node.replace_input_with(index, result(back))


def _needs_quantiser(x: ir.Value) -> bool:
    """Whether some operator with weights reads `x`, scaled or moved maybe, before any quantiser does."""
    waiting, seen = [x], {x}
    while waiting and len(seen) < _STRETCH:
        for node, _ in waiting.pop().uses():
            if node.op_type in _QUANTISERS:
                continue
            if any(v is not x and v is not None and v not in seen and constant(v) is None for v in node.inputs):
                return True  # joins something else, as a layer with quantised weights does
            if node.op_type in ("Conv", "MatMul", "Gemm"):
                return True
            new = [v for v in node.outputs if v not in seen]
            seen.update(new)
            waiting.extend(new)
    return False


def check_integers(graph: ir.Graph) -> None:
    """Raise CompileError for an input annotated with a type that holds no integers (FIXED<8,4>, FLOAT16)."""
    (x,) = graph.inputs
    name = annotation(x)
    if name and name != "FLOAT32" and datatype_range(name) is None:
        raise CompileError(
            f"input {printable(x.name or '?')!r} is annotated as {printable(name)}",
            fix="annotate it with an integer type (UINT8, INT4, BIPOLAR), or put a Quant behind it",
        )
