"""DepthToSpace and SpaceToDepth as transpositions of few axes, which integers and quantisers pass through.

    DepthToSpace, b blocks a side:  [N, b1 b2 C, H, W]  ->  [N, C, H b1, W b2]
    [b1 | b2 C H | W] -> [b2 C H | b1 | W],  then  [b2 | C H | b1 W] -> [C H | b1 W | b2]     (DCR; b1 before b2)

CRD lays the channels out as [C, b1 b2], which one transposition more brings to DCR. SpaceToDepth is the way back.
Source: ONNX operator definitions, DepthToSpace-13, SpaceToDepth-13.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import ONNX, integer, operand, result, shape_of, text
from .edit import reshape, transpose

Nodes = list[ir.Node]


def _moves(
    graph: ir.Graph, node: ir.Node, steps: Sequence[tuple[Sequence[int], Sequence[int]]], out: Sequence[int]
) -> Nodes:
    """For each step, its input seen as [1, *shape] and transposed; the last result as `out`."""
    value, nodes = operand(node, 0), Nodes()
    for k, (shape, perm) in enumerate(steps):
        nodes.append(reshape(graph, node, value, (1, *shape), f"blocks{k}"))
        nodes.append(transpose(graph, node, result(nodes[-1]), (0, *(p + 1 for p in perm)), f"turn{k}"))
        value = result(nodes[-1])
    return [*nodes, reshape(graph, node, value, out, "image")]


def _to_space(graph: ir.Graph, node: ir.Node) -> Nodes:
    _, channels, height, width = _image(node)
    b = _blocks(node)
    if channels % (b * b):
        raise CompileError(
            f"DepthToSpace of {channels} channels by blocks of {b} x {b}", node=node, fix="check the model's shapes"
        )
    c = channels // (b * b)
    mode = text(node, "mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise CompileError(f"DepthToSpace with mode={mode}", node=node, fix="use mode DCR or CRD")
    first = [((c, b * b, height * width), (1, 0, 2))] if mode == "CRD" else []
    steps = [*first, ((b, b * c * height, width), (1, 0, 2)), ((b, c * height, b * width), (1, 2, 0))]
    return _moves(graph, node, steps, (1, c, height * b, width * b))


def _to_depth(graph: ir.Graph, node: ir.Node) -> Nodes:
    _, c, height, width = _image(node)
    b = _blocks(node)
    if height % b or width % b:
        raise CompileError(
            f"SpaceToDepth of {height} x {width} pixels by blocks of {b} x {b}", node=node, fix="pad the image"
        )
    h, w = height // b, width // b
    steps = [((c * h, b * w, b), (2, 0, 1)), ((b * c * h, b, w), (1, 0, 2))]
    return _moves(graph, node, steps, (1, b * b * c, h, w))


def _image(node: ir.Node) -> tuple[int, ...]:
    shape = shape_of(operand(node, 0))
    if len(shape) != 4:
        raise CompileError(f"{node.op_type} of a tensor of shape {list(shape)}", node=node, fix="give it [N, C, H, W]")
    return shape


def _blocks(node: ir.Node) -> int:
    b = integer(node, "blocksize", 0)
    if b < 1:
        raise CompileError(f"{node.op_type} with blocksize={b}", node=node, fix="use a block of 1 x 1 pixels or more")
    return b


RULES = {(ONNX, "DepthToSpace"): _to_space, (ONNX, "SpaceToDepth"): _to_depth}
