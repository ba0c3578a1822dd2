"""The chain finds what differs and says where: stage, tensor, sample, element, both values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper
from tests.faults import MOVED_WEIGHT, SHIFTED_OFFSET, Fault, plant
from tests.small import save_small, small_inputs

import cardc
from cardc.builds import Build
from cardc.cli import main
from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.report import Exact, accuracy_in_words, exact_in_words
from cardc.verify import oracle
from cardc.verify.run import Stage, check_inputs, entry, verify

MCU = "nucleo-f446re"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return cardc.compile(save_small(tmp_path / "small.onnx"), MCU)


def chain(build: Build, *stages: Stage, x: Array | None = None, labels: Array | None = None) -> Exact:
    low = build.lowered
    inputs = small_inputs() if x is None else x
    return verify(low.imported, low.integer, low.proto, inputs, stages, labels=labels)


def test_every_stage_is_equal_and_counted(build: Build) -> None:
    seen: list[tuple[str, int, int]] = []
    exact = build.verify(small_inputs(30), progress=lambda *step: seen.append(step))
    assert (exact.equal, exact.inputs, exact.float_boundary_cases, exact.exit_code) == (True, 30, 0, 0)
    assert exact.stages == ("qonnx", "integer", "c:host", "c:cortex-m4")
    assert exact.accuracy == {}
    assert exact.stage_inputs == {}
    integer = build.lowered.integer.graph
    quantised = {v.name for n in integer for v in n.outputs} - {"f_int", "a_int"}  # a view; an unfinished sum
    assert exact.tensors == len(quantised)
    assert seen == [("qonnx", 30, 30), ("c:host", 30, 30), ("c:cortex-m4", 20, 30), ("c:cortex-m4", 30, 30)]
    assert build.report.exact == exact


@pytest.mark.parametrize(
    ("fault", "tensor", "element"), [(MOVED_WEIGHT, "y", r"\[0\]"), (SHIFTED_OFFSET, "h_int", r"\[1, \d, \d\]")]
)
def test_a_fault_in_the_emitted_c_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Fault, tensor: str, element: str
) -> None:
    plant(monkeypatch, fault)
    exact = cardc.compile(save_small(tmp_path / "small.onnx"), MCU).verify(small_inputs())
    assert (exact.equal, exact.exit_code) == (False, 1)
    where = rf"c:host: tensor '{tensor}', sample \d+, element {element}: -?\d+ instead of -?\d+ \(\d+ differ\)"
    assert re.fullmatch(where, exact.first_difference), exact.first_difference


def test_verify_returns_1_and_names_the_first_difference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(monkeypatch, MOVED_WEIGHT)
    save_small(tmp_path / "small.onnx")
    np.save(tmp_path / "x.npy", small_inputs())
    monkeypatch.chdir(tmp_path)
    words = ["cardc", "verify", "small.onnx", "-t", MCU, "-i", "x.npy"]
    for as_json in (False, True):
        monkeypatch.setattr("sys.argv", [*words, *(["--json"] if as_json else [])])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        said = capsys.readouterr()
        if as_json:
            exact = json.loads(said.out)
            assert exact["equal"] is False
            assert exact["first_difference"].startswith("c:host: tensor 'y', sample ")
        else:
            assert "NOT EQUAL: c:host: tensor 'y', sample " in said.out
            assert "stages qonnx, integer, c:host, c:cortex-m4" in said.out


def shift(build: Build, name: str, by: float, at: int = 0) -> None:
    """Change one number of a constant of the integer graph."""
    value = build.lowered.integer.graph.initializers[name]
    assert value.const_value is not None
    array = value.const_value.numpy().copy()
    array.ravel()[at] += by
    value.const_value = ir.Tensor(array, name=name)


def test_a_threshold_of_the_integer_graph_that_is_wrong(build: Build) -> None:
    shift(build, "xq_int_thresholds", 0.1, at=7)
    exact = chain(build)
    assert not exact.equal
    assert exact.first_difference.startswith("qonnx: tensor 'xq', sample ")
    assert "which is the integer 7" in exact.first_difference


def test_a_weight_of_the_integer_graph_that_is_wrong(build: Build) -> None:
    node = next(n for n in build.lowered.integer.graph if n.op_type == "Conv")
    weights = node.inputs[1]
    assert weights is not None
    assert weights.const_value is not None
    flat = weights.const_value.numpy().ravel()
    at = int(np.flatnonzero(flat)[0])
    shift(build, weights.name or "", -2 * int(flat[at]), at=at)
    exact = chain(build)
    assert exact.first_difference.startswith("qonnx: tensor 'h', sample ")


def stage(build: Build, change: Mapping[int, int], *, batch: int = 5, inputs: int = 12) -> Stage:
    """The integer graph again, but the result's first element of some samples changed."""
    integer, done = build.lowered.integer, [0]

    def trace(x: Array) -> dict[str, Array]:
        graph = integer.graph
        name = graph.outputs[0].name or ""
        floats = small_inputs()[done[0] : done[0] + len(x)]
        values = execute(integer, {graph.inputs[0].name or "": floats})
        assert np.array_equal(values[entry(integer)], x)
        y = values[name].copy()
        for k in range(len(x)):
            y[k, 0] += change.get(done[0] + k, 0)
        done[0] += len(x)
        return {name: y}

    return Stage("fake", trace, inputs, batch)


