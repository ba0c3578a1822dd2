"""The public API: sources of every kind, builds, and errors that say what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from tests.small import save_small, save_text, small_inputs, small_text

import cardc
from cardc import entrance, targets
from cardc.errors import CompileError
from cardc.ops.execute import execute
from cardc.report import Report

MCU, FPGA = "nucleo-f446re", "pynq-z2"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return save_small(tmp_path / "small.onnx")


def test_a_model_from_anywhere_gives_the_same_project(small: Path) -> None:
    proto = onnx.load(str(small))
    sources: list[Any] = [small, str(small), proto, ir.from_proto(proto)]
    digests = {cardc.compile(source, MCU).project.digest() for source in sources}
    assert len(digests) == 1
    board = targets.load(MCU)
    path = Path(targets.__file__).parent / f"{MCU}.toml"
    assert {cardc.compile(small, target).project.digest() for target in (board, path, str(path))} == digests


@pytest.mark.parametrize("target", [MCU, "rp2040-pico", "esp32-c3", "pico2", FPGA])
def test_emulate_is_the_integer_graph(small: Path, target: str) -> None:
    build = cardc.compile(small, target)
    graph = build.lowered.integer.graph
    x = small_inputs(30)
    want = execute(build.lowered.integer, {"x": x})[graph.outputs[0].name or ""]
    y = build.emulate(x)
    assert y.dtype == np.int64
    assert np.array_equal(y, want)
    assert np.array_equal(build.emulate(x[0]), want[:1])


def test_quantised_inputs_are_what_the_board_is_given(small: Path) -> None:
    build = cardc.compile(small, MCU)
    q = build.quantize(small_inputs())
    assert (q.dtype, q.shape, int(q.min()), int(q.max())) == (np.int64, (12, 1, 6, 6), 0, 15)
    assert np.array_equal(build.run_integers(q), build.emulate(small_inputs()))
    with pytest.raises(CompileError, match="leaves its range"):
        build.run_integers(q + 15)
    with pytest.raises(CompileError, match="not \\[N, 1, 6, 6\\]"):
        build.emulate(small_inputs()[:, :, :5])


def test_the_report_and_the_verdict_in_it(small: Path, tmp_path: Path) -> None:
    build = cardc.compile(small, MCU)
    assert build.report.exact is None
    verdict = build.verify(small_inputs(), np.zeros(12, np.int64), emulated_inputs=4)
    assert verdict.equal
    assert build.report.exact == verdict
    build.write(tmp_path / "out")
    read = Report.from_json((tmp_path / "out" / "report.json").read_text())
    assert read == build.report
    table = json.loads(build.report.to_json())
    assert list(table) == sorted(table)
    assert table["exact"]["stage_inputs"] == {"c:cortex-m4": 4}
    assert set(table["totals"]) == {"flash_bytes", "ram_bytes", "stack_bytes", "instructions", "cycles", "latency_s"}
    for total in table["totals"].values():
        assert set(total) >= {"value", "stage"}
        assert ("low" in total) == total["stage"].startswith("estimated:")


def test_verify_over_several_boards_runs_each_stage_once(small: Path) -> None:
    exact = cardc.verify(small, [MCU, "rp2040-pico", MCU], small_inputs(), emulated_inputs=3)
    assert exact.equal
    assert exact.stages == ("qonnx", "integer", "c:host", "c:cortex-m4", "c:cortex-m0plus")
    with pytest.raises(CompileError, match="no target to verify on"):
        cardc.verify(small, [], small_inputs())


def test_verify_imports_a_model_once_for_all_boards(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    load = entrance.load
    monkeypatch.setattr(entrance, "load", lambda proto: (read.append(proto), load(proto))[1])
    assert cardc.verify(small, [MCU, "rp2040-pico"], small_inputs(2), emulated_inputs=1).equal
    assert len(read) == 1


def test_problems_of_import_and_lowering_come_together(tmp_path: Path) -> None:
    """An operator that is not known at the end, and real weights in front of it; behind it nothing is guessed."""
    text = (
        small_text()
        .replace("w1m = Mul(w1q, m1)", "w1m = Mul(w1, m1)")
        .replace("p = MaxPool", "p0 = Det(h)\n  p = MaxPool")
    )
    text = text.replace("ints = [2, 2]>(h)", "ints = [2, 2]>(p0)").replace("w2m = Mul(w2q, m2)", "w2m = Mul(w2, m2)")
    with pytest.raises(CompileError) as caught:
        cardc.compile(save_text(text, tmp_path / "two.onnx"), MCU)
    assert [error.what for error in caught.value.each()] == [
        "operator Det is not supported",
        "the weights of Conv are not quantised",
    ]
    assert all(error.node is not None and error.fix for error in caught.value.each())


def test_after_sees_every_pass_in_order(small: Path) -> None:
    seen: list[str] = []
    cardc.compile(small, MCU, after=lambda name, graph: seen.append(name))
    assert seen == [trace.name for trace in cardc.compile(small, MCU).report.passes]
    assert (seen[0], seen[-1]) == ("fold-masks", "plan-memory")


@pytest.mark.parametrize(
    ("name", "want"),
    [("My card!", "my_card"), ("2nd", "n2nd"), ("int", "int_x"), ("../../etc/passwd", "etc_passwd")],
)
def test_names_become_identifiers(small: Path, name: str, want: str) -> None:
    build = cardc.compile(small, MCU, name=name)
    assert f"int {want}_predict(" in build.project.text(f"src/{want}.h")
    assert all(".." not in p.parts for p in build.project.files)


def test_what_does_not_fit_compiles_but_is_not_written(small: Path, tmp_path: Path) -> None:
    text = (Path(targets.__file__).parent / f"{MCU}.toml").read_text()
    (tmp_path / "tiny.toml").write_text(text.replace("131_072", "64"))
    build = cardc.compile(small, tmp_path / "tiny.toml")
    assert not build.report.fits
    assert build.report.fit.limiting.resource == "ram_bytes"
    with pytest.raises(CompileError, match="does not fit: RAM needs") as caught:
        build.write(tmp_path / "out")
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out").exists()
    assert len(build.emulate(small_inputs())) == 12


@pytest.mark.parametrize("source", [None, 3, b"bytes", [1, 2], object()])
def test_what_is_no_model(source: object) -> None:
    with pytest.raises(CompileError, match="cannot compile a") as caught:
        cardc.compile(source, MCU)
    assert "Brevitas module with sample=" in caught.value.fix


@pytest.fixture(scope="module")
def card() -> Any:
    """A small card with random weights, its batch norms moved off their defaults."""
    import torch

    from cardc.frontend.train.models import digits_card

    torch.manual_seed(0)
    module = digits_card((4, 6, 6), seed=3)
    module.train()
    with torch.no_grad():
        for _ in range(10):
            module(torch.rand(32, 1, 8, 8))
    return module.eval()


def images(n: int = 16) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(5).random((n, 1, 8, 8), np.float32)


def test_a_brevitas_module(card: Any) -> None:
    x = images()
    build = cardc.compile(card, MCU, sample=x[:1], name="digits")
    assert build.name == "digits"
    verdict = build.verify(x, np.arange(16) % 10)
    assert verdict.equal, verdict.first_difference
    assert verdict.stages == ("brevitas", "qonnx", "integer", "c:host", "c:cortex-m4")
    assert len(set(verdict.accuracy.values())) == 1
    import torch

    with torch.no_grad():
        logits = card(torch.from_numpy(x))
    logits = getattr(logits, "value", logits).numpy()
    assert np.array_equal(build.emulate(x).argmax(axis=1), logits.argmax(axis=1))
    assert cardc.compile(card, MCU, sample=torch.from_numpy(x[:1]), name="digits").project.digest() == (
        build.project.digest()
    )


def test_a_module_that_changed_since_is_found_out(card: Any) -> None:
    import copy

    import torch

    module = copy.deepcopy(card)
    build = cardc.compile(module, MCU, sample=images(1))
    with torch.no_grad():
        next(m for m in module if isinstance(m, torch.nn.BatchNorm2d)).bias[1] += 0.7
    verdict = build.verify(images(), emulated_inputs=2)
    assert not verdict.equal
    assert verdict.first_difference.startswith("brevitas: tensor 'act1', sample ")


@pytest.mark.parametrize(
    ("sample", "what"),
    [
        (None, "a Brevitas module needs a sample input"),
        (np.zeros((1, 1, 5, 5), np.float32), "shape"),
        (np.zeros((0, 1, 8, 8), np.float32), "shape"),
        (np.full((1, 1, 8, 8), np.nan, np.float32), "NaN"),
    ],
)
def test_a_module_with_no_good_sample(card: Any, sample: Any, what: str) -> None:
    with pytest.raises(CompileError, match=what) as caught:
        cardc.compile(card, MCU, sample=sample)
    assert caught.value.fix
    if sample is None:
        assert "sample=x[:1]" in caught.value.fix


def test_a_module_without_quantisers() -> None:
    import torch

    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with pytest.raises(CompileError) as caught:
        cardc.compile(module.eval(), MCU, sample=images(1))
    assert caught.value.fix


def blocked(modules: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a Python that has none of `modules`."""
    script = f"import sys\nfor m in {modules!r}.split(): sys.modules[m] = None\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)


