"""Streams in C: every tensor equal to the graph's, for random chains, encodings and cores; planted faults."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.backends.c.networks import Case
from tests.backends.c.streams import chain, possible, possible_sliding, residual

from cardc.backends.c.backend import CBackend
from cardc.backends.c.program import build
from cardc.backends.c.qemu_network import QemuNetwork
from cardc.backends.c.run import CBuild, unmapped
from cardc.ops.execute import execute
from cardc.ops.graph import is_cardc
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings
from cardc.passes.layouts import layout_of
from cardc.passes.plan_memory import PlanMemory
from cardc.project import Project
from cardc.targets.base import load

ENCODINGS = ["taps", "int8", "pairs", "lanes", "runs", "rice", "straight", "chosen", "vectors", "products", "patches"]


def streamed(seed: int, force: str = "chosen", inputs: int = 3, features: Sequence[str] = ("dsp", "unaligned")) -> Case:
    """A random chain, most of which runs as one stream."""
    graph = chain(seed)
    model = graph.model()
    ChooseEncodings(tuple(features), (force,)).run(model, PassLog())
    options = possible(model)
    longest = [s for s in options if s.last - s.first == max(o.last - o.first for o in options)]
    stream = longest[seed % len(longest)]
    PlanMemory(streams=(stream,)).run(model, PassLog())
    program, backend = build(model), CBackend(title="net")
    built = CBuild(backend.project(model, program, load("nucleo-f446re")), program, backend.identifier(model))
    floats = graph.inputs(inputs)
    return Case(model, built, floats, execute(model, {"x": floats}))


def check(case: Case, core: str) -> None:
    traced = case.built.trace(case.inputs, core)
    for name, array in traced.items():
        np.testing.assert_array_equal(array, case.want[name], err_msg=f"{name} on {core}")
    assert {n.outputs[0].name for n in case.model.graph if is_cardc(n)} - unmapped(case.built.program) <= set(traced)
    np.testing.assert_array_equal(case.built.run(case.inputs, core), case.outputs)


def sliding(seed: int, features: Sequence[str] = ("dsp", "unaligned"), inputs: int = 2) -> Case:
    """A random residual network, most of which runs as one stream in which rows come and go."""
    graph = residual(seed)
    model = graph.model()
    ChooseEncodings(tuple(features), ("runs",)).run(model, PassLog())
    options = possible_sliding(model)
    longest = [s for s in options if s.last - s.first == max(o.last - o.first for o in options)]
    PlanMemory(streams=(longest[seed % len(longest)],)).run(model, PassLog())
    program, backend = build(model), CBackend(title="net")
    built = CBuild(backend.project(model, program, load("nucleo-f446re")), program, backend.identifier(model))
    floats = graph.inputs(inputs)
    return Case(model, built, floats, execute(model, {"x": floats}))


@pytest.mark.parametrize("seed", range(12))
def test_rows_come_and_go_on_the_host(seed: int) -> None:
    case = sliding(seed)
    assert any(layout_of(s.output).bare for s in case.built.program.schedule.stages)
    check(case, "host")


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55", "rv32imc"])
@pytest.mark.parametrize("seed", [1, 6])
def test_rows_come_and_go_on_cores(seed: int, core: str) -> None:
    check(sliding(20 + seed, ("dsp", "unaligned") if core == "cortex-m4" else ()), core)


@pytest.mark.parametrize("seed", range(16))
def test_on_the_host(seed: int) -> None:
    case = streamed(seed, ENCODINGS[seed % len(ENCODINGS)])
    assert any(layout_of(s.output).lines for s in case.built.program.schedule.stages)
    check(case, "host")


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "rv32imc"])
@pytest.mark.parametrize("force", ["lanes", "runs", "rice", "pairs"])
def test_on_cores(force: str, core: str) -> None:
    case = streamed(20 + ENCODINGS.index(force), force, inputs=2)
    check(case, core)
    found = case.built.measure(core, case.inputs)
    assert found.instructions == sum(found.by_layer.values())
    assert set(found.by_layer) == {"", *case.built.symbols()}


def test_under_qemu() -> None:
    case = streamed(3, "taps", inputs=2)
    program = case.built.program
    network = QemuNetwork("net", program, case.built.sources(), "cortex-m4")
    data = case.inputs.reshape(2, -1).astype(program.in_dtype)
    assert all(sum(run.by_mark.values()) == run.instructions for run in network.counted(data))
    out, seen = network.trace(data)
    np.testing.assert_array_equal(out.reshape(case.outputs.shape), case.outputs)
    np.testing.assert_array_equal(seen, case.built._host.trace(data)[1])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("move_words(at, at + added, kept)", "move_words(at, at + added - 1, kept)"),
        ("cardc_fill_rows(at, strip->size, strip->border)", "cardc_fill_rows(at, strip->size, strip->border ^ 1)"),
        ("row < (int32_t)strip->height) {\n      continue", "row <= (int32_t)strip->height) {\n      continue"),
    ],
)
def test_a_fault_in_the_kernel_is_found(right: str, wrong: str) -> None:
    found = 0
    for seed in (1, 4, 9):
        case = streamed(seed, "taps")
        files = {path: text for path, text in case.built.project.files.items()}
        (path,) = (p for p in files if p.name == "cardc_rows.c")
        text = case.built.project.text(path)
        assert text.count(right) == 1
        files[path] = text.replace(right, wrong).encode()
        wrongly = CBuild(Project(files), case.built.program, "net")
        traced = wrongly.trace(case.inputs)
        found += any((array != case.want[name]).any() for name, array in traced.items())
    assert found > 0


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("cardc_copy_rows.h", "{ *at = border; }", "{ *at = border + 1; }"),
        ("cardc_rows.c", "word = border * 0x01010101u", "word = (border + 1u) * 0x01010101u"),
    ],
)
def test_a_fault_in_what_gives_borders_is_found(file: str, right: str, wrong: str) -> None:
    found = 0
    for seed in range(4):
        case = sliding(seed)
        files = dict(case.built.project.files)
        (path,) = (p for p in files if p.name == file)
        text = case.built.project.text(path)
        assert text.count(right) == 1
        files[path] = text.replace(right, wrong).encode()
        traced = CBuild(Project(files), case.built.program, "net").trace(case.inputs)
        found += any((array != case.want[name]).any() for name, array in traced.items())
    assert found > 0
