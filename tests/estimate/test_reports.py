"""FPGA reports: zeros save where weights are unrolled and not where they are folded, and the report says which."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.small import save_small

import cardc
from cardc.backends.hls4ml import Options
from cardc.report import Report


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("small") / "small.onnx")


def report(model: Path, **options: object) -> Report:
    return cardc.compile(model, "pynq-z2", hls=Options(**options)).report  # type: ignore[arg-type]


def test_the_report_says_what_zeros_save(model: Path) -> None:
    unrolled = report(model)
    name = next(layer.name for layer in unrolled.layers if layer.op == "MatMul")
    folded = report(model, strategy={name: "resource"}, reuse={name: 6})
    says = {
        kind: next(" ".join(layer.notes) for layer in found.layers if layer.name == name)
        for kind, found in (("unrolled", unrolled), ("folded", folded))
    }
    assert "zero weights save nothing" in says["folded"]
    assert "save nothing" not in says["unrolled"]


def test_no_figure_is_called_silicon(model: Path) -> None:
    found = report(model)
    for name, figure in found.totals.items():
        routed = name.endswith("_routed")
        assert figure.stage == ("estimated:routed" if routed else "estimated:csynth")
        assert ("after routing" in cardc.report.TOTALS[name][0]) == routed
    assert all(f.stage == "estimated:csynth" for layer in found.layers for f in layer.figures.values())
    assert "estimated:csynth" in found.to_html()


def test_totals_hold_every_layer(model: Path) -> None:
    found = report(model)
    for name in ("lut", "dsp", "bram18"):
        assert sum(layer.figures[name].value for layer in found.layers) <= found.totals[name].value
