"""Building blocks of models that lower exactly: masked layers, batch norm, activations of a power-of-two step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import Int8ActPerTensorFloat, SignedBinaryActPerTensorConst, Uint8ActPerTensorFloat
from torch import nn

from ...errors import CompileError
from .layers import MaskedConv2d, MaskedLinear


@dataclass(frozen=True, slots=True)
class Precision:
    """Bits of weights (1 binary, 2 ternary, up to 8), activations (1 to 8) and the input (2 to 8); None is float.

    Activations of 1 bit are -1 and +1 (their sign takes the place of ReLU); of more, 0 and positive levels.

    `per_filter`: one weight scale a filter of a convolution, else one a layer. Linear layers have one a layer, since
    the last one's outputs are compared as integers.
    """

    weights: int | None = 1
    activations: int | None = 4
    inputs: int | None = 4
    per_filter: bool = False

    def __post_init__(self) -> None:
        for name, bits in (("weights", self.weights), ("activations", self.activations), ("inputs", self.inputs)):
            if bits is not None and not 1 <= bits <= 8:
                raise CompileError(f"{name} of {bits} bits", fix="1 to 8 bits, or None for float")
        if self.inputs == 1:
            raise CompileError("inputs of 1 bit", fix="2 to 8 bits, or None for float")

    @property
    def step(self) -> float:
        """Value of one unit of an activation: levels reach about 4 standard deviations of what batch norm gives."""
        return 1.0 if self.activations in (None, 1) else 2.0 ** (2 - self.activations)


FLOAT = Precision(None, None, None)
"""The dense float network of the same shape."""

CARD = Precision()
"""Binary weights, 4-bit activations and inputs."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Weights drawn inside depend on `seed` alone; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def scaled(channels: int, width: float) -> int:
    """`channels` times the width multiplier, at least 1."""
    if not width > 0:
        raise CompileError(f"width multiplier {width}", fix="give a positive one")
    return max(1, round(channels * width))


def unsigned(bits: int, step: float) -> dict[str, Any]:
    """Arguments of a quantiser with levels 0, step, ..., (2^bits - 1) * step, none of it learned."""
    return {
        "act_quant": Uint8ActPerTensorFloat,
        "bit_width": bits,
        "scaling_impl_type": ScalingImplType.CONST,
        "scaling_init": (2**bits - 1) * step,
    }


def signed(bits: int, step: float) -> dict[str, Any]:
    """Arguments of a quantiser with levels -2^(bits-1) * step ... (2^(bits-1) - 1) * step, none of it learned."""
    return {
        "act_quant": Int8ActPerTensorFloat,
        "bit_width": bits,
        "scaling_impl_type": ScalingImplType.CONST,
        "scaling_init": 2 ** (bits - 1) * step,
    }


def entrance(p: Precision) -> nn.Module:
    """Quantises images in [0, 1] to levels k / 2^bits, a power of two; a level below 1 stays out at the top end."""
    return nn.Identity() if p.inputs is None else qnn.QuantIdentity(**unsigned(p.inputs, 2.0**-p.inputs))


def conv(p: Precision, m: int, n: int, kernel: int, *, stride: int = 1, padding: int | None = None) -> nn.Module:
    """Convolution without bias; by default padded so that stride 1 keeps the size."""
    pad = kernel // 2 if padding is None else padding
    if p.weights is None:
        return nn.Conv2d(m, n, kernel, stride=stride, padding=pad, bias=False)
    return MaskedConv2d(m, n, kernel, stride=stride, padding=pad, bits=p.weights, per_filter=p.per_filter)


def linear(p: Precision, m: int, n: int) -> nn.Module:
    """Linear layer without bias."""
    return nn.Linear(m, n, bias=False) if p.weights is None else MaskedLinear(m, n, bits=p.weights)


def relu(p: Precision) -> nn.Module:
    """ReLU with its quantiser; with 1 bit, the sign. (Brevitas exports any 1-bit quantiser as a bipolar one.)"""
    if p.activations == 1:
        return cast(nn.Module, qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_init=1.0))
    return nn.ReLU() if p.activations is None else qnn.QuantReLU(**unsigned(p.activations, p.step))


def branch(p: Precision) -> nn.Module:
    """The signed quantiser of a residual branch: the activations' step, so that branches add as integers."""
    if p.activations is None:
        return nn.Identity()
    return cast(nn.Module, qnn.QuantIdentity(**signed(min(8, p.activations + 2), p.step)))
