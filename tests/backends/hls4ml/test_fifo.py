"""Depths of streams: the rhythms are the functions' own, and with streams of these depths nothing waits for ever."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from tests.graphs import IntegerGraph
from tests.tools import need

from cardc.backends.hls4ml import Options, emit
from cardc.backends.hls4ml.costs import cost_layers
from cardc.backends.hls4ml.fifo import IN_FLIGHT, _network, flows, needed_depths
from cardc.backends.hls4ml.layer import Plan
from cardc.backends.hls4ml.plan import make_plan
from cardc.backends.hls4ml.readback import check
from cardc.backends.hls4ml.written import Written, read
from cardc.errors import CompileError
from cardc.project import Project

from .helpers import PYNQ, card, folded, residual, spread, vectors, windows

_STREAM = Options(io_type="io_stream")
_HEADER = Path(__file__).parent / "threads"


def _emitted(graph: Callable[[], IntegerGraph]) -> tuple[Project, Plan, Written]:
    model = graph().model()
    project, plan = emit(model, PYNQ, _STREAM), make_plan(model, PYNQ, _STREAM)
    return project, plan, read(project.files, plan.project)


@pytest.mark.parametrize("graph", [card, windows, residual, spread, vectors, folded])
def test_all_that_is_written_is_read(graph: Callable[[], IntegerGraph]) -> None:
    _, plan, written = _emitted(graph)
    streams, processes = _network(written, plan)
    assert processes is not None
    assert streams.keys() == written.depths.keys()
    for process in processes:
        assert process.rhythm.reads.sum(axis=0).tolist() == [s.total for s in process.inputs]
        assert {int(process.rhythm.writes.sum())} == {s.total for s in process.outputs}


def test_a_chain_needs_one_row_and_branches_need_more() -> None:
    _, plan, written = _emitted(card)
    assert written.depths["layer2_out"] == 8  # a row of the 8x8 image
    assert flows(written, plan, dict.fromkeys(written.depths, 1))  # a chain never waits for itself
    _, plan, written = _emitted(residual)
    assert written.depths == needed_depths(written, plan)
    # The short road holds what two 3x3 convolutions keep: the padding of each and two rows of its image.
    assert written.depths["layer15_cpy2"] > 2 * 8 + IN_FLIGHT
    assert written.depths["layer4_out"] < 64


@pytest.mark.parametrize("graph", [card, residual])
def test_estimates_know_the_depths_before_they_are_written(graph: Callable[[], IntegerGraph]) -> None:
    _, plan, written = _emitted(graph)
    for layer in cost_layers(plan):
        made = [
            call.arguments[2 if call.function in ("cardc_add", "cardc_concat") else 1]
            for call in written.calls
            if call.layer == layer.name and call.function != "clone_stream"
        ]
        depths = [written.depths[name] for name in made if name in written.depths]
        assert all(depth <= layer.depth for depth in depths), layer.name
        if graph is card:
            assert depths in ([], [layer.depth])


def test_a_shallow_stream_is_refused() -> None:
    project, plan, _ = _emitted(residual)
    path = PurePosixPath("firmware/test.cpp")
    text = project.text(str(path))
    shallow = re.sub(r"(variable=layer15_cpy2 depth=)\d+", r"\g<1>8", text)
    assert shallow != text
    with pytest.raises(CompileError, match="wait for each other for ever: layer15_cpy2"):
        check({**project.files, path: shallow.encode()}, plan)
    without = re.sub(r"^.*variable=layer15_cpy2 .*\n", "", text, flags=re.MULTILINE)
    with pytest.raises(CompileError, match="layer15_cpy2 has no depth"):
        check({**project.files, path: without.encode()}, plan)


def _threaded(text: str) -> str:
    """The top function with its streams bounded and each function in a thread of its own."""
    text = re.sub(
        r"^( *#pragma HLS STREAM variable=(\w+) depth=(\d+))$", r"\1\n    \2.capacity = \3;", text, flags=re.M
    )
    text = re.sub(
        r"^    (nnet::\w+<.*\);) // \w+$", r"    workers.emplace_back([&] { \1 hls::finish(); });", text, flags=re.M
    )
    body, end = text.rstrip().rsplit("}", 1)
    start = body.index("    #pragma HLS STREAM")
    start = body.rindex("\n    hls::stream", 0, start)
    return (
        "#include <thread>\n#include <vector>\n"
        + body[:start]
        + f"\n    std::vector<std::thread> workers;\n    hls::start({text.count('workers.emplace_back')});"
        + body[start:]
        + "\n    for (auto &w : workers) w.join();\n}"
        + end
        + "\n"
    )


@pytest.mark.slow
def test_bounded_streams_between_threads(tmp_path: Path) -> None:
    """The emitted C++ itself: with its depths it ends with the right outputs, with a shallow one it stops for ever."""
    need(shutil.which("g++") is not None, "g++", "g++")
    project, _, written = _emitted(residual)
    project.write(tmp_path / "p")
    top = tmp_path / "p" / "firmware" / "test.cpp"
    text = _threaded(top.read_text())
    needed = written.depths["layer15_cpy2"]
    for name, depth, outcome in (("right", needed, (0, "PASS: 16 inputs\n")), ("shallow", 8, (3, "DEADLOCK\n"))):
        top.write_text(re.sub(r"layer15_cpy2\.capacity = \d+;", f"layer15_cpy2.capacity = {depth};", text))
        command = (
            f"g++ -std=c++11 -O1 -w -pthread -I{_HEADER} -Ifirmware/ap_types -DWEIGHTS_DIR='\"firmware/weights\"' "
            f"firmware/test.cpp test_test.cpp -o {name}"
        )
        subprocess.run(command, shell=True, check=True, cwd=tmp_path / "p")
        done = subprocess.run([f"./{name}"], cwd=tmp_path / "p", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == outcome
