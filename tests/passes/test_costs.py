"""What each kernel is estimated to cost on each core, against what is measured: chains of layers of shapes, densities
and finishes that no rate was fitted to."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import BIPOLAR, IntegerGraph, uint
from tests.tools import need_avr, need_qemu

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import CARDC, Array, text
from cardc.ops.graph import is_cardc, make_node
from cardc.ops.qtype import QType
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import CONV, ChooseEncodings, weights_of
from cardc.passes.choose_encodings import DENSE as DENSE_ENCODINGS
from cardc.passes.step_costs import load_cost, stage_instructions
from cardc.passes.straight_costs import straight_cost

CORES = ("cortex-m4", "cortex-m3", "cortex-m55", "cortex-m0plus", "rv32imc", "rv32ec", "avr5")
OFF = 1.15


def ternary_convs() -> IntegerGraph:
    """Ternary ones: padded, strided, pointwise, of two groups, of 5x5; each kind of finish."""
    graph = IntegerGraph((5, 11, 13), uint(4), seed=31).conv(9, density=0.15).scaled(uint(4), 40)
    graph.conv(12, density=0.3, stride=2).threshold(uint(2)).conv(10, (1, 1), pads=0, density=0.4).scaled(uint(3), 12)
    return (
        graph.conv(8, density=0.25, group=2).threshold(uint(4)).conv(7, (5, 5), pads=2, density=0.1).scaled(uint(4), 60)
    )


def many_bits() -> IntegerGraph:
    """Weights of 4 and of 8 bits."""
    rng = np.random.default_rng(32)

    def weights(*shape: int, bits: int) -> Array:
        return rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape)

    graph = IntegerGraph((4, 8, 9), uint(4), seed=33).conv(9, weights=weights(9, 4, 3, 3, bits=4)).scaled(uint(4), 700)
    graph.conv(8, (1, 1), pads=0, weights=weights(8, 9, 1, 1, bits=8)).scaled(uint(2), 4000)
    return graph.conv(6, (2, 2), pads=0, weights=weights(6, 8, 2, 2, bits=4)).scaled(uint(4), 60)


def dense_layers() -> IntegerGraph:
    """Of many bits, ternary on bits and on 4 bits, binary."""
    w = np.random.default_rng(34).integers(-128, 128, (150, 41))
    graph = IntegerGraph((150,), uint(4), seed=35).dense(41, weights=w).scaled(uint(4), 30_000)
    graph.dense(60, density=0.15).threshold(uint(2)).dense(70, density=0.4).scaled(uint(4), 25)
    return (
        graph.dense(32, binary=True).threshold(BIPOLAR).dense(40, binary=True).threshold(uint(2)).dense(10, density=0.3)
    )


def depthwise() -> IntegerGraph:
    """Of few bits: depthwise, strided, pointwise."""
    rng = np.random.default_rng(41)
    graph = IntegerGraph((8, 12, 10), uint(4), seed=42)
    graph.conv(8, group=8, weights=rng.integers(-7, 8, (8, 1, 3, 3))).scaled(uint(4), 90)
    graph.conv(12, (1, 1), pads=0, weights=rng.integers(-7, 8, (12, 8, 1, 1))).scaled(uint(4), 90)
    graph.conv(12, stride=2, group=12, weights=rng.integers(-7, 8, (12, 1, 3, 3))).threshold(uint(4))
    return graph.conv(5, weights=rng.integers(-3, 4, (5, 12, 3, 3))).scaled(uint(4), 90)


def wide_convs() -> IntegerGraph:
    """Of more than 8 bits."""
    w = np.random.default_rng(43).integers(-900, 900, (6, 3, 3, 3))
    graph = IntegerGraph((3, 8, 9), uint(10), seed=44).conv(6, weights=w).requantize(uint(9))
    return graph.conv(5, (1, 1), pads=0, weights=w[:5, :1].repeat(6, axis=1)[:, :, :1, :1]).threshold(uint(4))


def wide_dense() -> IntegerGraph:
    w = np.random.default_rng(45).integers(-900, 900, (90, 31))
    return IntegerGraph((90,), uint(10), seed=46).dense(31, weights=w).threshold(uint(4))


CONVS = ("taps", "straight", "lanes", "runs", "rice", "int8", "pairs", "vectors")
DENSE = ("sparse", "straight", "ternary", "binary", "rice", "int8")
CHAINS = {
    "ternary convolutions": (ternary_convs, CONVS),
    "convolutions of many bits": (many_bits, ("int8", "pairs")),
    "dense layers": (dense_layers, DENSE),
    "depthwise convolutions": (depthwise, ("long", "stacked", "pairs", "int8", "products", "patches")),
    "wide convolutions": (wide_convs, ("wide",)),
    "wide dense layers": (wide_dense, ("wide",)),
}
_VECTORS = {"vectors", "products"}
_DSP = _VECTORS | {"patches"}
UNKNOWN = {
    "avr5": {"lanes", "runs", "rice", "long", "stacked"} | _DSP,
    "rv32ec": {"runs", "long"} | _DSP,
    "rv32imc": {"long"} | _DSP,
    "cortex-m0plus": {"long"} | _DSP,
    "cortex-m3": _DSP,
    "cortex-m4": _VECTORS,
    "cortex-m55": {"stacked"},
}
"""Kernels of convolutions that are never chosen there."""


CASES = [
    (chain, encoding, core)
    for chain, (_, encodings) in CHAINS.items()
    for encoding in encodings
    for core in CORES
    if chain == "dense layers" or encoding not in UNKNOWN.get(core, ())
]
CASES += [("dense layers", encoding, "rv32imac_zbb") for encoding in ("binary", "ternary", "sparse", "int8")]
CASES += [("ternary convolutions", encoding, "rv32imac_zbb") for encoding in ("taps", "straight")]


def need(core: str) -> None:
    if core == "avr5":
        need_avr()
    if get_core(core).unicorn is None and core != "avr5":
        need_qemu(core)


@pytest.mark.parametrize(("chain", "encoding", "core"), CASES)
def test_estimates_follow_what_is_measured(chain: str, encoding: str, core: str) -> None:
    need(core)
    features = sorted(get_core(core).features)
    case = in_c(CHAINS[chain][0](), inputs=1, force=(encoding,), features=features)
    spent = case.built.measure(core, case.inputs).by_layer
    choose, off = ChooseEncodings(tuple(features), ram=1 << 20), {}
    for step, symbol in zip(case.built.program.steps, case.built.symbols(), strict=True):
        if step.node is not None and step.encoding == encoding:
            if encoding == "straight":
                cost = straight_cost(step.node, weights_of(step.node), frozenset(features))
            else:
                cost = choose.options(step.node, 1 << 20)[encoding]
            assert cost is not None
            off[f"{step.node.name} {weights_of(step.node).shape}"] = round(cost.instructions / spent[symbol], 3)
    assert off
    assert all(1 / OFF <= ratio <= OFF for ratio in off.values()), off


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("outputs", "density", "ends"), [(70, 1.0, BIPOLAR), (45, 0.3, uint(1)), (64, 0.6, uint(2))])
def test_counters_cost_what_the_worst_input_takes(outputs: int, density: float, ends: QType, core: str) -> None:
    """`vertical` is estimated at its most: half of the inputs 1, and those that are 0 are fewer."""
    need(core)
    features = sorted(get_core(core).features)
    graph = IntegerGraph((151,), uint(1), seed=36).dense(outputs, density=density, binary=density == 1.0)
    case = in_c(graph.threshold(ends).dense(4), inputs=1, force=("vertical",), features=features)
    worst = np.arange(151, dtype=np.int64)[None] * 75 % 151 < 76
    layer, symbol = case.built.program.steps[1], case.built.symbols()[1]
    assert layer.encoding == "vertical"
    assert layer.node is not None
    spent = case.built.measure(core, worst.astype(np.int64)).by_layer[symbol]
    estimate = ChooseEncodings(tuple(features)).options(layer.node, 0)["vertical"].instructions
    assert 1 / OFF <= estimate / spent <= OFF, (estimate, spent)


@pytest.mark.parametrize("core", CORES)
def test_every_encoding_that_can_be_chosen_is_measured(core: str) -> None:
    """A new kernel, or one that a core comes to know, fails here until a chain measures what it costs there."""
    features, listed = tuple(sorted(get_core(core).features)), {("Conv", "straight"), ("MatMul", "straight")}
    for make, _ in CHAINS.values():
        model = make().model()
        choose = ChooseEncodings(features, ram=1 << 20)
        choose.run(model, PassLog())
        nodes = [node for node in model.graph if is_cardc(node, "Conv", "MatMul")]
        listed |= {(node.op_type, name) for node in nodes for name in choose.options(node, 1 << 20)}
    dense = {"dense layers", "wide dense layers"}
    measured = {("MatMul" if chain in dense else "Conv", name) for chain, name, at in CASES if at == core}
    assert listed - measured - {("MatMul", "vertical")} == set()  # which has a test of its own below


def test_every_encoding_is_measured_on_some_core() -> None:
    measured = {name for _, name, _ in CASES} | {"vertical"}
    assert {*CONV, *DENSE_ENCODINGS, "straight", "wide"} - measured == set()


def _join(graph: IntegerGraph, op: str, inputs: list[ir.Value], **attributes: object) -> IntegerGraph:
    graph.count += 1
    node = make_node(CARDC, op, inputs, name=f"j{graph.count}", out=f"u{graph.count}", attributes=attributes)
    graph.graph.append(node)
    graph.last = node.outputs[0]
    return graph


def residual() -> IntegerGraph:
    """Loads, additions by table and one by one, both kinds of pools, an end."""
    graph = IntegerGraph((3, 16, 12), uint(8), seed=51).conv(8, density=0.3).scaled(uint(4), 900)
    before = graph.last
    graph.conv(8, density=0.2).scaled(uint(4), 50)
    _join(graph, "Add", [before, graph.last]).threshold_on_range(uint(4)).maxpool(2)
    before = graph.last
    graph.conv(8, (1, 1), pads=0, density=0.5).scaled(uint(4), 20)
    _join(graph, "Concat", [before, graph.last], axis=1)
    sizes = {"kernel_shape": [8, 6], "strides": [8, 6], "pads": [0, 0, 0, 0]}
    return _join(graph, "SumPool", [graph.last], **sizes).threshold_on_range(uint(4)).flatten().dense(10, density=0.3)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m3", "cortex-m55", "cortex-m0plus"])
def test_whole_networks_add_up(core: str) -> None:
    """Loads, copies, borders, additions, pools: each stage is estimated, and their sum is what a network takes."""
    need(core)
    features = frozenset(get_core(core).features)
    case = in_c(residual(), inputs=1, force=("runs", "sparse"), features=sorted(features))
    spent = case.built.measure(core, case.inputs).by_layer
    plan, choose = case.built.program.schedule, ChooseEncodings(tuple(sorted(features)), ram=1 << 20)
    total, off = load_cost(plan, features), {}
    for stage, symbol in zip(plan.stages, case.built.symbols()[1:], strict=False):
        if is_cardc(stage.node, "Conv", "MatMul"):
            encoding = text(stage.node, "encoding", "")
            total += choose.options(stage.node, 1 << 20)[encoding].instructions
        else:
            guess = stage_instructions(stage, features)
            off[stage.node.name] = round(guess / spent[symbol], 3)
            total += guess
    assert all(1 / OFF <= ratio <= OFF for ratio in off.values()), off
    assert 1 / OFF <= total / sum(spent[s] for s in case.built.symbols()) <= OFF, total
