"""What each kernel of fully connected layers costs: instructions, estimated from the layer, and bytes of flash.

Terms that follow the kernels' loops (runtime: `cardc_dense_*.c`), times what each takes (rates); a test beside
choose-encodings compares the estimates with fresh measurements.
"""

from __future__ import annotations

import numpy as np

from ..ops.base import Array
from .conv_terms import IN_REGISTERS, Terms
from .encodings import rice, sparse_dense, vertical
from .kernel_costs import Cost, is_int8, is_ternary, spent
from .tails import Tail, Turns

_FEW = (3, 7, 15, 31)
_NEAR, _FURTHER = 32, 256  # inputs that one instruction of a Thumb core reaches; that one more instruction does


def dense_terms(
    w: Array, levels: int, tail: Tail, features: frozenset[str], turns: Turns | None = None
) -> dict[str, Terms]:
    """How often the kernels that hold the weights `w` [inputs, outputs] do what rates are known for, by encoding, for
    inputs stored as bytes of `levels` levels; `turns` of the loops that multiply, where no instruction does."""
    outputs, nonzeros, turns = int(w.shape[1]), float(np.count_nonzero(w)), turns or Turns()
    found, ends = {}, {"dense_call": 1.0} | _finish(tail, outputs)
    end, lifted = ends | {"end_turn": outputs * turns.sums}, ends | {"end_turn": outputs * turns.lifted}
    if is_ternary(w):
        lists = outputs * sparse_dense.blocks_of(w.T)[0]
        found["sparse"] = end | {"sparse": nonzeros, "sparse_list": float(lists), "sparse_32": float(-(-outputs // 32))}
        found["rice"] = end | {
            "dense_rice": nonzeros, "dense_rice_bit": 8.0 * rice.size_of(w.T), "dense_rice_row": float(outputs),
        }  # fmt: skip
        found["straight"] = end | {
            "dense_code": nonzeros, "dense_code_row": float(outputs), "dense_code_32": float(-(-outputs // 32)),
            "dense_code_far": float(np.count_nonzero(w[_NEAR:])),
            "dense_code_long": float(np.maximum(0, np.count_nonzero(w, axis=0) - IN_REGISTERS).sum()),
            "dense_code_further": float(np.count_nonzero(w[_FURTHER:])),
        }  # fmt: skip
        found["ternary"] = lifted | _planes(w, levels, "ternary", features)
        full = int(nonzeros) == w.size
        if full:
            found["binary"] = lifted | _planes(w, levels, "binary", features)
        if levels <= 2 and vertical.fits(*w.shape):
            found["vertical"] = _vertical(w, 1 if full else 2, tail, lifted, in_vectors="mve" in features)
    if is_int8(w):
        found["int8"] = end | _int8(w, levels, features, turns)
    return found


def dense_costs(
    w: Array, levels: int, tail: Tail, features: frozenset[str], turns: Turns | None = None
) -> dict[str, Cost]:
    """Encodings that hold the weights `w` [inputs, outputs], for inputs stored as bytes of `levels` levels; straight
    code is left out (straight_costs)."""
    terms = dense_terms(w, levels, tail, features, turns)
    return {name: Cost(spent(t, features), _bytes(name, w, tail)) for name, t in terms.items() if name != "straight"}


def _bytes(encoding: str, w: Array, tail: Tail) -> float:
    inputs, outputs = int(w.shape[0]), int(w.shape[1])
    words = -(-inputs // 32)
    match encoding:
        case "sparse":
            return float(np.count_nonzero(w) + 2 * outputs * sparse_dense.blocks_of(w.T)[0])
        case "rice":
            return float(rice.size_of(w.T))
        case "binary" | "ternary":
            return 4.0 * (1 if encoding == "binary" else 2) * words * outputs
        case "vertical":
            matrices, bits = 1 if np.count_nonzero(w) == w.size else 2, vertical.bits_of(inputs)
            one = tail == Tail("thresholds", 1)
            return 4.0 * -(-outputs // 32) * (matrices * (inputs + 1) + bits + (bits + 1 if one else 0))
    return float(w.size)


def _finish(tail: Tail, outputs: int) -> Terms:
    """Of each output, from its sum to what is stored."""
    if tail.wide:
        steps = float(outputs * tail.levels.bit_length())
        return {f"dense_{tail.kind}_wide": float(outputs), "dense_step_wide": steps}
    if tail.kind != "thresholds":
        return {f"dense_{tail.kind}": float(outputs)}
    if tail.levels == 1:
        return {"dense_bit": float(outputs)}
    if tail.levels in _FEW:
        return {"dense_search": float(outputs), "dense_step": float(outputs * tail.levels.bit_length())}
    return {"dense_other": float(outputs)}


def _int8(w: Array, levels: int, features: frozenset[str], turns: Turns) -> Terms:
    inputs, outputs = int(w.shape[0]), int(w.shape[1])
    if "mve" in features:  # 16 inputs of four outputs at a time
        blocks, vector = -(-outputs // 4), "vector" if levels <= 128 else "vector_8"
        return {
            vector: float(blocks * -(-inputs // 16)), "vector_rows": float(blocks),
            "vector_16": float(-(-outputs // 16)),
        }  # fmt: skip
    fours = outputs // 4 if "dsp" in features else 0  # rows that share the inputs, two multiplications an instruction
    left = outputs - 4 * fours
    return {
        "dense_byte": float(left * (inputs // 4 * 4)), "dense_byte_rest": float(left * (inputs % 4)),
        "dense_byte_turn": w.size * turns.inputs, "dense_byte_row": float(left),
        "dense_shared": float(fours * (inputs // 4)), "dense_shared_rest": float(fours * (inputs % 4)),
        "dense_shared_row": float(fours), "dense_16": float(-(-outputs // 16)),
    }  # fmt: skip


def _planes(w: Array, levels: int, kernel: str, features: frozenset[str]) -> Terms:
    """A row is one output's weights for one bit plane of the inputs; a word is 32 weights of it."""
    inputs, outputs = w.shape
    words, planes = -(-inputs // 32), max(1, (levels - 1).bit_length())
    counted = "popcount" in features
    kernel, row = (f"counted_{kernel}", "counted_row") if counted else (kernel, "plane_row")
    return {
        "pack": float(planes * inputs), f"{kernel}_8": float(planes * outputs * (words // 8)),
        f"{kernel}_word": float(planes * outputs * (words % 8)), row: float(planes * outputs),
        "plane_16": float(-(-outputs // 16)),
    }  # fmt: skip


def _vertical(w: Array, matrices: int, tail: Tail, end: Terms, *, in_vectors: bool) -> Terms:
    """The most that an input can cost: half of the rows are added, those of the inputs that are 0."""
    inputs, outputs = w.shape
    words, bits = -(-outputs // 32), vertical.bits_of(inputs)
    found = {"vertical_call": 1.0, "vertical_input": float(inputs), "vertical_digit": float(words * bits),
             "vertical_total": float(words * bits)}  # fmt: skip
    group = 4 if in_vectors and words >= 4 else 1  # 128 outputs at a time, or 32
    turns, kind = -(-words // group) * matrices, "vertical_128" if group == 4 else "vertical_32"
    block = "vertical_16_128" if group == 4 else "vertical_16"
    found |= {block: float(turns * -(-(inputs // 2) // 16)), kind: float(turns)}
    if tail == Tail("thresholds", 1):
        return found | {"dense_call": 1.0, "vertical_output": float(outputs)}
    return found | end | {"vertical_sums": float(words), "vertical_sum": float(outputs)}
