"""Every recipe: exact sparsity, it learns, same bits for the same seed, and again when interrupted half-way."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.blocks import CARD, Precision
from cardc.frontend.train.data import digits
from cardc.frontend.train.dense import Dense
from cardc.frontend.train.layers import layers_to_prune, masked_layers, sparsity
from cardc.frontend.train.lottery import LearningRateRewinding, LotteryTicket, rounds
from cardc.frontend.train.magnitude import FineTune, Gradual
from cardc.frontend.train.models import mlp_card
from cardc.frontend.train.objective import Distil, teacher_of
from cardc.frontend.train.popup import EdgePopup
from cardc.frontend.train.recipe import Aids, Progress, Recipe, Schedule, accuracy
from cardc.frontend.train.soup import SparseSoup, stir
from cardc.frontend.train.weights import ReSte, Ste

X, Y = digits().x_train[:400], digits().y_train[:400]
X_TEST, Y_TEST = digits().x_test, digits().y_test
SHORT = Schedule(epochs=3, seed=3)
LONGER = Schedule(epochs=12)

RECIPES: dict[str, Recipe] = {
    "finetune": FineTune(0.8, dense_epochs=2, schedule=SHORT),
    "gradual": Gradual(0.8, every=2, schedule=SHORT),
    "lottery": LotteryTicket(0.8, share=0.5, schedule=SHORT),
    "rewinding": LearningRateRewinding(0.8, share=0.5, schedule=SHORT),
    "edge-popup": EdgePopup(0.8, score_lr=0.1, lr=0.03, schedule=SHORT),
    "biprop": Biprop(0.8, score_lr=0.1, lr=0.03, scale_fan=True, schedule=SHORT),
}


def _card(seed: int = 3) -> nn.Sequential:
    return mlp_card(hidden=(24,), seed=seed)


def _bits(model: nn.Module) -> bytes:
    return b"".join(t.numpy().tobytes() for t in model.state_dict().values())


class Stop(Exception):
    """What interrupts a training."""


@pytest.mark.parametrize("name", RECIPES)
def test_sparsity_is_exact_and_training_repeats_to_the_bit(name: str) -> None:
    first, second = (RECIPES[name].train(_card(), X, Y) for _ in range(2))
    total = sum(layer.mask.numel() for _, layer in masked_layers(first))
    assert round(sparsity(first) * total) == int(np.ceil(0.8 * total))
    assert _bits(first) == _bits(second)
    assert not first.training


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("at", [1, 4])
def test_an_interrupted_training_ends_as_if_it_had_not_been(name: str, at: int, tmp_path: Path) -> None:
    recipe, aids = RECIPES[name], Aids(checkpoint=tmp_path / "run.npz")
    whole = _bits(recipe.train(_card(), X, Y))
    seen = 0

    def stop(_: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen > at:
            raise Stop

    try:
        recipe.train(_card(), X, Y, stop, aids)
    except Stop:
        assert aids.checkpoint is not None
        assert aids.checkpoint.exists()
    resumed = list[Progress]()
    assert _bits(recipe.train(_card(), X, Y, resumed.append, aids)) == whole
    again = list[Progress]()
    assert _bits(recipe.train(_card(), X, Y, again.append, aids)) == whole
    assert not again  # nothing was left to do


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    aids = Aids(checkpoint=tmp_path / "run.npz")
    RECIPES["gradual"].train(_card(), X, Y, None, aids)
    with pytest.raises(CompileError, match="of another run"):
        Gradual(0.7, every=2, schedule=SHORT).train(_card(), X, Y, None, aids)
    (tmp_path / "run.npz").write_bytes(b"nothing")
    with pytest.raises(CompileError, match="no checkpoint"):
        RECIPES["gradual"].train(_card(), X, Y, None, aids)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name: str) -> None:
    recipe = dataclasses.replace(RECIPES[name], schedule=LONGER)  # type: ignore[type-var]
    if isinstance(recipe, FineTune):
        recipe = dataclasses.replace(recipe, dense_epochs=12, tune_lr=0.01)
    assert accuracy(recipe.train(mlp_card(hidden=(40,)), X, Y), X_TEST, Y_TEST) > 0.75


@pytest.mark.parametrize("name", ["lottery", "rewinding"])
def test_every_round_trains(name: str) -> None:
    """Each round's learning rate starts anew where the schedule was rewound to."""
    seen = list[Progress]()
    RECIPES[name].train(_card(), X, Y, seen.append)
    phases = {p.phase for p in seen}
    assert phases == {1, 2, 3, 4}
    for phase in sorted(phases):
        losses = [p.loss for p in seen if p.phase == phase]
        assert len(losses) == (3 if phase == 1 else 2)
        assert losses[-1] < losses[0]


@pytest.mark.parametrize("recipe", [LotteryTicket, LearningRateRewinding])
def test_tickets_go_back_to_their_first_weights(recipe: type[LotteryTicket | LearningRateRewinding]) -> None:
    """The dense phase takes 18 steps of up to 0.01; the first epoch after pruning 6."""
    start, card, moved = layers_to_prune(_card())[0].weight.clone(), _card(), dict[tuple[int, int], float]()

    def watch(p: Progress) -> None:
        moved[p.phase, p.epoch] = float((layers_to_prune(card)[0].weight.detach() - start).abs().max())

    recipe(0.5, share=0.5, rewind_epochs=0, schedule=SHORT).train(card, X, Y, watch)
    assert moved[1, 3] > 0.08
    assert (moved[2, 1] < 0.065) == (recipe is LotteryTicket)


