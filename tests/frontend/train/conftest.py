"""Small cards that have seen data, so that their activations use their whole range."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.data import Split, digits
from cardc.frontend.train.models import digits_card, mlp_card
from cardc.frontend.train.recipe import Schedule


@pytest.fixture(scope="session")
def split() -> Split:
    return digits()


@pytest.fixture
def warm(split: Split) -> Callable[[nn.Sequential], nn.Sequential]:
    """Let a card's batch norms see the training images."""

    def run(card: nn.Sequential) -> nn.Sequential:
        card.train()
        with torch.no_grad():
            for _ in range(40):
                card(torch.from_numpy(split.x_train[:200]))
        return card.eval()

    return run


@pytest.fixture(scope="session")
def cards(split: Split) -> dict[str, nn.Sequential]:
    """A convolutional and a dense card, both pruned and trained for a moment."""
    made = {"conv": digits_card((6, 8, 8)), "dense": mlp_card(hidden=(24, 16))}
    for card in made.values():
        recipe = Biprop(sparsity=0.7, score_lr=0.1, lr=0.03, schedule=Schedule(epochs=5))
        recipe.train(card, split.x_train, split.y_train)
    return made
