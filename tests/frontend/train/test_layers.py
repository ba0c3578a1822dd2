"""The mask acts on the quantised weight, the scale is the formula's, the gradient is biprop's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cardc.errors import CompileError
from cardc.frontend.train.layers import MaskedConv2d, MaskedLinear, sparsity


def _linear(seed: int = 0) -> MaskedLinear:
    torch.manual_seed(seed)
    layer = MaskedLinear(6, 5)
    layer.set_mask((torch.rand(5, 6) < 0.5).float())
    return layer


def test_a_pruned_weight_is_zero_and_not_plus_one() -> None:
    layer = _linear().eval()
    columns = layer(torch.eye(6)).detach().numpy().T  # row i is W^[:, i]
    units = columns / float(layer.alpha)
    mask, weight = layer.mask.numpy(), layer.weight.detach().numpy()
    assert np.array_equal(units, mask * np.where(weight < 0, -1, 1))
    assert np.array_equal(units == 0, mask == 0)
    assert 0 < (mask == 0).sum() < mask.size
    # What a mask in front of the binarisation would give: no zeros at all.
    assert not np.array_equal(units, np.where(weight * mask < 0, -1, 1))


def test_convolution_is_the_ternary_one() -> None:
    torch.manual_seed(1)
    layer = MaskedConv2d(2, 3, 3, padding=1)
    layer.set_mask((torch.rand_like(layer.weight) < 0.3).float())
    layer.eval()
    x = torch.randint(0, 16, (4, 2, 5, 5)).float()
    ternary = layer.mask * torch.where(layer.weight < 0, -1.0, 1.0)
    expected = torch.nn.functional.conv2d(x.double(), ternary.double(), padding=1) * float(layer.alpha)
    assert np.array_equal(layer(x).detach().double().numpy(), expected.detach().numpy())


@pytest.mark.parametrize("seed", range(4))
def test_scale_is_the_mean_of_what_is_left_to_eight_bits(seed: int) -> None:
    layer = _linear(seed)
    weight, mask = layer.weight.detach().double().numpy(), layer.mask.numpy()
    exact = np.abs(weight * mask).sum() / mask.sum()
    alpha = float(layer.alpha)
    assert abs(alpha - exact) <= exact * 2.0**-8
    mantissa, _ = np.frexp(alpha)
    assert mantissa * 2**8 == round(mantissa * 2**8)


def test_scale_does_not_move_between_training_and_eval() -> None:
    layer = _linear()
    x = torch.rand(3, 6)
    assert torch.equal(layer.train()(x), layer.eval()(x))


def test_latent_zeros_are_moved_to_plus_one() -> None:
    layer = _linear()
    with torch.no_grad():
        layer.weight[0, 0] = 0.0
    layer.set_mask(torch.ones(5, 6))
    assert layer.weight[0, 0].item() > 0
    assert layer.eval()(torch.eye(6))[0, 0].item() == float(layer.alpha)


def test_gradient_of_scores_and_input() -> None:
    layer = _linear().train()
    scores = torch.randn(5, 6)
    layer.start_scores(scores)
    x, c = torch.randn(4, 6, requires_grad=True), torch.randn(4, 5)
    (layer(x) * c).sum().backward()
    upstream = c.numpy().T @ x.detach().numpy()  # dL/dW^
    weight, mask = layer.weight.detach().numpy(), layer.mask.numpy()
    assert layer.scores is not None
    assert layer.scores.grad is not None
    np.testing.assert_allclose(layer.scores.grad.numpy(), np.sign(scores.numpy()) * weight * upstream, rtol=1e-5)
    assert (layer.scores.grad.numpy()[mask == 0] != 0).any()  # straight through: pruned weights can come back
    assert x.grad is not None
    effective = float(layer.alpha) * mask * np.where(weight < 0, -1, 1)
    np.testing.assert_allclose(x.grad.numpy(), c.numpy() @ effective, rtol=1e-5, atol=1e-6)


def test_sparsity_counts_all_layers() -> None:
    model = torch.nn.Sequential(MaskedLinear(10, 4), MaskedLinear(4, 5))
    mask = torch.zeros(4, 10)
    mask[0, :6] = 1
    model[0].set_mask(mask)  # type: ignore[operator]
    assert sparsity(model) == 1 - 26 / 60


def test_state_dict_round_trip() -> None:
    layer, other = _linear(0), _linear(1)
    other.load_state_dict(layer.state_dict())
    x = torch.rand(3, 6)
    assert torch.equal(layer.eval()(x), other.eval()(x))
    assert torch.equal(layer.alpha, other.alpha)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (torch.ones(6, 5), "shape"),
        (torch.full((5, 6), 0.5), "other than 0 and 1"),
        (torch.full((5, 6), torch.nan), "other than 0 and 1"),
        (torch.zeros(5, 6), "whole layer"),
    ],
)
def test_bad_masks_are_refused(mask: torch.Tensor, says: str) -> None:
    layer = _linear()
    before = layer.mask.clone()
    with pytest.raises(CompileError, match=says):
        layer.set_mask(mask)
    assert torch.equal(layer.mask, before)


def test_bad_scores_and_weights_are_refused() -> None:
    layer = _linear()
    with pytest.raises(CompileError, match="shape"):
        layer.start_scores(torch.rand(6, 5))
    with torch.no_grad():
        layer.weight[1, 1] = torch.nan
    with pytest.raises(CompileError, match="NaN"):
        layer.refresh()
