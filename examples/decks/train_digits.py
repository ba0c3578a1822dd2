# ruff: noqa: INP001
"""From a data set to a deck in one script: `python examples/decks/train_digits.py FOLDER`. 75 s on one core.

Four cards of 8x8 digits (two AugMix, two Gaussian), trained by biprop at 80 % sparsity, and the gate between them.
"""

from __future__ import annotations

import sys

from cardc.frontend.deck import save_deck
from cardc.frontend.train.augment import Augmentation, AugMix, Gaussian
from cardc.frontend.train.biprop import Biprop
from cardc.frontend.train.data import digits
from cardc.frontend.train.deck import train_deck
from cardc.frontend.train.layers import sparsity
from cardc.frontend.train.models import digits_card
from cardc.frontend.train.recipe import Recipe, Schedule, accuracy

EPOCHS = 60


def recipe(augmentation: Augmentation, seed: int) -> Recipe:
    schedule = Schedule(EPOCHS, 64, seed, augmentation)
    return Biprop(0.8, score_lr=0.1, lr=0.03, scale_fan=True, schedule=schedule)


def main(folder: str) -> None:
    """Train, tell how good each card is on the test images, write the deck to the new `folder`."""
    split = digits()
    deck = train_deck(
        "digits", lambda seed: digits_card((8, 16, 16), seed=seed), recipe, split.x_train, split.y_train,
        [AugMix(), Gaussian()],
        done=lambda member, card: print(
            f"{member.augmentation.name} {member.replica}: {accuracy(card, split.x_test, split.y_test):.3f} "
            f"at sparsity {sparsity(card):.2f}"
        ),
    )  # fmt: skip
    right = (deck.probabilities(split.x_test).argmax(1) == split.y_test).mean()
    print(f"deck, {deck.mode}: {right:.3f}")
    save_deck(deck, folder)


if __name__ == "__main__":
    main(sys.argv[1])
