"""Instructions that a stage takes when it makes a few rows at a time: estimates to weigh memory against time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ops.base import constant, operand, text
from ..ops.qtype import qtype
from ..ops.window import window
from .channel_ends import ends_of
from .kernel_costs import conv_costs
from .layer_shape import conv_shape, tail_of
from .layouts import chw
from .patches_plan import patches_cost
from .runs_costs import runs_cost
from .runs_plan import geometry
from .schedule import Stage
from .stacked_costs import stacked_cost
from .stacked_plan import geometry as stacked_geometry
from .vectors_plan import products_cost, vectors_cost

_TURN = 150  # a call and what it takes to make room
_ELEMENT, _PACKED = 7, 3  # an addition of bytes, and where four are packed


def stage_cost(stage: Stage, rows: int, turns: int, features: frozenset[str], band: int = 0) -> float:
    """Estimated instructions of `turns` calls of the kernel of `stage` that make `rows` rows each; a convolution by
    runs goes by bands of `band` rows (0: as many as it may)."""
    node, (channels, _, width) = stage.node, chw(stage.output)
    w = constant(operand(node, 1)) if node.op_type == "Conv" else None
    if w is None:
        window_size = np.prod(window(node).kernel) if node.op_type in ("MaxPool", "SumPool") else 1
        each = _PACKED if "dsp" in features and node.op_type == "Add" else _ELEMENT
        return turns * (_TURN + each * int(window_size) * channels * rows * width)
    encoding, levels = text(node, "encoding", ""), qtype(operand(node, 0)).levels
    w = w.astype(np.int64)
    w4 = w.reshape(len(w), w.shape[1], 1, -1) if w.ndim == 3 else w
    if encoding == "runs":
        max_u = min(255, levels)
        g = geometry(node, max_u, at_once=band or rows)
        if g is not None:
            ends = ends_of(node, w, g.lane, packed="dsp" in features)
            cost = runs_cost(w4, g, rows, max(1, max_u - 1), ends, tail_of(node), features)
            return turns * (_TURN + cost.instructions)
    if encoding in ("vectors", "products", "patches"):
        if encoding == "patches":
            whole = patches_cost(node, features)
        else:
            whole = {"vectors": vectors_cost, "products": products_cost}[encoding](node)
        if whole is not None:
            return turns * (_TURN + whole.instructions * rows / chw(stage.output)[1])
    stacked = stacked_geometry(node, levels) if encoding == "stacked" else None
    if stacked is not None:
        return turns * (_TURN + stacked_cost(node, w, stacked, features).instructions * rows / chw(stage.output)[1])
    found = conv_costs(replace(conv_shape(node, w, features), height=rows), features)
    if encoding in found:
        return turns * (_TURN + found[encoding].instructions)
    return turns * (_TURN + 3.0 * np.count_nonzero(w) * rows * width)
