"""Weights as code: what a layer costs so, and which layers are worth their flash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..ops.base import Array
from . import conv_terms
from .choose_layout import choose_layout
from .dense_costs import dense_terms
from .kernel_costs import Cost, is_ternary, spent
from .layer_shape import conv_shape, tail_of
from .schedule import base
from .turns import turns_of
from .wide import beyond_32_bits, wide_product

MOST_CODE = 8192
"""Weights of a layer that become instructions, about 50 KB."""
_HOT, _FASTER = 0.02, 0.85  # of the network's instructions saved at least; of the layer's, left at most
_PROGRAM, _SMALL_PROGRAM = 24 << 10, 8 << 10  # bytes of all else, where loops are written out and where not


def straight_cost(node: ir.Node, w: Array, features: frozenset[str]) -> Cost | None:
    """The cost of `node`, a Conv or MatMul of weights `w`, as code; None where it cannot be."""
    nonzeros = int(np.count_nonzero(w))
    if wide_product(node) or beyond_32_bits(node, w) or not is_ternary(w) or nonzeros > MOST_CODE:
        return None
    if node.op_type == "Conv":
        terms = conv_terms.straight(conv_shape(node, w, features))
    else:
        levels = choose_layout(base(node.inputs[0] or node.outputs[0]), word_rows=False).levels
        terms = dense_terms(w, levels, tail_of(node), features, turns_of(node, w, features))["straight"]
    return Cost(spent(terms, features), _weight_bytes(features) * nonzeros)


def _weight_bytes(features: frozenset[str]) -> float:
    """Of two instructions or, on AVR, some nine."""
    if "eight_bit" in features:
        return 18.0
    if "software_multiply" in features:
        return 9.0
    return 8.0 if "many_registers" in features else 6.0


def worth_code(layers: Sequence[tuple[Cost, Cost | None]], flash: int, *, small: bool) -> set[int]:
    """Which of `layers` (the cost of each as chosen, and as code) become code: those that save most for a byte, while a
    quarter of `flash` bytes is left, and code is no more than a quarter of it."""
    total = sum(chosen.instructions for chosen, _ in layers)
    rest = (_SMALL_PROGRAM if small else _PROGRAM) + sum(chosen.bytes for chosen, _ in layers)
    room, found = min(flash * 3 / 4 - rest, flash / 4), set()
    gains = [(k, chosen, code) for k, (chosen, code) in enumerate(layers) if code is not None]
    gains.sort(key=lambda g: (-(g[1].instructions - g[2].instructions) / max(1.0, g[2].bytes), g[0]))
    for k, chosen, code in gains:
        hot = chosen.instructions - code.instructions >= _HOT * total
        if hot and code.instructions <= _FASTER * chosen.instructions and code.bytes <= room:
            room -= code.bytes
            found.add(k)
    return found
