"""Which weights stay: the top-k of |score|, over all layers at once or layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from ...errors import CompileError

Ranking = Literal["global", "layer"]


def kept(weights: int, sparsity: float) -> int:
    """How many of `weights` stay so that at least the share `sparsity` in [0, 1) is pruned."""
    if not 0.0 <= sparsity < 1.0:
        raise CompileError(f"sparsity is {sparsity}, not in [0, 1)", fix="0.9 prunes 90 % of the weights")
    return weights - math.ceil(round(sparsity * weights, 6))  # 0.9 * 10 must not become 9.000000000000002


def check_pruning(sparsity: float, ranking: str) -> None:
    """Raise CompileError for a sparsity outside [0, 1) or a ranking that is none."""
    kept(1, sparsity)
    if ranking not in ("global", "layer"):
        raise CompileError(f"ranking is {ranking!r}", fix="use 'global' or 'layer'")


def top_k(ranks: Tensor, k: int) -> Tensor:
    """{0, 1} mask, shaped like `ranks`, of its `k` largest elements; among equals the first wins, so k is exact."""
    flat = ranks.flatten()
    order = torch.sort(flat, descending=True, stable=True).indices
    mask = torch.zeros_like(flat)
    mask[order[:k]] = 1.0
    return mask.view_as(ranks)


def rank_masks(scores: Sequence[Tensor], sparsity: float, ranking: Ranking = "global") -> list[Tensor]:
    """One {0, 1} mask for each tensor of `scores`, that keeps the largest |score|.

    "layer" prunes every layer to `sparsity`; "global" ranks all layers together, which prunes where it hurts
    least ("A Winning Hand", section 3), and keeps at least one weight in every layer so that none is cut
    through. Raises CompileError for NaN scores, a sparsity outside [0, 1), or one that would empty a layer.
    """
    ranks = [s.detach().abs() for s in scores]
    if any(bool(r.isnan().any()) for r in ranks):
        raise CompileError("scores hold NaN: training diverged", fix="lower the learning rate")
    sizes = [r.numel() for r in ranks]
    counts = [kept(n, sparsity) for n in ([sum(sizes)] if ranking == "global" else sizes)]
    if min(counts) < (len(ranks) if ranking == "global" else 1):
        raise CompileError(f"sparsity {sparsity} would leave a layer without weights", fix="lower it")
    if ranking == "layer":
        return [top_k(r, k) for r, k in zip(ranks, counts, strict=True)]
    flat = torch.cat([_lift_best(r.flatten()) for r in ranks])
    return [m.view_as(r) for m, r in zip(torch.split(top_k(flat, counts[0]), sizes), ranks, strict=True)]


def _lift_best(rank: Tensor) -> Tensor:
    lifted = rank.clone()
    lifted[int(rank.argmax())] = math.inf
    return lifted
