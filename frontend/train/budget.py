"""What fits a board, before anything is trained: flash, RAM and instructions of a model at a sparsity, estimated.

These are rules of thumb for choosing a width; `cardc.compile` measures. They were fitted to eleven networks compiled
for a Cortex-M4 and hold for pruned ones within a quarter for flash and RAM, and a factor of 1.7 for instructions;
flash of unpruned ones may be 40 % more. Beside the flash stands the entropy of masks and weights, below which no
encoding gets.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from ...errors import CompileError
from ...targets.base import Target
from .layers import Masked

# From cardc's own builds, at 0 to 95 % sparsity, of small, digits_card, lenet, conv_n and mlp_card.
CODE_BYTES, CONV_CODE_BYTES = 2_300, 12_600
"""Calls, tables and kernels of a small network; what convolutions add."""
_CONV_BYTES, _DENSE_BYTES = 2.0, 0.85  # a non-zero weight
_FULL_CONV_BYTES, _FULL_DENSE_BYTES = 0.55, 0.14  # a weight where none is pruned: signs alone
_PER_ROW, _PER_PIXEL, _PER_WEIGHT, _PER_OUTPUT = 18.0, 23.0, 4.0, 80.0  # instructions
_RAM_SHARE, _RAM_MORE = 1.2, 64  # padding of rows, and accumulators of the layer that runs


@dataclass(frozen=True, slots=True)
class LayerBudget:
    """One layer: weights, non-zeros expected, their bytes as encoded and at entropy, bytes alive, instructions."""

    name: str
    weights: int
    nonzeros: int
    weight_bytes: int
    entropy_bytes: int
    live_bytes: int
    instructions: int
    convolution: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """Estimates for one inference on `target`; `latency_s` is 0 where its speed is unknown."""

    target: str
    flash_bytes: int
    ram_bytes: int
    instructions: int
    latency_s: float
    fits: bool
    layers: tuple[LayerBudget, ...]


def weight_bits(density: float, bits: int = 1) -> float:
    """Bits a weight at rest: H(d) for which are there, d * bits for what they are."""
    if not 0 <= density <= 1:
        raise CompileError(f"a density of {density}", fix="0 to 1")
    h = -sum(p * math.log2(p) for p in (density, 1 - density) if p > 0)
    return h + density * bits


def budget(model: nn.Module, shape: Sequence[int], target: Target, *, sparsity: float | None = None) -> Budget:
    """Estimate `model` for images of `shape` [C, H, W] on `target`.

    `sparsity` is what a recipe will prune to, taken as equal in all layers; None takes the masks as they are.
    Raises CompileError for a model without masked layers, or a target that is no microcontroller.
    """
    if target.backend != "c":
        raise CompileError(f"{target.name} is no microcontroller", fix="give one with backend c")
    layers, extra = _measure(model, shape, sparsity)
    if not layers:
        raise CompileError("the model has no masked layer", fix="build it from MaskedConv2d and MaskedLinear")
    code = CODE_BYTES + (CONV_CODE_BYTES if any(layer.convolution for layer in layers) else 0)
    flash = code + sum(layer.weight_bytes for layer in layers) + extra
    ram = round(_RAM_SHARE * max(layer.live_bytes for layer in layers)) + _RAM_MORE
    instructions = sum(layer.instructions for layer in layers)
    latency = instructions * target.cpi.typical / target.clock_hz if target.cpi is not None else 0.0
    fits = flash <= target.flash_bytes and ram <= target.ram_bytes
    return Budget(target.name, flash, ram, instructions, latency, fits, tuple(layers))


def widest(
    build: Callable[[float], nn.Module], shape: Sequence[int], target: Target, *, sparsity: float,
    widths: Sequence[float] = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0), seconds: float = math.inf,
) -> tuple[float, Budget]:  # fmt: skip
    """The largest of `widths` whose `build(width)` fits `target`, within `seconds` an inference, and its budget.

    Raises CompileError, exit code 1, where none does.
    """
    for width in sorted(widths, reverse=True):
        found = budget(build(width), shape, target, sparsity=sparsity)
        if found.fits and found.latency_s <= seconds:
            return width, found
    raise CompileError(
        f"no width from {min(widths)} to {max(widths)} fits {target.name}",
        fix="prune more, use fewer or narrower layers, or take a larger board", exit_code=1,
    )  # fmt: skip


def _measure(model: nn.Module, shape: Sequence[int], sparsity: float | None) -> tuple[list[LayerBudget], int]:
    """Layers in order of execution; bytes of thresholds. What a residual block keeps counts as alive."""
    twin = copy.deepcopy(model).eval()
    found: list[LayerBudget] = []
    kept: list[Tensor] = []  # inputs of the residual blocks that are running
    extra = 0

    def enter(_: nn.Module, args: Any) -> None:
        kept.append(args[0])

    def leave(*_: Any) -> None:
        kept.pop()

    def layer(name: str) -> Callable[[Masked, Any, Any], None]:
        def hook(module: Masked, args: Any, out: Any) -> None:
            beside = sum(x.numel() for x in kept if x is not args[0])
            found.append(_layer(name, module, args[0], out, beside, sparsity))

        return hook

    def quantiser(module: nn.Module, args: Any, out: Tensor) -> None:
        nonlocal extra
        quant: Any = module
        levels = 2 ** int(quant.act_quant.bit_width()) - 1
        # 16-bit thresholds a channel, or multiplier, offset and shift where these are fewer; none for the images
        extra += 0 if not found else out.shape[1] * min(2 * levels, 12)

    for name, module in twin.named_modules():
        if isinstance(module, Masked):
            module.register_forward_hook(layer(name))
        elif isinstance(module, qnn.QuantReLU | qnn.QuantIdentity):
            module.register_forward_hook(quantiser)
        elif hasattr(module, "shortcut"):
            module.register_forward_pre_hook(enter)
            module.register_forward_hook(leave)
    with torch.no_grad():
        twin(torch.zeros(1, *shape))
    return found, extra


def _layer(name: str, module: Masked, x: Tensor, out: Tensor, beside: int, sparsity: float | None) -> LayerBudget:
    n = module.weight.numel()
    density = float(module.mask.mean()) if sparsity is None else 1 - sparsity
    if module.bits == 2:
        density *= 0.55  # share of a normal weight beyond 0.7 of its mean magnitude
    nonzeros = round(n * density)
    least = math.ceil(n * weight_bits(density, 1 if module.bits <= 2 else module.bits) / 8)
    convolution = out.ndim == 4
    if convolution:
        rows = out.shape[2]
        instructions = _PER_ROW * nonzeros * rows + _PER_PIXEL * out.numel()
        stored = n * _FULL_CONV_BYTES if density == 1 else min(_CONV_BYTES * nonzeros, n)
    else:
        instructions = _PER_WEIGHT * nonzeros + _PER_OUTPUT * out.numel()
        stored = n * _FULL_DENSE_BYTES if density == 1 else min(_DENSE_BYTES * nonzeros, n)
    live = x.numel() + out.numel() + beside
    return LayerBudget(name, n, nonzeros, round(stored), least, live, round(instructions), convolution)
