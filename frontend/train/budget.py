"""What fits a board, before anything is trained: flash, RAM and instructions of a model at a sparsity, estimated.

For choosing a width; `cardc.compile` measures. Each layer is planned by the passes that compile it, with weights drawn
at random where the sparsity is given; what stands between layers and what code takes are rules of thumb, fitted to
networks compiled for a Cortex-M4. Estimates hold within a quarter for flash and RAM, and a factor of 1.7 for
instructions. Beside the flash stands the entropy of masks and weights, below which no encoding gets.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import brevitas.nn as qnn
import numpy as np
import torch
from torch import Tensor, nn

from ...errors import CompileError
from ...ops.base import Array
from ...ops.qtype import QType
from ...targets.base import Target
from .layers import Masked
from .planned import Shape, planned

# From cardc's own builds of digits_card and mlp_card, with each encoding.
CODE_BYTES, CONV_CODE_BYTES = 2_900, 5_200
"""Calls and tables of a small network; what all convolutions share."""
_KERNEL_BYTES = {"runs": 5_950, "lanes": 5_800, "pairs": 2_100, "ternary": 1_400, "binary": 1_400}
_OTHER_KERNEL_BYTES = 800
_PER_LOADED, _PER_POOLED, _PER_ADDED = 5, 7, 10  # instructions an element of the image, read by a pool, of a sum
_THRESHOLD_BYTES = 12  # a channel: multiplier, offset and shift, or its thresholds where these are fewer


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
    encoding: str


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
    layers, between = _measure(model, shape, sparsity, target)
    if not layers:
        raise CompileError("the model has no masked layer", fix="build it from MaskedConv2d and MaskedLinear")
    code = CODE_BYTES + (CONV_CODE_BYTES if any(layer.convolution for layer in layers) else 0)
    code += sum(_KERNEL_BYTES.get(kernel, _OTHER_KERNEL_BYTES) for kernel in {layer.encoding for layer in layers})
    flash = code + sum(layer.weight_bytes for layer in layers) + between.threshold_bytes
    image = math.prod(shape)
    ram = max(layer.live_bytes for layer in layers) + image + 2 * between.results
    instructions = sum(layer.instructions for layer in layers) + _PER_LOADED * image + between.instructions
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


@dataclass(slots=True)
class _Between:
    """What layers do not have: bytes of thresholds, instructions of pools and sums, elements of the result; and what
    the last quantiser that a layer may read gives."""

    reads: QType = field(default_factory=lambda: QType(0, 255))
    threshold_bytes: int = 0
    instructions: int = 0
    results: int = 0


def _measure(
    model: nn.Module, shape: Sequence[int], sparsity: float | None, target: Target
) -> tuple[list[LayerBudget], _Between]:
    """Layers in order of execution, and the rest. What a residual block keeps counts as alive."""
    twin = copy.deepcopy(model).eval()
    found: list[LayerBudget] = []
    kept: list[Tensor] = []  # inputs of the residual blocks that are running
    between = _Between()

    def enter(_: nn.Module, args: Any) -> None:
        kept.append(args[0])

    def leave(_: nn.Module, __: Any, out: Tensor) -> None:
        kept.pop()
        between.instructions += _PER_ADDED * out.numel()

    def pool(_: nn.Module, args: Any, __: Tensor) -> None:
        between.instructions += _PER_POOLED * args[0].numel()

    def layer(name: str) -> Callable[[Masked, Any, Any], None]:
        def hook(module: Masked, args: Any, _: Any) -> None:
            beside = sum(x.numel() for x in kept if x is not args[0])
            found.append(_layer(name, module, args[0], between.reads, target, sparsity, beside))

        return hook

    def quantiser(module: nn.Module, _: Any, out: Tensor) -> None:
        quant: Any = module
        levels = 2 ** int(quant.act_quant.bit_width()) - 1
        if levels == 1:
            between.reads = QType(-1, 1, (1.0,), 2)
        elif not quant.act_quant.is_signed:  # those of residual branches end in a sum
            between.reads = QType(0, levels)
        between.threshold_bytes += min(2 * levels, _THRESHOLD_BYTES) * out.shape[1] if found else 0

    for name, module in twin.named_modules():
        if isinstance(module, Masked):
            module.register_forward_hook(layer(name))
        elif isinstance(module, qnn.QuantReLU | qnn.QuantIdentity):
            module.register_forward_hook(quantiser)
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d):
            module.register_forward_hook(pool)
        elif hasattr(module, "shortcut"):
            module.register_forward_pre_hook(enter)
            module.register_forward_hook(leave)
    with torch.no_grad():
        between.results = twin(torch.zeros(1, *shape)).numel()
    return found, between


def _layer(
    name: str, module: Masked, x: Tensor, reads: QType, target: Target, sparsity: float | None, beside: int
) -> LayerBudget:
    w = _weights(module, sparsity)
    least = math.ceil(w.size * weight_bits(np.count_nonzero(w) / w.size, 1 if module.bits <= 2 else module.bits) / 8)
    convolution, layer = w.ndim == 4, cast(Any, module)
    window = {}
    if convolution:
        pads = tuple(layer.padding)
        window = {"strides": tuple(layer.stride), "pads": pads * 2, "dilations": tuple(layer.dilation)}
        window["group"] = layer.groups
    found = planned(w if convolution else w.T, Shape(tuple(x.shape[1:]), reads, window), target, beside)
    return LayerBudget(
        name, w.size, int(np.count_nonzero(w)), round(found.bytes), least, found.memory + beside,
        round(found.instructions), convolution, found.encoding,
    )  # fmt: skip


def _weights(module: Masked, sparsity: float | None) -> Array:
    """The layer's integers; with `sparsity`, so many of a random layer's."""
    if sparsity is None:
        return module.integers().numpy().astype(np.int64)
    random, shape = np.random.default_rng(0), tuple(module.weight.shape)
    module.mask.fill_(1)
    w = module.integers().numpy().astype(np.int64) if module.bits > 1 else random.choice(np.array([-1, 1]), shape)
    flat = np.zeros(w.size, np.int64)
    kept = random.permutation(w.size)[: max(1, round(w.size * (1 - sparsity)))]
    flat[kept] = w.reshape(-1)[kept]
    return flat.reshape(shape)
