"""No value that can occur is left near a rounding boundary."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.layers import masked_layers
from cardc.frontend.train.margins import clear_boundaries
from cardc.frontend.train.models import digits_card
from cardc.frontend.train.points import quantisers

X = (np.random.default_rng(0).integers(0, 17, (200, 1, 8, 8)) / 16).astype(np.float32)


def _on_the_edge() -> nn.Sequential:
    """Batch norms that undo the scale exactly and add half a step: every accumulator sits on a boundary."""
    card = digits_card((3, 4, 5)).eval()
    for (_, layer), norm in zip(masked_layers(card), [m for m in card if isinstance(m, nn.BatchNorm2d)], strict=False):
        norm.eps = 0.0
        with torch.no_grad():
            norm.weight.fill_(1 / float(layer.alpha) if norm is card[2] else 0.25 / float(layer.alpha))
            norm.weight[0] *= -1
            norm.bias.fill_(0.125)
    return card


def test_boundaries_are_cleared() -> None:
    card = _on_the_edge()
    assert all(p.boundary_cases() for p in quantisers(card, X)[0][1:])
    assert clear_boundaries(card) == 3 + 4 + 5
    assert [p.boundary_cases(5e-5) for p in quantisers(card, X)[0]] == [0] * 4
    assert clear_boundaries(card) == 0


def test_a_nudge_is_small() -> None:
    card = _on_the_edge()
    clear_boundaries(card)
    for norm in card:
        if isinstance(norm, nn.BatchNorm2d):
            assert (norm.bias - 0.125).abs().max().item() < 0.25 / 16


def test_norms_without_statistics_are_refused() -> None:
    card = digits_card((3, 4, 5))
    card[2] = nn.BatchNorm2d(3, track_running_stats=False)
    with pytest.raises(CompileError, match="statistics"):
        clear_boundaries(card)
