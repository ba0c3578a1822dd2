"""The answer of a deck from those of its cards.

`DeckJoin(picks, x_0, x_1, ...)`: picks [N, top] name groups of cards, x_k [N, classes] is what card k gives in the
deck's common unit. y = weights[count] * sum of x_k over the `count` cards whose group was picked. A deck that picks
nothing (attribute `picked` = 0) has no picks, and joins all its cards.

`SlidingTop(scores)`: as SlidingArgMax, but the `top` largest sums, the largest first, the first of equals: [N, top].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, integer, ints, shape_of
from .qtype import QType, qtype
from .softmax_fixed import SoftmaxPlan, fixed_softmax
from .spectral.gate import sliding

Ints = NDArray[np.int64]
MOST_CARDS = 256
Kind = Literal["card", "softmax", "logits"]


@dataclass(frozen=True, slots=True)
class Line:
    """x * multiplier + offset."""

    multiplier: int
    offset: int


Part = SoftmaxPlan | Line
"""How a card's integers come to the deck's unit."""


@dataclass(frozen=True, slots=True)
class Joint:
    """How the answers of cards become one: `kind` "card" is that of the one card that runs, "softmax" the mean of
    probabilities, "logits" of logits.

    `groups` is each card's group, `picked` how many groups run (0: every card). `weights[n]` multiplies the sum of n
    cards. `scale` is what one unit of the result is worth (None: each card has its own), and `bound` how far a result
    may be, in real numbers, from the mean of the exact ones.
    """

    kind: Kind
    groups: tuple[int, ...]
    picked: int
    parts: tuple[Part, ...]
    weights: tuple[int, ...]
    scale: float | None
    bound: float

    def brought(self, card: int, x: Array) -> Ints:
        """What card number `card` gave, [N, classes], in the deck's unit."""
        part = self.parts[card]
        if isinstance(part, Line):
            return np.asarray(x, np.int64) * part.multiplier + part.offset
        return np.asarray(fixed_softmax(part, x), np.int64)


def ranked(sums: Ints, top: int) -> Ints:
    """The indices of the `top` largest of sums [N, A], the largest first, the first of equals: [N, top]."""
    return np.argsort(-sums, axis=1, kind="stable")[:, :top].astype(np.int64)


def chosen(picks: Ints, groups: Sequence[int]) -> NDArray[np.bool_]:
    """Which cards run, [N, cards], where picks [N, top] name groups."""
    found: NDArray[np.bool_] = (picks[:, :, None] == np.asarray(groups)[None, None]).any(1)
    return found


def join(parts: Sequence[Array], runs: NDArray[np.bool_], weights: Sequence[int]) -> Ints:
    """int64 [N, classes] of each card's x [N, classes], counted where `runs` [N, cards]."""
    total = sum(p.astype(np.int64) * r[:, None] for p, r in zip(parts, runs.T, strict=True))
    return np.asarray(total * np.asarray(weights, np.int64)[runs.sum(1)][:, None])


def _groups(node: ir.Node) -> tuple[int, ...]:
    return ints(node, "groups", ())


def _verify(node: ir.Node) -> None:
    arity(1, 1 + MOST_CARDS)(node)
    cards = len(node.inputs) - (integer(node, "picked", 0) > 0)
    fix = "compile the deck again"
    if cards < 1 or len(_groups(node)) != cards or len(ints(node, "weights", ())) != cards + 1:
        raise CompileError("DeckJoin whose cards and groups do not agree", node=node, fix=fix)
    if len({shape_of(v) for v in node.inputs[-cards:]}) != 1:
        raise CompileError("DeckJoin of cards with different classes", node=node, fix=fix)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    groups, picked = _groups(node), integer(node, "picked", 0)
    parts = args[1:] if picked else args
    n = len(parts[0])
    picks = args[0].reshape(n, picked) if picked else np.zeros((n, 1), np.int64)
    return join(parts, chosen(picks, groups if picked else [0] * len(groups)), ints(node, "weights", ()))


def _infer(node: ir.Node) -> TensorType:
    parts = node.inputs[1:] if integer(node, "picked", 0) else node.inputs
    types = [qtype(v) for v in parts if v is not None]
    weights = ints(node, "weights", ())
    lo, hi = min(0, *(q.lo for q in types)), max(0, *(q.hi for q in types))
    most = max(count * weight for count, weight in enumerate(weights))
    return TensorType(shape_of(parts[0]), QType(lo * most, hi * most))


def _verify_top(node: ir.Node) -> None:
    arity(1)(node)
    shape = shape_of(node.inputs[0])
    if len(shape) != 2 or integer(node, "window", 0) < 1 or not 1 <= integer(node, "top", 0) <= shape[1]:
        raise CompileError("SlidingTop without window or top", node=node, fix="compile the deck again")


def _infer_top(node: ir.Node) -> TensorType:
    n, augmentations = shape_of(node.inputs[0])
    return TensorType((n, integer(node, "top", 1)), QType(0, augmentations - 1))


def _top(node: ir.Node, args: Sequence[Array]) -> Array:
    return ranked(sliding(args[0].astype(np.int64), integer(node, "window", 1)), integer(node, "top", 1))


OPS = (
    OpDef(CARDC, "DeckJoin", _verify, _infer, _execute),
    OpDef(CARDC, "SlidingTop", _verify_top, _infer_top, _top),
)
