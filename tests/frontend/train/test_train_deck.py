"""train_deck: cards for each augmentation, a gate, the same deck again, and a folder that holds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.deck import Deck, Spectrum, fit_gate, load_deck, save_deck, softmax
from cardc.frontend.train.augment import Augmentation, AugMix, Clean, Gaussian
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.data import Split
from cardc.frontend.train.deck import Member, templates, train_deck
from cardc.frontend.train.layers import sparsity
from cardc.frontend.train.models import digits_card
from cardc.frontend.train.recipe import Recipe, Schedule, predict


def _recipe(augmentation: Augmentation, seed: int) -> Recipe:
    return Biprop(0.5, score_lr=0.1, lr=0.03, scale_fan=True, schedule=Schedule(7, 50, seed, augmentation))


def _trained(split: Split, **settings: object) -> tuple[Deck, list[tuple[Member, nn.Module]]]:
    seen = list[tuple[Member, nn.Module]]()
    deck = train_deck(
        "tiny", lambda seed: digits_card((4, 6, 6), seed=seed), _recipe, split.x_train[:300], split.y_train[:300],
        [AugMix(), Gaussian()], done=lambda m, c: seen.append((m, c)), **settings,  # type: ignore[arg-type]
    )  # fmt: skip
    return deck, seen


@pytest.fixture(scope="module")
def trained(split: Split) -> tuple[Deck, list[tuple[Member, nn.Module]]]:
    return _trained(split)


def test_two_cards_for_each_augmentation(trained: tuple[Deck, list[tuple[Member, nn.Module]]]) -> None:
    deck, seen = trained
    assert [c.name for c in deck.cards] == ["augmix_0", "augmix_1", "gaussian_0", "gaussian_1"]
    assert [(m.augmentation.name, m.replica) for m, _ in seen] == [
        ("augmix", 0), ("augmix", 1), ("gaussian", 0), ("gaussian", 1),
    ]  # fmt: skip
    assert all(sparsity(card) == pytest.approx(0.5, abs=0.01) for _, card in seen)
    assert len({c.model.SerializeToString(deterministic=True) for c in deck.cards}) == 4
    assert deck.mode == "adaptive"
    assert deck.gate is not None
    assert (deck.gate.names, deck.gate.window) == (("augmix", "gaussian"), 10)


def test_the_deck_answers_as_its_modules_do(trained: tuple[Deck, list[tuple[Member, nn.Module]]], split: Split) -> None:
    deck, seen = trained
    x = split.x_test[:60]
    logits = np.stack([predict(card, x) for _, card in seen])
    for card, module in zip(deck.cards, logits, strict=True):
        np.testing.assert_allclose(card.logits(x), module, atol=1e-5)
    assert deck.gate is not None
    picks = deck.gate.picks(x)
    want = np.where(picks[:, None] == 0, softmax(logits[:2]).mean(0), softmax(logits[2:]).mean(0))
    np.testing.assert_allclose(deck.probabilities(x), want, atol=1e-5)
    assert (deck.probabilities(split.x_test).argmax(1) == split.y_test).mean() > 0.5


def test_the_gate_knows_the_augmentations_it_was_fitted_to(
    trained: tuple[Deck, list[tuple[Member, nn.Module]]], split: Split
) -> None:
    """Noise is told from AugMix far better than by chance, on images that the templates have not seen."""
    import torch

    gate = trained[0].gate
    assert gate is not None
    x, random = torch.from_numpy(split.x_test), torch.Generator().manual_seed(9)
    rights = [
        (gate.picks(a.views(x, random)[-1].numpy(), 10) == i).mean() for i, a in enumerate((AugMix(), Gaussian()))
    ]
    assert np.mean(rights) > 0.8


def test_the_same_arguments_give_the_same_bytes(
    trained: tuple[Deck, list[tuple[Member, nn.Module]]], split: Split, tmp_path: Path
) -> None:
    save_deck(trained[0], tmp_path / "one")
    save_deck(_trained(split)[0], tmp_path / "two")
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert len(names) == 6
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    loaded = load_deck(tmp_path / "one")
    assert np.array_equal(loaded.probabilities(split.x_test[:20]), trained[0].probabilities(split.x_test[:20]))


def test_settings_of_the_gate_reach_it(split: Split) -> None:
    x = split.x_train[:50]
    spectrum = Spectrum(scale="log", crop=3)
    gate = templates(x, [Clean(), Gaussian()], spectrum, 5)
    assert (gate.spectrum, gate.window, gate.names) == (spectrum, 5, ("clean", "gaussian"))
    assert np.array_equal(gate.templates[0], fit_gate({"clean": x}, spectrum).templates[0])
    assert not np.array_equal(gate.templates, templates(x, [Clean(), Gaussian()], spectrum, 5, seed=2).templates)


def test_images_that_are_none_are_refused(split: Split) -> None:
    with pytest.raises(CompileError, match="inputs of shape"):
        train_deck("d", lambda s: digits_card(), _recipe, split.x_train[:0], split.y_train[:0], [Gaussian()])
    with pytest.raises(CompileError, match="two augmentations"):
        train_deck("d", lambda s: digits_card(), _recipe, split.x_train, split.y_train, [Gaussian(), Gaussian(0.2)])
