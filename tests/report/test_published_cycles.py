"""benchmarks/mcu/published.py: the band that turns instructions into cycles holds what boards were measured to take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "mcu" / "published.py"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    ran = subprocess.run([sys.executable, str(PROGRAM), "--json"], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_every_network_of_mlperf_tiny_on_three_boards_lies_in_the_band(rows: list[dict[str, Any]]) -> None:
    judged = [row for row in rows if row["judged"]]
    assert {row["board"] for row in judged} == {"NUCLEO-L4R5ZI", "nRF5340-DK", "EK-RA6M4"}
    for board in {row["board"] for row in judged}:
        assert len({row["work"] for row in judged if row["board"] == board}) == 4
    assert [row for row in judged if not row["low"] <= row["value"] <= row["high"]] == []


def test_a_row_says_what_it_compares(rows: list[dict[str, Any]]) -> None:
    resnet = next(row for row in rows if row["work"] == "IC ResNet-8" and row["board"] == "NUCLEO-L4R5ZI")
    assert resnet["instructions"] == 29_869_896
    assert resnet["value"] == round(120e6 / 2.567)  # 389.6 ms at 120 MHz
    assert resnet["cpi"] == pytest.approx(resnet["value"] / resnet["instructions"], abs=5e-4)


def test_what_is_not_judged_does_other_work(rows: list[dict[str, Any]]) -> None:
    """A core that begins one instruction a cycle cannot take fewer cycles than the counted instructions."""
    outside = [row for row in rows if not row["inside"]]
    assert outside
    assert all(not row["judged"] and row["core"] == "cortex-m4" and row["cpi"] < 1 for row in outside)
