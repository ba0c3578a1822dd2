"""What stages without weights cost, and the loading of the input: instructions, estimated from their shapes.

Terms follow the loops of `cardc_load.c`, `cardc_add_bytes.c`, `cardc_join.c`, `cardc_maxpool.c`, `cardc_lookup.c`;
rates has what each takes.
"""

from __future__ import annotations

from math import prod

import onnx_ir as ir

from ..ops.base import constant, integer, operand
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from ..ops.window import window
from .conv_terms import Terms, finish_terms
from .kernel_costs import spent
from .layouts import Layout, chw
from .place_costs import border_terms, layout_now
from .schedule import MOVES, Schedule, Stage, finish_of
from .tails import Tail

_WORD, _CHUNK = 4, 16
_TABLE = 4096  # entries of a table of sums


def load_cost(plan: Schedule, features: frozenset[str]) -> float:
    """Estimated instructions of the loading of the input of `plan`."""
    return spent(load_terms(plan.source, features), features)


def load_terms(source: ir.Value, features: frozenset[str]) -> Terms:
    """How often the kernel that reads `source` from the caller does what rates are known for."""
    layout, q = layout_now(source), qtype(source)
    rows, width = _rows(layout.as_row)
    borders = border_terms(layout)
    if not layout.is_bytes or not (q.lo >= 0 or (q.lo >= -128 and q.hi <= 127)):
        wide = {f"load_wide_{layout.width_bytes}": float(layout.elements)}
        return borders | {"load": 1.0, "load_row": float(rows)} | wide
    found = {"load": 1.0, "load_row": float(rows)}
    if (q.lo, q.hi, q.step) == (0, 255, 1) and layout.lo == 0:
        copied = {"copy_word": float(rows * (width // _WORD)), "copy_byte": float(rows * (width % _WORD))}
        return borders | found | copied
    fours = width // _WORD if "dsp" in features else 0
    return borders | found | {"load_four": float(rows * fours), "load_one": float(rows * (width - fours * _WORD))}


def stage_terms(stage: Stage, features: frozenset[str]) -> Terms:
    """How often the kernel of `stage`, which is no Conv or MatMul, does what rates are known for."""
    node, out = stage.node, layout_now(stage.output)
    found = border_terms(out)
    if node.op_type == "Add":
        return found | _add(stage, out, features)
    if node.op_type in ("MaxPool", "SumPool"):
        return found | _pool(stage, out, features)
    if node.op_type in MOVES:
        count = sum(prod(chw(v)) for v in node.inputs if v is not None and v.const_value is None)
        return found | {"move": 1.0, "moved": float(count), "move_row": float(out.channels * out.height)}
    if node.op_type in ("ArgMax", "TopK"):
        return found | {"step_call": 1.0, "argmax": float(layout_now(stage.source).elements)}
    return found | _quantised(stage, out)


def stage_instructions(stage: Stage, features: frozenset[str]) -> float:
    """Estimated instructions of `stage`, which is no Conv or MatMul."""
    return spent(stage_terms(stage, features), features)


def _rows(out: Layout) -> tuple[int, int]:
    return out.channels * out.height, out.width


def _tail(finish: ir.Node | None) -> Tail:
    if finish is None or is_cardc(finish, "Affine"):
        return Tail("plain")
    if is_cardc(finish, "Requantize"):
        return Tail("scaled")
    given = constant(operand(finish, 1))
    return Tail("thresholds", 0 if given is None else int(given.shape[1]))


def _add(stage: Stage, out: Layout, features: frozenset[str]) -> Terms:
    """By a table of all sums, by packed arithmetic, by vectors of both, or one by one."""
    node, (rows, width) = stage.node, _rows(out)
    sources = [layout_now(v) for v in stage.sources[:2]]
    given = [constant(v) for v in node.inputs[2:] if v is not None]
    finish = stage.finish
    given += [] if finish is None else [constant(operand(finish, k)) for k in range(1, len(finish.inputs))]
    alike = all(c is not None and (c == c[:1]).all() for c in given)
    entries = prod(layout.levels for layout in sources)
    in_bytes = out.is_bytes and all(layout.is_bytes for layout in sources)
    if in_bytes and alike and entries <= min(_TABLE, out.elements) and finish is not None:
        factors = [c for c in (constant(v) for v in node.inputs[2:4] if v is not None) if c is not None]
        same = not factors or (len(factors) == 2 and factors[0].flat[0] == factors[1].flat[0])
        if "mve" in features:
            lanes = 16 if same and _is_clip(finish) else 8
            vectors = {"add_vector": float(rows * -(-width // lanes))}
            return vectors | {"add": 1.0, "add_channel": float(out.channels), "add_row": float(rows)}
        if same and "dsp" in features and width % _WORD == 0 and _is_clip(finish):
            return {"add": 1.0, "add_row": float(rows), "add_word": float(rows * width // _WORD)}
        kind = "add_look" if same else "add_look_2"
        return {"add": 1.0, "add_row": float(rows), kind: float(rows * (width // _WORD)),
                "add_rest": float(rows * (width % _WORD))}  # fmt: skip
    calls = rows * -(-width // _CHUNK)
    each = {"add_each": float(rows * width), "add_call": float(calls)}
    return finish_terms(_tail(finish), float(rows * width), float(calls)) | each


def _is_clip(finish: ir.Node) -> bool:
    """Whether outputs rise by one with each sum, as those of equal scales do."""
    if is_cardc(finish, "Threshold"):
        t = constant(operand(finish, 1))
        return t is not None and t.shape[1] > 1 and bool((t[:, 1:] - t[:, :-1] == 1).all())
    m = constant(operand(finish, 1)) if is_cardc(finish, "Requantize") else None
    return m is not None and bool((m == 1 << integer(finish, "shift", 0)).all())


def _pool(stage: Stage, out: Layout, features: frozenset[str]) -> Terms:
    node, win, (rows, width) = stage.node, window(stage.node), _rows(out)
    source = layout_now(stage.source)
    taps = prod(win.kernel)
    pixels = float(rows * width)
    if node.op_type == "MaxPool" and source.is_bytes and (source.lo, source.step) == (out.lo, out.step):
        if tuple(win.kernel) == tuple(win.strides) == (2, 2) and not any(win.begin) and set(win.dilations) == {1}:
            return {"step_call": 1.0, "pool_row": float(rows), "pool_half": pixels}
        lines = pixels * (win.kernel[0] if len(win.kernel) == 2 else 1)
        found = {"step_call": 1.0, "pool_row": float(rows), "pool_one": pixels}
        return found | {"pool_line": lines, "pool_tap": pixels * taps}
    ends = finish_terms(_tail(finish_of(node)), pixels, pixels) | {"step_call": 1.0}
    if node.op_type == "SumPool" and source.is_bytes and not win.padded and set(win.dilations) == {1}:
        across = win.kernel[-1]
        down = taps // across
        down, across = (1, taps) if across == source.row else (down, across)
        sixteens = across // _CHUNK if "dsp" in features else 0
        fours = (across - sixteens * _CHUNK) // _WORD
        return ends | {
            "sum_one": pixels, "sum_line": pixels * down, "sum_16": pixels * down * sixteens,
            "sum_4": pixels * down * fours, "sum_1": pixels * down * (across % _WORD),
        }  # fmt: skip
    return ends | {"window_one": pixels, "window_tap": pixels * taps}


def _quantised(stage: Stage, out: Layout) -> Terms:
    """A quantiser of a tensor in memory."""
    rows, width = _rows(out)
    source = layout_now(stage.source)
    if source.is_bytes and out.is_bytes and source.elements >= 2 * source.levels:
        return {"step_call": 1.0, "lookup_row": float(rows), "lookup_4": float(rows * (width // _WORD)),
                "lookup_1": float(rows * (width % _WORD))}  # fmt: skip
    calls = rows * -(-width // _CHUNK)
    return finish_terms(_tail(stage.node), float(rows * width), float(calls)) | {"widened": float(rows * width)}
