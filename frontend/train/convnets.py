"""Plain convolutional networks: Conv2 to Conv8, a LeNet, and small ones by a plan.

Sources: Conv2/4/6 from Frankle and Carbin, "The Lottery Ticket Hypothesis" (ICLR 2019), figure 2; Conv8 from
Ramanujan et al. (CVPR 2020); LeNet-5 from LeCun et al. (1998), with batch norm and ReLU.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from ...errors import CompileError
from .blocks import CARD, Precision, conv, entrance, linear, relu, scaled, seeded

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with batch norm and activation; `pool` is a max-pool of that size behind it (1: none)."""

    channels: int
    kernel: int = 3
    stride: int = 1
    pool: int = 1
    padding: int | None = None


def convnet(
    plan: Sequence[Conv], hidden: Sequence[int] = (), *, shape: Shape = (1, 28, 28), classes: int = 10,
    width: float = 1.0, precision: Precision = CARD, seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """Images [N, *shape] in [0, 1] -> logits [N, classes]: the convolutions of `plan`, then linear layers.

    `hidden` are the widths of the linear layers before the last; `width` multiplies all widths.
    """
    channels, h, w = shape
    with seeded(seed):
        layers: dict[str, nn.Module] = {"quant": entrance(precision)}
        for i, c in enumerate(plan, 1):
            n, pad = scaled(c.channels, width), c.kernel // 2 if c.padding is None else c.padding
            layers[f"conv{i}"] = conv(precision, channels, n, c.kernel, stride=c.stride, padding=pad)
            layers[f"norm{i}"], layers[f"act{i}"] = nn.BatchNorm2d(n), relu(precision)
            if c.pool > 1:
                layers[f"pool{i}"] = nn.MaxPool2d(c.pool)
            h, w = (((s + 2 * pad - c.kernel) // c.stride + 1) // c.pool for s in (h, w))
            channels = n
            if min(h, w) < 1:
                raise CompileError(f"nothing is left of {shape} behind convolution {i}", fix="use fewer pools")
        layers["flatten"] = nn.Flatten()
        features = channels * h * w
        for i, hid in enumerate(hidden, 1):
            n = scaled(hid, width)
            layers[f"linear{i}"] = linear(precision, features, n)
            layers[f"linear_norm{i}"], layers[f"linear_act{i}"] = nn.BatchNorm1d(n), relu(precision)
            features = n
        layers["linear"] = linear(precision, features, classes)
    return nn.Sequential(OrderedDict(layers))


def small(
    channels: Sequence[int] = (16, 32, 64), *, shape: Shape = (1, 28, 28), classes: int = 10, width: float = 1.0,
    precision: Precision = CARD, seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """For microcontrollers: the first convolution has stride 2, each later one a 2x2 max-pool behind it."""
    plan = [Conv(n, stride=2) if i == 0 else Conv(n, pool=2) for i, n in enumerate(channels)]
    return convnet(plan, shape=shape, classes=classes, width=width, precision=precision, seed=seed)


def lenet(
    *, shape: Shape = (1, 28, 28), classes: int = 10, width: float = 1.0, precision: Precision = CARD,
    seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """LeNet-5: convolutions of 6 and 16 filters of 5x5, linear layers of 120 and 84."""
    plan = [Conv(6, 5, pool=2), Conv(16, 5, pool=2, padding=0)]
    return convnet(plan, (120, 84), shape=shape, classes=classes, width=width, precision=precision, seed=seed)


def conv_n(
    depth: int, *, shape: Shape = (3, 32, 32), classes: int = 10, width: float = 1.0,
    precision: Precision = CARD, seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """Conv2, Conv4, Conv6 or Conv8: pairs of 3x3 convolutions of 64, 128, 256, 512 filters, linear 256 and 256."""
    if depth not in (2, 4, 6, 8):
        raise CompileError(f"Conv{depth}", fix="a depth of 2, 4, 6 or 8")
    plan = [Conv(64 * 2 ** (i // 2), pool=1 + i % 2) for i in range(depth)]
    return convnet(plan, (256, 256), shape=shape, classes=classes, width=width, precision=precision, seed=seed)
