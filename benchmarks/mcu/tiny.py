#!/usr/bin/env python3
"""The MNIST card of examples/tiny on the boards that it is made for: right on how many images, and what it takes.

    CARDC_DATA=... python benchmarks/mcu/tiny.py [--json] [--images 10000] [--emulated 100]

All test images go through the integer graph and the C library on this computer, the first ones through the emulated
boards; every output must be the same to the bit.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

import cardc
from cardc.backends.c.selftest import integers
from cardc.builds.mcu import McuBuild
from cardc.frontend.train.parquet import read_parquet
from cardc.frontend.train.recipe import FloatArray, IntArray

CARD = Path(__file__).resolve().parents[2] / "examples/tiny/card.onnx"
BOARDS = ("ch32v003", "arduino-uno")
_BATCH = 1000


class Row(TypedDict):
    """One line of a benchmark; there is no peer."""

    work: str
    core: str
    value: float
    unit: str
    peer: None
    peer_value: None
    ratio: None


def row(work: str, core: str, value: float, unit: str) -> Row:
    return Row(work=work, core=core, value=value, unit=unit, peer=None, peer_value=None, ratio=None)


def predictions(build: McuBuild, x: FloatArray, emulated: int) -> IntArray:
    """The classes that the integer graph gives; ValueError where the library gives other outputs anywhere."""
    classes = []
    for start in range(0, len(x), _BATCH):
        q = build.c.quantize(x[start : start + _BATCH])
        want = integers(build.lowered.lowered, build.program, q)[build.program.schedule.output.name or ""]
        runs = [("host", q)]
        if start < emulated:
            runs.append((build.target.core, q[: emulated - start]))
        for core, some in runs:
            if not np.array_equal(build.c.run(some, core), want[: len(some)]):
                raise ValueError(f"the library on {core} differs from the integer graph behind image {start}")
        classes.append(want.argmax(axis=1))
    return np.concatenate(classes)


def measure(x: FloatArray, y: IntArray, emulated: int) -> list[Row]:
    """Rows for each board; the share of `x` that is classed as `y`."""
    rows = []
    for board in BOARDS:
        build = cardc.compile(CARD, board, name="tiny")
        if not isinstance(build, McuBuild):
            raise TypeError(f"{board} is no microcontroller")
        right = float((predictions(build, x, emulated) == y).mean())
        rows.append(row(f"tiny MNIST card, {len(x)} images", board, round(100 * right, 2), "% right"))
        for check in build.report.fit.checks:
            rows.append(row(f"tiny MNIST card, {check.resource}", board, check.used.value, "bytes"))
        for name in ("stack_bytes", "instructions", "cycles", "latency_s"):
            figure = build.report.totals[name]
            rows.append(row(f"tiny MNIST card, {name} ({figure.stage})", board, figure.value, name.split("_")[-1]))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CARDC_DATA", ".")) / "mnist")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--emulated", type=int, default=100, help="images that run on each emulated board")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    given = parser.parse_args(arguments)
    x, y = read_parquet(given.data / "test.parquet")
    rows = measure(x[: given.images], y[: given.images], given.emulated)
    if given.json:
        print(json.dumps(rows, indent=1))
        return 0
    for one in rows:
        print(f"{one['work']:60} {one['core']:14} {one['value']:>12,} {one['unit']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
