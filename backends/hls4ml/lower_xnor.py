"""Products of signs: {-1, +1} activations by ternary weights to our own layers, which count equal signs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...ops.qtype import QType, qtype
from .builder import Builder
from .layer import Tensor, Weights
from .layout import Layout
from .types import HlsInt, narrowest, tabled


def as_signs(q: QType, w: NDArray[np.int64], reuse: int) -> bool:
    """Whether inputs of type `q` by `w` [n_in, n_out] are products of signs that our layers take with this `reuse`."""
    signs = (q.lo, q.hi, q.step) == (-1, 1, 2)
    return signs and int(np.abs(w).max(initial=0)) == 1 and w.shape[0] % reuse == 0


def xnor(
    node: ir.Node,
    b: Builder,
    x: Tensor,
    w: NDArray[np.int64],
    layout: Layout,
    sizes: Mapping[str, int],
    choice: tuple[str, int],
) -> None:
    """Append CardcXnor, or with the `sizes` of a convolution CardcXnorConv, for weights `w` [n_in, n_out]."""
    q, ternary = qtype(node.outputs[0]), bool((w == 0).any())
    kept = np.count_nonzero(w, axis=0).astype(np.int64)
    # Twice the count may not fit, but its difference to the count of weights does, and ap_int wraps.
    accum = narrowest(q.lo, q.hi)
    constants = {"n_in": w.shape[0], "n_out": w.shape[1], "ternary": int(ternary), **sizes}
    types = {"count_type": narrowest(0, int(kept.max())).cpp, "accum_type": accum.cpp}
    stored = HlsInt(2, signed=True) if ternary else HlsInt(1, signed=False)
    b.add(
        node,
        "CardcXnorConv" if sizes else "CardcXnor",
        layout,
        x,
        weights=(Weights("weight", w, stored, signs=not ternary), Weights("kept", kept, tabled(kept))),
        accum=accum,
        attributes={**constants, **types, "out_shape": list(layout.hls_shape)},
        constants=constants,
        strategy=choice[0],
        reuse=choice[1],
    )
