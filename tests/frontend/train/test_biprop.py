"""Biprop learns, prunes exactly as much as asked, and gives the same bits for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.data import digits
from cardc.frontend.train.layers import masked_layers, sparsity
from cardc.frontend.train.models import mlp_card
from cardc.frontend.train.recipe import Progress, Schedule, accuracy

X, Y = digits().x_train[:400], digits().y_train[:400]
SHORT = Schedule(epochs=2, seed=3)


def _bits(model: nn.Module) -> bytes:
    return b"".join(t.numpy().tobytes() for t in model.state_dict().values())


def _trained(recipe: Biprop, seed: int = 3) -> nn.Sequential:
    card = mlp_card(hidden=(20,), seed=seed)
    recipe.train(card, X, Y)
    return card


def test_same_seed_same_bits() -> None:
    recipe = Biprop(schedule=SHORT)
    torch.manual_seed(123)  # the caller's random state must not matter
    first = _bits(_trained(recipe))
    torch.manual_seed(456)
    assert _bits(_trained(recipe)) == first
    assert _bits(_trained(Biprop(schedule=Schedule(epochs=2, seed=4)))) != first


def test_training_leaves_the_callers_random_state_alone() -> None:
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    _trained(Biprop(schedule=SHORT))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("target", [0.0, 0.5, 0.9])
def test_global_sparsity_is_exact(target: float) -> None:
    card = _trained(Biprop(sparsity=target, schedule=SHORT))
    total = sum(layer.mask.numel() for _, layer in masked_layers(card))
    assert round(sparsity(card) * total) == int(np.ceil(target * total))


def test_layer_ranking_prunes_every_layer_alike() -> None:
    card = _trained(Biprop(sparsity=0.8, ranking="layer", schedule=SHORT))
    assert [int(layer.mask.sum()) for _, layer in masked_layers(card)] == [256, 40]


def test_only_masks_change_not_weights() -> None:
    before = [layer.weight.clone() for _, layer in masked_layers(mlp_card(hidden=(20,), seed=3))]
    after = list(masked_layers(_trained(Biprop(schedule=SHORT))))
    assert all(torch.equal(w, layer.weight) for w, (_, layer) in zip(before, after, strict=True))
    assert all(layer.scores is None for _, layer in after)


def test_it_learns_and_reports_progress() -> None:
    card, seen = mlp_card(hidden=(40,)), list[Progress]()
    recipe = Biprop(sparsity=0.5, score_lr=0.1, lr=0.03, schedule=Schedule(epochs=12))
    assert recipe.train(card, X, Y, seen.append) is card
    assert not card.training
    assert [p.epoch for p in seen] == list(range(1, 13))
    assert seen[-1].loss < seen[0].loss
    assert accuracy(card, digits().x_test, digits().y_test) > 0.8


@pytest.mark.parametrize(
    "fields", [{"sparsity": 1.0}, {"sparsity": -0.5}, {"ranking": "best"}, {"lr": 0.0}, {"score_lr": float("nan")}]
)
def test_bad_fields_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(CompileError):
        Biprop(**fields)  # type: ignore[arg-type]


def test_bad_schedules_are_refused() -> None:
    for bad in ({"epochs": 0}, {"batch_size": 1}):
        with pytest.raises(CompileError):
            Schedule(**bad)


def test_bad_data_is_refused() -> None:
    hole = X.copy()
    hole[3, 0, 2, 2] = np.nan
    for x, y, says in [
        (hole, Y, "NaN"),
        (X, Y[:-1], "labels of shape"),
        (X, Y.astype(np.float32), "labels of type"),
        (X, -Y, "labels of type"),
    ]:
        with pytest.raises(CompileError, match=says):
            Biprop(schedule=SHORT).train(mlp_card(hidden=(20,)), x, y)  # type: ignore[arg-type]


def test_a_model_without_masked_layers_is_refused() -> None:
    with pytest.raises(CompileError, match="no masked layer"):
        Biprop().train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), X, Y)
