"""`cardc compile`: the project, its reports, and the graph at every stage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from cardc import targets
from cardc.api import compile as compile_model
from cardc.compiler import steps_for

from .conftest import Cardc, tree

MCU, FPGA = "nucleo-f446re", "pynq-z2"
PASSES = [step.transform.name for step in steps_for(targets.load(MCU))]


@pytest.mark.parametrize("target", [MCU, FPGA])
def test_writes_the_project_and_its_reports(cardc: Cardc, folder: Path, target: str) -> None:
    ran = cardc("compile", "small.onnx", "--target", target)
    assert (ran.code, ran.err) == (0, "")
    out = folder / "out" / f"small-{target}"
    assert f"written to out/small-{target}" in ran.out
    written = tree(out)
    build = compile_model(folder / "small.onnx", target)
    for path, content in build.project.files.items():
        assert written[str(path)] == content
    assert written["report.json"].decode() == build.report.to_json()
    assert written["report.html"].decode() == build.report.to_html()
    assert set(written) == {*map(str, build.project.files), "report.json", "report.html", "cardc-manifest.json"}
    again = cardc("compile", "small.onnx", "--target", target)
    assert again.code == 0
    assert tree(out) == written


@pytest.mark.parametrize("target", [MCU, FPGA])
def test_json_is_all_of_standard_output(cardc: Cardc, folder: Path, target: str) -> None:
    ran = cardc(
        "compile", "small.onnx", "-t", target, "-o", "o", "-n", "other name", "--json", "--print-after", "fold-masks"
    )
    report = json.loads(ran.out)
    assert ran.code == 0
    assert report["schema"] == "cardc.report/1"
    assert (report["model"], report["target"], report["fits"]) == ("other_name", target, True)
    assert {"conv_3", "matmul_11"} <= {layer["name"] for layer in report["layers"]}
    assert report["provenance"]["project:sha256"]
    assert "written to o" in ran.err
    assert "-- after fold-masks" in ran.err
    assert ran.out == (folder / "o" / "report.json").read_text()


def test_prints_the_graph_behind_passes(cardc: Cardc, folder: Path) -> None:
    ran = cardc("compile", "small.onnx", "-t", MCU, "--print-after", PASSES[-1], "--print-after", PASSES[0])
    first, last = (ran.out.index(f"-- after {name}") for name in (PASSES[0], PASSES[-1]))
    assert first < last
    assert "BatchNormalization(" in ran.out[first:last]
    assert "BatchNormalization(" not in ran.out[last:]
    assert "encoding=" in ran.out[last:]


@pytest.mark.parametrize(
    ("target", "name"),
    [(target, step.transform.name) for target in (MCU, FPGA) for step in steps_for(targets.load(target))],
)
def test_a_stage_is_an_onnx_file_that_goes_on_to_the_same_project(
    cardc: Cardc, folder: Path, target: str, name: str
) -> None:
    direct = compile_model(folder / "small.onnx", target)
    ran = cardc("compile", "small.onnx", "-t", target, "--stop-after", name, "-o", "stages/one.onnx")
    assert (ran.code, ran.err) == (0, "")
    assert f"cardc compile stages/one.onnx --target {target}" in ran.out
    assert list(tree(folder / "stages")) == ["one.onnx"]
    onnx.checker.check_model(onnx.load(str(folder / "stages" / "one.onnx")))
    ran = cardc("compile", "stages/one.onnx", "-t", target, "-n", "small", "-o", "resumed", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["provenance"]["project:sha256"] == direct.project.digest()


def test_a_resumed_stage_computes_the_same(folder: Path, cardc: Cardc) -> None:
    x = np.load(folder / "x.npy")
    want = compile_model(folder / "small.onnx", MCU).emulate(x)
    assert cardc("compile", "small.onnx", "-t", MCU, "--stop-after", "lower-outputs").code == 0
    assert np.array_equal(compile_model(folder / "small.lower-outputs.onnx", MCU).emulate(x), want)


def test_a_stage_never_replaces_the_model(cardc: Cardc, folder: Path) -> None:
    before = tree(folder)
    ran = cardc("compile", "small.onnx", "-t", MCU, "--stop-after", PASSES[0], "-o", "small.onnx")
    assert ran.code == 2
    assert "small.onnx is the model itself" in ran.err
    assert tree(folder) == before


def test_a_board_of_ones_own(cardc: Cardc, folder: Path) -> None:
    text = (Path(targets.__file__).parent / f"{MCU}.toml").read_text()
    (folder / "mine.toml").write_text(text.replace("524_288", "16_384"))
    ran = cardc("compile", "small.onnx", "-t", "mine.toml", "--json")
    assert json.loads(ran.out)["board"]["limits"]["flash_bytes"] == 16_384
    assert (folder / "out" / "small-mine" / "report.html").is_file()


def test_what_does_not_fit_is_told_and_not_written(cardc: Cardc, folder: Path) -> None:
    text = (Path(targets.__file__).parent / f"{MCU}.toml").read_text()
    (folder / "tiny.toml").write_text(text.replace("524_288", "256"))
    before = tree(folder)
    ran = cardc("compile", "small.onnx", "-t", "tiny.toml")
    assert ran.code == 1
    assert "DOES NOT FIT: Flash" in ran.out
    assert "error: the model does not fit: Flash needs" in ran.err
    assert "; try --optimize size: " in ran.err
    assert "--optimize" not in cardc("compile", "small.onnx", "-t", "tiny.toml", "--optimize", "size").err
    assert "  where small on ST Nucleo-F446RE" in ran.err
    assert "  fix   Flash is" in ran.err
    assert "or choose a board that is big enough" in ran.err
    as_json = cardc("compile", "small.onnx", "-t", "tiny.toml", "--json")
    assert as_json.code == 1
    assert json.loads(as_json.out)["fits"] is False
    assert tree(folder) == before


def test_the_library_as_one_header(cardc: Cardc, folder: Path) -> None:
    assert cardc("compile", "small.onnx", "--target", MCU, "--single-header").code == 0
    out = folder / "out" / f"small-{MCU}"
    header = (out / "single/small.h").read_text()
    assert "#define SMALL_IMPLEMENTATION" in header
    assert "int small_predict(" in header
    refused = cardc("compile", "small.onnx", "--target", FPGA, "--single-header")
    assert refused.code == 2
    assert "gets no C library" in refused.err
    assert not (folder / "out" / f"small-{FPGA}").exists()


def test_a_library_that_takes_images(cardc: Cardc, folder: Path) -> None:
    ran = cardc("compile", "small.onnx", "--target", MCU, "--image", "--image-mean", "0.5", "--image-std", "0.25")
    assert ran.code == 0
    out = folder / "out" / f"small-{MCU}" / "src"
    assert "(byte / 255 - 0.5) / 0.25" in (out / "small.h").read_text()
    assert "small_quantize_image" in (out / "small_image.c").read_text()
    for options, said in (
        (("--image", "--image-std", "0"), "divided by zero"),
        (("--image", "--image-mean", "a,b"), "--image-mean a,b"),
        (("--image-mean", "0.5"), "without --image"),
        (("--image", "--image-mean", "1,2,3,4,5"), "5 numbers for the mean"),
    ):
        refused = cardc("compile", "small.onnx", "--target", MCU, *options)
        assert (refused.code, said in refused.err, "fix" in refused.err) == (2, True, True), refused.err
    refused = cardc("compile", "small.onnx", "--target", FPGA, "--image")
    assert refused.code == 2
    assert "gets no C library" in refused.err
