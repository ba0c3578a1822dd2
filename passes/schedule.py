"""Stages: what runs as one function on a processor, in order.

What sums (a convolution, a matrix product, an addition, a sum of windows) takes the Threshold, Requantize or Affine
behind it along, when nothing else reads the accumulator: the wide accumulators then never exist in memory. Reshape and
Flatten move nothing and are no stages.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops.base import ONNX, operand, shape_of
from ..ops.graph import is_cardc
from ..ops.qtype import find_qtype
from .wide import wide_finish, wide_product

_FINISHES = ("Threshold", "Requantize", "Affine")
_SUMS = ("Conv", "MatMul", "Add", "SumPool")
_POOLS = ("MaxPool", "ArgMax", "TopK")
MOVES = ("Concat", "Resize", "Pad", "ZeroStuff", "Transpose")
"""What only copies elements from place to place."""
_COMPUTE = (*_SUMS, *_FINISHES, *_POOLS, *MOVES)
_FREE = ("Reshape", "Flatten", "Identity")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: `node`, and the `finish` that it takes along, from `source` to `output` (both integer tensors).

    `source` is the first of `sources`, the integer tensors that it reads.
    """

    node: ir.Node
    finish: ir.Node | None
    source: ir.Value
    output: ir.Value

    @property
    def sources(self) -> tuple[ir.Value, ...]:
        """Every computed tensor that the stage reads, views followed to what they show."""
        return tuple(base(v) for v in self.node.inputs if v is not None and v.const_value is None)

    @property
    def op(self) -> str:
        """The operator in lower case, such as `conv` or `maxpool`."""
        return self.node.op_type.lower()


@dataclass(frozen=True, slots=True)
class Schedule:
    """The whole network: the input quantiser if there is one, the integer input and output, the stages between."""

    quantizer: ir.Node | None
    source: ir.Value
    output: ir.Value
    stages: tuple[Stage, ...]


def is_free(node: ir.Node | None) -> bool:
    """Whether `node` gives the same integers in the same order, only under another shape."""
    return node is not None and node.domain == ONNX and node.op_type in _FREE


def base(value: ir.Value) -> ir.Value:
    """The tensor that `value` is a reshaped view of; `value` itself where it is none."""
    node = value.producer()
    while is_free(node) and node is not None:
        value = operand(node, 0)
        node = value.producer()
    return value


def views(value: ir.Value) -> list[ir.Value]:
    """`value`, and every tensor that only reshapes it."""
    found = [value]
    for view in found:
        found += [use.node.outputs[0] for use in view.uses() if is_free(use.node)]
    return found


def readers(value: ir.Value) -> list[ir.Node]:
    """The nodes that read `value` or a view of it, views left out."""
    found: list[ir.Node] = []
    for use in value.uses():
        node = use.node
        found += readers(node.outputs[0]) if is_free(node) else [node]
    return found


def schedule(model: ir.Model) -> Schedule:
    """The stages of `model`, an integer-level graph with one input and one output, in the graph's order.

    Raises CompileError (all problems at once) for anything else: several inputs, an operator without a kernel, a
    float tensor behind the quantiser.
    """
    graph = model.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise CompileError(
            f"the model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs",
            fix="export a model with one input and one output",
        )
    quantizer = _quantizer(graph)
    source = quantizer.outputs[0] if quantizer is not None else graph.inputs[0]
    stages, taken, errors = [], {quantizer}, []
    for node in graph:
        if node in taken or is_free(node):
            continue
        known = is_cardc(node, *_COMPUTE) or (node.domain == ONNX and node.op_type == "Transpose")
        if not known or find_qtype(node.outputs[0]) is None:
            fix = "lower it to integers with a quantiser on each side, or leave it to the host"
            errors.append(CompileError(f"there is no C kernel for {node.op_type}", node=node, fix=fix))
            continue
        finish = finish_of(node)
        taken.add(finish)
        last = finish if finish is not None else node
        stages.append(Stage(node, finish, base(operand(node, 0)), last.outputs[0]))
    raise_all(errors)
    _check_batch(source)
    return Schedule(quantizer, source, base(graph.outputs[0]), tuple(stages))


def _check_batch(source: ir.Value) -> None:
    if shape_of(source)[:1] != (1,):
        raise CompileError(
            f"the input's shape {list(shape_of(source))} does not start with a batch of 1",
            fix="export the model with batch 1",
        )


def _quantizer(graph: ir.Graph) -> ir.Node | None:
    value = graph.inputs[0]
    if find_qtype(value) is not None:
        return None
    users = [use.node for use in value.uses()]
    if len(users) != 1 or not is_cardc(users[0], "Threshold"):
        raise CompileError(
            f"the float input {value.name!r} does not go through one quantiser",
            node=users[0] if users else None,
            fix="put a quantiser (Quant or BipolarQuant) first in the model",
        )
    return users[0]


def finish_of(node: ir.Node) -> ir.Node | None:
    """The Threshold, Requantize or Affine that alone reads the sums of `node`, and so is part of its stage."""
    value = node.outputs[0]
    users = list(value.uses())
    if not is_cardc(node, *_SUMS) or len(users) != 1 or value.is_graph_output():
        return None
    user = users[0].node
    if not is_cardc(user, *_FINISHES):
        return None
    # The kernels for bytes hand their sums to finishes of 32 bits only.
    return None if is_cardc(node, "Conv", "MatMul") and not wide_product(node) and wide_finish(user) else user
