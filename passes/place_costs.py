"""What it costs beside its kernel that a layer reads and writes tensors where others want them: copies of its input in
another layout, the border of its output (runtime: `cardc_layout.c`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import operand, result, text
from ..ops.graph import is_cardc
from .choose_layout import WORDS, choose_layout, copy_layout
from .conv_terms import Terms
from .layouts import Layout
from .schedule import base, finish_of, readers

_WORD = 4
_KEY = "encoding"


@contextmanager
def encoded(node: ir.Node, encoding: str) -> Iterator[None]:
    """`node` as if it had been given `encoding`, for what layouts follow from it."""
    before = node.attributes.get(_KEY)
    node.attributes[_KEY] = ir.AttrString(_KEY, encoding)
    try:
        yield
    finally:
        node.attributes.pop(_KEY)
        if before is not None:
            node.attributes[_KEY] = before


def layout_now(value: ir.Value) -> Layout:
    """The layout that `value` gets with the encodings that its readers have so far."""
    words = any(is_cardc(n, "Conv") and text(n, _KEY, "") in WORDS for n in readers(value))
    return choose_layout(value, words)


def output_layout_of(node: ir.Node) -> Layout:
    """The layout of what the stage of `node` makes, with the encodings that its readers have so far."""
    finish = finish_of(node)
    return layout_now(result(node if finish is None else finish))


def bytes_read(node: ir.Node, encoding: str) -> int:
    """The storage of what the Conv `node` reads, or of its copy, where it is whole."""
    with encoded(node, encoding):
        stored = layout_now(base(operand(node, 0)))
        copy = copy_layout(node, stored, encoding in WORDS) if stored.is_bytes else None
    return (stored if copy is None else copy).size


def place_terms(node: ir.Node, encoding: str) -> Terms:
    """How often the copies and borders of the Conv or MatMul `node` do what rates are known for."""
    found: Terms = {}
    with encoded(node, encoding):
        stored = layout_now(base(operand(node, 0)))
        try:
            copy = copy_layout(node, stored, encoding in WORDS) if stored.is_bytes and encoding != "wide" else None
        except CompileError:  # said later, by plan-memory
            copy = None
    if copy is not None:
        rows = 1 if is_cardc(node, "MatMul") and stored.contiguous else stored.channels * stored.height
        found = {"copy_row": float(rows), "copy_word": float(rows * (stored.width // _WORD))}
        found["copy_byte"] = float(rows * (stored.width % _WORD))
        found |= border_terms(copy)
    for name, n in border_terms(output_layout_of(node)).items():
        found[name] = found.get(name, 0.0) + n
    return found


def border_terms(layout: Layout) -> Terms:
    """Those of the border of a tensor that lies as `layout` says."""
    if layout.border is None or layout.contiguous or not layout.is_bytes:
        return {}
    gap = layout.row - layout.width
    gaps = layout.channels * (layout.height - 1) if gap else 0
    ends = layout.plane - (layout.height - 1) * layout.row - layout.width
    words = (layout.interior + layout.channels * ends) / _WORD
    return {
        "border": 1.0, "border_channel": float(layout.channels), "border_word": float(words),
        "border_gap_4": float(gaps * (gap == _WORD)), "border_gap": float(gaps * (gap != _WORD)),
        "border_gap_byte": float(gaps * gap * (gap != _WORD)),
    }  # fmt: skip
