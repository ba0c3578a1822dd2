"""Emitted C equals the executor: at every tensor in memory, on the host and on emulated cores, for random networks."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import onnx_ir as ir
import pytest
from tests.backends.c.networks import Case, in_c, random_graph
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.c.driver import driver
from cardc.backends.c.emulate import host
from cardc.backends.c.emulate.cores import CORES as EMULATE
from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.network import calls
from cardc.backends.c.qemu_network import QemuNetwork
from cardc.backends.c.run import unmapped
from cardc.errors import CompileError
from cardc.ops.graph import add_initializer, infer_node, is_cardc
from cardc.ops.qtype import QType, find_qtype

FORCES = {
    "chosen": (),
    "one_pixel": ("taps", "sparse"),
    "bytes": ("int8",),
    "pairs": ("pairs",),
    "long": ("long",),
    "stacked": ("stacked",),
    "lanes_ternary": ("lanes", "ternary"),
    "lanes_binary": ("lanes", "binary"),
    "runs": ("runs", "sparse"),
    "vectors": ("vectors", "products", "sparse"),
    "patches": ("patches",),
    "rice": ("rice",),
    "vertical": ("taps", "vertical"),
    "straight": ("straight",),
}
CORES = ["cortex-m0plus", "cortex-m4", "rv32imc"]


def check(case: Case, core: str) -> None:
    """The result, the input quantiser, and every tensor that exists in memory."""
    np.testing.assert_array_equal(case.built.quantize(case.floats, core), case.inputs)
    np.testing.assert_array_equal(case.built.run(case.inputs, core), case.outputs)
    traced = case.built.trace(case.inputs, core)
    for name, array in traced.items():
        np.testing.assert_array_equal(array, case.want[name], err_msg=f"{name} on {core}")
    integers = {
        node.outputs[0].name for node in case.model.graph if is_cardc(node) and find_qtype(node.outputs[0]) is not None
    }
    last = case.model.graph.outputs[0].name  # a view, where the graph ends in a reshape
    assert set(traced) == integers - unmapped(case.built.program) | {last}


@pytest.mark.parametrize("force", FORCES)
@pytest.mark.parametrize("seed", range(100, 112))
def test_random_networks_on_the_host(seed: int, force: str) -> None:
    check(in_c(random_graph(seed), force=FORCES[force]), "host")


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("seed", [200, 201, 202])
def test_random_networks_on_emulated_cores(seed: int, core: str) -> None:
    check(in_c(random_graph(seed), inputs=4), core)


@pytest.mark.parametrize("core", ["host", *CORES])
@pytest.mark.parametrize("outputs", [1, 31, 33, 64])
def test_layers_on_bits_from_a_convolution_to_the_result(outputs: int, core: str) -> None:
    graph = IntegerGraph((2, 5, 5), BIPOLAR, seed=outputs).conv(3).threshold(BIPOLAR, falling=0.4).flatten()
    graph.dense(outputs, binary=True).threshold(BIPOLAR, falling=0.5).dense(40, density=0.4).threshold(uint(1))
    case = in_c(graph.dense(5, binary=True), inputs=3, force=("vertical",))
    assert [s.encoding for s in case.built.program.steps[2:5]] == ["vertical"] * 3
    check(case, core)


@pytest.mark.parametrize("core", [name for name in EMULATE if name not in ("host", "cortex-m0", *CORES)])
def test_a_random_network_on_every_other_core(core: str) -> None:
    features = sorted(get_core(core).features)
    check(in_c(random_graph(201), inputs=4, features=features), core)


@pytest.mark.parametrize("seed", [204, 205, 206])
def test_random_networks_by_vectors_on_the_m55(seed: int) -> None:
    graph = IntegerGraph((3, 11, 18), uint(4), seed=seed).conv(8, density=0.3, pads=1).requantize(uint(4))
    graph.conv(8, (3, 2), density=0.5, pads=1).threshold(uint(3), falling=0.3)
    weights = np.random.default_rng(seed).integers(-8, 8, (6, 4, 3, 3))
    graph.conv(6, group=2, weights=weights).requantize(uint(8)).conv(5, (1, 1), density=0.5)
    case = in_c(graph, inputs=3, features=sorted(get_core("cortex-m55").features))
    assert {"vectors", "products"} < {s.encoding for s in case.built.program.steps}
    check(case, "cortex-m55")


@pytest.mark.parametrize("core", ["cortex-m55", "cortex-m4"])
def test_qemu_counts_as_unicorn_does(core: str) -> None:
    case = in_c(random_graph(203), inputs=3)
    network = QemuNetwork("net", case.built.program, case.built.sources(), core)
    runs = network.counted(case.inputs.astype(case.built.program.in_dtype))
    assert len(runs) == 3
    for run in runs:
        assert sum(run.by_mark.values()) == run.instructions
    if core == "cortex-m4":
        for run, row in zip(runs, case.inputs, strict=True):
            alone = case.built.measure(core, row[None])
            ends = ("", list(run.by_mark)[-2])  # the caller's instructions are in QEMU's last layer
            assert [v for k, v in alone.by_layer.items() if k not in ends] == [
                v for k, v in run.by_mark.items() if k not in ends
            ]
            assert 0 <= run.by_mark[ends[1]] - alone.by_layer[ends[1]] < 12
            assert run.stack_bytes is not None
            assert abs(run.stack_bytes - alone.stack_bytes) <= 128  # the caller's own frame is in QEMU's


@pytest.mark.parametrize("core", ["host", *CORES])
@pytest.mark.parametrize("force", ["chosen", "one_pixel", "bytes"])
def test_padded_bipolar_through_a_pool(force: str, core: str) -> None:
    # Zero padding adds a third value to a bipolar tensor, before the pool and behind it.
    graph = IntegerGraph((2, 9, 7), BIPOLAR, seed=1).conv(4, pads=1).threshold(BIPOLAR, falling=0.5).maxpool()
    graph.conv(5, (2, 3), pads=1, stride=2).threshold(uint(2), falling=0.5).flatten().dense(6)
    check(in_c(graph, inputs=5, force=FORCES[force]), core)


@pytest.mark.parametrize("last", ["threshold", "maxpool", "requantize", "conv", "flatten", "requantize_wide"])
def test_every_kind_of_last_layer(last: str) -> None:
    graph = IntegerGraph((2, 6, 5), uint(3), seed=4).conv(3)
    match last:
        case "threshold":
            graph.threshold(BIPOLAR, falling=0.5)
        case "maxpool":
            graph.threshold(QType(-4, 3), falling=0.5).maxpool()
        case "requantize":
            graph.requantize(QType(-8, 7))
        case "requantize_wide":
            graph.requantize(QType(-300, 300))
        case "flatten":
            graph.flatten()
    check(in_c(graph), "host")


def test_a_tensor_with_two_readers() -> None:
    # The accumulator is both finished and given out: it exists in memory, as do its thresholds.
    graph = IntegerGraph((12,), uint(4), seed=2).dense(7, density=0.6)
    accumulator = graph.last
    graph.threshold(uint(2)).dense(5)
    final = graph.last
    graph.last = accumulator
    graph.threshold(BIPOLAR)
    graph.last = final
    case = in_c(graph)
    check(case, "host")
    assert accumulator.name in case.built.trace(case.inputs)


def test_thousands_of_inputs_at_once() -> None:
    case = in_c(random_graph(3), inputs=3000)
    np.testing.assert_array_equal(case.built.run(case.inputs), case.outputs)


def test_two_inferences_layer_by_layer_in_turn() -> None:
    case = in_c(random_graph(104), inputs=2)
    program, name = case.built.program, case.built.name
    steps = [
        re.sub(r"\b(in|out|arena)\b", rf"\g<1>{k}", call) for call in calls(name, program, "arena") for k in range(2)
    ]
    types = ", ".join(
        f"const {program.in_type} *in{k}, {program.out_type} *out{k}, uint8_t *arena{k}" for k in range(2)
    )
    text = f'#include "{name}.c.h"\nvoid both({types});\nvoid both({types})\n{{\n' + "\n".join(steps) + "\n}\n"
    sources = case.built.sources()
    rest = {n: t for n, t in sources.items() if n != f"{name}.c"}
    library = host.compile_shared({**rest, f"{name}.c.h": sources[f"{name}.c"], "both.c": text})
    dtype = {"int8_t": np.int8, "uint8_t": np.uint8}[program.in_type]
    x = np.ascontiguousarray(case.inputs.reshape(2, -1), dtype)
    out = np.zeros((2, case.outputs[0].size), np.int16 if program.out_type == "int16_t" else np.int32)
    arenas = np.full((2, -(-program.arena // 4)), 0x5A5A5A5A, np.uint32)
    arguments = [a[k].ctypes.data for k in range(2) for a in (x, out, arenas)]
    library.both(*map(ctypes.c_void_p, arguments))
    np.testing.assert_array_equal(out, case.outputs.reshape(2, -1))


def test_error_codes_leave_the_output_alone() -> None:
    case = in_c(random_graph(104), inputs=1)
    library = host.compile_shared(case.built.sources())
    x = np.zeros(case.inputs.size, np.uint8)
    out = np.full(case.outputs.size, 77, np.int32)
    arena = np.zeros(case.built.program.arena // 4 + 2, np.uint32)
    good = [x.ctypes.data, out.ctypes.data, arena.ctypes.data]
    for k in range(3):
        bad = [0 if i == k else p for i, p in enumerate(good)]
        assert library.net_predict(*map(ctypes.c_void_p, bad)) == 1
    for shift in (1, 2, 3):
        assert library.net_predict(*map(ctypes.c_void_p, [*good[:2], good[2] + shift])) == 2
    assert (out == 77).all()


def test_argmax_takes_the_lowest_index_on_ties() -> None:
    case = in_c(IntegerGraph((4,), uint(2)).dense(5))
    library = host.compile_shared(case.built.sources())
    for values in ([3, 9, 9, 1, 9], [-5, -5, -5, -5, -5], [0, 1, 2, 3, 4]):
        out = np.asarray(values, np.int16)
        assert library.net_argmax(ctypes.c_void_p(out.ctypes.data)) == int(np.argmax(values))


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus", "rv32imc"])
def test_measurement(core: str) -> None:
    case = in_c(random_graph(104))
    found = case.built.measure(core, case.inputs)
    assert found.instructions == sum(found.by_layer.values())
    assert found.least_instructions <= found.instructions
    assert set(found.by_layer) == {"", *case.built.symbols()}
    assert all(n > 0 for n in found.by_layer.values())
    weights = sum(step.weight_bytes for step in case.built.program.steps)
    assert found.flash_bytes > found.rodata_bytes >= weights - 4 * len(case.built.program.steps)
    assert (found.static_bytes, found.arena_bytes) == (0, case.built.program.arena)
    assert 0 < found.stack_bytes < 4096


def test_wrong_inputs_are_refused() -> None:
    built = in_c(IntegerGraph((4,), uint(2)).dense(5)).built
    for x, what in (
        (np.zeros((1, 5), np.int64), r"the input is int64 \[1, 5\]"),
        (np.zeros((1, 4)), "the input is float64"),
        (np.full((1, 4), 4), "leaves its range"),
    ):
        with pytest.raises(CompileError, match=what):
            built.run(x)
    with pytest.raises(CompileError, match="between the levels of"):
        in_c(IntegerGraph((4,), BIPOLAR).dense(5)).built.run(np.zeros((1, 4), np.int64))


def test_the_driver_only_adds() -> None:
    built = in_c(random_graph(104)).built
    assert driver(built.name, built.program).startswith(f'#include "{built.name}.c"\n')


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("q", [uint(4), QType(-7, 8), QType(-3, 3)])
def test_rounding_to_even(q: QType, last: bool) -> None:
    # Powers of two make ties at every other sum.
    graph = IntegerGraph((3, 5, 6), uint(4), seed=9).conv(6, density=0.5).requantize(q)
    node = graph.last.producer()
    assert node is not None
    m, b = (v.const_value.numpy().astype(np.int64) for v in node.inputs[1:] if v is not None and v.const_value)
    for name, values in (("m", np.where(m > 0, 2, -2) * (np.arange(6) != 4)), ("b", b * 0 + 3)):
        q_of = QType(int(values.min()), int(values.max()))
        node.replace_input_with(1 if name == "m" else 2, add_initializer(graph.graph, f"even_{name}", values, q_of))
    node.attributes["shift"] = ir.AttrInt64("shift", 3)
    node.attributes["rounding"] = ir.AttrString("rounding", "half_even")
    check(in_c(graph if last else graph.flatten().dense(4)), "host")


def _affine(graph: IntegerGraph, channels: int) -> IntegerGraph:
    lo, hi = graph._channel_ranges()
    m, b = np.arange(channels) % 5 - 2, 7 - 3 * np.arange(channels)
    ends = np.stack([lo * m + b, hi * m + b])
    inputs = [graph.last]
    for name, values in (("m", m), ("b", b)):
        inputs.append(add_initializer(graph.graph, name, values, QType(int(values.min()), int(values.max()))))
    return graph._add("cardc", "Affine", inputs, q=QType(int(ends.min()), int(ends.max())))


@pytest.mark.parametrize("force", ["chosen", "bytes", "lanes_ternary"])
def test_an_affine_output(force: str) -> None:
    check(in_c(_affine(IntegerGraph((30,), uint(3)).dense(9, density=0.6), 9), force=FORCES[force]), "host")
    check(in_c(_affine(IntegerGraph((2, 6, 6), uint(3)).conv(5), 5), force=FORCES[force]), "host")


def _reshape(graph: IntegerGraph, shape: tuple[int, ...]) -> IntegerGraph:
    graph.count += 1
    target = add_initializer(graph.graph, "shape", np.asarray(shape))
    node = ir.node("Reshape", [graph.last, target], num_outputs=1, name=f"n{graph.count}_reshape")
    node.outputs[0].name = f"t{graph.count}"
    infer_node(node)
    graph.graph.append(node)
    graph.last = node.outputs[0]
    return graph


@pytest.mark.parametrize("force", ["chosen", "one_pixel", "bytes"])
@pytest.mark.parametrize("q", [uint(2), BIPOLAR])
def test_vectors_become_images(q: QType, force: str) -> None:
    graph = IntegerGraph((20,), uint(3), seed=1).dense(2 * 5 * 3, density=0.5).threshold(q, falling=0.5)
    _reshape(graph, (1, 2, 5, 3)).conv(3, pads=1).threshold(q)
    _reshape(graph, (1, 3, 3, 5)).maxpool().conv(2, (1, 2), pads=0).flatten()
    check(in_c(graph, force=FORCES[force]), "host")


@pytest.mark.parametrize("force", ["chosen", "one_pixel", "bytes"])
def test_one_tensor_read_in_many_ways(force: str) -> None:
    # A padded convolution, a strided one with more padding, and a dense layer read the same activations.
    graph = IntegerGraph((2, 6, 7), uint(2), seed=5).conv(3, pads=1).threshold(BIPOLAR, falling=0.5)
    shared = graph.last
    graph.conv(2, pads=1).threshold(BIPOLAR)
    graph.last = shared
    graph.conv(2, (3, 5), pads=2, stride=2).threshold(uint(2))
    graph.last = shared
    graph.flatten().dense(5, density=0.4)
    check(in_c(graph, force=FORCES[force]), "host")


def test_a_border_under_a_view_is_refused() -> None:
    graph = IntegerGraph((2, 6, 6), uint(2)).conv(2, pads=1)
    graph.threshold(uint(2))
    shared = graph.last
    graph.conv(2, pads=1)
    graph.last = shared
    _reshape(graph, (1, 2, 4, 9)).maxpool()
    with pytest.raises(CompileError, match="reshaped tensor that other layers need with a border"):
        in_c(graph)
