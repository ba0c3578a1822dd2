"""What is recorded at each activation quantiser."""

from __future__ import annotations

from collections.abc import Callable

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.data import Split
from cardc.frontend.train.models import digits_card
from cardc.frontend.train.points import QuantPoint, prequant_tensors, quantised_tensors, quantisers

X = np.random.default_rng(0).random((16, 1, 8, 8), np.float32)


def _point(before: list[float], *, bits: int = 4, signed: bool = False, rounding: str = "ROUND") -> QuantPoint:
    x = np.array(before, np.float32)
    return QuantPoint("p", x, x, np.array(0.5, np.float32), np.array(0.0, np.float32), bits, signed, rounding)


def test_after_is_before_rounded_and_clipped(warm: Callable[[nn.Sequential], nn.Sequential], split: Split) -> None:
    points, logits = quantisers(warm(digits_card((3, 4, 5))), split.x_test)
    assert [p.name for p in points] == ["quant", "act1", "act2", "act3"]
    for p in points:
        expected = np.clip(np.rint(p.before / p.scale), 0, 15)
        assert np.array_equal(p.integers(), expected)
        assert len(np.unique(expected)) > 4
        assert np.array_equal(p.after, expected.astype(np.float32) * p.scale)
    assert logits.shape == (360, 10)


def test_views_agree_and_end_in_the_logits(warm: Callable[[nn.Sequential], nn.Sequential]) -> None:
    card = warm(digits_card((3, 4, 5)))
    after, before = quantised_tensors(card, X), prequant_tensors(card, X)
    assert list(after) == [*before, "output"]
    assert len(np.unique(after["output"])) > 10
    assert np.array_equal(after["output"], card.eval()(torch.from_numpy(X)).detach().numpy())
    assert all((before[name] >= 0).all() for name in ("act1", "act2", "act3"))  # after the ReLU


def test_running_statistics_and_modes_are_left_alone() -> None:
    card = digits_card((3, 4, 5)).train()
    card[2].eval()
    before = {k: v.clone() for k, v in card.state_dict().items()}
    quantisers(card, X)
    assert card.training
    assert not card[2].training
    assert all(torch.equal(before[k], v) for k, v in card.state_dict().items())


def test_a_quantiser_called_twice_has_two_names() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = qnn.QuantReLU(bit_width=4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.act(self.act(x) + x)
            return y

    assert [p.name for p in quantisers(Twice(), X)[0]] == ["act", "act.2"]


@pytest.mark.parametrize(
    ("point", "count"),
    [
        (_point([0.25, 0.2500001, 0.26, 0.5, 1.0]), 2),  # 0.5 of a step, and within 1e-5 of it
        (_point([7.25, 7.75, 100.0]), 1),  # beyond 14.5 steps nothing jumps
        (_point([-0.25, -3.75, -4.25], signed=True), 2),
        (_point([0.25, 0.5, 1.0, 1.1], rounding="FLOOR"), 2),
        (_point([0.0, 1e-7, 0.25, -0.5], bits=1), 2),
    ],
)
def test_boundary_cases(point: QuantPoint, count: int) -> None:
    assert point.boundary_cases() == count


def test_bad_input_is_refused() -> None:
    hole = X.copy()
    hole[0, 0, 0, 0] = np.nan
    with pytest.raises(CompileError, match="NaN"):
        quantisers(digits_card((2, 2, 2)), hole)
    with pytest.raises(CompileError, match="shape"):
        quantisers(digits_card((2, 2, 2)), np.zeros((0, 1, 8, 8), np.float32))
    with pytest.raises(CompileError, match=r"does not take an input of shape \[2, 3, 8, 8\]"):
        quantisers(digits_card((2, 2, 2)), np.zeros((2, 3, 8, 8), np.float32))
    with pytest.raises(CompileError, match="no activation quantiser"):
        quantisers(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), X)
