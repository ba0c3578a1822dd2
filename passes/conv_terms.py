"""How often the kernels of convolutions do what conv_rates has rates for: counted from a layer's shape and weights.

Each kernel's terms follow its loops in C (runtime: `cardc_conv_*.c`, `cardc_lanes.h`, `cardc_finish.c`). A name that
several kernels share means the same code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..ops.base import Array
from .encodings import pairs, rice
from .tails import Tail, Turns

Terms = dict[str, float]
_CHUNK = 16  # outputs that are finished in a call
_BLOCK = 4  # pixels that share a weight of a pair
_TABLE = 4091  # entries of plan-memory's largest table
IN_REGISTERS = 12  # inputs of a sum that compilers load before they add them
_FAR = 2048  # bytes: what addresses with an offset reach on most cores


@dataclass(frozen=True, slots=False)
class ConvShape:
    """A convolution: `w` [O, I / group, kh, kw]; `height` x `width` of the output; `stride` across; `plane` elements of
    a channel of inputs, stored as bytes of `levels` levels; `tail` behind the sums; whether the core has `unaligned`
    loads; `turns` of the loops that multiply, None where the core has an instruction for that; `to_bytes`: whether
    outputs are bytes, which tables may hold; `group` as ONNX has it, `dilation` across."""

    w: Array
    height: int
    width: int
    stride: int
    plane: int
    levels: int
    tail: Tail
    unaligned: bool
    turns: Turns | None = None
    to_bytes: bool = True
    group: int = 1
    dilation: int = 1

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def outputs(self) -> int:
        return self.pixels * len(self.w)

    @property
    def pairs(self) -> int:
        """Of output channels of one group, the last of which may be alone."""
        return self.group * -(-len(self.w) // self.group // 2)

    @property
    def rows(self) -> int:
        """Calls that finish a row of outputs."""
        return len(self.w) * self.height * -(-self.width // _CHUNK)

    @cached_property
    def taps(self) -> Array:
        """Non-zero weights of each output channel."""
        return np.asarray(np.count_nonzero(self.w.reshape(len(self.w), -1), axis=1))

    def tabled(self, reach: int) -> bool:
        """Whether a channel whose sums reach `reach` is finished by table."""
        return self.to_bytes and worth_table(self.tail, self.pixels, reach, unaligned=self.unaligned)

    def input_turns(self, multiplications: float) -> float:
        """Turns of the loop that multiplies by inputs, where no instruction does."""
        return multiplications * self.turns.inputs if self.turns is not None else 0.0

    def sum_turns(self, *, lifted: bool = False) -> float:
        """Turns of the loop that multiplies an output's sum by its scale, where no instruction does."""
        if self.turns is None:
            return 0.0
        return self.turns.lifted if lifted else self.turns.sums


def finish_terms(tail: Tail, outputs: float, rows: float) -> Terms:
    """Ends of `outputs` sums, `rows` times a row of them."""
    wide = "_wide" if tail.wide else ""
    found = {"row": float(rows)}
    match tail.kind:
        case "thresholds":
            return found | {f"search{wide}": float(outputs), f"step{wide}": float(outputs * tail.levels.bit_length())}
        case kind:
            return found | {f"{kind}{wide}": float(outputs)}


def taps(s: ConvShape) -> Terms:
    """Places of weights, one pixel at a time."""
    return finish_terms(s.tail, s.outputs, s.rows) | {
        "tap": float(s.taps.sum() * s.pixels), "tap_pixel": float(s.outputs), "end_turn": s.outputs * s.sum_turns(),
        "tap_row": float(s.rows),
    }  # fmt: skip


def straight(s: ConvShape) -> Terms:
    """Weights as code."""
    far = np.arange(s.w.shape[1]) * s.plane >= _FAR
    beyond = float(np.count_nonzero(s.w[:, far]) * s.pixels)
    return finish_terms(s.tail, s.outputs, s.rows) | {
        "code": float(s.taps.sum() * s.pixels), "code_far": beyond,
        "code_long": float(np.maximum(0, s.taps - IN_REGISTERS).sum() * s.pixels),
        "code_pixel": float(s.outputs), "end_turn": s.outputs * s.sum_turns(),
        "code_row": float(s.rows), "code_channel": float(len(s.w)),
    }  # fmt: skip


def int8(s: ConvShape) -> Terms:
    """A byte a weight."""
    lines = math.prod(s.w.shape[:3])  # rows of weights
    return finish_terms(s.tail, s.outputs, s.rows) | {
        "byte": float(s.w.size * s.pixels), "byte_turn": s.input_turns(s.w.size * s.pixels),
        "byte_line": float(lines * s.pixels), "byte_call": float(lines * s.rows / len(s.w)),
        "byte_pixel": float(s.outputs), "end_turn": s.outputs * s.sum_turns(),
        "byte_row": float(s.rows),
    }  # fmt: skip


