"""Brevitas' own example architectures, and our masked ResNet-18, with random weights and lived-in BatchNorms."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Uint8ActPerTensorFixedPoint,
    Uint8ActPerTensorFloat,
)
from brevitas_examples.bnn_pynq.models import fc, get_model_cfg, model_with_cfg
from brevitas_examples.imagenet_classification.models.mobilenetv1 import MobileNet
from torch import Tensor, nn

from cardc.frontend.train.layers import MaskedConv2d, MaskedLinear, masked_layers

Image = tuple[int, int, int]


def lived_in(model: nn.Module, image: Image, *, seed: int = 0, batch: int = 8) -> nn.Module:
    """`model` in eval mode with BatchNorm statistics of its own activations, scales of both signs, random offsets.

    Two batches in training mode set statistics and activation scales; then every BatchNorm is shaken.
    """
    torch.manual_seed(seed)
    model.train()
    with torch.no_grad():
        for _ in range(2):
            model(torch.rand(batch, *image))
        for norm in _norms(model):
            norm.weight.mul_(torch.rand_like(norm.weight) + 0.5)
            norm.weight.mul_(torch.where(torch.rand_like(norm.weight) < 0.3, -1.0, 1.0))
            norm.bias.add_(0.3 * torch.randn_like(norm.bias))
            norm.running_mean.add_(0.1 * torch.randn_like(norm.running_mean) * norm.running_var.sqrt())
    return model.eval()


def _norms(model: nn.Module) -> Iterator[Any]:
    for module in model.modules():
        if hasattr(module, "running_mean"):
            yield module


def bnn_pynq(name: str) -> nn.Module:
    """`tfc_1w1a` ... `cnv_2w2a`, as brevitas_examples builds them; `lfc_2w2a`, which it has no settings for, alike."""
    torch.manual_seed(len(name))
    if name == "lfc_2w2a":
        settings = get_model_cfg("lfc_1w2a")
        settings.set("QUANT", "WEIGHT_BIT_WIDTH", "2")
        return fc(settings)
    return model_with_cfg(name, False)[0]


def mobilenet(width: float = 0.25) -> nn.Module:
    """MobileNet-v1 of 4 bits (8 in the first layer) for 32x32 images: one scale a channel, truncating average."""
    torch.manual_seed(1)
    channels = [[32], [64], [128, 128], [256, 256], [512] * 6, [1024, 1024]]
    scaled = [[max(8, int(c * width)) for c in stage] for stage in channels]
    net = MobileNet(
        scaled, False, act_bit_width=4, weight_bit_width=4, last_layer_bit_width=4, avg_pool_kernel_size=2,
        first_layer_stride=1, num_classes=10, round_average_pool=False,
    )  # fmt: skip
    return nn.Sequential(QuantIdentity(Int8ActPerTensorFixedPoint, return_quant_tensor=True), net)


class MaskedBlock(nn.Module):
    """Two masked binary 3x3 convolutions beside a shortcut; every quantiser of the network's body is `shared`."""

    def __init__(self, cin: int, cout: int, stride: int, shared: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1 = MaskedConv2d(cin, cout, 3, stride=stride, padding=1)
        self.norm1, self.act1 = nn.BatchNorm2d(cout), shared()
        self.conv2 = MaskedConv2d(cout, cout, 3, padding=1)
        self.norm2, self.act2 = nn.BatchNorm2d(cout), shared()
        self.short = nn.Sequential()
        if stride != 1 or cin != cout:
            conv = MaskedConv2d(cin, cout, 1, stride=stride)
            self.short = nn.Sequential(conv, nn.BatchNorm2d(cout), shared())
        self.out = shared()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act2(self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x))))))
        z: Tensor = self.out(y + self.short(x))
        return z