def test_rounds_prune_a_share_of_what_is_left() -> None:
    assert rounds(0.5, 0.2) == pytest.approx([0.2, 0.36, 0.488, 0.5])
    assert rounds(0.2, 0.2) == [0.2]


def test_gradual_follows_the_cubic_schedule() -> None:
    recipe = Gradual(0.9, initial=0.1, begin=0.1, end=0.6)
    assert recipe.target(99, 1000) == 0.0
    assert recipe.target(100, 1000) == pytest.approx(0.1)
    assert recipe.target(350, 1000) == pytest.approx(0.9 - 0.8 * 0.5**3)
    assert recipe.target(600, 1000) == recipe.target(999, 1000) == 0.9


def test_gradual_never_brings_a_weight_back() -> None:
    card, masks = _card(), list[torch.Tensor]()
    Gradual(0.9, every=1, begin=0, end=1, schedule=SHORT).train(
        card, X, Y, lambda _: masks.append(layers_to_prune(card)[0].mask.clone())
    )
    assert masks[0].sum() > masks[-1].sum()
    assert all(bool((b <= a).all()) for a, b in pairwise(masks))


def test_edge_popup_keeps_signed_constants() -> None:
    card = RECIPES["edge-popup"].train(_card(), X, Y)
    for layer in layers_to_prune(card):
        assert len(layer.weight.abs().unique()) == 1
        assert float(layer.alpha) == pytest.approx(float(layer.weight.abs().max()), rel=0.005)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("estimator", [Ste(), Ste(clip=1.0), ReSte()])
def test_dense_training_of_quantised_weights(bits: int, estimator: Ste | ReSte) -> None:
    from cardc.frontend.train.convnets import convnet

    card = convnet([], (32,), shape=(1, 8, 8), precision=Precision(bits, 4, 4))
    Dense(estimator=estimator, schedule=LONGER).train(card, X, Y)
    assert accuracy(card, X_TEST, Y_TEST) > 0.85


def test_soup_is_the_mean_of_replicas_under_one_mask() -> None:
    base = FineTune(0.8, dense_epochs=2, schedule=SHORT)
    soup = SparseSoup(base, replicas=2, schedule=Schedule(epochs=2))
    card = soup.train(_card(), X, Y)
    pruned = base.train(_card(), X, Y)
    assert all(torch.equal(a.mask, b.mask) for a, b in zip(layers_to_prune(card), layers_to_prune(pruned), strict=True))
    a, b = _card(1), _card(2)
    mixed = _card(5)
    stir(mixed, [a, b])
    want = (layers_to_prune(a)[0].weight + layers_to_prune(b)[0].weight) / 2
    assert torch.equal(layers_to_prune(mixed)[0].weight, want)
    layers_to_prune(b)[0].set_mask(torch.eye(24, 64))
    with pytest.raises(CompileError, match="masks differ"):
        stir(mixed, [a, b])


def test_distillation_draws_the_student_to_its_teacher() -> None:
    """A teacher that swaps two classes is believed over the labels."""

    def liar(x: torch.Tensor) -> torch.Tensor:
        right = torch.from_numpy(Y[[int(np.abs(X - i.numpy()).sum((1, 2, 3)).argmin()) for i in x]])
        return 20 * torch.nn.functional.one_hot((right + 1) % 10, 10).float()

    recipe = Dense(schedule=LONGER)
    student = recipe.train(_card(), X, Y, None, Aids(distil=Distil(liar, temperature=2, weight=1.0)))
    assert accuracy(student, X, (Y + 1) % 10) > 0.9


def test_a_deck_teaches_the_mean_of_its_softmax() -> None:
    cards = [_card(1).eval(), _card(2).eval()]
    x = torch.from_numpy(X[:5])
    want = torch.stack([card(x).softmax(1) for card in cards]).mean(0)
    torch.testing.assert_close(teacher_of(*cards)(x).softmax(1), want)
    with pytest.raises(CompileError, match="without a module"):
        teacher_of()


def test_curves_reach_tensorboard(tmp_path: Path) -> None:
    from cardc.frontend.train.scalars import tensorboard

    writer = tensorboard(tmp_path)
    RECIPES["gradual"].train(_card(), X, Y, None, Aids(scalars=writer))
    writer.close()  # type: ignore[attr-defined]
    (events,) = tmp_path.glob("events.*")
    assert b"train/accuracy" in events.read_bytes()


@pytest.mark.parametrize(
    "make",
    [
        lambda: FineTune(dense_epochs=0), lambda: Gradual(begin=0.8, end=0.2), lambda: Gradual(initial=0.95),
        lambda: LotteryTicket(share=0.0), lambda: LotteryTicket(rewind_epochs=60), lambda: Dense(lr=-1),
        lambda: LearningRateRewinding(sparsity=1.0), lambda: EdgePopup(ranking="none"),  # type: ignore[arg-type]
        lambda: SparseSoup(Dense(), replicas=1), lambda: ReSte(small=4.0), lambda: Precision(9),
        lambda: Distil(lambda x: x, temperature=0), lambda: Precision(inputs=1),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(make: object) -> None:
    with pytest.raises(CompileError):
        make()  # type: ignore[operator]


def test_default_card_is_binary_with_four_bit_activations() -> None:
    assert (CARD.weights, CARD.activations, CARD.inputs) == (1, 4, 4)
