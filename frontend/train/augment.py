"""Augmentations that cards are trained with: clean, Gaussian noise, AugMix. All on tensors, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from ...errors import CompileError
from .augmix import mixed


class Augmentation(Protocol):
    """A frozen dataclass that makes views of a batch of images [N, C, H, W] in [0, 1]."""

    name: ClassVar[str]

    @property
    def consistency(self) -> float:
        """Weight of the Jensen-Shannon divergence between the views; of no account with one view."""
        ...

    def views(self, x: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
        """The views, shaped like `x`; the loss is that of the first. `random` is the only source of chance."""
        ...


@dataclass(frozen=True, slots=True)
class Clean:
    """The images as they are."""

    name: ClassVar[str] = "clean"
    consistency: ClassVar[float] = 0.0

    def views(self, x: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
        return (x,)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Gaussian noise of standard deviation `std` on images in [0, 1], clipped ("A Winning Hand", section 4)."""

    std: float = 0.1
    name: ClassVar[str] = "gaussian"
    consistency: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not self.std >= 0:
            raise CompileError(f"noise of standard deviation {self.std}", fix="give 0 or more")

    def views(self, x: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
        noise = torch.randn(x.shape, generator=random).to(x.device)
        return ((x + self.std * noise).clamp(0, 1),)


@dataclass(frozen=True, slots=True)
class AugMix:
    """The clean images and two AugMix views of them, held together by a Jensen-Shannon term.

    Source: Hendrycks et al., "AugMix" (ICLR 2020), algorithm 1: `width` chains of 1 to `depth` operations of at
    most `severity` (of 10), mixed by Dirichlet(1) weights and then with the image by a Beta(1) share.
    """

    width: int = 3
    depth: int = 3
    severity: float = 3.0
    consistency: float = 12.0
    name: ClassVar[str] = "augmix"

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 1 or not 0.1 <= self.severity <= 10 or not self.consistency >= 0:
            raise CompileError(
                f"{self}", fix="width and depth of at least 1, severity from 0.1 to 10, consistency of at least 0"
            )

    def views(self, x: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
        if x.ndim != 4:
            raise CompileError(f"AugMix of a batch of shape {list(x.shape)}", fix="give images [N, C, H, W]")

        def mix() -> Tensor:
            return mixed(x, self.width, self.depth, self.severity, random)

        return (x, mix(), mix())


AUGMENTATIONS: dict[str, Augmentation] = {a.name: a for a in (Clean(), Gaussian(), AugMix())}


def augmentation(name: str) -> Augmentation:
    """The augmentation of that name with the paper's settings. Raises CompileError for an unknown name."""
    if name not in AUGMENTATIONS:
        raise CompileError(f"no augmentation {name!r}", fix=f"use one of: {', '.join(AUGMENTATIONS)}")
    return AUGMENTATIONS[name]
