"""Keep what a card rounds away from where rounding jumps: no float executor can then round it differently."""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import CompileError
from .layers import Masked

Wide = NDArray[np.float64]

_MARGIN = 1e-4  # relative distance to keep: ten times what counts as a boundary case, 800 float32 roundings
_NUDGES = 2048


@torch.no_grad()
def clear_boundaries(card: nn.Sequential) -> int:
    """Nudge batch norm biases until no accumulator value that can occur lies near a rounding boundary.

    For every masked layer -> batch norm -> QuantReLU in `card` (pooling and flattening between them allowed),
    each channel's bias moves by the least multiple of 1/4096 of the quantiser's step that keeps norm(step_w *
    step * a) / step' at a relative distance of 1e-4 from every k + 1/2, for all integers `a` that the
    channel's weights can add up to. Returns how many channels moved (by at most half a step, in practice far
    less).
    """
    moved, step, top = 0, 0.0, 0
    layer: Masked | None = None
    norm: nn.BatchNorm1d | nn.BatchNorm2d | None = None
    for child in card:
        if isinstance(child, Masked):
            layer, norm = child, None
        elif isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            norm = child
        elif isinstance(child, qnn.QuantReLU | qnn.QuantIdentity):
            quantiser: Any = child.act_quant
            next_step, next_top = float(quantiser.scale()), 2 ** int(quantiser.bit_width()) - 1
            if layer is not None and norm is not None:
                moved += _clear(layer, norm, step, top, next_step, next_top)
            step, top, layer, norm = next_step, next_top, None, None
    return moved


def _clear(
    layer: Masked, norm: nn.BatchNorm1d | nn.BatchNorm2d, step: float, top: int, next_step: float, next_top: int
) -> int:
    """One layer: inputs 0 ... top worth `step` each, outputs rounded to 0 ... next_top worth `next_step` each."""
    weights = layer.integers().flatten(1)
    low, high = (_wide(top * part.sum(1)) for part in (weights.clamp(max=0), weights.clamp(min=0)))
    worth = layer.step.flatten().expand(len(weights)).tolist()
    slope = _wide(norm.weight) / np.sqrt(_wide(norm.running_var) + norm.eps)
    mean, moved = _wide(norm.running_mean), 0
    for channel, bias in enumerate(norm.bias.tolist()):
        reachable = np.arange(low[channel], high[channel] + 1) * (worth[channel] * step)
        t = slope[channel] * (reachable - mean[channel]) / next_step
        for tries in range(_NUDGES):
            nudged = np.float32(bias + _zigzag(tries) * next_step / 4096)
            if _is_clear(t + float(nudged) / next_step, next_top):
                break
        else:
            raise CompileError(
                f"channel {channel} cannot be kept off rounding boundaries", fix="train with another seed"
            )
        norm.bias[channel] = float(nudged)
        moved += tries > 0
    return moved


def _is_clear(t: Wide, top: int) -> bool:
    jump = np.rint(t - 0.5) + 0.5
    inside = (jump > 0) & (jump < top)
    return not bool((inside & (np.abs(t - jump) < _MARGIN * np.maximum(jump, 1.0))).any())


def _zigzag(n: int) -> int:
    """0, 1, -1, 2, -2, ..."""
    return (n + 1) // 2 if n % 2 else -(n // 2)


def _wide(values: Tensor | None) -> Wide:
    if values is None:
        raise CompileError(
            "a batch norm has no statistics or no affine parameters", fix="leave affine and track_running_stats on"
        )
    wide: Wide = values.double().numpy()
    return wide
