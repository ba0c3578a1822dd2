"""The rule of each level of the graph, checked after every pass."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops import lookup
from ..ops.base import CARDC, ONNX, operand, result, shape_of
from ..ops.graph import is_cardc
from ..ops.qtype import QType, find_qtype, qtype

_MOVES = ("Reshape", "Flatten", "Transpose")


def check_imported(model: ir.Model) -> None:
    """Known operators with their rules kept, shapes known, one name a tensor, every use after its definition."""
    graph = model.graph
    seen = {v.name for v in graph.inputs} | set(graph.initializers)
    errors: list[CompileError] = []
    for node in graph:
        for value in node.inputs:
            if value is not None and value.name not in seen:
                raise AssertionError(f"{node.name} uses {value.name!r} before it is computed")
        for value in node.outputs:
            if value.name in seen:
                raise AssertionError(f"two tensors are called {value.name!r}")
            seen.add(value.name)
        try:
            lookup(node).verify(node)
            shape_of(result(node))
        except CompileError as error:
            errors.append(error)
    raise_all(errors)


def check_integer(model: ir.Model) -> None:
    """Every tensor behind the input quantiser is an integer, every operator works on integers; ranges are exact."""
    check_imported(model)
    _check_nodes(model, _integer_fault)


def check_lowered(model: ir.Model) -> None:
    """As `check_integer`; layers also carry the encoding of their weights."""
    check_integer(model)
    for node in model.graph:
        if is_cardc(node, "Conv", "MatMul") and "encoding" not in node.attributes:
            raise AssertionError(f"{node.name} has no weight encoding")


def _check_nodes(model: ir.Model, fault: Callable[[ir.Node], CompileError | None]) -> None:
    raise_all([error for node in model.graph if (error := fault(node)) is not None])


def _integer_fault(node: ir.Node) -> CompileError | None:
    moves = node.domain == ONNX and node.op_type in _MOVES
    if not moves and (node.domain != CARDC or node.op_type in ("Quantize", "Dequantize")):
        return CompileError(
            f"{node.op_type} works on real numbers and no quantiser follows that would make them integers",
            node=node,
            fix="put a quantiser (brevitas.nn.QuantIdentity, QuantReLU) behind it",
        )
    if find_qtype(result(node)) is None:
        return CompileError(f"tensor {result(node).name!r} is not quantised", node=node, fix="quantise it in training")
    if find_qtype(operand(node, 0)) is None and not is_cardc(node, "Threshold"):
        return CompileError(
            f"{node.op_type} reads real numbers",
            node=node,
            fix="put a quantiser in front (brevitas.nn.QuantIdentity)",
        )
    inferred = lookup(node).infer(node)
    # Scales are not compared: a rescaling without arithmetic leaves them to the last tensor that is named.
    if inferred.shape != shape_of(result(node)) or _range(inferred.q) != _range(qtype(result(node))):
        raise AssertionError(f"{node.name}: inferred {inferred}, recorded {qtype(result(node))}")
    return None


def _range(q: QType | None) -> tuple[int, int, int] | None:
    return None if q is None else (q.lo, q.hi, q.step)
