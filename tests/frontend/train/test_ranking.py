"""How many weights stay, and which."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.errors import CompileError
from cardc.frontend.train.ranking import kept, rank_masks, top_k


@pytest.mark.parametrize(
    ("weights", "sparsity", "count"), [(10, 0.9, 1), (1000, 0.9, 100), (15248, 0.9, 1524), (7, 0.0, 7), (3, 0.5, 1)]
)
def test_kept(weights: int, sparsity: float, count: int) -> None:
    assert kept(weights, sparsity) == count


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, float("nan")])
def test_sparsity_outside_its_range_is_refused(sparsity: float) -> None:
    with pytest.raises(CompileError, match=r"not in \[0, 1\)"):
        rank_masks([torch.rand(10)], sparsity)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.data())
def test_top_k_is_exact_with_ties(values: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(values)))
    mask = top_k(torch.tensor(values, dtype=torch.float32), k).numpy()
    first = sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]
    assert np.array_equal(np.flatnonzero(mask), np.sort(np.array(first, np.int64)))


def test_global_ranking_compares_layers_and_layer_ranking_does_not() -> None:
    small, large = torch.full((2, 10), 0.1), torch.full((4, 10), -5.0)
    everywhere = rank_masks([small, large], 0.5, "global")
    assert [int(m.sum()) for m in everywhere] == [1, 29]  # one weight of the small layer is kept in any case
    assert [int(m.sum()) for m in rank_masks([small, large], 0.5, "layer")] == [10, 20]
    assert [m.shape for m in everywhere] == [small.shape, large.shape]


def test_the_sign_of_a_score_does_not_matter() -> None:
    (mask,) = rank_masks([torch.tensor([1.0, -3.0, 2.0, -0.5])], 0.5)
    assert mask.tolist() == [0, 1, 1, 0]


def test_faults_are_refused() -> None:
    with pytest.raises(CompileError, match="NaN"):
        rank_masks([torch.tensor([1.0, torch.nan])], 0.5)
    with pytest.raises(CompileError, match="without weights"):
        rank_masks([torch.rand(5), torch.rand(5)], 0.9)
    with pytest.raises(CompileError, match="without weights"):
        rank_masks([torch.rand(100), torch.rand(3)], 0.9, "layer")
