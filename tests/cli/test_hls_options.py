"""`cardc compile` for an FPGA: reuse factors, strategies, io type and backend on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Cardc

FPGA, MCU = "pynq-z2", "nucleo-f446re"


def _layers(cardc: Cardc, *words: str) -> dict[str, str]:
    ran = cardc("compile", "small.onnx", "--target", FPGA, "--out", "out", "--json", *words)
    assert ran.code == 0, ran.err
    return {layer["op"]: layer["encoding"] for layer in json.loads(ran.out)["layers"] if layer["weights"]}


def test_choices_reach_the_project(cardc: Cardc, folder: Path) -> None:
    nodes = {layer["op"]: layer["name"] for layer in json.loads(_report(cardc))["layers"]}
    conv = nodes["Conv"]
    words = ("--reuse-factor", f"{conv}=9", "--strategy", f"{conv}=resource", "--io-type", "io_stream")
    assert _layers(cardc, *words, "--hls-backend", "Vivado") == {
        "Conv": "resource, reuse 9",
        "MatMul": "latency, reuse 1",
    }
    assert 'set backend "vivado"' in (folder / "out" / "project.tcl").read_text()
    assert "hls::stream" in (folder / "out" / "firmware" / "small.h").read_text()


def _report(cardc: Cardc, *words: str) -> str:
    ran = cardc("compile", "small.onnx", "--target", FPGA, "--out", "out", "--json", *words)
    assert ran.code == 0, ran.err
    return ran.out


def test_auto_shows_its_search(cardc: Cardc, folder: Path) -> None:
    search = json.loads(_report(cardc, "--reuse-factor", "auto"))["search"]
    assert [(step["layer"], step["fits"]) for step in search] == [("", True)]
    assert search[0]["totals"].keys() == {"lut", "ff", "dsp", "bram18", "ii", "latency_cycles"}
    assert "Reuse factors" in (folder / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--reuse-factor", "4"), "give auto, or the layer and its value"),
        (("--reuse-factor", "conv=x"), "'x' is no whole number"),
        (("--reuse-factor", "nobody=2"), "names a layer that the graph does not have"),
        (("--strategy", "fast"), "give the layer and its value"),
        (("--strategy", "conv=resource_unrolled"), "is not supported: hls4ml"),
        (("--io-type", "io_serial"), "io_type 'io_serial' is not known"),
        (("--hls-backend", "oneAPI"), "needs Intel's icpx"),
    ],
)
def test_wrong_words(cardc: Cardc, folder: Path, words: tuple[str, ...], message: str) -> None:
    ran = cardc("compile", "small.onnx", "--target", FPGA, "--out", "out", *words)
    assert ran.code == 2
    assert message in " ".join(ran.err.split())
    assert not (folder / "out").exists()


@pytest.mark.usefixtures("folder")
def test_not_for_a_microcontroller(cardc: Cardc) -> None:
    ran = cardc("compile", "small.onnx", "--target", MCU, "--reuse-factor", "auto")
    assert ran.code == 2
    assert "gets no hls4ml project" in ran.err
