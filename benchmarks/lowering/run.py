"""Seconds and peak memory of import and lowering: `python benchmarks/lowering/run.py [--json]`.

Each work is made in one process and measured in another, so that neither time nor peak memory of making it counts: a
process starts with the peak memory of the one that it was forked from.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


class Row(TypedDict):
    """One line of a benchmark; lowering has no peer."""

    work: str
    tool: str
    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None


def _chain(layers: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import onnx_ir as ir
        from tests.zoo.chains import chain

        ir.save(chain(layers), path)

    return make


def _resnet18(path: Path) -> None:
    import torch
    from tests.zoo import models

    from cardc.frontend.train.export import export_qonnx

    model = models.lived_in(models.masked_resnet18(64), (3, 32, 32), batch=4)
    export_qonnx(model, torch.zeros(1, 3, 32, 32), path)


WORKS: Mapping[str, Callable[[Path], None]] = MappingProxyType({
    "chain of 100 layers": _chain(100),
    "chain of 1000 layers": _chain(1000),
    "masked resnet18, width 64": _resnet18,
})  # fmt: skip


def measure(path: Path) -> dict[str, float]:
    """Import and lower the model at `path` in this process: seconds, MiB, nodes and weights of the imported graph."""
    from cardc.frontend.load import load
    from cardc.ops.graph import is_cardc
    from cardc.passes.base import run_steps
    from cardc.passes.pipeline import TO_INTEGER

    start = time.perf_counter()
    model = load(path)
    nodes = len(model.graph)
    run_steps(model, TO_INTEGER)
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    layers = (node for node in model.graph if is_cardc(node, "Conv", "MatMul"))
    weights = sum(node.inputs[1].const_value.size for node in layers)  # type: ignore[union-attr]
    return {"s": round(took, 2), "MiB": round(peak), "nodes": nodes, "weights": weights}


def run(only: str = "") -> list[Row]:
    """Every work whose name holds `only`."""
    rows: list[Row] = []
    for work in WORKS:
        if only not in work:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            _apart("--make", work, "--measure", str(path))
            found = json.loads(_apart("--measure", str(path)))
        for unit, value in found.items():
            rows.append(Row(work=work, tool="cardc", value=value, unit=unit, peer=None, peer_value=None, ratio=None))
    return rows


def _apart(*arguments: str) -> str:
    """What this program prints with `arguments`, run in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--only", default="", help="only works whose name holds this text")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", choices=[*WORKS], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make is not None:
        WORKS[given.make](given.measure)
        return
    if given.measure is not None:
        print(json.dumps(measure(given.measure)))
        return
    rows = run(given.only)
    if given.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['work']:30} {row['value']:12,} {row['unit']}")


if __name__ == "__main__":
    main()
