"""The demo card: a convolutional binary card for digits, trained by biprop at 90 % sparsity."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from .biprop import Biprop
from .data import Split, digits
from .layers import sparsity
from .margins import clear_boundaries
from .models import digits_card
from .recipe import Schedule, Watch, accuracy


@dataclass(frozen=True, slots=True, eq=False)
class DemoData:
    """What the demo card was trained and tested on, and how well it does (shares in [0, 1])."""

    split: Split
    train_accuracy: float
    test_accuracy: float
    sparsity: float


def train_demo_card(seed: int = 0, progress: Watch | None = None, epochs: int = 120) -> tuple[nn.Sequential, DemoData]:
    """Train the demo card; the same `seed` gives the same bits on the same machine. The module is in eval mode.

    The split of the data does not depend on `seed`: initial weights, scores and the order of images do.
    """
    split = digits()
    card = digits_card(seed=seed)
    recipe = Biprop(sparsity=0.9, score_lr=0.1, lr=0.03, schedule=Schedule(epochs=epochs, seed=seed))
    recipe.train(card, split.x_train, split.y_train, progress)
    clear_boundaries(card)
    return card, DemoData(
        split,
        accuracy(card, split.x_train, split.y_train),
        accuracy(card, split.x_test, split.y_test),
        sparsity(card),
    )
