"""What is trained on which data set, how long, and between which settings validation chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from cardc.errors import CompileError
from cardc.frontend.train.blocks import CARD, FLOAT
from cardc.frontend.train.convnets import Conv, conv_n, convnet, small
from cardc.frontend.train.resnets import resnet8

DIGITS_SHAPE = (1, 8, 8)


@dataclass(frozen=True, slots=True)
class Size:
    """Images and epochs of one network: all recipes of a plan have the same.

    Epochs are one more than a multiple of 4, so that one and three rounds of the iterative recipes fill them.
    """

    train: int
    epochs: int
    batch: int


@dataclass(frozen=True, slots=True)
class Exam:
    """Images that networks are judged by: for validation, for testing, and for each corruption and severity.

    Validation images are the last ones of the training set, which no network is trained on.
    """

    validation: int
    test: int
    a_cell: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One data set: networks, their sparsities and sizes. The first architecture is the deck's, too."""

    dataset: str
    archs: tuple[str, ...]
    size: Size
    deck_size: Size
    exam: Exam
    sparsities: tuple[float, ...] = (0.9, 0.95)
    deck_sparsity: float = 0.9
    seeds: int = 3


PLANS = {
    "mnist": Plan("mnist", ("small",), Size(10_000, 13, 128), Size(15_000, 9, 128), Exam(5_000, 10_000, 300)),
    "digits": Plan("digits", ("tiny",), Size(1_149, 41, 64), Size(1_149, 41, 64), Exam(288, 360, 360)),
    "cifar10": Plan(
        "cifar10", ("resnet8", "conv6"), Size(45_000, 61, 128), Size(45_000, 61, 128), Exam(5_000, 10_000, 1_000),
        seeds=1,
    ),
}  # fmt: skip
_MOMENT = Size(64, 5, 32)
SMOKE = {
    "mnist": Plan("mnist", ("small",), _MOMENT, _MOMENT, Exam(40, 64, 2), seeds=1),
    "digits": Plan("digits", ("tiny",), _MOMENT, _MOMENT, Exam(40, 64, 2), seeds=1),
    "cifar10": Plan("cifar10", ("resnet8", "conv6"), _MOMENT, _MOMENT, Exam(40, 64, 2), seeds=1),
}


def build(arch: str, seed: int, *, dense: bool) -> nn.Sequential:
    """A network of `arch`, as a card (binary weights, 4-bit activations) or with `dense` in float."""
    precision = FLOAT if dense else CARD
    match arch:
        case "small":
            return small((16, 32, 64), precision=precision, seed=seed)
        case "tiny":
            plan = [Conv(16), Conv(32, pool=2), Conv(32, pool=2)]
            return convnet(plan, shape=DIGITS_SHAPE, precision=precision, seed=seed)
        case "resnet8":
            return resnet8(precision=precision, seed=seed)
        case "conv6":
            return conv_n(6, precision=precision, seed=seed)
    raise CompileError(f"no architecture {arch!r}", fix="use one that a plan names")


PEERS = ("finetune", "gradual")
TICKETS = ("lottery", "rewinding", "edge-popup", "biprop")
RECIPES = (*PEERS, *TICKETS)
TITLES = {
    "dense": "dense float", "binary": "dense binary", "finetune": "magnitude, fine-tuned",
    "gradual": "gradual magnitude", "lottery": "lottery ticket", "rewinding": "learning-rate rewinding",
    "edge-popup": "edge-popup", "biprop": "biprop",
}  # fmt: skip

# Three for each. `rounds` of the iterative recipes share the epochs that all recipes have.
_RATES: tuple[dict[str, Any], ...] = ({"lr": 0.003}, {"lr": 0.01}, {"lr": 0.03})
_ROUNDS: tuple[dict[str, Any], ...] = ({"rounds": 1, "lr": 0.01}, {"rounds": 3, "lr": 0.01}, {"rounds": 3, "lr": 0.03})
_SCORES: tuple[dict[str, Any], ...] = tuple({"score_lr": rate, "lr": 0.03} for rate in (0.03, 0.1, 0.3))
SETTINGS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "dense": _RATES, "binary": _RATES, "gradual": _RATES,
    "finetune": tuple({"lr": 0.01, "tune_lr": rate} for rate in (0.001, 0.003, 0.01)),
    "lottery": _ROUNDS, "rewinding": _ROUNDS, "edge-popup": _SCORES, "biprop": _SCORES,
}  # fmt: skip
