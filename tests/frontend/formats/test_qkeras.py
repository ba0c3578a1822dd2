"""QKeras models as they come through QONNX: powers of two, channels last, biases quantised, normalisation not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.frontend.formats.oracle import GENERAL, Builder, check, operators, samples


def quantized_bits(b: Builder, x: str, bits: int, integer: int) -> str:
    """quantized_bits(bits, integer, alpha=1): a step of 2^(integer + 1 - bits)."""
    return b.quant(x, 2.0 ** (integer + 1 - bits), bits)


def quantized_relu(b: Builder, x: str, bits: int, integer: int) -> str:
    return b.quant(b.op("Relu", x), 2.0 ** (integer - bits), bits, signed=0)


def kernel(b: Builder, *shape: int, bits: int = 4) -> str:
    return quantized_bits(b, b.const(b.rng.uniform(-1, 1, shape)), bits, 0)


def bias(b: Builder, n: int) -> str:
    return quantized_bits(b, b.const(b.rng.uniform(-1, 1, n)), 6, 0)


def norm(b: Builder, x: str, n: int) -> str:
    """A BatchNormalization that tf2onnx could not fold: Keras' numbers, no short fractions, gamma of either sign."""
    gamma, beta, mean = (b.rng.uniform(-1.5, 1.5, n) for _ in range(3))
    parameters = [b.const(v) for v in (gamma, beta, mean, b.rng.uniform(0.5, 2, n))]
    return b.op("BatchNormalization", x, *parameters, epsilon=1e-3)


def dense(b: Builder, x: str, k: int, n: int) -> str:
    return b.op("Add", b.op("MatMul", x, kernel(b, k, n)), bias(b, n))


def conv(b: Builder, x: str, k: int, i: int, o: int, **attributes: object) -> str:
    """QConv2D: weights [k, k, I, O], Conv between transpositions, the bias behind them."""
    w = b.op("Transpose", kernel(b, k, k, i, o), perm=[3, 2, 0, 1])
    y = b.op("Conv", b.op("Transpose", x, perm=[0, 3, 1, 2]), w, **attributes)
    return b.op("Add", b.op("Transpose", y, perm=[0, 2, 3, 1]), bias(b, o))


def test_jet_tagger() -> None:
    """The 16-64-32-32-5 network, its input quantised, softmax at the end."""
    b = Builder([1, 16], opset=13)
    h = quantized_bits(b, "x", 8, 3)
    for k, n in ((16, 64), (64, 32), (32, 32)):
        h = quantized_relu(b, norm(b, dense(b, h, k, n), n), 6, 1)
    _, integer = check(b.model(b.op("Softmax", dense(b, h, 32, 5), axis=-1)), samples((16,), 32), at_least=4)
    assert operators(integer).count("MatMul") == 4


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_weights_of_few_and_many_bits(bits: int) -> None:
    b = Builder([1, 12], opset=13)
    h = quantized_bits(b, "x", 6, 2)
    w = b.const(b.rng.uniform(-1, 1, (12, 8)))
    binary = bits == 1  # binary(alpha=0.5); two bits are ternary()
    w = b.op("BipolarQuant", w, b.const(0.5), domain=GENERAL) if binary else b.quant(w, 0.25, bits, narrow=1)
    check(b.model(quantized_relu(b, b.op("MatMul", h, w), 4, 2)), samples((12,), 32), at_least=2)


def test_convolutional_network() -> None:
    """Convolutions, pools, flattening and dense layers, channels last; one input channel, as MNIST has."""
    b = Builder([1, 10, 10, 1], opset=13)
    h = quantized_relu(b, conv(b, quantized_bits(b, "x", 8, 3), 3, 1, 4), 4, 1)
    h = b.op("Transpose", h, perm=[0, 3, 1, 2])
    h = b.op("Transpose", b.op("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2]), perm=[0, 2, 3, 1])
    h = quantized_relu(b, conv(b, h, 3, 4, 6, auto_pad="SAME_UPPER"), 4, 2)
    h = quantized_relu(b, dense(b, b.op("Reshape", h, b.const([-1, 96], np.int64)), 96, 10), 6, 3)
    _, integer = check(b.model(dense(b, h, 10, 3)), samples((10, 10, 1), 8), at_least=5)
    assert "Transpose" not in operators(integer)


def test_depthwise_separable_blocks() -> None:
    b = Builder([1, 8, 8, 3], opset=13)
    h = quantized_bits(b, "x", 6, 2)
    for i, o in ((3, 4), (4, 6)):
        w = b.op("Transpose", kernel(b, 3, 3, i, 1), perm=[2, 3, 0, 1])
        y = b.op("Conv", b.op("Transpose", h, perm=[0, 3, 1, 2]), w, group=i, auto_pad="SAME_UPPER", strides=[2, 2])
        h = quantized_relu(b, b.op("Add", b.op("Transpose", y, perm=[0, 2, 3, 1]), bias(b, i)), 4, 1)
        h = quantized_relu(b, conv(b, h, 1, i, o), 4, 1)
    h = b.op("ReduceMean", h, axes=[1, 2], keepdims=0)
    _, integer = check(b.model(dense(b, h, 6, 4)), samples((8, 8, 3), 8), at_least=5)
    assert operators(integer).count("Transpose") == 1


def test_residual_block_of_channels_last_maps() -> None:
    b = Builder([1, 6, 6, 4], opset=13)
    h = quantized_bits(b, "x", 4, 1)
    branch = quantized_relu(b, conv(b, h, 3, 4, 4, pads=[1] * 4), 4, 1)
    branch = quantized_bits(b, conv(b, branch, 3, 4, 4, pads=[1] * 4), 4, 1)
    y = quantized_relu(b, b.op("Add", branch, h), 4, 1)
    check(b.model(y), samples((6, 6, 4), 8), at_least=4)
