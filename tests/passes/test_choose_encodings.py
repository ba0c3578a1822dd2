"""The cheapest encoding that can hold the weights is chosen; what none can hold is refused."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import Array, text
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import CONV, DENSE, ChooseEncodings, costs


def chosen(graph: IntegerGraph, features: tuple[str, ...] = (), force: tuple[str, ...] = ()) -> list[str]:
    model = graph.model()
    log = PassLog()
    count = ChooseEncodings(features, force).run(model, log)
    found = [text(n, "encoding", "") for n in model.graph if n.op_type in ("Conv", "MatMul")]
    assert count == len(found) == len(log.notes)
    return found


def test_sparse_ternary_convolutions_go_by_lanes() -> None:
    assert chosen(IntegerGraph((4, 16, 16), uint(4)).conv(8, density=0.1).threshold(uint(4))) == ["lanes"]


def test_a_stride_across_rules_lanes_out() -> None:
    assert chosen(IntegerGraph((4, 16, 16), uint(4)).conv(8, density=0.1, stride=2)) == ["taps"]


def test_weights_of_many_bits_are_pairs_or_bytes() -> None:
    w = np.arange(-36, 36).reshape(2, 4, 3, 3)
    assert chosen(IntegerGraph((4, 8, 8), uint(4)).conv(2, weights=w)) == ["pairs"]
    assert chosen(IntegerGraph((4,), uint(4)).dense(2, weights=np.arange(8).reshape(4, 2))) == ["int8"]


def test_binary_layers_on_bits_are_counted_vertically() -> None:
    assert chosen(IntegerGraph((256,), BIPOLAR).dense(128, binary=True).threshold(BIPOLAR)) == ["vertical"]


def test_binary_layers_of_more_than_64_kb_are_bit_planes() -> None:
    assert chosen(IntegerGraph((512,), BIPOLAR).dense(1056, binary=True).threshold(BIPOLAR)) == ["binary"]


def test_very_sparse_dense_layers_are_lists() -> None:
    assert chosen(IntegerGraph((256,), uint(4)).dense(64, density=0.02)) == ["sparse"]


def conv(channels: int, size: int, bits: int, density: float, stride: int = 1) -> IntegerGraph:
    return IntegerGraph((channels, size, size), uint(bits), seed=1).conv(8, density=density, stride=stride)


def few_bits(channels: int, size: int, bits: int, weight_bits: int, kernel: int) -> IntegerGraph:
    half = 2 ** (weight_bits - 1)
    w = np.random.default_rng(0).integers(-half, half, (8, channels, kernel, kernel))
    return IntegerGraph((channels, size, size), uint(bits)).conv(8, (kernel, kernel), weights=w).threshold(uint(4))


def dense(inputs: int, outputs: int, bits: int, density: float) -> IntegerGraph:
    q = BIPOLAR if bits == 0 else uint(bits)
    return IntegerGraph((inputs,), q, seed=1).dense(outputs, density=density, binary=density == 1)


BYTES = np.random.default_rng(0).integers(-128, 128, (128, 32))
FEW = np.random.default_rng(0).integers(-8, 8, (60, 33))
LAYERS = {
    "conv 10 %": lambda: conv(8, 12, 4, 0.1).threshold(uint(4)),
    "conv 50 %": lambda: conv(8, 12, 2, 0.5).threshold(uint(2)),
    "strided conv": lambda: conv(8, 12, 4, 0.1, stride=2).threshold(uint(4)),
    "small conv": lambda: conv(8, 4, 4, 0.1).threshold(uint(4)),
    "conv of 4-bit weights": lambda: few_bits(8, 10, 4, 4, 3),
    "conv of 8-bit weights": lambda: few_bits(3, 10, 8, 8, 3),
    "pointwise conv": lambda: few_bits(12, 8, 4, 3, 1),
    "dense 5 %": lambda: dense(128, 32, 4, 0.05).threshold(uint(2)),
    "dense 30 % of bits": lambda: dense(128, 32, 1, 0.3).threshold(uint(2)),
    "dense 8-bit weights": lambda: IntegerGraph((128,), uint(8)).dense(32, weights=BYTES).threshold(uint(2)),
    "dense binary": lambda: dense(128, 32, 0, 1).threshold(BIPOLAR),
    "dense 10 % of many inputs": lambda: dense(400, 48, 8, 0.1).requantize(uint(4)),
    "dense 50 %": lambda: dense(200, 40, 2, 0.5),
    "dense few outputs": lambda: IntegerGraph((60,), uint(4)).dense(33, weights=FEW).threshold(uint(3)),
    "dense binary to sums": lambda: dense(160, 70, 0, 1),
    "dense binary on 4 bits": lambda: dense(128, 32, 4, 1).threshold(BIPOLAR),
}


def costly(inputs: Array) -> Array:
    """Bits of which one more than half are 1, the most that vertical counters take; other inputs as they are."""
    low, high, one = inputs.min(), inputs.max(), inputs.reshape(1, -1)
    if not np.isin(inputs, (low, high)).all():
        return inputs
    return np.where(np.arange(one.size) <= one.size // 2, high, low).reshape(inputs.shape)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus", "rv32ec", "avr5"])
@pytest.mark.parametrize("layer", LAYERS)
def test_the_choice_is_the_best_measured_one_or_near(layer: str, core: str) -> None:
    """Within 1.3 times the best; dense layers on the cores that have rates follow their estimates to 15 %."""
    features = sorted(get_core(core).features)
    spent = {}
    for name in (*CONV, *DENSE):
        if name in ("long", "stacked", "runs", "vectors", "products", "patches"):  # which take memory, or need vectors
            continue
        case = in_c(LAYERS[layer](), inputs=1, force=(name,), features=features)
        step = case.built.program.steps[1]
        if step.encoding == name:
            spent[name] = case.built.measure(core, costly(case.inputs)).by_layer[case.built.symbols()[1]]
    (best,) = chosen(LAYERS[layer](), tuple(features))
    assert spent[best] <= 1.3 * min(spent.values()), spent
    node = next(n for n in LAYERS[layer]().model().graph if n.op_type in ("Conv", "MatMul"))
    if node.op_type == "MatMul" and core not in ("rv32ec", "avr5"):
        estimates = {name: cost.instructions for name, cost in costs(node, frozenset(features)).items()}
        assert estimates.keys() == spent.keys()
        assert {n: e for n, e in estimates.items() if not 1 / 1.15 <= e / spent[n] <= 1.15} == {}, spent


def test_weights_become_code_on_request_and_in_bounds() -> None:
    graph = lambda inputs: IntegerGraph((inputs,), uint(4)).dense(64, density=0.3, binary=inputs > 64)  # noqa: E731
    assert chosen(graph(64)) != ["straight"]
    assert chosen(graph(64), force=("straight",)) == ["straight"]
    assert chosen(graph(128), force=("straight",)) == ["straight"]  # 8,192 weights
    assert chosen(graph(129), force=("straight",)) != ["straight"]


def test_a_forced_encoding_is_taken_only_where_it_can_be() -> None:
    graph = IntegerGraph((40,), uint(2)).dense(8, density=0.5).threshold(BIPOLAR).dense(4, binary=True)
    assert chosen(graph, force=("binary", "ternary")) == ["ternary", "binary"]


@pytest.mark.parametrize("op", ["conv", "dense"])
def test_weights_beyond_a_byte_are_stored_wide(op: str) -> None:
    graph = IntegerGraph((2, 4, 4) if op == "conv" else (8,), uint(2))
    if op == "conv":
        graph.conv(1, weights=np.full((1, 2, 3, 3), 300))
    else:
        graph.dense(1, weights=np.full((8, 1), 300))
    assert chosen(graph) == ["wide"]
