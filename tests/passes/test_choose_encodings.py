"""The cheapest encoding that can hold the weights is chosen; what none can hold is refused."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.errors import CompileError
from cardc.ops.base import text
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings, costs


def chosen(graph: IntegerGraph, features: tuple[str, ...] = (), force: tuple[str, ...] = ()) -> list[str]:
    model = graph.model()
    log = PassLog()
    count = ChooseEncodings(features, force).run(model, log)
    found = [text(n, "encoding", "") for n in model.graph if n.op_type in ("Conv", "MatMul")]
    assert count == len(found) == len(log.notes)
    return found


def test_sparse_ternary_convolutions_go_by_lanes() -> None:
    assert chosen(IntegerGraph((4, 16, 16), uint(4)).conv(8, density=0.1)) == ["lanes"]


def test_a_stride_across_rules_lanes_out() -> None:
    assert chosen(IntegerGraph((4, 16, 16), uint(4)).conv(8, density=0.1, stride=2)) == ["taps"]


def test_weights_of_many_bits_are_bytes() -> None:
    w = np.arange(-36, 36).reshape(2, 4, 3, 3)
    assert chosen(IntegerGraph((4, 8, 8), uint(4)).conv(2, weights=w)) == ["int8"]
    assert chosen(IntegerGraph((4,), uint(4)).dense(2, weights=np.arange(8).reshape(4, 2))) == ["int8"]


def test_binary_layers_on_bits_are_bit_planes() -> None:
    assert chosen(IntegerGraph((256,), BIPOLAR).dense(128, binary=True)) == ["binary"]


def test_very_sparse_dense_layers_are_lists() -> None:
    assert chosen(IntegerGraph((256,), uint(4)).dense(64, density=0.02)) == ["sparse"]


def test_dsp_favours_bytes_for_dense_layers_on_many_bits() -> None:
    w = np.random.default_rng(0).choice([-1, 0, 1], (64, 64))
    graph = IntegerGraph((64,), uint(8)).dense(64, weights=w)
    node = next(n for n in graph.model().graph if n.op_type == "MatMul")
    plain, dsp = costs(node, frozenset()), costs(node, frozenset({"dsp"}))
    assert dsp["int8"].instructions < plain["int8"].instructions
    assert dsp["sparse"] == plain["sparse"]


def test_a_forced_encoding_is_taken_only_where_it_can_be() -> None:
    graph = IntegerGraph((40,), uint(2)).dense(8, density=0.5).threshold(BIPOLAR).dense(4, binary=True)
    assert chosen(graph, force=("binary", "ternary")) == ["ternary", "binary"]


@pytest.mark.parametrize("op", ["conv", "dense"])
def test_weights_beyond_a_byte_are_refused(op: str) -> None:
    graph = IntegerGraph((2, 4, 4) if op == "conv" else (8,), uint(2))
    if op == "conv":
        graph.conv(1, weights=np.full((1, 2, 3, 3), 300))
    else:
        graph.dense(1, weights=np.full((8, 1), 300))
    with pytest.raises(CompileError, match="no kernel reads weights from 300 to 300") as caught:
        ChooseEncodings().run(graph.model(), PassLog())
    assert isinstance(caught.value.node, ir.Node)
    assert "8 bits" in caught.value.fix
