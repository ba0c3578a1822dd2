"""What training minimises: cross-entropy, consistency between views, and a teacher's word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import CompileError

Teacher = Callable[[Tensor], Tensor]
"""Images [N, ...] -> logits [N, classes]."""


@dataclass(frozen=True, slots=True, eq=False)
class Distil:
    """(1 - weight) * CE + weight * T^2 * KL(teacher || student), both softened by temperature T.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), section 2. The teacher sees the
    same view of the batch as the student; use `teacher_of` for a module or a deck.
    """

    teacher: Teacher
    temperature: float = 4.0
    weight: float = 0.9

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and 0 <= self.weight <= 1):
            raise CompileError(
                f"distillation at temperature {self.temperature}, weight {self.weight}",
                fix="a positive temperature, and a weight from 0 to 1",
            )


def teacher_of(*modules: nn.Module) -> Teacher:
    """A dense teacher, or with several `modules` a deck: the logarithm of the mean of their softmaxes."""
    if not modules:
        raise CompileError("a teacher without a module", fix="give at least one")

    @torch.no_grad()
    def teach(x: Tensor) -> Tensor:
        was = [m.training for m in modules]
        outs = [functional.softmax(m.eval()(x), dim=1) for m in modules]
        for module, training in zip(modules, was, strict=True):
            module.train(training)
        return torch.stack(outs).mean(0).clamp(min=1e-12).log()

    return teach


def objective(
    model: nn.Module, views: Sequence[Tensor], y: Tensor, consistency: float, distil: Distil | None
) -> tuple[Tensor, Tensor]:
    """The loss (a scalar) of one batch, and the logits [N, classes] of its first view.

    With several views, one of them clean, adds `consistency` times their Jensen-Shannon divergence (Hendrycks et
    al., "AugMix", ICLR 2020, equation 2). All views pass the model together, so that batch norm sees one batch.
    """
    outs = model(torch.cat(list(views)))
    logits: Tensor = outs[: len(y)]
    loss = functional.cross_entropy(logits, y)
    if distil is not None:
        t, w = distil.temperature, distil.weight
        soft = functional.log_softmax(distil.teacher(views[0]) / t, dim=1)
        kl = functional.kl_div(functional.log_softmax(logits / t, dim=1), soft, reduction="batchmean", log_target=True)
        loss = (1 - w) * loss + w * t * t * kl
    if len(views) > 1:
        loss = loss + consistency * _divergence(outs.chunk(len(views)))
    return loss, logits


def _divergence(outs: Sequence[Tensor]) -> Tensor:
    """Mean over the views of KL(view || mean of the views)."""
    shares = [functional.softmax(out, dim=1) for out in outs]
    middle = torch.stack(shares).mean(0).clamp(1e-7, 1).log()
    parts = [functional.kl_div(middle, share, reduction="batchmean") for share in shares]
    return torch.stack(parts).mean()
