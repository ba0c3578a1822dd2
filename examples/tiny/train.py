#!/usr/bin/env python3
"""Train the MNIST card that fits 16 KB of flash and 2 KB of RAM, and write it as QONNX.

    CARDC_DATA=... python examples/tiny/train.py --out examples/tiny/card.onnx

Images of 28 x 28 pixels in 16 grey levels, a 2x2 max-pool, two 3x3 convolutions of 12 and 32 channels, one linear
layer. Weights are -1, 0 and +1 times a scale for each filter: 30 % are pruned gradually, and ternary quantisation sets
others to 0 besides; activations have 4 bits. Widths are chosen so that no two tensors that live at the same time take
more than the input beside its pooled copy.
"""

from __future__ import annotations

import argparse
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import Uint8ActPerTensorFloat
from torch import Tensor, nn

from cardc.frontend.train.export import export_qonnx
from cardc.frontend.train.layers import MaskedConv2d, MaskedLinear, layers_to_prune
from cardc.frontend.train.magnitude import Gradual
from cardc.frontend.train.margins import clear_boundaries
from cardc.frontend.train.parquet import read_parquet
from cardc.frontend.train.recipe import Progress, Schedule, accuracy

CHANNELS, BITS = (12, 32), 2


@dataclass(frozen=True, slots=True)
class Shift:
    """Each batch moved by up to `most` pixels down and across."""

    most: int = 1
    name: ClassVar[str] = "shift"

    @property
    def consistency(self) -> float:
        return 0.0

    def views(self, x: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
        down, across = (int(torch.randint(-self.most, self.most + 1, (1,), generator=random)) for _ in range(2))
        return (torch.roll(x, (down, across), (2, 3)),)


def levels(count: int, step: float) -> dict[str, Any]:
    """An unsigned quantiser of `count` levels, `step` apart; a power of two, so that dividing by it is exact."""
    return {
        "act_quant": Uint8ActPerTensorFloat,
        "bit_width": (count - 1).bit_length(),
        "scaling_impl_type": ScalingImplType.CONST,
        "scaling_init": (count - 1) * step,
    }


def tiny_card(seed: int = 0) -> nn.Sequential:
    """Images [N, 1, 28, 28] in [0, 1] -> logits [N, 10]."""
    torch.manual_seed(seed)
    first, second = CHANNELS
    layers: dict[str, nn.Module] = {"quant": qnn.QuantIdentity(**levels(16, 1 / 16)), "pool": nn.MaxPool2d(2)}
    for i, (m, n, stride) in enumerate(((1, first, 2), (first, second, 1)), 1):
        layers[f"conv{i}"] = MaskedConv2d(m, n, 3, stride=stride, bits=BITS, per_filter=True)
        layers[f"norm{i}"] = nn.BatchNorm2d(n)
        layers[f"act{i}"] = qnn.QuantReLU(**levels(16, 1 / 4))
    layers["flatten"] = nn.Flatten()
    layers["linear"] = MaskedLinear(16 * second, 10, bits=BITS)
    return nn.Sequential(OrderedDict(layers))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CARDC_DATA", ".")) / "mnist")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--images", type=int, default=60_000, help="train on the first so many")
    parser.add_argument("--out", type=Path, default=Path("out/tiny/card.onnx"))
    options = parser.parse_args(arguments)

    x, y = read_parquet(options.data / "train.parquet")
    x, y = x[: options.images], y[: options.images]
    x_test, y_test = read_parquet(options.data / "test.parquet")
    card = tiny_card()

    def told(p: Progress) -> None:
        print(f"epoch {p.epoch} of {p.epochs}: loss {p.loss:.4f}, {p.accuracy:.2%} of the training images", flush=True)

    schedule = Schedule(epochs=options.epochs, batch_size=128, augment=Shift())
    Gradual(sparsity=0.3, lr=3e-3, begin=0.1, end=0.5, every=50, schedule=schedule).train(card, x, y, told)
    clear_boundaries(card)  # no float executor can round it differently now
    kept = sum(int((layer.integers() != 0).sum()) for layer in layers_to_prune(card))
    print(f"{kept} weights are not 0; {accuracy(card, x_test, y_test):.2%} of the test images in Brevitas")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    export_qonnx(card, torch.from_numpy(x_test[:1]), options.out)
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