def masked_resnet18(width: int, *, density: float = 0.1, bits: int = 4, same_scale: bool = True) -> nn.Module:
    """ResNet-18 for 32x32 images, every layer masked binary; 11 M weights at `width` 64.

    `same_scale`: quantisers of a power-of-two scale; otherwise each has a scale of its own, from statistics.
    """
    torch.manual_seed(2)

    def act() -> nn.Module:
        if same_scale:
            return QuantReLU(Uint8ActPerTensorFixedPoint, bit_width=bits, return_quant_tensor=False)
        return QuantReLU(bit_width=bits, return_quant_tensor=False)

    layers: list[nn.Module] = [
        QuantIdentity(Int8ActPerTensorFixedPoint, return_quant_tensor=False),
        MaskedConv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        act(),
    ]
    cin = width
    for stage, stride in enumerate((1, 2, 2, 2)):
        cout = width << stage
        layers += [MaskedBlock(cin, cout, stride, act), MaskedBlock(cout, cout, 1, act)]
        cin = cout
    layers += [nn.AdaptiveAvgPool2d(1), act(), nn.Flatten(), MaskedLinear(cin, 10)]
    net = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(3)
    for _, layer in masked_layers(net):
        mask = torch.rand(layer.weight.shape, generator=generator) < density
        mask.view(-1)[0] = True
        layer.set_mask(mask.float())
    return net


class _Residual(nn.Module):
    """Two 3x3 convolutions of 8 bits beside a shortcut; scales are floats from statistics, one a channel in weights.

    Without `quantised` the second convolution's accumulator is added as it comes from its BatchNorm.
    """

    def __init__(self, cin: int, cout: int, stride: int, quantised: bool) -> None:
        super().__init__()
        self.conv1, self.norm1, self.act1 = _conv8(cin, cout, 3, stride), nn.BatchNorm2d(cout), _relu8()
        self.conv2, self.norm2 = _conv8(cout, cout, 3), nn.BatchNorm2d(cout)
        self.quant = _identity8() if quantised else nn.Identity()
        self.short = nn.Sequential()
        if stride != 1 or cin != cout:
            self.short = nn.Sequential(_conv8(cin, cout, 1, stride), nn.BatchNorm2d(cout), _identity8())
        self.out = _relu8()

    def forward(self, x: Tensor) -> Tensor:
        y = self.quant(self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x))))))
        z: Tensor = self.out(y + self.short(x))
        return z


def _conv8(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Module:
    return QuantConv2d(
        cin, cout, kernel, stride, kernel // 2, bias=False, weight_quant=Int8WeightPerChannelFloat
    )  # fmt: skip


def _relu8() -> nn.Module:
    return QuantReLU(act_quant=Uint8ActPerTensorFloat, return_quant_tensor=False)


def _identity8() -> nn.Module:
    return QuantIdentity(act_quant=Int8ActPerTensorFloat, return_quant_tensor=False)


def resnet8bit(blocks: int, width: int, *, quantised: bool = True) -> nn.Module:
    """A ResNet for 32x32 images, all of 8 bits, 6 `blocks` + 2 layers; the last one has a float bias."""
    torch.manual_seed(4)
    layers: list[nn.Module] = [_identity8(), _conv8(3, width, 3), nn.BatchNorm2d(width), _relu8()]
    cin = width
    for stage, stride in enumerate((1, 2, 2)):
        for block in range(blocks):
            cout = width << stage
            layers.append(_Residual(cin, cout, stride if block == 0 else 1, quantised))
            cin = cout
    last = QuantLinear(cin, 10, bias=True, weight_quant=Int8WeightPerTensorFloat)
    return nn.Sequential(*layers, nn.AvgPool2d(8), _identity8(), nn.Flatten(), last)


class UNet8(nn.Module):
    """A U-Net of 8 bits: what it joins has scales of its own on each side, and goes straight into a convolution."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        torch.manual_seed(5)

        def layer(cin: int, cout: int) -> nn.Module:
            return nn.Sequential(_conv8(cin, cout, 3), nn.BatchNorm2d(cout), _relu8())

        self.first, self.down1, self.down2 = _identity8(), layer(3, width), layer(width, 2 * width)
        self.middle, self.up2, self.up1 = (
            layer(2 * width, 4 * width),
            layer(6 * width, 2 * width),
            layer(3 * width, width),
        )
        self.pool, self.grow = nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="nearest")
        self.last = QuantConv2d(width, 2, 1, bias=True, weight_quant=Int8WeightPerChannelFloat)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down1(self.first(x))
        b = self.down2(self.pool(a))
        y = self.up2(torch.cat([self.grow(self.middle(self.pool(b))), b], 1))
        z: Tensor = self.last(self.up1(torch.cat([self.grow(y), a], 1)))
        return z


def twin(model: nn.Module) -> nn.Module:
    """A copy, since Brevitas' exporters leave traces in what they export."""
    return copy.deepcopy(model)
