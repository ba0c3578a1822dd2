"""Accumulator widths from the weights themselves: an interval analysis that shares no code with the backend."""

from __future__ import annotations

import numpy as np
from benchmarks.hls4ml.works import Work

from cardc.compiler import lower
from cardc.ops.base import constant, operand
from cardc.ops.graph import is_cardc
from cardc.ops.qtype import qtype
from cardc.targets.base import load


def bits(lo: int, hi: int) -> int:
    """The fewest bits of a two's complement (lo < 0) or plain binary number from lo to hi."""
    return max(hi, -lo - 1, 1 if lo >= 0 else 0).bit_length() + (lo < 0)


def widths(work: Work) -> list[int]:
    """Bits that the sums of each dense layer and convolution need, in order.

    The largest sum has every positive weight meet the largest input and every negative one the smallest; zero padding
    lets a product be zero too.
    """
    needed = []
    model = lower(work.path(), load("pynq-z2"), entrance=work.entrance).integer
    for node in model.graph:
        if not is_cardc(node, "MatMul", "Conv"):
            continue
        w, q = constant(node.inputs[1]), qtype(operand(node, 0))
        assert w is not None
        rows = np.asarray(w.T if node.op_type == "MatMul" else w.reshape(len(w), -1)).astype(object)
        pads = node.attributes["pads"].as_ints() if "pads" in node.attributes else (0,)
        low, high = (min(q.lo, 0), max(q.hi, 0)) if any(pads) else (q.lo, q.hi)
        ends = [(sum(min(v * low, v * high) for v in r), sum(max(v * low, v * high) for v in r)) for r in rows]
        needed.append(bits(min(int(lo) for lo, _ in ends), max(int(hi) for _, hi in ends)))
    return needed
