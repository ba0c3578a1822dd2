"""The budget helper against what cardc really builds."""

from __future__ import annotations

import pytest
import torch

import cardc
from cardc.errors import CompileError
from cardc.frontend.train.blocks import Precision
from cardc.frontend.train.budget import budget, weight_bits, widest
from cardc.frontend.train.convnets import lenet, small
from cardc.frontend.train.layers import layers_to_prune
from cardc.frontend.train.models import digits_card, mlp_card
from cardc.frontend.train.ranking import top_k
from cardc.frontend.train.resnets import resnet8
from cardc.targets.base import load as load_target

BOARD = load_target("nucleo-f446re")


def test_entropy_of_masks() -> None:
    assert weight_bits(1.0) == 1.0
    assert weight_bits(0.5) == pytest.approx(1.5)
    assert weight_bits(0.05) == pytest.approx(0.2864 + 0.05, abs=1e-4)
    with pytest.raises(CompileError):
        weight_bits(1.5)


NETS = {
    "small": (lambda: small((12, 24, 32)), (1, 28, 28), 0.9),
    "digits": (lambda: digits_card((8, 16, 16)), (1, 8, 8), 0.8),
    "lenet": (lambda: lenet(width=0.75), (1, 28, 28), 0.85),
    "dense": (lambda: mlp_card(hidden=(96, 32)), (1, 8, 8), 0.8),
}


@pytest.mark.parametrize("name", NETS)
def test_estimates_hold_on_networks_they_were_not_fitted_to(name: str) -> None:
    """The bands that budget.py states."""
    build, shape, pruned = NETS[name]
    card, random = build(), torch.Generator().manual_seed(0)
    card.train()
    with torch.no_grad():
        for _ in range(10):
            card(torch.rand(8, *shape, generator=random))
    card.eval()
    for layer in layers_to_prune(card):
        scores = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(1))
        layer.set_mask(top_k(scores, round(layer.weight.numel() * (1 - pruned))))
    estimated = budget(card, shape, BOARD)
    # What a recipe will prune to is the same as what it has pruned to.
    before = budget(build(), shape, BOARD, sparsity=pruned)
    assert abs(before.flash_bytes - estimated.flash_bytes) <= 8
    totals = cardc.compile(card, BOARD, sample=torch.rand(1, *shape, generator=random)).report.totals
    for figure, band in (("flash_bytes", 1.25), ("ram_bytes", 1.25), ("instructions", 1.7)):
        ratio = getattr(estimated, figure) / totals[figure].value
        assert 1 / band < ratio < band, (figure, ratio)


def test_a_sparser_card_is_estimated_smaller_and_faster() -> None:
    some, few = (budget(small(), (1, 28, 28), BOARD, sparsity=s) for s in (0.8, 0.95))
    assert few.flash_bytes < some.flash_bytes
    assert few.instructions < some.instructions
    assert few.latency_s == pytest.approx(some.latency_s * few.instructions / some.instructions)


def test_residual_blocks_keep_their_input_alive() -> None:
    found = {layer.name: layer.live_bytes for layer in budget(resnet8(), (3, 32, 32), BOARD, sparsity=0.9).layers}
    one = 16 * 32 * 32
    assert found["stage1_1.conv1"] >= 2 * one
    assert found["stage1_1.conv2"] == found["stage1_1.conv1"] + one


def test_widest_takes_the_largest_that_fits() -> None:
    width, found = widest(lambda w: resnet8(width=w), (3, 32, 32), BOARD, sparsity=0.9)
    assert found.fits
    assert width == 2.0
    narrow, quick = widest(lambda w: resnet8(width=w), (3, 32, 32), BOARD, sparsity=0.9, seconds=found.latency_s / 3)
    assert narrow < width
    assert quick.latency_s <= found.latency_s / 3
    with pytest.raises(CompileError, match="no width") as caught:
        widest(lambda w: resnet8(width=w), (3, 32, 32), BOARD, sparsity=0.9, seconds=1e-9)
    assert caught.value.exit_code == 1


def test_only_microcontrollers_and_masked_layers() -> None:
    with pytest.raises(CompileError, match="no microcontroller"):
        budget(small(), (1, 28, 28), load_target("pynq-z2"))
    with pytest.raises(CompileError, match="no masked layer"):
        budget(small(precision=Precision(None, 4, 4)), (1, 28, 28), BOARD)
