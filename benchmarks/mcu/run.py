"""Instruction counts of C kernels and whole networks on emulated cores, beside CMSIS-NN's.

python benchmarks/mcu/run.py [--json] [--core CORE] [--only TEXT]
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.mcu.networks import NETWORKS
from benchmarks.mcu.works import WORKS

import cardc
from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.runtime.call import Emulated, EmulatedByQemu

BOARDS = {"cortex-m0plus": "rp2040-pico", "cortex-m4": "nucleo-f446re", "cortex-m55": "alif-e7", "rv32imc": "esp32-c3"}
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")


class Row(TypedDict):
    """One line of a benchmark: `ratio` is how many times fewer than the peer; the peer is None where there is none."""

    work: str
    core: str
    value: int
    unit: str
    peer: str | None
    peer_value: int | None
    ratio: float | None


def peers() -> dict[tuple[str, str], tuple[str, int]]:
    """(work, core) -> the peer and its count."""
    with (Path(__file__).parent / "peers.csv").open(encoding="utf-8", newline="") as file:
        return {(r["work"], r["core"]): (r["peer"], int(r["instructions"])) for r in csv.DictReader(file)}


def measure(cores: Sequence[str] = CORES, only: str = "", optimise: str = "-O2") -> list[Row]:
    """Run every work whose name holds `only` on every one of `cores`. Raises AssertionError for a wrong result."""
    rows: list[Row] = []
    known = peers()
    for name, shape, work in WORKS:
        for core in cores if only in name else ():
            place = (Emulated if get_core(core).unicorn else EmulatedByQemu)(core, optimise)
            rows.append(_row(name, core, work(place), known.get((shape, core))))
    return rows


def measure_networks(cores: Sequence[str] = tuple(BOARDS), only: str = "") -> list[Row]:
    """Compile every network whose name holds `only` for a board of each of `cores`, and count one inference."""
    rows: list[Row] = []
    known = peers()
    for name, shape, make in NETWORKS:
        for core in cores if only in name else ():
            if core in BOARDS:
                totals = cardc.compile(make(), BOARDS[core]).report.totals
                rows.append(_row(name, core, int(totals["instructions"].value), known.get((shape, core))))
    return rows


def _row(work: str, core: str, value: int, peer: tuple[str, int] | None) -> Row:
    name, count = peer if peer is not None else (None, None)
    ratio = count / value if count is not None else None
    return Row(work=work, core=core, value=value, unit="instructions", peer=name, peer_value=count, ratio=ratio)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--core", action="append", choices=CORES, help="only this core (may be given again)")
    parser.add_argument("--only", default="", help="only works whose name holds this text")
    parser.add_argument("--optimise", default="-O2", choices=["-O1", "-O2", "-O3"], help="as --optimise=-O3")
    given = parser.parse_args()
    cores = given.core or CORES
    rows = measure(cores, given.only, given.optimise) + measure_networks(cores, given.only)
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        peer = "" if row["ratio"] is None else f"{row['ratio']:7.1f} x fewer than {row['peer']} ({row['peer_value']:,})"
        print(f"{row['work']:58} {row['core']:14} {row['value']:10,} {peer}")


if __name__ == "__main__":
    main()
