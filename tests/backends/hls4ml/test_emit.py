"""The emitted project: same bytes each time, clean names, a test bench that tells right from wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from tests.graphs import IntegerGraph, uint
from tests.tools import need

from cardc.backends.hls4ml import Options, emit
from cardc.errors import CompileError
from cardc.project import Project

from .helpers import PYNQ, card, narrow

_DIGEST = """
from tests.backends.hls4ml.helpers import PYNQ, card
from cardc.backends.hls4ml import Options, emit
print(emit(card().model(), PYNQ).digest())
"""


@pytest.fixture(scope="module")
def project() -> Project:
    return emit(card().model(), PYNQ)


def test_same_bytes_in_two_processes(project: Project) -> None:
    root = Path(__file__).parents[3]
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            check=True,
            capture_output=True,
            text=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {project.digest()}


def test_no_folder_of_this_machine_and_no_random_stamp(project: Project) -> None:
    for path, content in project.files.items():
        text = content.decode("utf-8")
        assert "cardc-hls-" not in text, path
        assert str(Path.home()) not in text, path
    assert "LIB_STAMP=cardc\n" in project.text("build_lib.sh")
    assert re.search(r"^OutputDir: \.$", project.text("hls4ml_config.yml"), re.MULTILINE)
    assert not [p for p in project.files if p.suffix in (".gz", ".so", ".o")]


def test_what_a_user_needs_is_there(project: Project) -> None:
    names = {str(path) for path in project.files}
    assert names >= {
        "README.md", "interface.json", "build_prj.tcl", "build_opt.tcl", "project.tcl", "test_test.cpp",
        "firmware/test.cpp", "firmware/nnet_utils/cardc_threshold.h", "firmware/nnet_utils/cardc_pool.h",
        "firmware/nnet_utils/cardc_requantize.h", "tb_data/tb_input_features.dat",
        "tb_data/tb_output_predictions.dat",
    }  # fmt: skip
    assert 'set part "xc7z020clg400-1"' in project.text("project.tcl")
    assert 'set backend "vitis"' in project.text("project.tcl")
    assert "n4_conv" in project.text("README.md")


def test_interface_describes_both_ends(project: Project) -> None:
    ends = json.loads(project.text("interface.json"))
    assert (ends["top"], ends["io_type"]) == ("test", "io_stream")
    assert ends["input"]["type"] == "ap_uint<4>"
    assert ends["input"]["hardware_shape"] == [8, 8, 1]
    thresholds = np.asarray(ends["input"]["quantizer"]["thresholds"], np.float32)
    np.testing.assert_array_equal(thresholds, np.linspace(0.1, 0.9, 15, dtype=np.float32)[None])
    assert ends["output"]["shape"] == [10]


def test_hostile_names_do_not_reach_the_sources() -> None:
    g = IntegerGraph((6,), uint(2))
    g.dense(4).threshold(uint(2)).dense(3)
    model = g.model()
    model.graph.name = 'x"; exec rm -rf ~; # ../..'
    for i, node in enumerate(model.graph):
        node.name = f'int main(){{}}//"$({i})\n'
        node.outputs[0].name = f"input\n#include <x{i}>"
    project = emit(model, PYNQ)
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", str(path)) for path in project.files)
    for path, content in project.files.items():
        if path.name != "interface.json":  # JSON escapes what it quotes
            assert b"exec rm" not in content, path
            assert b"int main(){}//" not in content, path
            assert b"#include <x" not in content, path


def test_part_of_the_board_file_cannot_break_out_of_tcl() -> None:
    import dataclasses

    target = dataclasses.replace(PYNQ, part='xc7"; exec rm')
    with pytest.raises(CompileError, match="is no part name"):
        emit(narrow().model(), target)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need(shutil.which("g++") is not None, "g++", "g++")
    folder = tmp_path_factory.mktemp("bench") / "project"
    emit(card().model(), PYNQ).write(folder)
    command = (
        "g++ -std=c++11 -O1 -w -Ifirmware/ap_types -DWEIGHTS_DIR='\"firmware/weights\"' "
        "firmware/test.cpp test_test.cpp -o bench"
    )
    assert "-std=c++11 -O1 -w -Ifirmware/ap_types" in (folder / "README.md").read_text()
    subprocess.run(command, shell=True, check=True, cwd=folder)
    return folder


def _run(folder: Path) -> tuple[int, str]:
    done = subprocess.run(["./bench"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_bench_passes_and_tells_a_wrong_output(bench: Path) -> None:
    assert _run(bench) == (0, "PASS: 16 inputs\n")
    golden = bench / "tb_data/tb_output_predictions.dat"
    right = golden.read_text()
    first, rest = right.split(" ", 1)
    try:
        golden.write_text(f"{int(first) + 1} {rest}")
        code, said = _run(bench)
        assert code == 1
        assert f"row 0 output 0: {first}, expected {int(first) + 1}" in said
        golden.write_text(right[: right.index("\n") + 1])
        assert _run(bench) == (1, "FAIL: 0 differences, 1 of 16 inputs\n")
        golden.write_text("")
        assert _run(bench)[0] == 1
    finally:
        golden.write_text(right)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "tool"),
    [("Vivado", "vivado_hls -f build_prj.tcl"), ("VivadoAccelerator", "vivado -mode batch -source design.tcl")],
)
def test_readme_builds_the_bench_of_every_backend(backend: str, tool: str, tmp_path: Path) -> None:
    need(shutil.which("g++") is not None, "g++", "g++")
    emit(narrow().model(), PYNQ, Options(backend=backend)).write(tmp_path / "p")
    readme = (tmp_path / "p" / "README.md").read_text()
    assert tool in readme
    assert f'set backend "{backend.lower()}"' in (tmp_path / "p" / "project.tcl").read_text()
    command = re.search(r"^    (g\+\+ (?:.*\\\n)*.*)$", readme, re.MULTILINE)
    assert command is not None
    done = subprocess.run(command[1], shell=True, cwd=tmp_path / "p", capture_output=True, text=True, check=False)
    assert done.stdout == "PASS: 16 inputs\n", done.stderr[-500:]


def test_log_for_the_vendors_comparison(bench: Path) -> None:
    assert _run(bench)[0] == 0
    log = (bench / "tb_data/csim_results.log").read_text()
    assert log == (bench / "tb_data/tb_output_predictions.dat").read_text()


def test_hls4ml_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hls4ml", None)
    with pytest.raises(CompileError, match="hls4ml cannot be imported") as caught:
        emit(narrow().model(), PYNQ)
    assert "pip install 'cardc[fpga]'" in caught.value.fix


def test_another_version_of_hls4ml(monkeypatch: pytest.MonkeyPatch) -> None:
    import hls4ml

    monkeypatch.setattr(hls4ml, "__version__", "9.9")
    with pytest.raises(CompileError, match=r"hls4ml 9\.9 was never tested"):
        emit(narrow().model(), PYNQ)


def test_failure_inside_hls4ml_names_our_node(monkeypatch: pytest.MonkeyPatch) -> None:
    from cardc.backends.hls4ml import generate

    original = generate.layer_config

    def broken(layer: object) -> dict[str, object]:
        return {**original(layer), "Precision": {}}  # type: ignore[arg-type]

    monkeypatch.setattr(generate, "layer_config", broken)
    with pytest.raises(CompileError, match="hls4ml could not convert the graph") as caught:
        emit(narrow().model(), PYNQ)
    assert caught.value.exit_code == 1
    assert caught.value.fix


def test_paths_are_relative(project: Project) -> None:
    assert all(not path.is_absolute() and ".." not in path.parts for path in project.files)
    assert PurePosixPath("firmware/weights/w2.txt") in project.files
