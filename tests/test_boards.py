"""Every board that comes with cardc takes a small card, and its emulated core or simulation computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.small import save_small, small_inputs

import cardc
from cardc import targets
from cardc.ops.execute import execute


@pytest.mark.parametrize("name", [t.name for t in targets.listing() if t.backend == "c"])
def test_microcontrollers(tmp_path: Path, name: str) -> None:
    build = cardc.compile(save_small(tmp_path / "small.onnx"), name)
    graph = build.lowered.integer.graph
    want = execute(build.lowered.integer, {"x": small_inputs()})[graph.outputs[0].name or ""]
    assert np.array_equal(build.emulate(small_inputs()), want)
    assert build.report.fits
    for figure in ("flash_bytes", "ram_bytes", "instructions"):
        assert build.report.totals[figure].stage.startswith("measured:")
        assert build.report.totals[figure].value > 0


@pytest.mark.parametrize("name", [t.name for t in targets.listing() if t.backend == "hls4ml"])
def test_fpgas(tmp_path: Path, name: str) -> None:
    build = cardc.compile(save_small(tmp_path / "small.onnx"), name)
    part = targets.load(name).part
    assert any(part.encode() in content for content in build.project.files.values())
    assert build.report.fits
    assert build.report.totals["lut"].stage == "estimated:csynth"
