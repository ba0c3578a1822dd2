"""A deck: cards, the augmentation each was trained with, and how their answers are joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import onnx
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.execute import execute
from ..load import load
from .gate import Gate

Mode = Literal["agnostic", "adaptive", "top-n"]
MODES: tuple[Mode, ...] = get_args(Mode)

_CHUNK = 500


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A model as exported to QONNX, and the name of the augmentation it was trained with."""

    name: str
    augmentation: str
    model: onnx.ModelProto

    def logits(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Logits [N, classes] of x [N, C, H, W], by the meaning of each operator (numpy; slow, exact)."""
        graph = load(self.model)
        names = graph.graph.inputs[0].name or "", graph.graph.outputs[0].name or ""
        parts = [
            execute(graph, {names[0]: np.asarray(x[i : i + _CHUNK], np.float32)})[names[1]]
            for i in range(0, len(x), _CHUNK)
        ]
        return np.concatenate(parts).reshape(len(x), -1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Deck:
    """Cards that answer together.

    `mode`: "agnostic" averages the softmax of all cards; "adaptive" that of the cards whose augmentation the gate
    picks; "top-n" that of the cards of the `top` nearest augmentations. A deck without a gate is agnostic.
    """

    name: str
    cards: tuple[Card, ...]
    mode: Mode = "agnostic"
    gate: Gate | None = None
    top: int = 1

    def __post_init__(self) -> None:
        where = f"deck {self.name!r}"
        if not self.cards or len({c.name for c in self.cards}) != len(self.cards):
            raise CompileError("a deck needs cards of different names", node=where, fix="name each card once")
        if self.mode not in MODES:
            raise CompileError(f"mode is {self.mode!r}", node=where, fix=f"use one of: {', '.join(MODES)}")
        if self.gate is None:
            if self.mode != "agnostic":
                raise CompileError(f"mode {self.mode!r} without a gate", node=where, fix="fit a gate, or be agnostic")
            return
        if {c.augmentation for c in self.cards} != set(self.gate.names):
            raise CompileError(
                f"cards of {sorted({c.augmentation for c in self.cards})}, a gate of {sorted(self.gate.names)}",
                node=where, fix="give the gate one template for each augmentation of the cards",
            )  # fmt: skip
        if not 1 <= self.top <= len(self.gate.names):
            raise CompileError(f"top is {self.top}", node=where, fix=f"1 to {len(self.gate.names)}")

    def weights(self, x: NDArray[Any], window: int | None = None) -> NDArray[np.float64]:
        """The weight of each card's softmax for a sequence x [N, C, H, W]: float64 [N, cards], rows of sum 1."""
        return card_weights(self.mode, [c.augmentation for c in self.cards], self.gate, self.top, x, window)

    def probabilities(self, x: NDArray[Any], window: int | None = None) -> NDArray[np.float64]:
        """Class probabilities [N, classes] for a sequence x; cards that nobody picked do not run."""
        weights = self.weights(x, window)
        total: NDArray[np.float64] | None = None
        for card, weight in zip(self.cards, weights.T, strict=True):
            chosen = np.flatnonzero(weight)
            if not len(chosen):
                continue
            part = softmax(card.logits(x[chosen])) * weight[chosen, None]
            if total is None:
                total = np.zeros((len(x), part.shape[1]))
            total[chosen] += part
        if total is None:
            raise CompileError("no inputs", node=f"deck {self.name!r}", fix="give at least one")
        return total


def card_weights(
    mode: Mode, augmentations: list[str], gate: Gate | None, top: int, x: NDArray[Any], window: int | None = None
) -> NDArray[np.float64]:
    """The weight of each card, trained with `augmentations`, for a sequence x: float64 [N, cards], rows of sum 1."""
    if mode == "agnostic" or gate is None:
        return np.full((len(x), len(augmentations)), 1 / len(augmentations))
    nearest = gate.ranking(x, window)[:, : 1 if mode == "adaptive" else top]
    own = np.asarray([gate.names.index(a) for a in augmentations])
    chosen = (nearest[:, :, None] == own[None, None]).any(1)
    return np.asarray(chosen / chosen.sum(1, keepdims=True))


def combine(logits: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits [cards, N, classes] and weights [N, cards] -> probabilities [N, classes]."""
    return np.asarray(np.einsum("knc,nk->nc", softmax(logits), weights))


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax over the last axis, in float64."""
    wide = np.asarray(logits, np.float64)
    powers = np.exp(wide - wide.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
