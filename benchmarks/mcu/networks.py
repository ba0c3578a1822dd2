"""The topologies of MLPerf Tiny as cardc means them: ternary weights, 90 % of them zero, and activations of 4 bits;
ResNet-8 with dense 4-bit weights beside it.

Weights are random, of a fixed seed; scales are such that activations use their levels. What is counted is the whole
network in C, compiled for the core, by `cardc.compile`. Topologies: Banbury et al., "MLPerf Tiny Benchmark" (2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]
DOMAIN = "qonnx.custom_op.general"
SPREAD = 2.5  # standard deviations that the levels of an activation reach


@dataclass
class Net:
    """A QONNX graph under construction: the last tensor, its scale and its root mean square in levels."""

    shape: tuple[int, ...]
    density: float = 0.1
    bits: int = 4
    per_filter: bool = False  # a scale for each filter instead of one for all
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    last: str = "x"
    scale: float = 1.0
    rms: float = 1.0
    seed: int = 7

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.quant(8 if len(self.shape) == 3 and self.shape[0] == 3 else self.bits, 1 / 128, signed=True)
        self.rms = 2.0 ** (8 if self.shape[0] == 3 else self.bits) / 3.5

    def constant(self, value: object) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def node(self, op: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        out = f"t{len(self.nodes)}"
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], domain=domain, name=name, **attributes))
        self.last = out
        return out

    def quant(self, bits: int, scale: Any, *, signed: bool, source: str | None = None, narrow: bool = False) -> str:
        inputs = [source or self.last, self.constant(scale), self.constant(0.0), self.constant(float(bits))]
        where: dict[str, Any] = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND"}
        out = self.node("Quant", inputs, DOMAIN, **where)
        if source is None:
            self.scale = scale
        return out

    def weights(self, shape: tuple[int, ...], bits: int) -> str:
        """Ternary ones of this network's density, or dense ones of `bits` bits."""
        if bits == 2:
            w = np.where(self.rng.random(shape) < self.density, self.rng.choice([-1, 1], shape), 0)
        else:
            w = self.rng.integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), shape)
        self.fan = max(1.0, float((w.astype(np.float64) ** 2).sum() / (shape[0] if len(shape) == 4 else shape[1])))
        self.unit = 1 / 128 if bits == 8 else 1.0  # many layers of 8 bits would leave single precision
        scale: Any = self.unit
        if self.per_filter and len(shape) == 4:
            scale = self.rng.uniform(0.7, 1.4, (shape[0], 1, 1, 1))
        last, out = self.last, self.quant(bits, scale, signed=True, source=self.constant(w * scale), narrow=True)
        self.last = last
        return out

    def activate(self, *, signed: bool = False, scale: float | None = None) -> Net:
        """A quantiser behind a sum, with a ReLU in front where it is unsigned."""
        reach = SPREAD * self.scale * self.unit * self.rms * np.sqrt(self.fan)
        if not signed:
            self.node("Relu", [self.last])
        bits = self.bits + int(signed)
        self.quant(bits, scale or float(reach) / (2**self.bits - 1), signed=signed, narrow=signed)
        self.rms = 2.0**self.bits / 3.5
        return self

    def conv(self, out: int, kernel: int | tuple[int, int], stride: int = 1, *, bits: int = 2, group: int = 1) -> Net:
        channels, (kh, kw) = self.shape[0], (kernel, kernel) if isinstance(kernel, int) else kernel
        size = [-(-n // stride) for n in self.shape[1:]]
        # As TensorFlow pads "same": the odd one behind.
        need = [max(0, (o - 1) * stride + k - n) for o, k, n in zip(size, (kh, kw), self.shape[1:], strict=True)]
        pads = [need[0] // 2, need[1] // 2, need[0] - need[0] // 2, need[1] - need[1] // 2]
        w = self.weights((out, channels // group, kh, kw), bits)
        self.node("Conv", [self.last, w], kernel_shape=[kh, kw], strides=[stride, stride], pads=pads, group=group)
        self.shape = (out, *size)
        return self

    def dense(self, out: int, *, bits: int = 2) -> Net:
        self.node("MatMul", [self.last, self.weights((int(np.prod(self.shape)), out), bits)])
        self.shape = (out,)
        return self

    def pool(self) -> Net:
        """Global average, requantised, flat."""
        self.node("GlobalAveragePool", [self.last])
        self.quant(self.bits, self.scale, signed=False)
        self.node("Flatten", [self.last], axis=1)
        self.shape = self.shape[:1]
        return self

    def model(self, shape: tuple[int, ...]) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, [1, *self.shape])
        graph = helper.make_graph(self.nodes, "network", [x], [y], self.constants)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def resnet8(bits: int = 2, seed: int = 7, *, per_filter: bool = False) -> onnx.ModelProto:
    """Image classification: ResNet-8 on 32x32x3, 12.5 M multiply-accumulates; ternary, or dense weights of `bits`."""
    net = Net((3, 32, 32), seed=seed, per_filter=per_filter).conv(16, 3, bits=bits).activate()
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        skip, scale, rms, shape = net.last, net.scale, net.rms, net.shape
        net.conv(channels, 3, stride, bits=bits).activate().conv(channels, 3, bits=bits)
        if stride == 1:
            main = net.activate(signed=True, scale=scale).last
        else:
            main = net.activate(signed=True).last
            common, size = net.scale, net.shape
            net.last, net.scale, net.rms, net.shape = skip, scale, rms, shape
            skip = net.conv(channels, 1, stride, bits=bits).activate(signed=True, scale=common).last
            net.shape = size
        net.node("Add", [main, skip])
        net.node("Relu", [net.last])
        net.quant(net.bits, net.scale, signed=False)
    return net.pool().dense(10, bits=bits).model((3, 32, 32))


def ds_cnn() -> onnx.ModelProto:
    """Keyword spotting: DS-CNN on 49x10, 2.7 M multiply-accumulates; depthwise weights are dense, of 4 bits."""
    net = Net((1, 49, 10)).conv(64, (10, 4), 2, bits=4).activate()
    for _ in range(4):
        net.conv(64, 3, bits=4, group=64).activate().conv(64, 1).activate()
    return net.pool().dense(12, bits=4).model((1, 49, 10))


def mobilenet(pointwise: int = 8, bits: int = 8) -> onnx.ModelProto:
    """Visual wake words: MobileNet v1 of a quarter of the width on 96x96x3, 7.5 M multiply-accumulates. Weights of 8
    bits, those of pointwise layers of `pointwise` (2: ternary); activations of `bits`."""
    net = Net((3, 96, 96), bits=bits).conv(8, 3, 2, bits=8).activate()
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    widths = (16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256)
    for stride, width in zip(strides, widths, strict=True):
        channels = net.shape[0]
        net.conv(channels, 3, stride, bits=8, group=channels).activate().conv(width, 1, bits=pointwise).activate()
    return net.pool().dense(2, bits=8).model((3, 96, 96))


def autoencoder() -> onnx.ModelProto:
    """Anomaly detection: 640, 4 x 128, 8, 4 x 128, 640; 0.26 M multiply-accumulates."""
    net = Net((640,))
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        net.dense(width).activate()
    return net.dense(640).model((640,))


NETWORKS: tuple[tuple[str, str, Callable[[], onnx.ModelProto]], ...] = (
    ("ResNet-8, ternary 90 % sparse, 4-bit activations", "IC ResNet-8", resnet8),
    (
        "ResNet-8, ternary 90 % sparse with a scale a filter, 4-bit activations",
        "IC ResNet-8",
        lambda: resnet8(per_filter=True),
    ),
    ("ResNet-8, dense 4-bit weights, 4-bit activations", "IC ResNet-8", lambda: resnet8(bits=4)),
    ("DS-CNN, pointwise ternary 90 % sparse, depthwise 4-bit", "KWS DS-CNN", ds_cnn),
    ("MobileNet, weights and activations of 8 bits", "VWW MobileNet", mobilenet),
    (
        "MobileNet, pointwise ternary 90 % sparse, depthwise 8-bit, 4-bit activations",
        "VWW MobileNet",
        lambda: mobilenet(2, 4),
    ),
    ("autoencoder, ternary 90 % sparse, 4-bit activations", "AD autoencoder", autoencoder),
)
