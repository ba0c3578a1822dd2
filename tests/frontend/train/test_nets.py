"""Every architecture lowers exactly: Brevitas, QONNX and the integer graph agree at each quantised tensor."""

from __future__ import annotations

import onnx_ir as ir
import pytest
import torch
from torch import nn

from cardc.errors import CompileError
from cardc.frontend.load import load
from cardc.frontend.train.blocks import FLOAT, Precision
from cardc.frontend.train.convnets import Conv, conv_n, convnet, lenet, small
from cardc.frontend.train.layers import layers_to_prune, masked_layers
from cardc.frontend.train.ranking import top_k
from cardc.frontend.train.resnets import resnet8, resnet18, wide_resnet18_2
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER
from cardc.sources import as_proto
from cardc.verify import verify

MNIST, COLOUR = (1, 28, 28), (3, 16, 16)
NETS = {
    "small": (lambda p: small((4, 6, 6), precision=p), MNIST),
    "lenet": (lambda p: lenet(width=0.5, precision=p), MNIST),
    "conv2": (lambda p: conv_n(2, shape=COLOUR, width=1 / 16, precision=p), COLOUR),
    "conv8": (lambda p: conv_n(8, shape=COLOUR, width=1 / 16, precision=p), COLOUR),
    "resnet8": (lambda p: resnet8(shape=COLOUR, width=0.25, precision=p), COLOUR),
    "resnet18": (lambda p: resnet18(shape=COLOUR, width=1 / 32, precision=p), COLOUR),
    "wide": (lambda p: wide_resnet18_2(shape=COLOUR, width=1 / 32, precision=p), COLOUR),
}
PRECISIONS = [Precision(), Precision(2, 1, 4, True), Precision(4, 8, 8)]


def _warm(card: nn.Module, x: torch.Tensor) -> None:
    card.train()
    with torch.no_grad():
        for _ in range(20):
            card(x)
    for layer in layers_to_prune(card):
        scores = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(layer.weight.numel()))
        layer.set_mask(top_k(scores, max(1, layer.weight.numel() // 2)))
    card.eval()


def _cases() -> list[tuple[str, Precision]]:
    """Every net as a card; small and residual ones at other widths of weights and activations too."""
    return [(n, PRECISIONS[0]) for n in NETS] + [(n, p) for n in ("small", "resnet8") for p in PRECISIONS[1:]]


@pytest.mark.parametrize(("name", "precision"), _cases(), ids=str)
def test_nets_lower_exactly(name: str, precision: Precision) -> None:
    build, shape = NETS[name]
    card = build(precision)
    x = torch.rand(16, *shape, generator=torch.Generator().manual_seed(0))
    _warm(card, x)
    proto, _, _ = as_proto(card, x[:1])
    imported = load(ir.from_proto(proto))
    integer = imported.clone()
    run_steps(integer, TO_INTEGER)
    result = verify(imported, integer, proto, x[:3].numpy(), [], module=card)
    assert result.equal, result.first_difference
    assert result.tensors >= len(layers_to_prune(card))


def test_conv_widths_follow_the_paper() -> None:
    shapes = [tuple(layer.weight.shape) for _, layer in masked_layers(conv_n(4))]
    assert shapes == [
        (64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3), (256, 128 * 64), (256, 256), (10, 256),
    ]  # fmt: skip


def test_resnet8_is_mlperf_tinys() -> None:
    card = resnet8()
    assert (
        sum(layer.weight.numel() for _, layer in masked_layers(card)) == 77_360
    )  # its 78,666 are with biases and norms
    assert card(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_wide_resnet_has_twice_the_channels() -> None:
    narrow, wide = (list(masked_layers(net(width=1 / 16))) for net in (resnet18, wide_resnet18_2))
    assert len(narrow) == len(wide) == 21
    assert all(
        b.weight.shape[0] == 2 * a.weight.shape[0] for (_, a), (_, b) in zip(narrow[:-1], wide[:-1], strict=True)
    )


def test_float_nets_have_no_quantiser_and_same_seed_same_weights() -> None:
    dense = small((4, 6, 6), precision=FLOAT, seed=1)
    assert not list(masked_layers(dense))
    again = small((4, 6, 6), precision=FLOAT, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(dense.parameters(), again.parameters(), strict=True))


def test_nets_that_cannot_be_are_refused() -> None:
    for make, says in [
        (lambda: conv_n(3), "Conv3"),
        (lambda: resnet8(shape=(3, 2, 2)), "halvings"),
        (lambda: convnet([Conv(4, pool=2)] * 5), "nothing is left"),
        (lambda: small(width=0), "width"),
    ]:
        with pytest.raises(CompileError, match=says):
            make()