def test_the_core_needs_none_of_the_extras(small: Path) -> None:
    ran = blocked(
        "torch brevitas hls4ml unicorn ziglang elftools sklearn",
        f"import cardc, cardc.cli; build = cardc.compile({str(small)!r}, {MCU!r}); print(len(build.project.files) > 9)",
    )
    assert (ran.returncode, ran.stdout) == (0, "True\n"), ran.stderr


@pytest.mark.parametrize(
    ("missing", "code", "extra"),
    [
        ("ziglang", "cardc.compile(small, 'nucleo-f446re').report", "cardc[mcu]"),
        ("unicorn", "cardc.compile(small, 'nucleo-f446re').report", "cardc[mcu]"),
        ("elftools", "cardc.compile(small, 'nucleo-f446re').report", "cardc[mcu]"),
        ("hls4ml", "cardc.compile(small, 'pynq-z2')", "cardc[fpga]"),
    ],
)
def test_a_missing_extra_is_named(small: Path, missing: str, code: str, extra: str) -> None:
    ran = blocked(
        missing,
        f"import cardc\nsmall = {str(small)!r}\ntry:\n    {code}\n"
        "except cardc.CompileError as error:\n    print(error.exit_code, error.fix)",
    )
    assert ran.returncode == 0, ran.stderr
    assert f"pip install '{extra}'" in ran.stdout


def test_the_demo_names_its_extra(tmp_path: Path) -> None:
    ran = blocked("torch brevitas", "sys.argv = ['cardc', 'demo', '-o', 'x']\nfrom cardc.cli import main\nmain()")
    assert ran.returncode == 2
    assert "fix   pip install 'cardc[train]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_exported_names() -> None:
    assert set(cardc.__all__) >= {"compile", "verify", "CompileError"}
    for name in cardc.__all__:
        assert hasattr(cardc, name)
    errors: Callable[..., Any] = cardc.CompileError
    assert str(errors("what", fix="remedy")) == "error: what\n  fix   remedy"
