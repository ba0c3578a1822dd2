"""Flash and arena of whole networks beside their entropy and CMSIS-NN: `python benchmarks/mcu/sizes.py [--json]`.

The goal for flash is 1.3 times the entropy of the weights, H(d) + d bits each at density d of the ternary ones, and
12 KB of code; that for the arena 0.6 times CMSIS-NN's. Flash is the linked library's (zig), constants included.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.mcu.networks import NETWORKS

import cardc
from cardc.passes.choose_encodings import OPTIMIZE
from cardc.passes.encodings.rice import entropy_bits
from cardc.report import Report

CODE = 12 * 1024  # bytes
PEER_ARENA = {"IC ResNet-8": 51_456, "KWS DS-CNN": 16_256, "AD autoencoder": 768}
"""CMSIS-NN's, in bytes, counted with the instructions of peers.csv."""


class Row(TypedDict):
    """One network, one way to optimise; bytes. `entropy` is that of its weights, `weights` what they take with all
    other constants, `arena_bound` the largest live set; `peer_arena` and `arena_goal` are 0 where there is none."""

    work: str
    board: str
    optimize: str
    flash: int
    weights: int
    entropy: int
    flash_goal: int
    arena: int
    arena_bound: int
    arena_goal: int
    peer_arena: int
    instructions: int


def measure(only: str = "ResNet-8, ternary", board: str = "nucleo-f446re") -> list[Row]:
    """A row for each way to optimise each network whose name holds `only`."""
    rows: list[Row] = []
    for name, shape, make in NETWORKS:
        for optimize in OPTIMIZE if only in name else ():
            build = cardc.compile(make(), board, optimize=optimize)
            report = build.report
            totals = {key: int(figure.value) for key, figure in report.totals.items()}
            least = _entropy(report)
            memory = report.memory
            rows.append(
                Row(
                    work=name,
                    board=board,
                    optimize=optimize,
                    flash=totals["flash_bytes"],
                    weights=sum(layer.weight_bytes for layer in report.layers),
                    entropy=least,
                    flash_goal=round(1.3 * least + CODE),
                    arena=memory.arena_bytes if memory is not None else 0,
                    arena_bound=memory.lower_bound_bytes if memory is not None else 0,
                    arena_goal=PEER_ARENA.get(shape, 0) * 6 // 10,
                    peer_arena=PEER_ARENA.get(shape, 0),
                    instructions=totals["instructions"],
                )
            )
    return rows


def _entropy(report: Report) -> int:
    bits = sum(entropy_bits(layer.nonzeros / layer.weights) * layer.weights for layer in report.layers if layer.weights)
    return round(bits / 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--only", default="ResNet-8, ternary", help="only networks whose name holds this text")
    parser.add_argument("--board", default="nucleo-f446re")
    given = parser.parse_args()
    rows = measure(given.only, given.board)
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['work']}, {row['board']}, {row['optimize']}: {row['instructions']:,} instructions, "
              f"flash {row['flash']:,} (goal {row['flash_goal']:,}: entropy {row['entropy']:,}, constants "
              f"{row['weights']:,}), arena {row['arena']:,} (goal {row['arena_goal']:,}, largest live set "
              f"{row['arena_bound']:,}, CMSIS-NN {row['peer_arena']:,})")  # fmt: skip


if __name__ == "__main__":
    main()
