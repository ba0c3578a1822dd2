"""`optimize`: what speed, size and balanced choose, down to bytes and instructions, and words that are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.mcu.entropy import measure as bits_at_rest
from benchmarks.mcu.networks import resnet8
from benchmarks.mcu.sizes import PEER_ARENA, measure
from tests.graphs import IntegerGraph, uint
from tests.small import save_small

import cardc
from cardc.compiler import lower
from cardc.errors import CompileError
from cardc.ops.base import text
from cardc.ops.execute import execute
from cardc.passes.encodings import rice
from cardc.passes.plan_memory import ARENA, BOUND
from cardc.targets.base import load

BOARD = "nucleo-f446re"


@pytest.fixture(scope="module")
def net() -> IntegerGraph:
    graph = IntegerGraph((8, 10, 10), uint(4), seed=2).conv(24, density=0.1).requantize(uint(4))
    graph.conv(48, density=0.1, stride=2).requantize(uint(4)).flatten()
    return graph.dense(10, density=0.1)


def test_size_takes_less_flash_near_the_entropy_and_speed_fewer_instructions(net: IntegerGraph) -> None:
    model = net.model()
    fast, small, between = (cardc.compile(model, BOARD, optimize=o) for o in ("speed", "size", "balanced"))
    x = net.inputs(3)
    for build in (small, between):
        assert (build.emulate(x) == fast.emulate(x)).all()
    flash, instructions = (
        [build.report.totals[name].value for build in (fast, small, between)]
        for name in ("flash_bytes", "instructions")
    )
    assert flash[1] < flash[2] < flash[0]
    assert max(instructions[0], instructions[2]) < instructions[1]
    assert [layer.encoding for layer in between.report.layers] == [layer.encoding for layer in fast.report.layers]
    assert {layer.encoding for layer in small.report.layers if layer.weights} == {"rice"}
    for layer in small.report.layers:
        if layer.op == "MatMul":
            least = rice.entropy_bits(layer.nonzeros / layer.weights) * layer.weights / 8
            assert layer.weight_bytes < 1.25 * least + 60  # offsets of the outputs
    assert all(":-Os>" in build.project.text("CMakeLists.txt") for build in (small, between))
    assert ":-O2>" in fast.project.text("CMakeLists.txt")


@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(16, 64, 3), (300, 100, 0)])
def test_weights_in_the_program_are_near_their_entropy(inputs: int, outputs: int, kernel: int) -> None:
    density, weights, codes, everything = bits_at_rest(0.05, inputs, outputs, kernel)
    least = rice.entropy_bits(density) * weights / 8
    assert least < codes < 1.1 * least
    assert codes < everything < 1.25 * least


def test_an_input_beyond_the_reach_of_rice_codes_is_stored_otherwise() -> None:
    graph = IntegerGraph((9, 96, 96), uint(4), seed=3).conv(4, density=0.1).requantize(uint(4))
    build = cardc.compile(graph.conv(4, density=0.1, stride=2).model(), "nucleo-h743zi", optimize="size")
    assert [layer.encoding == "rice" for layer in build.report.layers if layer.weights] == [False, True]
    x = graph.inputs(1)
    integer = build.lowered.integer
    assert (build.emulate(x) == execute(integer, {"x": x})[integer.graph.outputs[0].name or ""]).all()


def test_other_words_and_other_boards_are_refused(tmp_path: Path) -> None:
    model = save_small(tmp_path / "small.onnx")
    with pytest.raises(CompileError, match="'sise' is nothing to optimise for") as caught:
        cardc.compile(model, BOARD, optimize="sise")
    assert "size" in caught.value.fix
    with pytest.raises(CompileError, match="is not optimised for size"):
        cardc.compile(model, "pynq-z2", optimize="size")


def test_resnet8_needs_a_fraction_of_the_memory_where_memory_counts() -> None:
    arenas = {}
    for optimize in ("speed", "balanced", "size"):
        props = lower(resnet8(), load(BOARD), optimize=optimize).lowered.metadata_props
        arenas[optimize] = int(props[ARENA])
        assert int(props[BOUND]) <= arenas[optimize] <= 1.04 * int(props[BOUND])
    assert arenas["size"] < arenas["balanced"] <= 0.6 * PEER_ARENA["IC ResNet-8"] < arenas["speed"]


def test_a_board_without_room_for_feature_maps_gets_streams_in_any_mode() -> None:
    roomy, tight = load(BOARD), replace(load(BOARD), ram_bytes=48 * 1024)
    whole, streamed = (int(lower(resnet8(), t).lowered.metadata_props[ARENA]) for t in (roomy, tight))
    assert streamed < 48 * 1024 - 3 * 32 * 32 < whole


@pytest.mark.parametrize(("kib", "copies"), [(36, True), (28, False)])
def test_convolutions_copy_bands_where_streams_leave_room_for_them(kib: int, copies: bool) -> None:
    """Beside whole tensors there is none in either case."""
    board = replace(load(BOARD), ram_bytes=kib * 1024)
    found = lower(resnet8(), board).lowered
    assert int(found.metadata_props[ARENA]) < kib * 1024 - 3 * 32 * 32
    convolutions = [text(n, "encoding", "") for n in found.graph if n.op_type == "Conv"]
    assert (convolutions.count("runs") == len(convolutions)) == copies


@pytest.mark.slow
def test_resnet8_takes_little_more_flash_than_its_entropy_and_12_kb() -> None:
    rows = {row["optimize"]: row for row in measure("ResNet-8, ternary 90 % sparse, 4-bit")}
    size = rows["size"]
    assert size["flash"] <= size["flash_goal"] < min(rows["speed"]["flash"], rows["balanced"]["flash"])
    assert size["weights"] <= 1.25 * size["entropy"]
    assert rows["speed"]["instructions"] <= 2_000_000
    assert rows["balanced"]["instructions"] <= 1.3 * rows["speed"]["instructions"]
    assert size["instructions"] <= 6_000_000
    assert size["arena"] <= 0.7 * size["arena_goal"]
