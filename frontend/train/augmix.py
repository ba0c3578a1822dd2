"""AugMix on tensors: nine operations, chains of them, and their mixture, a whole batch at a time.

Source: Hendrycks et al., "AugMix" (ICLR 2020), algorithm 1 and appendix C. Unlike the authors' code, which works on
8-bit images one by one, geometry is bilinear (there: nearest) and chains stay unrounded between operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

# Image batch [n, C, H, W] in [0, 1], levels in [0, 1] (shares of the strongest), signs of +-1 -> a batch like it.
Operation = Callable[[Tensor, Tensor, Tensor], Tensor]


def mixed(x: Tensor, width: int, depth: int, severity: float, random: torch.Generator) -> Tensor:
    """One AugMix view of x [N, C, H, W] in [0, 1]; `severity` from 0.1 to 10."""
    n = len(x)
    # Dirichlet(1): normalised exponentials; Beta(1, 1): uniform.
    shares = -torch.log(torch.rand(n, width, generator=random).clamp(min=1e-12))
    shares = (shares / shares.sum(1, keepdim=True)).to(x.device)
    keep = torch.rand(n, 1, 1, 1, generator=random).to(x.device)
    total = torch.zeros_like(x)
    for chain in range(width):
        total = total + shares[:, chain, None, None, None] * _chain(x, depth, severity, random)
    return keep * x + (1 - keep) * total


def _chain(x: Tensor, depth: int, severity: float, random: torch.Generator) -> Tensor:
    n, out = len(x), x.clone()
    lengths = torch.randint(1, depth + 1, (n,), generator=random)
    for link in range(depth):
        which = torch.randint(len(OPERATIONS), (n,), generator=random)
        level = (0.1 + (severity - 0.1) * torch.rand(n, generator=random)) / 10
        sign = torch.randint(2, (n,), generator=random) * 2.0 - 1
        for k, operation in enumerate(OPERATIONS):
            chosen = torch.nonzero((which == k) & (lengths > link)).flatten()
            if len(chosen):
                at = chosen.to(x.device)
                out[at] = operation(out[at], level[chosen].to(x.device), sign[chosen].to(x.device))
    return out


def _bytes(x: Tensor) -> Tensor:
    return (x * 255).round()


def autocontrast(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """Each channel stretched to the whole range; a flat one stays."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return torch.where(high > low, (x - low) / (high - low).clamp(min=1e-6), x)


def equalize(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """Each channel's histogram made flat, with PIL's table: (step // 2 + pixels darker) // step."""
    n, c, h, w = x.shape
    levels = _bytes(x).long().reshape(n * c, h * w)
    counts = torch.zeros(n * c, 256, dtype=torch.long, device=x.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels))
    brightest = levels.amax(1, keepdim=True)
    step = (h * w - counts.gather(1, brightest)) // 255
    below = counts.cumsum(1) - counts
    table = ((step // 2 + below) // step.clamp(min=1)).clamp(0, 255)
    flat = table.gather(1, levels).to(x.dtype) / 255
    return torch.where(step > 0, flat, x.reshape(n * c, h * w)).reshape(x.shape)


def posterize(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """The upper 4 - floor(4 * level) bits of each byte."""
    bits = (4 - (level * 4).floor()).clamp(min=1)
    grid = (2 ** (8 - bits))[:, None, None, None]
    return (_bytes(x) / grid).floor() * grid / 255


def solarize(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """Bytes at or above 256 - floor(256 * level) turned into their negative."""
    threshold = (256 - (level * 256).floor())[:, None, None, None]
    return torch.where(_bytes(x) >= threshold, 1 - x, x)


def rotate(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """By up to 30 degrees."""
    angle = sign * (level * 30).floor() * (math.pi / 180)
    c, s, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return _affine(x, (c, -s, zero, s, c, zero))


def shear_x(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """By up to 0.3."""
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    return _affine(x, (one, sign * level * 0.3, zero, zero, one, zero))


def shear_y(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """By up to 0.3."""
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    return _affine(x, (one, zero, zero, sign * level * 0.3, one, zero))


def translate_x(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """By up to a third of the width, in whole pixels."""
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    pixels = sign * (level * x.shape[3] / 3).floor()
    return _affine(x, (one, zero, pixels * 2 / x.shape[3], zero, one, zero))


def translate_y(x: Tensor, level: Tensor, sign: Tensor) -> Tensor:
    """By up to a third of the height, in whole pixels."""
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    pixels = sign * (level * x.shape[2] / 3).floor()
    return _affine(x, (one, zero, zero, zero, one, pixels * 2 / x.shape[2]))


def _affine(x: Tensor, rows: tuple[Tensor, ...]) -> Tensor:
    """Sample x where the 2x3 matrices of `rows` (six tensors [n]) send each pixel; black outside."""
    theta = torch.stack(rows, 1).reshape(-1, 2, 3).to(x.dtype)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


OPERATIONS: tuple[Operation, ...] = (
    autocontrast, equalize, posterize, rotate, solarize, shear_x, shear_y, translate_x, translate_y,
)  # fmt: skip
