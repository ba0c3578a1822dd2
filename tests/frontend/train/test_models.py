"""The ready-made cards and their data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.data import Split, digits
from cardc.frontend.train.layers import masked_layers
from cardc.frontend.train.models import digits_card, mlp_card
from cardc.frontend.train.points import quantisers


def test_digits_card_shapes_and_seed() -> None:
    x = torch.rand(3, 1, 8, 8)
    card = digits_card((4, 5, 6), seed=1)
    assert card(x).shape == (3, 10)
    assert [tuple(layer.weight.shape) for _, layer in masked_layers(card)] == [
        (4, 1, 3, 3), (5, 4, 3, 3), (6, 5, 3, 3), (10, 24),
    ]  # fmt: skip
    assert torch.equal(card(x), digits_card((4, 5, 6), seed=1)(x))
    assert not torch.equal(card(x), digits_card((4, 5, 6), seed=2)(x))


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_activations_have_the_bits_asked_for(
    bits: int, warm: Callable[[nn.Sequential], nn.Sequential], split: Split
) -> None:
    points, _ = quantisers(warm(digits_card((4, 4, 4), bits=bits)), split.x_test)
    assert [p.bits for p in points] == [4, bits, bits, bits]
    assert all(p.integers().min() == 0 and 1 < p.integers().max() < 2**p.bits for p in points)


def test_mlp_card_shapes() -> None:
    assert mlp_card(12, (5, 4), classes=3).eval()(torch.rand(2, 3, 4)).shape == (2, 3)


def test_bad_widths_are_refused() -> None:
    with pytest.raises(CompileError, match="three widths"):
        digits_card((4, 5))
    with pytest.raises(CompileError, match="2 to 8 bits"):
        digits_card(bits=1)
    with pytest.raises(CompileError, match="positive"):
        mlp_card(hidden=(0,))


def test_digits_split() -> None:
    split, again = digits(), digits()
    assert split.x_test.shape == (360, 1, 8, 8)
    assert split.x_train.shape == (1437, 1, 8, 8)
    assert split.x_test.dtype == np.float32
    assert split.y_test.dtype == np.int64
    assert np.array_equal(split.x_test, again.x_test)
    assert not np.array_equal(split.x_test, digits(seed=1).x_test)
    assert set(np.unique(split.x_train * 16)) == set(range(17))
    assert np.bincount(split.y_test).min() >= 34  # stratified: 360 of 1,797, ten classes of 174 to 183
    shared = {x.tobytes() for x in split.x_test} & {x.tobytes() for x in split.x_train}
    assert not shared