def in_pairs(s: ConvShape) -> Terms:
    """Two weights to a word."""
    room = pairs.room_of(s.w, max(1, s.levels - 1))
    channels = s.pairs if room else len(s.w)
    taps_each, depth, lines = math.prod(s.w.shape[1:]), s.w.shape[1], s.w.shape[2]
    parts = _parts(s.width)
    blocks = sum(-(-n // _BLOCK) for n in parts) * s.height * channels if s.width >= _BLOCK else 0
    ones = s.pixels * channels if s.width < _BLOCK else 0
    three = s.w.shape[-1] == 3 and s.stride <= 2 and s.dilation == 1
    kind = f"pair_3_{s.stride}" if three else "pair_1" if s.w.shape[2:] == (1, 1) else "pair_any"
    runs = -(-depth // room) if room else 1
    words = blocks * taps_each
    whole = kind == "pair_1" or (three and lines == 3)  # no loop over the kernel's rows
    return finish_terms(s.tail, s.outputs, len(s.w) * s.height * len(parts)) | {
        kind: float(words), "pair_turn": (4 * words + ones * taps_each) * _word_turns(s, room),
        "pair_line": 0.0 if whole else float(blocks * depth * lines),
        "pair_channel": 0.0 if kind == "pair_1" else float(blocks * depth),
        "pair_one": float(ones * taps_each), "pair_one_line": float(ones * depth * lines),
        "pair_block": float((blocks + ones) * runs), "pair_split": float((4 * blocks + ones) * runs) if room else 0.0,
        "end_turn": s.outputs * s.sum_turns(), "pair_weight": float(channels * taps_each),
        "pair_row": float(s.height * channels * len(parts)), "pair_layer": 1.0,
    }  # fmt: skip


def _parts(width: int) -> list[int]:
    """Pixels of a row of `width` that are finished together."""
    found = []
    while width > 0:
        found.append(width if width < _CHUNK + _BLOCK else _CHUNK)
        width -= found[-1]
    return found


def _word_turns(s: ConvShape, room: int) -> float:
    """Turns of the loop that multiplies by the words of `in_pairs`, in the mean, where no instruction does."""
    if s.turns is None:
        return 0.0
    rows = s.w.reshape(len(s.w), -1)
    if room:  # two channels of a group to a word
        groups = s.w.reshape(s.group, len(s.w) // s.group, -1)
        even = np.pad(groups, ((0, 0), (0, groups.shape[1] % 2), (0, 0)))
        rows = (even[:, 0::2] + (even[:, 1::2] << 16)).reshape(-1, rows.shape[1])
    return float(np.mean([(int(word) & 0xFFFFFFFF).bit_length() for word in rows.ravel()]))


def worth_table(tail: Tail, pixels: int, reach: int, *, unaligned: bool) -> bool:
    """Whether a channel whose sums reach `reach` is finished by table: `worth_table` of the kernels."""
    if tail.kind == "plain" or reach > _TABLE:
        return False
    if tail.kind == "scaled":
        return pixels >= reach
    search = 12 + 8 * tail.levels.bit_length()
    return pixels * search >= reach * (1 if unaligned else 3) + 12 * tail.levels


def in_rice(s: ConvShape) -> Terms:
    """Places of weights, decoded for each call; 16 bytes of the input at a time, or 8 of two rows."""
    rows = wide = x = 0  # of outputs; of 16 bytes
    each = -(-8 // s.stride)  # outputs of 8 bytes
    while x < s.width:
        both = s.width - x > each and s.stride in (1, 2, 4, 8)
        rows, wide, x = rows + s.height, wide + both * s.height, x + (1 + both) * each
    tiles = wide + -(-(rows - wide) // 2)
    taps, room = float(s.taps.sum()), max(1, (65535 if s.unaligned else 255) // max(1, s.levels - 1))
    chunks = float(np.maximum(1, -(-s.taps // room)).sum())
    # Cores without unaligned loads take 8 bytes at a time.
    ways = {"rice_tap": taps * tiles} if s.unaligned else {"rice_half": taps * (rows + wide)}
    chunk = {"rice_chunk": chunks * tiles} if s.unaligned else {"rice_chunk": chunks * (rows + wide)}
    ends = finish_terms(s.tail, s.outputs, len(s.w) * rows) | {"turn": s.outputs * s.sum_turns()}
    if s.tail.kind == "scaled" and s.to_bytes:
        ends = {"byte": float(s.outputs), "bytes": float(len(s.w) * rows), "turn": s.outputs * s.sum_turns(lifted=True)}
    return {f"rice_{name}": n for name, n in ends.items()} | ways | chunk | {
        "rice": taps, "rice_code": 8.0 * rice.size_of(rice.in_order(s.w)), "rice_channel": float(len(s.w)),
        "rice_tile": float(len(s.w) * tiles),
    }  # fmt: skip
