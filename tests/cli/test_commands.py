"""`cardc emulate`, `verify`, `report`, `inspect`, `targets`: what they print, write and return."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tests.small import small_inputs

from cardc import targets
from cardc.api import compile as compile_model
from cardc.ops.execute import execute
from cardc.report import Report

from .conftest import Cardc, tree

MCU, FPGA = "nucleo-f446re", "pynq-z2"


def test_emulate_gives_the_integers_of_the_graph(cardc: Cardc, folder: Path) -> None:
    build = compile_model(folder / "small.onnx", MCU)
    graph = build.lowered.integer.graph
    want = execute(build.lowered.integer, {"x": small_inputs()})[graph.outputs[0].name or ""]
    for target in (MCU, "rp2040-pico", "esp32-c3", FPGA):
        ran = cardc("emulate", "small.onnx", "-t", target, "-i", "x.npy", "-o", "out.npy")
        assert (ran.code, ran.out, ran.err) == (0, "12 results written to out.npy\n", "")
        y = np.load(folder / "out.npy", allow_pickle=False)
        assert y.dtype == np.int64
        assert np.array_equal(y, want)
    ran = cardc("emulate", "small.onnx", "-t", MCU, "-i", "x.npy")
    assert ran.out.splitlines() == [
        f"{k}: argmax {int(row.argmax())}  integers {row.tolist()}" for k, row in enumerate(want)
    ]


def test_emulate_takes_one_sample_and_other_numbers(cardc: Cardc, folder: Path) -> None:
    np.save(folder / "one.npy", small_inputs()[3].astype(np.float64))
    every = cardc("emulate", "small.onnx", "-t", MCU, "-i", "x.npy").out.splitlines()
    one = cardc("emulate", "small.onnx", "-t", MCU, "-i", "one.npy").out.splitlines()
    assert one == [every[3].replace("3: ", "0: ", 1)]


def test_verify_prints_the_chain(cardc: Cardc, folder: Path) -> None:
    ran = cardc("verify", "small.onnx", "-t", MCU, "-t", "rp2040-pico", "-i", "x.npy", "-l", "y.npy")
    assert (ran.code, ran.err) == (0, "")
    said = " ".join(ran.out.split())
    assert "exact: qonnx == integer == c:host == c:cortex-m4 == c:cortex-m0plus" in said
    assert "12 inputs, 0 float boundary cases" in said
    assert "at every stage" in said
    assert "c:cortex-m4: 12 of 12" in ran.out


def test_verify_says_which_stages_saw_fewer_inputs(cardc: Cardc, folder: Path) -> None:
    words = ("verify", "small.onnx", "-t", MCU, "-i", "x.npy", "--emulated-inputs", "5")
    ran = cardc(*words)
    assert "c:host == c:cortex-m4 (first 5)" in " ".join(ran.out.split())
    assert "c:cortex-m4: 5 of 5" in ran.out
    exact = json.loads(cardc(*words, "--json").out)
    assert exact["stage_inputs"] == {"c:cortex-m4": 5}
    assert exact["inputs"] == 12


def test_verify_json_is_the_object_of_the_contract(cardc: Cardc, folder: Path) -> None:
    ran = cardc("verify", "small.onnx", "-t", MCU, "-t", FPGA, "-i", "x.npy", "--json")
    exact = json.loads(ran.out)
    tensors = exact.pop("tensors")
    assert exact == {
        "equal": True,
        "inputs": 12,
        "float_boundary_cases": 0,
        "stages": ["qonnx", "integer", "c:host", "c:cortex-m4", "hls4ml:csim"],
    }
    assert type(tensors) is int
    assert tensors >= 4  # the input, two activations, the result
    assert "hls4ml:csim: 12 of 12" in ran.err
    assert ran.code == 0


def test_report_of_a_build(cardc: Cardc, folder: Path) -> None:
    printed = cardc("compile", "small.onnx", "-t", MCU, "-o", "o").out
    written = (folder / "o" / "report.json").read_text()
    for place in ("o", "o/report.json"):
        table = cardc("report", place)
        assert (table.code, table.err) == (0, "")
        assert printed.startswith(table.out)
        assert cardc("report", place, "--json").out == written
    before = tree(folder)
    ran = cardc("report", "o", "--html", "page.html", "--json")
    assert (ran.code, ran.out, ran.err) == (0, written, "written to page.html\n")
    page = (folder / "page.html").read_text()
    assert page == (folder / "o" / "report.html").read_text()
    assert tree(folder) == before | {"page.html": page.encode()}
    HTMLParser().feed(page)
    for text in ("measured:elf", "measured:emulated", "matmul_11", "ST Nucleo-F446RE"):
        assert text in page


def test_report_returns_1_where_the_model_does_not_fit(cardc: Cardc, folder: Path) -> None:
    board = (Path(targets.__file__).parent / f"{MCU}.toml").read_text()
    (folder / "tiny.toml").write_text(board.replace("524_288", "256"))
    report = cardc("compile", "small.onnx", "-t", "tiny.toml", "--json").out
    (folder / "report.json").write_text(report)
    ran = cardc("report", "report.json")
    assert ran.code == 1
    assert "DOES NOT FIT: Flash" in ran.out
    assert cardc("report", "report.json", "--html", "p.html").code == 1
    assert "does not fit" in (folder / "p.html").read_text().lower()
    assert Report.from_json(report).fits is False


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "hello", '{"schema": "cardc.report/9"}', "\udcff"])
def test_report_of_something_else(cardc: Cardc, folder: Path, content: str | None) -> None:
    if content is not None:
        (folder / "r.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    before = tree(folder)
    ran = cardc("report", "r.json", "--html", "p.html")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert "\n  fix   " in ran.err
    assert tree(folder) == before


def test_inspect_lists_layers(cardc: Cardc, folder: Path) -> None:
    ran = cardc("inspect", "small.onnx", "--graph")
    assert (ran.code, ran.err) == (0, "")
    assert "every layer lowers exactly (2 with weights)" in ran.out
    assert "cardc.MatMul(" in ran.out
    rows = {line.split()[0]: line.split() for line in ran.out.splitlines() if line and line[0] != " "}
    assert rows["conv_3"][1:4] == ["Conv", "1x6x6", "4x6x6"]
    assert rows["matmul_11"][1:4] == ["MatMul", "36", "3"]
    found = json.loads(cardc("inspect", "small.onnx", "--json").out)
    assert found["schema"] == "cardc.inspect/1"
    assert found["problems"] == []
    conv, dense = found["layers"]
    assert (conv["weights"], conv["macs"]) == (36, 36 * 36)
    assert (dense["weights"], dense["macs"], dense["in_shape"]) == (108, 108, [36])
    integer = compile_model(folder / "small.onnx", MCU).lowered.integer
    for layer, name in ((conv, "conv_3"), (dense, "matmul_11")):
        node = next(n for n in integer.graph if n.name == name)
        weights = node.inputs[1]
        assert weights is not None
        assert weights.const_value is not None
        assert layer["nonzeros"] == np.count_nonzero(weights.const_value.numpy()) < layer["weights"]


def test_inspect_lists_every_problem(cardc: Cardc, folder: Path) -> None:
    from tests.cli.test_bad_input import FLOAT_LAYER, LSTM
    from tests.small import save_text

    save_text(LSTM, folder / "lstm.onnx")
    ran = cardc("inspect", "lstm.onnx", "--json")
    assert ran.code == 2
    problems = json.loads(ran.out)["problems"]
    assert [p["what"] for p in problems] == ["operator LSTM is not supported", "operator GRU is not supported"]
    assert all(p["where"] and p["fix"] and p["while"] == "import" for p in problems)
    assert ran.err.count("error: ") == 2
    save_text(FLOAT_LAYER, folder / "float.onnx")
    ran = cardc("inspect", "float.onnx")
    assert ran.code == 2
    assert "every layer lowers exactly" not in ran.out
    assert "the weights of MatMul are not quantised" in ran.err


def test_targets(cardc: Cardc, folder: Path) -> None:
    ran = cardc("targets")
    assert (ran.code, ran.err) == (0, "")
    first = [line.split()[0] for line in ran.out.splitlines() if line and line[0] != " "]
    assert first == ["board", *targets.names()]
    listed = json.loads(cardc("targets", "--json").out)
    assert [t["name"] for t in listed] == targets.names()
    pico = next(t for t in listed if t["name"] == "rp2040-pico")
    assert (pico["core"], pico["ram_bytes"], pico["clock_hz"]) == ("cortex-m0plus", 270_336, 125_000_000)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_word_is_broken_on_narrow_terminals(
    cardc: Cardc, folder: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    terminal = {"FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": str(width), "LINES": "24"}  # one without colours
    for name, value in terminal.items():
        monkeypatch.setenv(name, value)
    for words in (("inspect", "small.onnx"), ("compile", "small.onnx", "-t", MCU), ("targets",)):
        ran = cardc(*words)
        table = [line for line in ran.out.splitlines() if "cardc verify" not in line]
        assert max(len(line.rstrip()) for line in table) <= width
        for name in targets.names() if words == ("targets",) else ("conv_3", "matmul_11"):
            assert any(line.startswith(f"{name} ") for line in table)


def test_help_and_version(cardc: Cardc, folder: Path) -> None:
    ran = cardc("--help")
    assert ran.code == 0
    for command in ("demo", "compile", "emulate", "verify", "report", "estimate", "inspect", "targets"):
        assert f"\n  {command} " in ran.out
        assert cardc(command, "-h").out.startswith("Usage: cardc ")
    assert cardc("--version").out.startswith("cardc, version ")
