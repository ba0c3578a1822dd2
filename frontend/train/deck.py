"""From a data set to a deck in one call: cards for each augmentation, exported, and the gate between them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import nn

from ...errors import CompileError
from ..deck.deck import Card, Deck, Mode
from ..deck.gate import Gate, fit_gate
from ..deck.spectrum import Spectrum
from .augment import Augmentation
from .export import export_qonnx
from .margins import clear_boundaries
from .recipe import FloatArray, IntArray, Recipe


@dataclass(frozen=True, slots=True)
class Member:
    """One card to train: which augmentation, which replica of it (also its seed), trained how."""

    augmentation: Augmentation
    replica: int
    recipe: Recipe


def train_deck(
    name: str, build: Callable[[int], nn.Sequential], recipe: Callable[[Augmentation, int], Recipe],
    x: FloatArray, y: IntArray, augmentations: Sequence[Augmentation], *, replicas: int = 2,
    mode: Mode = "adaptive", spectrum: Spectrum | None = None, window: int = 10,
    done: Callable[[Member, nn.Module], None] = lambda member, card: None,
) -> Deck:  # fmt: skip
    """Train `replicas` cards for each of `augmentations` on x [N, C, H, W] in [0, 1], y [N], and fit the gate.

    `build(seed)` makes a card, `recipe(augmentation, seed)` says how it is trained (put the augmentation into its
    schedule). `done` sees each trained card. Same arguments, same deck.
    """
    if replicas < 1 or not augmentations:
        raise CompileError(f"{replicas} replicas of {len(augmentations)} augmentations", fix="at least one of each")
    names = [a.name for a in augmentations]
    if len(set(names)) < len(names):
        raise CompileError(
            f"two augmentations of one name among {names}", fix="the gate tells one from another by name"
        )
    cards = []
    for augmentation in augmentations:
        for replica in range(replicas):
            member = Member(augmentation, replica, recipe(augmentation, replica))
            card = build(replica)
            member.recipe.train(card, x, y)
            clear_boundaries(card)
            done(member, card)
            cards.append(Card(f"{augmentation.name}_{replica}", augmentation.name, to_qonnx(card, x)))
    gate = templates(x, augmentations, spectrum, window)
    return Deck(name, tuple(cards), mode, gate)


def templates(
    x: FloatArray,
    augmentations: Sequence[Augmentation],
    spectrum: Spectrum | None = None,
    window: int = 1,
    *,
    seed: int = 1,
) -> Gate:
    """A gate from x [N, C, H, W] as each augmentation shows it (the last view: AugMix's first is the image itself)."""
    images = torch.from_numpy(x)
    random = torch.Generator().manual_seed(seed)
    seen = {a.name: a.views(images, random)[-1].numpy() for a in augmentations}
    return fit_gate(seen, spectrum, window)


def to_qonnx(card: nn.Module, x: FloatArray) -> onnx.ModelProto:
    """`card` as `export_qonnx` writes it, in memory; `x` gives the input's shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "card.onnx"
        export_qonnx(card, torch.from_numpy(x[:1]), path)
        return onnx.load(path)
