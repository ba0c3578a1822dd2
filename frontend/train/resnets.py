"""Residual networks: ResNet-8 (MLPerf Tiny), ResNet-18 for small images, WideResNet-18-2.

Sources: He et al., "Deep Residual Learning" (CVPR 2016); Banbury et al., "MLPerf Tiny Benchmark" (NeurIPS 2021);
"A Winning Hand", section 4, for ResNet-18 and its double-width sibling on 32x32 images.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ...errors import CompileError
from .blocks import CARD, Precision, branch, conv, entrance, linear, relu, scaled, seeded
from .convnets import Shape


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut: x itself, or a 1x1 convolution where the shape changes.

    Every branch ends in a quantiser of the activations' step (x has that step already), so they add as integers.
    """

    def __init__(self, p: Precision, m: int, n: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1, self.act1 = conv(p, m, n, 3, stride=stride), nn.BatchNorm2d(n), relu(p)
        self.conv2, self.norm2, self.quant2 = conv(p, n, n, 3), nn.BatchNorm2d(n), branch(p)
        same = stride == 1 and m == n
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(conv(p, m, n, 1, stride=stride, padding=0), nn.BatchNorm2d(n), branch(p))
        )
        self.act = relu(p)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.norm1(self.conv1(x)))
        y = self.quant2(self.norm2(self.conv2(y)))
        out: Tensor = self.act(y + self.shortcut(x))
        return out


def resnet(
    stages: Sequence[tuple[int, int]], *, shape: Shape = (3, 32, 32), classes: int = 10, width: float = 1.0,
    precision: Precision = CARD, seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """Images [N, *shape] in [0, 1] -> logits [N, classes]. `stages`: (channels, blocks) each;
    all but the first halve the size.

    Mean over the last feature map, then one linear layer.
    """
    (m, h, w), halvings = shape, len(stages) - 1
    if min(h, w) < 2**halvings:
        raise CompileError(f"images of {h} x {w} for {halvings} halvings", fix="larger images or fewer stages")
    with seeded(seed):
        n = scaled(stages[0][0], width)
        net = nn.Sequential()
        net.add_module("quant", entrance(precision))
        net.add_module("conv", conv(precision, m, n, 3))
        net.add_module("norm", nn.BatchNorm2d(n))
        net.add_module("act", relu(precision))
        for s, (channels, blocks) in enumerate(stages, 1):
            for b in range(1, blocks + 1):
                m, n, stride = n, scaled(channels, width), 2 if s > 1 and b == 1 else 1
                net.add_module(f"stage{s}_{b}", Block(precision, m, n, stride))
                h, w = -(-h // stride), -(-w // stride)
        net.add_module("mean", nn.AvgPool2d((h, w)))
        net.add_module("flatten", nn.Flatten())
        net.add_module("linear", linear(precision, n, classes))
    return net


def resnet8(
    *, shape: Shape = (3, 32, 32), classes: int = 10, width: float = 1.0, precision: Precision = CARD,
    seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """MLPerf Tiny's image classifier: one block each of 16, 32 and 64 channels."""
    stages = ((16, 1), (32, 1), (64, 1))
    return resnet(stages, shape=shape, classes=classes, width=width, precision=precision, seed=seed)


def resnet18(
    *, shape: Shape = (3, 32, 32), classes: int = 10, width: float = 1.0, precision: Precision = CARD,
    seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """Two blocks each of 64, 128, 256 and 512 channels, 3x3 stem; `width` 2 is WideResNet-18-2."""
    stages = ((64, 2), (128, 2), (256, 2), (512, 2))
    return resnet(stages, shape=shape, classes=classes, width=width, precision=precision, seed=seed)


def wide_resnet18_2(
    *, shape: Shape = (3, 32, 32), classes: int = 10, width: float = 1.0, precision: Precision = CARD,
    seed: int = 0,
) -> nn.Sequential:  # fmt: skip
    """ResNet-18 of twice the width, times `width`."""
    return resnet18(shape=shape, classes=classes, width=2 * width, precision=precision, seed=seed)
