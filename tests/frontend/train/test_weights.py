"""Masked layers of every width of weight, the estimators' slopes, and what reaches latent weights."""

from __future__ import annotations

import pytest
import torch

from cardc.errors import CompileError
from cardc.frontend.train.layers import MaskedConv2d, MaskedLinear
from cardc.frontend.train.weights import ReSte, Ste


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("per_filter", [False, True])
def test_weights_are_whole_steps_in_range(bits: int, per_filter: bool) -> None:
    torch.manual_seed(bits)
    layer = MaskedConv2d(3, 4, 3, bits=bits, per_filter=per_filter)
    mask = (torch.rand_like(layer.weight) < 0.5).float()
    layer.set_mask(mask)
    whole = layer.integers()
    top = 1 if bits <= 2 else 2 ** (bits - 1) - 1
    assert float(whole.abs().max()) == top
    assert bool((whole[mask == 0] == 0).all())
    assert bool((whole == whole.round()).all())
    assert layer.alpha.numel() == (4 if per_filter else 1)
    # Eight significant bits: products and sums of them are exact in float32.
    assert torch.equal(layer.step.to(torch.bfloat16).float(), layer.step)
    x = torch.eye(27).reshape(27, 3, 3, 3)
    torch.testing.assert_close(layer(x).reshape(27, 4).T, (whole * layer.step).reshape(4, 27))


def test_ternary_weights_below_the_threshold_are_zero() -> None:
    layer = MaskedLinear(64, 8, bits=2)
    mean = float(layer.weight.abs().mean())
    small, large = layer.weight.abs() < 0.69 * mean, layer.weight.abs() > 0.71 * mean
    assert bool((layer.integers()[small] == 0).all())
    assert torch.equal(layer.integers()[large], layer.weight[large].sign())


def test_a_filter_that_is_pruned_whole_keeps_a_scale() -> None:
    layer = MaskedConv2d(1, 2, 3, per_filter=True)
    mask = torch.ones_like(layer.weight)
    mask[0] = 0
    layer.set_mask(mask)
    assert bool(torch.isfinite(layer.alpha).all())
    assert bool((layer(torch.rand(1, 1, 3, 3))[:, 0] == 0).all())


def test_weights_of_nine_bits_are_refused() -> None:
    with pytest.raises(CompileError, match="9 bits"):
        MaskedLinear(4, 4, bits=9)


def test_gradient_reaches_kept_weights_only_and_is_straight_through() -> None:
    layer = MaskedLinear(5, 3)
    layer.set_mask(torch.tensor([[1.0, 1, 0, 0, 1]] * 3))
    layer(torch.ones(2, 5)).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, 2 * layer.mask * layer.alpha)


def test_reste_slope_grows_from_one_to_the_root() -> None:
    weight = torch.tensor([-4.0, -1.0, -0.05, 0.05, 0.5, 1.0, 4.0])
    estimator, z = ReSte(power=3, threshold=1.5, small=0.1), (weight / weight.std()).abs()
    inside = (z <= 1.5).float()
    torch.testing.assert_close(estimator.slope(weight, 0.0), inside)
    slope = estimator.slope(weight, 1.0)
    for value, got in zip(z.tolist(), slope.tolist(), strict=True):
        want = 0.0 if value > 1.5 else 0.1 ** (-2 / 3) if value < 0.1 else value ** (-2 / 3) / 3
        assert got == pytest.approx(want, rel=1e-5)


def test_clipped_ste_stops_large_weights() -> None:
    weight = torch.tensor([-2.0, -0.5, 0.5, 2.0])
    slope = Ste(clip=1.0).slope(weight, 0.0)
    assert slope is not None
    assert slope.tolist() == [0, 1, 1, 0]
    layer = MaskedLinear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(weight[None])
    layer.estimator = Ste(clip=1.0)
    layer(torch.ones(1, 4)).sum().backward()
    assert layer.weight.grad is not None
    assert (layer.weight.grad != 0).tolist() == [[False, True, True, False]]
