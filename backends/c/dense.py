"""Matrix products: from a stage and its encoding to a call of a kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...passes.encodings import bit_planes, fold, int8, sparse_dense, vertical
from ...passes.layouts import Layout
from ...passes.schedule import Stage
from ...passes.scratch import planes
from .finish import add_finish, one_threshold
from .rice import add_dense_rice
from .step import Step
from .straight import add_dense_straight

Ints = NDArray[np.int64]
Fields = list[tuple[str, object]]


def add_dense(step: Step, stage: Stage, rows: Ints, src: str, layout: Layout, dst: str, out: Layout, work: str) -> None:
    """Add the kernel of `stage`, a MatMul of weights `rows` [outputs, inputs] in the encoding that `step` names.

    It reads `src` (laid out by `layout`, or its bit planes), writes `dst` (`out`); `work` is its scratch.
    Raises CompileError for what does not fit the kernel.
    """
    node, outputs, inputs = stage.node, rows.shape[0], rows.shape[1]
    for what, value in (("outputs", outputs), ("inputs", inputs)):
        if value > 0xFFFF:
            raise CompileError(f"{value} {what} of a layer are more than 65535", node=node, fix="use at most 65535")
    stored, count = fold.Stored(layout.lo, layout.step, layout.levels - 1), planes(layout)
    match step.encoding:
        case "binary":
            sums = fold.of_binary_planes(rows, stored, count)
        case "ternary":
            sums = fold.of_ternary_planes(rows, stored, count)
        case "vertical":
            sums = fold.of_vertical(rows, stored)
        case _:
            sums = fold.of_bytes(rows, stored)
    if max(int(np.abs(sums.low).max(initial=0)), int(np.abs(sums.high).max(initial=0))) >= 2**31:
        fix = "use fewer bits for weights or activations, or fewer inputs a neuron"
        raise CompileError("a sum of this layer does not fit 32 bits", node=node, fix=fix)
    match step.encoding:
        case "binary" | "ternary":
            layer = _planes(step, rows, count)
        case "sparse":
            layer = _sparse(step, rows)
        case "rice":
            add_dense_rice(step, rows, add_finish(step, stage.finish, sums, out), src, dst)
            return
        case "vertical":
            _add_vertical(step, stage, rows, sums, src, dst, out, work)
            return
        case "straight":
            finish = add_finish(step, stage.finish, sums, out)
            add_dense_straight(step, rows, layout.levels, finish, src, dst)
            return
        case "int8":
            weights = step.array("weights", "int8_t", int8.encode(rows), f"{outputs}x{inputs}")
            fields: Fields = [("weights", weights), ("outputs", outputs), ("inputs", inputs)]
            layer = step.struct("cardc_dense_int8_layer", "layer", fields)
        case _:
            what = f"MatMul has the unknown weight encoding {step.encoding!r}"
            raise CompileError(what, node=node, fix="compile again from the imported model")
    step.call(f"cardc_dense_{step.encoding}", layer, add_finish(step, stage.finish, sums, out), src, dst)


def _planes(step: Step, rows: Ints, count: int) -> str:
    encode = bit_planes.encode_binary if step.encoding == "binary" else bit_planes.encode_ternary
    words = encode(rows)
    fields: Fields = [
        ("weights", step.array("weights", "uint32_t", words, "x".join(map(str, words.shape)))),
        ("outputs", len(rows)),
        ("words", words.shape[1]),
        ("planes", count),
    ]
    return step.struct("cardc_dense_planes_layer", "layer", fields)


def _sparse(step: Step, rows: Ints) -> str:
    encoded = sparse_dense.encode(rows)
    fields: Fields = [
        ("lists", step.array("lists", "uint8_t", encoded.lists, "columns of -1 and +1, each list behind its length")),
        ("outputs", len(rows)),
        ("blocks", encoded.blocks),
        ("block", encoded.block),
    ]
    return step.struct("cardc_dense_sparse_layer", "layer", fields)


def _add_vertical(
    step: Step, stage: Stage, rows: Ints, sums: fold.Sums, src: str, dst: str, out: Layout, work: str
) -> None:
    encoded, one = vertical.encode(rows), one_threshold(stage.finish, sums, out)
    levels, base, rise = "0", 0, 0
    if one is not None:
        t = np.broadcast_to(one.found.t[:, 0], len(rows))
        digits = vertical.thresholds(t, one.found.falling, encoded.bits)
        levels, base, rise = step.array("levels", "uint32_t", digits, "thresholds by digits"), one.base, one.step
    matrices, height, words = encoded.weights.shape
    fields: Fields = [
        ("weights", step.array("weights", "uint32_t", encoded.weights, f"{matrices} x {height} x {words}")),
        ("totals", step.array("totals", "uint32_t", encoded.totals, "sums of all weights by digits")),
        ("thresholds", levels),
        ("inputs", encoded.inputs),
        ("outputs", len(rows)),
        ("words", words),
        ("bits", encoded.bits),
        ("matrices", matrices),
        ("base", base),
        ("step", rise),
    ]
    layer = step.struct("cardc_dense_vertical_layer", "layer", fields)
    if one is not None:
        step.call("cardc_dense_vertical_bits", layer, src, dst, work)
    else:
        step.call("cardc_dense_vertical", layer, add_finish(step, stage.finish, sums, out), src, dst, work)
