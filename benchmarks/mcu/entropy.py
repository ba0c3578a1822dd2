"""Bits that a ternary weight takes at rest beside its entropy: `python benchmarks/mcu/entropy.py [--json]`.

Layers of random weights are compiled alone with `optimize="size"`. Counted are the bytes of constants in the linked
program: the codes, and with `all` whatever else the layer has to know of its weights, the places under its kernel and
the struct that its kernel reads (not thresholds and scales of its outputs). Entropy is H(d) + d bits a weight at the
density d that was drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.mcu.networks import Net

import cardc
from cardc.builds.mcu import McuBuild
from cardc.passes.encodings.rice import entropy_bits

BOARD = "nucleo-f446re"
DENSITIES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
LAYERS = {
    "conv 3x3, 16 to 16": (16, 16, 3),
    "conv 3x3, 32 to 32": (32, 32, 3),
    "conv 3x3, 64 to 64": (64, 64, 3),
    "conv 1x1, 128 to 128": (128, 128, 1),
    "dense 256 to 128": (256, 128, 0),
    "dense 640 to 128": (640, 128, 0),
}
"""Inputs, outputs, and the kernel's side (0: fully connected)."""


class Row(TypedDict):
    """One layer at one density, in bits a weight; ratios are to the entropy."""

    work: str
    density: float
    weights: int
    entropy: float
    codes: float
    all: float
    codes_ratio: float
    all_ratio: float


def measure(density: float, inputs: int, outputs: int, kernel: int) -> tuple[float, int, int, int]:
    """Density drawn, weights, bytes of codes, bytes of all that the layer has to know of its weights."""
    shape = (inputs, 4, 4) if kernel else (inputs,)
    net = Net(shape, density)
    (net.conv(outputs, kernel) if kernel else net.dense(outputs)).activate()
    build = cardc.compile(net.model(shape), BOARD, optimize="size")
    assert isinstance(build, McuBuild)
    (layer,) = (layer for layer in build.report.layers if layer.weights)
    step = next(step for step in build.program.steps if step.node is not None and step.node.name == layer.name)
    size = {symbol.name: symbol.size for symbol in build.c.elf(build.target.core).all_symbols}
    own = f"l{step.index}_layer"
    codes, cells = (f"{build.c.name}_l{step.index}_{what}" for what in ("codes", "cells"))
    everything = size[codes] + size.get(cells, 0) + size[own]
    return layer.nonzeros / layer.weights, layer.weights, size[codes], everything


def rows() -> Iterator[Row]:
    for work, layer in LAYERS.items():
        for density in DENSITIES:
            drawn, weights, codes, everything = measure(density, *layer)
            least = entropy_bits(drawn)
            bits = [8 * n / weights for n in (codes, everything)]
            ratios = [round(b / least, 3) for b in bits]
            yield Row(
                work=work, density=density, weights=weights, entropy=round(least, 3), codes=round(bits[0], 3),
                all=round(bits[1], 3), codes_ratio=ratios[0], all_ratio=ratios[1],
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    if parser.parse_args().json:
        print(json.dumps(list(rows()), indent=1))
        return
    print("| layer | weights |", " | ".join(f"d = {d}" for d in DENSITIES), "|")
    print("|---|---|" + "---|" * len(DENSITIES))
    found = list(rows())
    for work in LAYERS:
        mine = [row for row in found if row["work"] == work]
        cells = [f"{r['codes']:.3f} {r['codes_ratio']:.2f}, {r['all_ratio']:.2f}" for r in mine]
        print(f"| {work} | {mine[0]['weights']:,} |", " | ".join(cells), "|")
    least = [np.mean([r["entropy"] for r in found if r["density"] == d]) for d in DENSITIES]
    print("| entropy | |", " | ".join(f"{b:.3f}" for b in least), "|")


if __name__ == "__main__":
    main()
