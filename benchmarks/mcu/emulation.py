#!/usr/bin/env python3
"""How many inputs a minute `build.emulate` runs: models of your own, on a board of each kind of emulator.

    python benchmarks/mcu/emulation.py [MODEL.onnx ...] [--board NAME ...] [--inputs 200] [--json]

Counted in this process's time and that of the emulators that it starts, so that what else runs does not matter.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import cardc
from cardc.builds.mcu import McuBuild

TINY = Path(__file__).parents[2] / "examples" / "tiny" / "card.onnx"
BOARDS = ("nucleo-f446re", "rp2040-pico", "esp32-c3", "alif-e7", "pico2-riscv", "arduino-uno")
Row = dict[str, object]


def seconds() -> float:
    """Of processor time, of this process and of those it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def measure(model: Path, board: str, inputs: int) -> Row:
    """A batch of random inputs, compilation left out."""
    build = cardc.compile(model, board)
    if not isinstance(build, McuBuild):
        raise SystemExit(f"{board} is no microcontroller")
    shape = tuple(build.lowered.imported.graph.inputs[0].shape or ())[1:]
    x = np.random.default_rng(0).random((inputs, *map(int, shape)))  # type: ignore[call-overload]
    build.emulate(x[:1])
    began = seconds()
    build.emulate(x)
    a_minute = round(60 * inputs / (seconds() - began))
    peer = {"peer": "", "peer_value": None, "ratio": None}
    return {"work": model.name, "core": build.target.core, "value": a_minute, "unit": "inputs/minute", **peer}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, default=[TINY])
    parser.add_argument("--board", nargs="*", default=BOARDS)
    parser.add_argument("--inputs", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="a list of rows")
    given = parser.parse_args(arguments)
    rows = [measure(model, board, given.inputs) for model in given.models for board in given.board]
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['work']:<24}{row['core']:<16}{row['value']:>10,} inputs a minute")


if __name__ == "__main__":
    main()