def test_the_sample_is_counted_from_the_first_of_all(build: Build) -> None:
    exact = chain(build, stage(build, {7: 1, 11: 5}))
    assert exact.first_difference.startswith("fake: tensor 'y', sample 7, element [0]: ")
    assert chain(build, stage(build, {7: 1}, inputs=7)).equal  # it never saw that sample
    assert chain(build, stage(build, {})).equal


def test_a_stage_without_the_result_proves_nothing(build: Build) -> None:
    exact = chain(build, Stage("fake", lambda x: {}, 12))
    assert exact.first_difference == "fake: the model's output was not traced"


def test_accuracies(build: Build) -> None:
    y = build.emulate(small_inputs()).argmax(axis=1)
    exact = chain(build, stage(build, {}), labels=y)
    assert exact.accuracy == {"qonnx": 1.0, "integer": 1.0, "fake": 1.0}
    assert accuracy_in_words(exact) == "accuracy 100.00 % at every stage"
    wrong = np.where(np.arange(12) < 3, (y + 1) % 3, y)
    exact = chain(build, stage(build, {}, inputs=3), labels=wrong)
    assert exact.accuracy == {"qonnx": 0.75, "integer": 0.75, "fake": 0.0}
    assert accuracy_in_words(exact) == "accuracy 75.00 %: qonnx, integer\naccuracy 0.00 %: fake"
    assert "fake (first 3)" in exact_in_words(exact)


def test_ties_go_to_the_lowest_index(build: Build) -> None:
    def trace(x: Array) -> dict[str, Array]:
        return {"y": np.tile([3, 3, 3], (len(x), 1))}

    exact = chain(build, Stage("ties", trace, 12), labels=np.zeros(12, np.int64))
    assert exact.accuracy["ties"] == 1.0


def test_boundary_cases_are_counted_and_told(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    # 0.3125 is half-way between two levels of the input quantiser: qonnx rounds it to even, and so does the graph.
    x = small_inputs()
    x[4, 0, 2, 3] = 0.3125
    assert chain(build, x=x).equal
    run = oracle.Oracle._run

    def other(self: oracle.Oracle, x: Array) -> oracle.FloatRun:
        """A float executor that rounds this tie up, and computes on with it."""
        told = x.copy()
        told[told == 0.3125] = 0.32
        got = run(self, told)
        got.before["xq"] = x
        return got

    monkeypatch.setattr(oracle.Oracle, "_run", other)
    exact = chain(build, x=x)
    assert (exact.equal, exact.float_boundary_cases) == (True, 1)
    assert "1 float boundary case (values that floats may round either way" in exact_in_words(exact)
    assert not chain(build, x=x + np.where(x == 0.3125, 1e-3, 0).astype(np.float32)).float_boundary_cases


def test_inputs_of_many_kinds(build: Build) -> None:
    model = build.lowered.imported
    x = small_inputs()
    for same in (x.astype(np.float64), np.asfortranarray(x), x.tolist()):
        assert np.array_equal(check_inputs(model, same), x)
    assert check_inputs(model, x[0]).shape == (1, 1, 6, 6)
    assert check_inputs(model, x > 1).dtype == np.float32
    with pytest.raises(CompileError, match="hold no sample"):
        check_inputs(model, x[:0])


def test_sizes_of_zero_in_a_file_are_unknown_ones(tmp_path: Path) -> None:
    """Some exporters write [0, 0] for the shapes that they do not know; qonnx's executor takes them at their word."""
    path = save_small(tmp_path / "small.onnx")
    model = onnx.load(str(path))
    del model.graph.value_info[:]
    for node in model.graph.node:
        shapes = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [0, 0]) for name in node.output]
        model.graph.value_info.extend(value for value in shapes if value.name != model.graph.output[0].name)
    exact = cardc.verify(model, [MCU], small_inputs(3))
    assert (exact.equal, exact.inputs) == (True, 3)
