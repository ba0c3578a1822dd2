"""What the kernel of a stage needs beside its input and output while it runs, in bytes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import Array, constant, operand, shape_of, text
from ..ops.graph import is_cardc
from . import patches_plan, vectors_plan
from .choose_layout import WORDS, as_seen, copy_layout
from .encodings import rice, vertical
from .layouts import Layout, layout_of
from .long_plan import geometry as long_geometry
from .runs_plan import plan
from .schedule import Stage
from .stacked_plan import geometry as stacked_geometry

ROWS = "cardc.rows"
"""Metadata of the node of a stage that is part of a stream: how many rows it makes at most in one turn."""
BAND = "cardc.band"
"""Metadata of the node of a convolution by runs: how many rows plan-memory lets a band have at most."""
_TABLE = 4096  # bytes: what a finish table may add to the arena


def band_of(stage: Stage) -> int:
    """Rows that a convolution by runs lets a band have at most; 0: as many as it may."""
    return int(stage.node.metadata_props.get(BAND, "0"))


def rows_of(stage: Stage) -> int:
    """Rows of its output that `stage` makes at most at a time; 0 where it makes all at once."""
    return int(stage.node.metadata_props.get(ROWS, "0"))


def scratch_sizes(stage: Stage, rows: int = 0, band: int = 0) -> dict[str, int]:
    """Bytes of scratch that `stage` needs to make `rows` rows at a time (0: all), by name: a copy in another layout,
    bit planes, a finish table, unpacked weights. `band` limits that of runs (0: does not)."""
    node, sizes = stage.node, {}
    stored = layout_of(stage.source)
    encoding = text(node, "encoding", "")
    if stored.is_bytes and encoding != "wide" and not rows:  # whose kernels read any strides
        copy = copy_layout(node, stored, encoding in WORDS)
        if copy is not None:
            sizes["copy"] = copy.size
    if encoding in ("binary", "ternary"):
        words = -(-stored.elements // 32)
        sizes["planes"] = planes(stored) * words * 4
    if encoding == "vertical":
        sizes["work"] = vertical.list_bytes(stored.elements)
    if encoding == "long":
        sizes["work"] = _long_work(stage)
    if encoding == "stacked":
        sizes["work"] = _stacked_work(stage)
    if encoding == "pairs":
        sizes["work"] = 4 * int(np.prod(shape_of(node.inputs[1])[1:]))
    if encoding == "runs":
        sizes["work"] = _runs_work(stage, rows, band)
    if encoding == "vectors":
        sizes["work"] = vectors_plan.work(node, working_layout(stage), table_bytes(stage, rows), rows).size
    if encoding == "products":
        sizes["work"] = vectors_plan.products_work(node, working_layout(stage), rows).size
    if encoding == "patches":
        sizes["work"] = _patches_work(stage, rows)
    if encoding == "rice" and node.op_type == "Conv":
        sizes["work"] = rice.work_bytes(_weights(node))
    if encoding in ("lanes", "taps") and node.op_type == "Conv":
        table = table_bytes(stage, rows)
        if table:
            sizes["table"] = table
    return sizes


def _long_work(stage: Stage) -> int:
    """Bytes of scratch that a convolution by long multiplications needs."""
    g = long_geometry(stage.node, layout_of(stage.source).levels)
    if g is None:
        fix = "compile again from the imported model"
        raise CompileError("this convolution cannot run by long multiplications", node=stage.node, fix=fix)
    return g.work_bytes


def _stacked_work(stage: Stage) -> int:
    """Bytes of scratch that a convolution by stacked rows needs."""
    g = stacked_geometry(stage.node, layout_of(stage.source).levels)
    if g is None:
        fix = "compile again from the imported model"
        raise CompileError("this convolution cannot run by stacked rows", node=stage.node, fix=fix)
    return g.work_bytes


def _weights(node: ir.Node) -> Array:
    w = constant(operand(node, 1))
    if w is None:
        raise CompileError(f"{node.op_type} weights are not constant", node=node, fix="export the model in eval mode")
    return w


def _runs_work(stage: Stage, rows: int, band: int) -> int:
    """Bytes of scratch that a convolution by runs needs."""
    planned = plan(stage.node, working_layout(stage), table_bytes(stage, rows), rows, band)
    if planned is None:
        fix = "compile again from the imported model"
        raise CompileError("this convolution cannot run by runs of words", node=stage.node, fix=fix)
    return planned[1].size


def _patches_work(stage: Stage, rows: int) -> int:
    """Bytes of scratch that a convolution by patches needs."""
    planned = patches_plan.plan(stage.node, working_layout(stage), rows)
    if planned is None:
        fix = "compile again from the imported model"
        raise CompileError("this convolution cannot run by patches", node=stage.node, fix=fix)
    return planned.size


def planes(stored: Layout) -> int:
    """Bit planes that hold the stored bytes."""
    return max(1, (stored.levels - 1).bit_length())


def table_bytes(stage: Stage, rows: int = 0) -> int:
    """Room for the largest finish table that pays: filling it costs less than finishing each pixel by itself.

    A table has an entry for each value of the sum. One of thresholds is filled run by run, a word at a time, one of a
    requantisation entry by entry; a look-up then saves some 30 instructions a pixel.
    """
    out, finish = layout_of(stage.output), stage.finish
    weights = constant(operand(stage.node, 1))
    if weights is None or finish is None or not out.is_bytes:
        return 0
    taps = np.count_nonzero(weights.reshape(weights.shape[0], -1), axis=1)
    needs = taps * (layout_of(stage.source).levels - 1) + 5
    pays = (16 if is_cardc(finish, "Threshold") else 2) * (rows or out.height) * out.width
    worth = needs[needs <= min(pays, _TABLE)]
    return -(-int(worth.max()) // 4) * 4 if worth.size else 0


def working_layout(stage: Stage) -> Layout:
    """The layout that the stage's kernel reads: the stored one, or that of its copy."""
    stored = layout_of(stage.source)
    if not stored.is_bytes or stored.lines or rows_of(stage):
        return stored
    copy = copy_layout(stage.node, stored, text(stage.node, "encoding", "") in WORDS)
    if copy is not None:
        return copy
    seen = as_seen(stage.node, stored) if is_cardc(stage.node, "Conv") else None  # a view has a shape of its own
    return stored if seen is None else seen
