"""The budget helper against what cardc really builds, and sweeps here, in processes and on Ray."""

from __future__ import annotations

import math

import pytest
import torch

import cardc
from cardc.errors import CompileError
from cardc.frontend.train.blocks import Precision
from cardc.frontend.train.budget import budget, weight_bits, widest
from cardc.frontend.train.convnets import small
from cardc.frontend.train.layers import layers_to_prune
from cardc.frontend.train.ranking import top_k
from cardc.frontend.train.resnets import resnet8
from cardc.frontend.train.sweep import grid, sweep
from cardc.targets.base import load as load_target

BOARD = load_target("nucleo-f446re")


def test_entropy_of_masks() -> None:
    assert weight_bits(1.0) == 1.0
    assert weight_bits(0.5) == pytest.approx(1.5)
    assert weight_bits(0.05) == pytest.approx(0.2864 + 0.05, abs=1e-4)
    with pytest.raises(CompileError):
        weight_bits(1.5)


def test_estimates_are_within_a_factor_of_two_of_a_build() -> None:
    card = small((8, 16, 24))
    card.train()
    with torch.no_grad():
        for _ in range(10):
            card(torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    card.eval()
    for layer in layers_to_prune(card):
        scores = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(1))
        layer.set_mask(top_k(scores, round(layer.weight.numel() * 0.2)))
    estimated = budget(card, (1, 28, 28), BOARD)
    assert budget(card, (1, 28, 28), BOARD, sparsity=0.95).flash_bytes < estimated.flash_bytes
    totals = cardc.compile(card, BOARD, sample=torch.rand(1, 1, 28, 28)).report.totals
    for name in ("flash_bytes", "ram_bytes"):
        assert 0.5 < getattr(estimated, name) / totals[name].value < 2, name
    # The kernels grow faster as they are worked on; the estimate is a rule of thumb.
    assert 0.25 < estimated.instructions / totals["instructions"].value < 4


def test_residual_blocks_keep_their_input_alive() -> None:
    found = {layer.name: layer.live_bytes for layer in budget(resnet8(), (3, 32, 32), BOARD, sparsity=0.9).layers}
    one = 16 * 32 * 32
    assert found["stage1_1.conv1"] == 2 * one
    assert found["stage1_1.conv2"] == 3 * one


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


def root(x: float) -> float:
    return math.sqrt(x)


def fails(x: float) -> float:
    raise CompileError(f"no {x}", fix="none")


def test_grid() -> None:
    assert grid(seed=(0, 1), sparsity=(0.9,)) == [{"seed": 0, "sparsity": 0.9}, {"seed": 1, "sparsity": 0.9}]


@pytest.mark.parametrize(("where", "workers"), [("here", 1), ("here", 2), ("ray", 1)])
def test_sweeps_give_results_in_order(where: str, workers: int) -> None:
    seen: dict[int, float] = {}
    got = sweep(math.sqrt, [4.0, 1.0, 9.0], where=where, workers=workers, done=seen.__setitem__)  # type: ignore[arg-type]
    assert got == [2.0, 1.0, 3.0]
    assert seen == {0: 2.0, 1: 1.0, 2: 3.0}


def test_a_failing_trial_ends_the_sweep() -> None:
    with pytest.raises(CompileError, match="no 1"):
        sweep(fails, [1.0, 2.0])
    with pytest.raises(CompileError, match="at least one worker"):
        sweep(root, [1.0], workers=0)
