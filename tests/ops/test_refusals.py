"""Each operator's own rule: what it refuses, and that it says which node, and what to do."""

from __future__ import annotations

import pytest
from tests.text import imported, parse

from cardc.errors import CompileError, CompileErrors
from cardc.ops import lookup, ops

Q = 'qonnx.custom_op.general.Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "MODE">(x, s, z, b)'
QC = "float s = {0.5}, float z = {0}, float b = {3}"


def one(node: str, constants: str = "", shape: str = "1,2,4,4") -> str:
    constants = f"float unused = {{0}}{', ' if constants else ''}{constants}"
    return f"g (float[{shape}] x) => (float y) <{constants}> {{ y = {node} }}"


BN = "float[2] g = {1,1}, float[2] o = {0,0}, float[2] m = {0,0}, float[2] v = {1,1}"
W = "float[2,2,3,3] w = {" + ", ".join("1" * 36) + "}"
POOL = 'AveragePool<kernel_shape: ints = [3, 3], auto_pad: string = "SAME", ceil_mode: int = 1>(x)'
REFUSED = {
    "add-arity": (one("Add(x)"), "Add takes 2 inputs, not 1"),
    "add-shapes": (one("Add(x, k)", "float[3] k = {1,2,3}"), "cannot combine shapes"),
    "leaky-slope": (one("LeakyRelu<alpha: float = -1.0>(x)"), "negative slope"),
    "norm-arity": (one("BatchNormalization(x, g, o, m)", BN), "takes 5 inputs"),
    "norm-channels": (one("BatchNormalization(x, g, o, m, v)", BN, "1,3,4,4"), "do not fit its channels"),
    "norm-training": (one("BatchNormalization<training_mode: int = 1>(x, g, o, m, v)", BN), "training mode"),
    "norm-variance": (
        one("BatchNormalization(x, g, o, m, v)", BN.replace("v = {1,1}", "v = {1,-1}")),
        "variance is not positive",
    ),
    "conv-channels": (one("Conv(x, w)", W, "1,3,4,4"), "do not fit input"),
    "conv-group": (one("Conv<group: int = 2>(x, w)", W), "do not fit input"),
    "conv-kernel": (one("Conv<kernel_shape: ints = [2, 2]>(x, w)", W), "do not fit input"),
    "conv-rank": (one("Conv(x, w)", W, "1,2,4"), "do not fit input"),
    "conv-large": (one("Conv(x, w)", W, "1,2,2,2"), "larger than its input"),
    "conv-auto-pad": (one('Conv<auto_pad: string = "SAME">(x, w)', W), "auto_pad=SAME"),
    "conv-pads": (one("Conv<pads: ints = [1]>(x, w)", W), "makes no sense"),
    "conv-stride": (one("Conv<strides: ints = [0, 1]>(x, w)", W), "makes no sense"),
    "pool-auto": (one(POOL), "auto_pad=SAME is not supported"),
    "pool-kernel": (one("MaxPool(x)"), "makes no sense"),
    "pool-rank": (one("MaxPool<kernel_shape: ints = [2]>(x)"), "rank 3"),
    "pool-3d": (one("MaxPool<kernel_shape: ints = [2, 2, 2]>(x)", "", "1,2,4,4,4"), "makes no sense"),
    "matmul-features": (one("MatMul(x, w)", "float[3,2] w = {1,1,1,1,1,1}", "1,2"), "cannot multiply"),
    "matmul-two": (one("MatMul(x, x)", "", "1,2,2"), "MatMul of two activations"),
    "matmul-vector": (one("MatMul(x, w)", "float[2] w = {1,1}", "1,2"), "cannot multiply"),
    "gemm-trans-a": (one("Gemm<transA: int = 1>(x, w)", "float[2,2] w = {1,1,1,1}", "1,2"), "transA=1"),
    "gemm-features": (one("Gemm<transB: int = 1>(x, w)", "float[2,3] w = {1,1,1,1,1,1}", "1,2"), "cannot multiply"),
    "reshape-size": (one("Reshape(x, s)", "int64[2] s = {1, 5}"), "Reshape cannot make"),
    "reshape-batch": (one("Reshape(x, s)", "int64[2] s = {2, 16}"), "moves the batch axis"),
    "reshape-copy": (one("Reshape(x, s)", "int64[6] s = {1, 2, 4, 4, 1, 0}"), "Reshape cannot make"),
    "reshape-computed": (one("Reshape(x, x)"), "computed shape"),
    "transpose-perm": (one("Transpose<perm: ints = [0, 1, 1, 2]>(x)"), "Transpose by"),
    "transpose-batch": (one("Transpose<perm: ints = [1, 0]>(x)", "", "1,1"), "moves the batch axis"),
    "gather-axis": (one("Gather<axis: int = 7>(x, i)", "int64 i = {0}"), "Gather along an axis"),
    "unsqueeze-axis": (one("Unsqueeze(x, i)", "int64[1] i = {9}"), "Unsqueeze is malformed"),
    "attribute-kind": (one('MaxPool<kernel_shape: string = "2x2">(x)'), "attribute kernel_shape of the wrong kind"),
    "quant-arity": (one(Q.replace(", b)", ")"), QC), "takes 4 inputs"),
    "quant-scale": (one(Q, QC.replace("0.5", "0")), "scale is not positive"),
    "quant-negative": (one(Q, QC.replace("0.5", "-0.5")), "scale is not positive"),
    "quant-computed": (one(Q.replace("s,", "x,"), QC), "scale is not a finite constant"),
    "quant-zero": (one(Q.replace("z,", "x,"), QC), "zero point is not a finite constant"),
    "quant-bits": (one(Q, QC.replace("{3}", "{2.5}")), "bit width"),
    "quant-no-bits": (one(Q, QC.replace("{3}", "{0}")), "bit width"),
    "quant-mode": (one(Q.replace("MODE", "STOCHASTIC"), QC), "rounding mode STOCHASTIC is not known"),
    "bipolar-arity": (one("qonnx.custom_op.general.BipolarQuant(x)"), "takes 2 inputs"),
    "bipolar-scale": (one("qonnx.custom_op.general.BipolarQuant(x, s)", "float s = {0}"), "scale is not positive"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_node_and_remedy(text: str, what: str) -> None:
    text = text.replace("MODE", "ROUND")
    with pytest.raises(CompileError, match=what) as caught:
        imported(text)
    assert caught.value.node is not None
    assert caught.value.fix
    assert caught.value.stage == "import"
    assert caught.value.exit_code == 2


def test_an_unknown_operator_gets_the_nearest_known_name() -> None:
    node = parse(one("MaxPol<kernel_shape: ints = [2, 2]>(x)")).graph.node(0)
    with pytest.raises(CompileError, match="operator MaxPol is not supported") as caught:
        lookup(node)
    assert caught.value.fix == "did you mean 'MaxPool'?"


def test_unknown_operators_are_reported_all_at_once_in_order() -> None:
    text = "g (float[1,4] x) => (float y) { a = LSTM(x) b = Relu(a) c = Einsum(b) y = mine.Softmin(c) }"
    with pytest.raises(CompileErrors) as caught:
        imported(text)
    assert [e.what for e in caught.value.errors] == [
        "operator LSTM is not supported", "operator Einsum is not supported", "operator Softmin is not supported",
    ]  # fmt: skip
    assert str(caught.value).count("  fix   ") == 3
    assert str(caught.value).count("  node  ") == 3


def test_every_operator_module_is_found_and_every_name_is_unique() -> None:
    assert len(ops()) == len({(o.domain, o.name) for o in ops().values()})
    assert all((op.domain, op.name) == key for key, op in ops().items())
