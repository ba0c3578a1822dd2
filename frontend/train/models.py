"""Small cards: a convolutional one for 8x8 images and a dense one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import Uint8ActPerTensorFloat
from torch import nn

from ...errors import CompileError
from .layers import MaskedConv2d, MaskedLinear

# Powers of two, so that dividing by them is exact. Images in [0, 1] with 17 grey levels k/16 meet no rounding
# tie (with 1/15 the middle grey would sit on one); activations come out of batch norm with unit variance.
_INPUT_STEP, _STEP = 1 / 16, 1 / 4


def _fixed(levels: int, step: float) -> dict[str, Any]:
    """Unsigned quantiser with a constant step (0.25: real value of one unit) and `levels` levels."""
    return {
        "act_quant": Uint8ActPerTensorFloat,
        "bit_width": (levels - 1).bit_length(),
        "scaling_impl_type": ScalingImplType.CONST,
        "scaling_init": (levels - 1) * step,
    }


def digits_card(
    channels: Sequence[int] = (16, 32, 32), *, classes: int = 10, bits: int = 4, seed: int = 0
) -> nn.Sequential:
    """Convolutional card, images [N, 1, 8, 8] in [0, 1] -> logits [N, classes].

    Three 3x3 masked binary convolutions with batch norm and `bits`-bit activations, a 2x2 max-pool after the
    second and the third, one masked binary linear layer. Weights are drawn from `seed`.
    """
    if len(channels) != 3 or min(channels) < 1 or not 1 < bits <= 8:
        raise CompileError(f"channels {tuple(channels)}, {bits} bits", fix="give three widths and 2 to 8 bits")
    a, b, c = channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: dict[str, nn.Module] = {"quant": qnn.QuantIdentity(**_fixed(16, _INPUT_STEP))}
        for i, (m, n) in enumerate(((1, a), (a, b), (b, c)), 1):
            layers[f"conv{i}"] = MaskedConv2d(m, n, 3, padding=1)
            layers[f"norm{i}"] = nn.BatchNorm2d(n)
            layers[f"act{i}"] = qnn.QuantReLU(**_fixed(2**bits, _STEP))
            if i > 1:
                layers[f"pool{i}"] = nn.MaxPool2d(2)
        layers["flatten"] = nn.Flatten()
        layers["linear"] = MaskedLinear(4 * c, classes)
    return nn.Sequential(OrderedDict(layers))


def mlp_card(
    inputs: int = 64, hidden: Sequence[int] = (64, 32), *, classes: int = 10, bits: int = 4, seed: int = 0
) -> nn.Sequential:
    """Dense card, inputs [N, ...] of `inputs` elements each in [0, 1] -> logits [N, classes].

    Masked binary linear layers with batch norm and `bits`-bit activations, whose scales are learned.
    """
    if min((inputs, classes, *hidden)) < 1 or not 1 < bits <= 8:
        raise CompileError(f"widths {(inputs, *hidden, classes)}, {bits} bits", fix="positive widths, 2 to 8 bits")
    widths = [inputs, *hidden]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: dict[str, nn.Module] = {
            "flatten": nn.Flatten(),
            "quant": qnn.QuantIdentity(**_fixed(16, _INPUT_STEP)),
        }
        for i, (m, n) in enumerate(pairwise(widths), 1):
            layers[f"linear{i}"] = MaskedLinear(m, n)
            layers[f"norm{i}"] = nn.BatchNorm1d(n)
            layers[f"act{i}"] = qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits)
        layers["linear"] = MaskedLinear(widths[-1], classes)
    return nn.Sequential(OrderedDict(layers))
