"""Large models: time grows with the number of nodes, and a ResNet-18 of 11 M weights stays within a minute, 2 GiB."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.zoo.chains import chain

from cardc.frontend.load import load
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER

ROOT = Path(__file__).parents[2]


def seconds(layers: int) -> float:
    """Processor time of import and lowering, the better of two."""
    best = float("inf")
    for _ in range(2):
        source = chain(layers)
        start = time.process_time()
        run_steps(load(source), TO_INTEGER)
        best = min(best, time.process_time() - start)
    return best


def test_time_grows_with_the_number_of_nodes() -> None:
    seconds(10)
    # Quadratic growth would be a factor of 100.
    assert seconds(1000) < 25 * seconds(100)


@pytest.mark.slow
def test_a_resnet18_of_eleven_million_weights() -> None:
    command = [sys.executable, "benchmarks/lowering/run.py", "--json", "--only", "resnet18"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    rows = {row["unit"]: row for row in json.loads(done.stdout)}
    assert rows["weights"]["value"] > 11_000_000
    assert rows["nodes"]["value"] >= 110
    assert rows["s"]["value"] < 60
    assert rows["MiB"]["value"] < 2048
