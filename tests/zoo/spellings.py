"""More random graphs: operators of FINN, ONNX's own quantisers, channels-last files, shapes computed at run time.

As `networks.Graph`, with what exporters put around layers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from onnx import helper
from tests.zoo.networks import ENDS, LAST, Graph

from cardc.ops.base import QONNX


class Spelt(Graph):
    """A Graph whose steps may be any that the importer has a rule for."""

    def __post_init__(self) -> None:
        self.ends = (*ENDS, "TopK", "LogSoftmax", "Sigmoid")
        self.modern = self.seed % 2 == 1
        super().__post_init__()
        self.general = 2 if self.modern else 1
        self.batch = "N" if self.chance(0.3) else 1

    def steps(self) -> tuple[Callable[[], None], ...]:
        more = (self.truncated, self.counted, self.turned, self.squeezed, self.blocks, self.last_axis, self.three)
        return (self.layer, self.layer, self.pool, self.average, self.moved, self.residual, *more)

    def entrance(self) -> None:
        """The input scaled, as exporters of images do, and quantised."""
        if self.chance(0.4):
            self.apply("Div", self.constant(2.0 if self.exact else 1.9))
            self.apply("Mul", self.constant(4.0))
            self.apply("Sub", self.constant(0.25))
        self.quantiser()

    def quantiser(self) -> None:
        """Sometimes as QuantizeLinear, Clip and DequantizeLinear."""
        if self.chance(0.8):
            return super().quantiser()
        kind = np.int8 if self.chance(0.5) else np.uint8
        zero = int(self.rng.integers(-3, 4)) if kind is np.int8 else int(self.rng.integers(0, 9))
        scale = self.constant(self.scale())
        self.apply("QuantizeLinear", scale, self.constant(zero, kind))
        if self.chance(0.4):
            self.apply("Clip", *(self.constant(v, kind) for v in (max(0, zero - 4), zero + 7)))
        self.apply("DequantizeLinear", scale, self.constant(zero, kind))
        return None

    def truncated(self) -> None:
        """Integers whose low bits are dropped, in the form of the version of QONNX's operators."""
        scale, bits, less, signed = self.scale(), int(self.rng.integers(3, 8)), int(self.rng.integers(1, 3)), 1
        numbers = [self.constant(v) for v in (scale, 0.0, bits)]
        self.last = self.node(
            "Quant", [self.last, *numbers], domain=QONNX, signed=signed, narrow=0, rounding_mode="ROUND"
        )
        last = [self.constant(bits - less)]
        if self.modern:
            last = [self.constant(scale * 2.0**less), *last]
        flags = {"signed": signed, "narrow": 0} if self.modern else {}
        self.last = self.node("Trunc", [self.last, *numbers, *last], domain=QONNX, rounding_mode="FLOOR", **flags)

    def counted(self) -> None:
        """A layer and FINN's MultiThreshold, for each channel or for all."""
        if len(self.shape) not in (1, 3):
            return self.layer()
        self.layer_alone()
        self.chain()
        rows, levels = self.shape[0] if self.chance(0.6) else 1, int(self.rng.integers(1, 8))
        t = np.sort(self.rng.integers(-24, 25, (rows, levels)) / 4 + (0 if self.exact else 0.0371), axis=1)
        named: dict[str, object] = {"data_layout": "NCHW" if len(self.shape) == 3 else "NC"}
        self.last = self.node(
            "MultiThreshold", [self.last, self.constant(t)], domain=QONNX, out_dtype="INT8", out_scale=0.5,
            out_bias=float(self.rng.integers(-4, 1)), **named,
        )  # fmt: skip
        return None

    def layer_alone(self) -> None:
        if len(self.shape) == 1:
            self.dense(int(self.rng.integers(2, 6)))
        else:
            self.conv()

    def turned(self) -> None:
        """Rows and columns exchanged, before or behind a quantiser."""
        if len(self.shape) != 3:
            return self.layer()
        if self.chance(0.5):
            self.layer_alone()
            self.apply("Relu")
        c, h, w = self.shape
        self.apply("Transpose", perm=[0, 1, 3, 2])
        self.shape = (c, w, h)
        self.quantiser()
        return None

    def squeezed(self) -> None:
        """An axis of one that comes and goes, as old exports of BatchNormalization on vectors have it."""
        if len(self.shape) != 1:
            return self.moved()
        self.layer_alone()
        axes = self.constant([2], np.int64)
        self.apply("Unsqueeze", axes)
        if self.chance(0.7):
            self.norm()
        self.apply("Squeeze", axes)
        self.quantiser()
        return None

    def blocks(self) -> None:
        if len(self.shape) != 3:
            return self.layer()
        c, h, w = self.shape
        if h % 2 == w % 2 == 0 and self.chance(0.9):
            self.quantised_last()
            self.apply("SpaceToDepth", blocksize=2)
            self.shape = (4 * c, h // 2, w // 2)
            return None
        kernel = self.weight(4, c, 1, 1, axis=0)
        self.apply("Conv", kernel, kernel_shape=[1, 1])
        self.apply("DepthToSpace", blocksize=2, mode=str(self.rng.choice(["DCR", "CRD"])))
        self.shape = (1, 2 * h, 2 * w)
        self.quantiser()
        return None

    def last_axis(self) -> None:
        """A convolution and perhaps a maximum with channels last, between two transpositions."""
        if len(self.shape) != 3 or min(self.shape[1:]) < 2:
            return self.layer()
        c, h, w = self.shape
        out = int(self.rng.integers(1, 4))
        self.apply("Transpose", perm=[0, 2, 3, 1])
        weight = self.quantised(self.constant(self.rng.normal(0, 2, (out, 2, 2, c))), self.scale(), weight=True)
        self.last = self.node(
            "Conv", [self.last, weight], domain=LAST, kernel_shape=[2, 2], pads=[0, 0, 1, 1], strides=[1, 1]
        )
        self.apply("Relu")
        self.quantised_last()
        if self.chance(0.4):
            self.last = self.node("MaxPool", [self.last], domain=LAST, kernel_shape=[2, 2], strides=[2, 2])
            h, w = h // 2, w // 2
        self.apply("Transpose", perm=[0, 3, 1, 2])
        self.shape = (out, h, w)
        return None

    def quantised_last(self) -> None:
        """One scale, whatever axis the channels lie along."""
        self.last = self.quantised(self.last, self.scale())

    def three(self) -> None:
        """Three tensors joined, of one scale."""
        if prod(self.shape) > 200:
            return self.layer()
        parts = [self.last]
        scale = self.scale()
        for _ in range(2):
            self.last = parts[0]
            self.branch()
            self.last = self.quantised(self.last, scale)
            parts.append(self.last)
        parts[0] = self.quantised(parts[0], scale)
        self.last = self.node("Concat", parts, axis=1)
        self.shape = (3 * self.shape[0], *self.shape[1:])
        return None

    def flatten(self) -> None:
        """Sometimes to a shape computed from the tensor's own."""
        if self.chance(0.5):
            return super().flatten()
        shape = self.node("Shape", [self.last])
        first = self.node("Gather", [shape, self.constant(0, np.int64)], axis=0)
        first = self.node("Unsqueeze", [first, self.constant([0], np.int64)])
        target = self.node("Concat", [first, self.constant([-1], np.int64)], axis=0)
        self.apply("Reshape", target)
        self.shape = (prod(self.shape),)
        return None

    def finish(self) -> None:
        super().finish()
        if self.end in ("LogSoftmax", "Sigmoid"):
            self.apply(self.end)
        elif self.end == "TopK":
            outputs = ["values", "indices"]
            inputs = [self.last, self.constant([2], np.int64)]
            self.nodes.append(helper.make_node("TopK", inputs, outputs, name="top", axis=-1))
            self.last = "indices"
