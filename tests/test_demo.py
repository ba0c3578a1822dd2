"""The main job, once, for real: `cardc demo` trains a card, compiles it for two boards and proves it exact."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx
import pytest
from tests.tools import need_gcc, need_qemu

import cardc
from cardc import targets
from cardc.backends.c.run import CBuild
from cardc.builds.mcu import McuBuild
from cardc.project import Project

# With --dist worksteal neighbours stay on one worker, so that no other waits for the training.
pytestmark = pytest.mark.slow
STAGES = [
    "brevitas", "qonnx", "integer", "c:host", "c:cortex-m4", "hls4ml:csim", "c:cortex-m0plus", "c:rv32imc",
]  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """What the command printed, and the folder that it wrote."""

    said: str
    out: Path

    def report(self, board: str) -> Any:
        return json.loads((self.out / board / "report.json").read_text())


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`cardc demo`, run once for all workers of this test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cardc-demo"
    folder.mkdir(exist_ok=True)
    said = folder / "said.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            program = Path(sys.executable).with_name("cardc")
            ran = subprocess.run(
                [program, "demo", "--out", folder / "out"], capture_output=True, text=True, timeout=900, cwd=folder
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            assert ran.stderr == ""
            said.write_text(ran.stdout)
    return Demo(said.read_text(), folder / "out")


def test_every_stage_is_equal_on_all_test_images(demo: Demo) -> None:
    for board in ("nucleo-f446re", "pynq-z2"):
        exact = demo.report(board)["exact"]
        assert (exact["equal"], exact["inputs"], exact["float_boundary_cases"]) == (True, 360, 0)
        assert exact["stages"] == STAGES
        assert "stage_inputs" not in exact  # every stage saw every image
        # Input, three activations, two pools and the result are in memory; accumulators and views in the simulation.
        assert exact["tensors"] >= 7
        (accuracy,) = set(exact["accuracy"].values())
        assert list(exact["accuracy"]) == sorted(STAGES)
        assert accuracy >= 0.95
    assert len(np.load(demo.out / "x_test.npy")) == len(np.load(demo.out / "y_test.npy")) == 360


def test_what_it_prints(demo: Demo) -> None:
    said = " ".join(demo.said.split())
    assert f"exact: {' == '.join(STAGES)}" in said
    assert "360 inputs, 0 float boundary cases" in said
    assert "90.0% of the weights pruned" in said
    (accuracy,) = set(demo.report("pynq-z2")["exact"]["accuracy"].values())
    printed = dict(re.findall(r"^(\S+) +(\d+\.\d+)%$", demo.said, re.MULTILINE))
    assert printed == dict.fromkeys(STAGES, f"{100 * accuracy:.4f}")
    for line in ("Flash", "RAM", "Instructions", "LUT", "measured:elf", "measured:emulated", "estimated:csynth"):
        assert line in demo.said
    assert demo.said.count(": fits") == 2


def test_the_card_is_as_sparse_as_promised(demo: Demo) -> None:
    layers = [layer for layer in demo.report("nucleo-f446re")["layers"] if layer["weights"]]
    total, left = sum(layer["weights"] for layer in layers), sum(layer["nonzeros"] for layer in layers)
    assert (total, left) == (15248, 1524)  # a tenth, whole weights
    stored = sum(layer["weight_bytes"] for layer in layers)
    assert 0 < stored < total / 2  # no dense form is hidden in the flash


def test_reports_and_projects_are_written(demo: Demo) -> None:
    assert sorted(p.name for p in demo.out.iterdir()) == [
        "card.onnx", "nucleo-f446re", "pynq-z2", "x_test.npy", "y_test.npy",
    ]  # fmt: skip
    mcu, fpga = demo.report("nucleo-f446re"), demo.report("pynq-z2")
    for name in ("flash_bytes", "ram_bytes", "stack_bytes", "instructions"):
        assert mcu["totals"][name]["stage"].startswith("measured:")
        assert mcu["totals"][name]["value"] > 0
    assert sum(layer["instructions"]["value"] for layer in mcu["layers"]) <= mcu["totals"]["instructions"]["value"]
    stages = {name: figure["stage"] for name, figure in fpga["totals"].items()}
    routed = {"lut_routed", "ff_routed"}
    assert stages == {name: f"estimated:{'routed' if name in routed else 'csynth'}" for name in stages}
    for report, board in ((mcu, "nucleo-f446re"), (fpga, "pynq-z2")):
        assert report["fits"] is True
        page = (demo.out / board / "report.html").read_text()
        assert "http://" not in page.replace("http://www.w3.org/", "")
        assert "https://" not in page
    assert (demo.out / "pynq-z2" / "firmware" / "digits_card.cpp").is_file()
    assert (demo.out / "nucleo-f446re" / "src" / "digits_card.c").is_file()
    onnx.checker.check_model(onnx.load(str(demo.out / "card.onnx")))


def test_the_written_model_goes_through_again(demo: Demo) -> None:
    build = cardc.compile(demo.out / "card.onnx", "nucleo-f446re", name="digits_card")
    assert build.project.digest() == demo.report("nucleo-f446re")["provenance"]["project:sha256"]
    x, y = np.load(demo.out / "x_test.npy"), np.load(demo.out / "y_test.npy")
    hits = build.emulate(x[:60]).argmax(axis=1) == y[:60]
    assert hits.mean() >= 0.9


CORES = {
    "cortex-m0": "rp2040-pico",  # the same instructions, and no unaligned access either
    "cortex-m3": "bluepill",
    "cortex-m4": "nucleo-f446re",
    "cortex-m7": "nucleo-h743zi",
    "cortex-m33": "pico2",
    "cortex-m55": "pico2",
    "rv32imc": "esp32-c3",
}


def card_for(demo: Demo, board: str) -> CBuild:
    build = cardc.compile(demo.out / "card.onnx", replace(targets.load(board)))
    assert isinstance(build, McuBuild)
    return build.c


@pytest.mark.parametrize(("core", "board"), CORES.items())
def test_the_self_test_passes_on_qemu(demo: Demo, core: str, board: str) -> None:
    need_gcc(core)
    need_qemu(core)
    result = card_for(demo, board).selftest(core)
    assert (result.exit_code, result.output) == (0, "PASS\n")


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4"])
def test_the_self_test_fails_on_a_wrong_golden_vector(demo: Demo, core: str) -> None:
    need_gcc(core)
    need_qemu(core)
    c = card_for(demo, CORES[core])
    (path,) = (p for p in c.project.files if p.name.endswith("_selftest.c"))
    head, tail = c.project.text(path).split("expected[", 1)
    # The last number of the second vector.
    numbers = re.findall(r"-?\d+", tail.split("{", 1)[1])
    body = tail.split("{", 1)[1]
    at = [m.start() for m in re.finditer(r"-?\d+", body)][19]
    wrong = f"{head}expected[{tail.split('{', 1)[0]}{{{body[:at]}{int(numbers[19]) + 1}{body[at + len(numbers[19]) :]}"
    planted = CBuild(Project({**c.project.files, PurePosixPath(path): wrong.encode()}), c.program, c.name)
    result = planted.selftest(core)
    assert (result.exit_code, result.output) == (1, "FAIL vector 00000001 output 00000009\n")
