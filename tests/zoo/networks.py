"""Random small QONNX graphs over every operator and quantiser setting, grown from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from cardc.ops.base import QONNX, Array

F = np.float32
MODES = ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
ENDS = ("logits", "bias", "quantiser", "Softmax", "ArgMax")
PICKS = ("ArgMax", "TopK")
LAST = "qonnx.custom_op.channels_last"


@dataclass
class Graph:
    """`exact`: scales are powers of two and constants short binary fractions, so that float32 never rounds a sum, as
    long as quantisers have at most 8 bits; `bits` is the most that one has."""

    seed: int
    exact: bool
    bits: int = 8
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    last: str = "x"
    batch: int | str = 1
    ends: tuple[str, ...] = ENDS
    general: int = 1
    """The version of QONNX's operators."""

    def __post_init__(self) -> None:
        self.rng = r = np.random.default_rng(self.seed)
        rank = int(r.integers(0, 3))
        self.shape: tuple[int, ...] = (int(r.integers(1, 5)), *(int(n) for n in r.integers(3, 7, rank)))
        self.input_shape = self.shape
        self.entrance()
        steps = self.steps()
        for _ in range(int(r.integers(1, 4))):
            steps[int(r.integers(len(steps)))]()
        self.finish()

    def steps(self) -> tuple[Callable[[], None], ...]:
        """What may follow the first quantiser, one to three times."""
        return (self.layer, self.layer, self.layer, self.pool, self.average, self.moved, self.residual, self.joined)

    def entrance(self) -> None:
        self.quantiser()

    # Small parts.

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def constant(self, value: object, dtype: type = F) -> str:
        name = f"k{len(self.arrays)}"
        self.arrays[name] = np.asarray(value, dtype)
        return name

    def node(self, op: str, inputs: list[str], *, domain: str = "", **attributes: object) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], name=f"n_{out}", domain=domain, **attributes))
        return out

    def apply(self, op: str, *others: str, **attributes: object) -> None:
        self.last = self.node(op, [self.last, *others], **attributes)

    def scale(self) -> float:
        return float(2.0 ** self.rng.integers(-3, 2)) if self.exact else float(F(self.rng.uniform(0.05, 1.5)))

    def numbers(self) -> Array:
        """Real numbers for the element-wise operators: one, or one a channel."""
        shape = () if self.chance(0.4) else (1, self.shape[0], *(1,) * (len(self.shape) - 1))
        values = self.rng.integers(-12, 13, shape) / 8 if self.exact else self.rng.normal(0, 1, shape)
        return np.asarray(values, F)

    # Quantisers.

    def quantised(self, x: str, scale: object, *, weight: bool = False) -> str:
        if self.chance(0.3 if weight else 0.2):
            return self.node("BipolarQuant", [x, self.constant(scale)], domain=QONNX)
        bits = int(self.rng.integers(1, self.bits + 1))
        signed, narrow = int(weight or self.chance(0.5)), int(self.chance(0.3))
        if bits == 1:
            narrow = 0
        whole = bits == 1 and signed
        zero = 0 if whole or self.chance(0.7) else int(self.rng.integers(-3, 4))
        inputs = [x, *(self.constant(v) for v in (scale, zero, bits))]
        mode = str(self.rng.choice(MODES))
        return self.node("Quant", inputs, domain=QONNX, signed=signed, narrow=narrow, rounding_mode=mode)

    def quantiser(self) -> None:
        scale: object = self.scale()
        if self.exact and self.chance(0.15):
            scale = (2.0 ** self.rng.integers(-2, 2, self.shape[0])).reshape(1, -1, *(1,) * (len(self.shape) - 1))
        self.last = self.quantised(self.last, scale)

    def weight(self, *shape: int, axis: int | None) -> str:
        """Quantised, perhaps masked; one scale, or one along `axis`."""
        scale: object = self.scale()
        if axis is not None and self.chance(0.4):
            laid = [shape[axis] if a == axis else 1 for a in range(len(shape))]
            scale = np.asarray([self.scale() for _ in range(shape[axis])]).reshape(laid)
        w = self.quantised(self.constant(self.rng.normal(0, 2, shape)), scale, weight=True)
        if self.chance(0.4):
            w = self.node("Mul", [w, self.constant(self.rng.random(shape) < 0.6)])
        return w

    # Layers and what stands behind them.

    def layer(self) -> None:
        if len(self.shape) == 1:
            self.dense(int(self.rng.integers(2, 6)))
        elif self.chance(0.25):
            self.transposed()
        else:
            self.conv()
        self.chain()
        self.quantiser()

    def conv(self) -> None:
        r, rank = self.rng, len(self.shape) - 1
        kernel = [int(r.integers(1, min(3, n) + 1)) for n in self.shape[1:]]
        strides, pads = r.integers(1, 3, rank).tolist(), r.integers(0, 2, 2 * rank).tolist()
        dilations = [
            int(r.integers(1, 3)) if 2 * (k - 1) < n else 1 for k, n in zip(kernel, self.shape[1:], strict=True)
        ]
        group = int(r.choice([g for g in range(1, self.shape[0] + 1) if self.shape[0] % g == 0]))
        out = group * int(r.integers(1, 3))
        w = self.weight(out, self.shape[0] // group, *kernel, axis=0)
        self.apply("Conv", w, kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations, group=group)
        sizes = (
            (n + pads[a] + pads[rank + a] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1
            for a, n in enumerate(self.shape[1:])
        )
        self.shape = (out, *sizes)

    def transposed(self) -> None:
        r, rank = self.rng, len(self.shape) - 1
        kernel, strides = r.integers(1, 3, rank).tolist(), r.integers(1, 3, rank).tolist()
        group = int(r.choice([g for g in range(1, self.shape[0] + 1) if self.shape[0] % g == 0]))
        out = int(r.integers(1, 3))
        w = self.weight(self.shape[0], out, *kernel, axis=1 if group == 1 else None)
        self.apply("ConvTranspose", w, kernel_shape=kernel, strides=strides, group=group)
        sizes = ((n - 1) * s + k for n, s, k in zip(self.shape[1:], strides, kernel, strict=True))
        self.shape = (out * group, *sizes)

    def dense(self, out: int) -> None:
        if self.chance(0.4):
            bias = self.constant(self.rng.integers(-8, 9, out) / 8)
            self.apply("Gemm", self.weight(out, self.shape[0], axis=0), bias, transB=1)
        else:
            self.apply("MatMul", self.weight(self.shape[0], out, axis=1))
        self.shape = (out,)

    def chain(self) -> None:
        """Up to three element-wise operators, all of which a quantiser follows."""
        for _ in range(int(self.rng.integers(0, 4))):
            op = str(self.rng.choice(["Add", "Sub", "Mul", "Div", "Neg", "Relu", "LeakyRelu", "Clip", "norm"]))
            if op in ("Add", "Sub", "Mul"):
                pair = [self.last, self.constant(self.numbers())]
                self.last = self.node(op, pair[::-1] if self.chance(0.3) else pair)
            elif op == "Div":
                signs = self.rng.choice([-1.0, 1.0], self.numbers().shape)
                self.apply("Div", self.constant(signs * (2.0 if self.exact else 1.7)))
            elif op == "LeakyRelu":
                self.apply(op, alpha=0.25 if self.exact else 0.1)
            elif op == "Clip":
                self.apply(op, self.constant(-0.75), self.constant(1.5))
            elif op == "norm":
                self.norm()
            else:
                self.apply(op)
        if self.chance(0.15):
            self.apply(str(self.rng.choice(["Sigmoid", "Tanh"])))

    def norm(self) -> None:
        c, r = self.shape[0], self.rng
        gamma, beta, mean = (r.integers(-12, 13, c) / 8 for _ in range(3))
        var = r.choice([0.25, 1.0, 4.0], c)
        inputs = [self.constant(v) for v in (gamma, beta, mean, var)]
        self.apply("BatchNormalization", *inputs, epsilon=0.0 if self.exact else 1e-5)

    # Operators without weights.

    def pool(self) -> None:
        """A maximum of quantised values, or of what a quantiser is still to come for."""
        if len(self.shape) == 1:
            return self.layer()
        early = self.chance(0.5)
        if early:
            self.conv()
            self.chain()
        kernel = [min(2, n) for n in self.shape[1:]]
        pads = [int(self.chance(0.3) and k > 1) for k in (*kernel, *kernel)]
        self.apply("MaxPool", kernel_shape=kernel, strides=[1] * len(kernel), pads=pads)
        half = len(kernel)
        self.shape = (
            self.shape[0],
            *(
                n - k + 1 + pads[a] + pads[half + a]
                for a, (n, k) in enumerate(zip(self.shape[1:], kernel, strict=True))
            ),
        )
        if early:
            self.chain()
            self.quantiser()
        return None

    def average(self) -> None:
        if len(self.shape) == 1:
            return self.layer()
        whole = self.chance(0.4) and (not self.exact or prod(self.shape[1:]) in (4, 8, 16, 32))
        if whole:
            self.apply("GlobalAveragePool")
            self.shape = (self.shape[0], *(1,) * (len(self.shape) - 1))
        else:
            kernel = [min(2, n) for n in self.shape[1:]]
            self.apply("AveragePool", kernel_shape=kernel, strides=kernel)
            self.shape = (self.shape[0], *(n // k for n, k in zip(self.shape[1:], kernel, strict=True)))
        self.chain()
        self.quantiser()
        return None

    def moved(self) -> None:
        """Larger by copies or zeros, or flat."""
        rank = len(self.shape) - 1
        if rank == 0 or self.chance(0.4):
            self.flatten()
        elif self.chance(0.5) and prod(self.shape) < 200:
            scales = self.constant([1.0, 1.0, *[2.0] * rank])
            self.last = self.node(
                "Resize", [self.last, "", scales], mode="nearest", nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            )  # fmt: skip
            self.shape = (self.shape[0], *(2 * n for n in self.shape[1:]))
        else:
            pads = self.rng.integers(0, 2, 2 * rank).tolist()
            self.apply("Pad", self.constant([0, 0, *pads[:rank], 0, 0, *pads[rank:]], np.int64))
            self.shape = (self.shape[0], *(n + pads[a] + pads[rank + a] for a, n in enumerate(self.shape[1:])))

    def flatten(self) -> None:
        if self.chance(0.5):
            self.apply("Flatten")
        else:
            self.apply("Reshape", self.constant([1, -1], np.int64))
        self.shape = (prod(self.shape),)

    def branch(self) -> None:
        c, rank = self.shape[0], len(self.shape) - 1
        if rank:
            w = self.weight(c, c, *[3] * rank, axis=0)
            self.apply("Conv", w, kernel_shape=[3] * rank, pads=[1] * 2 * rank)
        else:
            self.apply("MatMul", self.weight(c, c, axis=1))
        self.chain()

    def residual(self) -> None:
        skip = self.last
        self.branch()
        self.quantiser()
        self.last = self.node(str(self.rng.choice(["Add", "Sub"])), [skip, self.last])
        if self.chance(0.5):
            self.apply("Relu")
        self.quantiser()

    def joined(self) -> None:
        skip = self.last
        self.branch()
        self.quantiser()
        self.last = self.node("Concat", [skip, self.last], axis=1)
        self.shape = (2 * self.shape[0], *self.shape[1:])
        if not self.exact or self.chance(0.3):  # scales without a unit ask for a quantiser for all that is joined
            self.chain()
            self.quantiser()

    def finish(self) -> None:
        if len(self.shape) > 1:
            self.flatten()
        self.end = str(self.rng.choice(self.ends))
        self.apply("MatMul", self.weight(self.shape[0], 3, axis=None))
        self.shape = (3,)
        if self.end == "bias":
            self.apply("Add", self.constant(self.rng.integers(-8, 9, 3) / 8))
        elif self.end == "quantiser":
            self.chain()
            self.last = self.quantised(self.last, self.scale())
        elif self.end == "Softmax":
            self.apply("Softmax", axis=-1)
        elif self.end == "ArgMax":
            self.apply("ArgMax", axis=1, keepdims=0)

    # The whole.

    def proto(self) -> onnx.ModelProto:
        kind = TensorProto.INT64 if self.end in PICKS else TensorProto.FLOAT
        shape = {"ArgMax": [1], "TopK": [1, 2]}.get(self.end, [1, 3])
        graph = helper.make_graph(
            self.nodes, "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [self.batch, *self.input_shape])],
            [helper.make_tensor_value_info(self.last, kind, shape)],
            [numpy_helper.from_array(a, name) for name, a in self.arrays.items()],
        )  # fmt: skip
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(QONNX, self.general), helper.make_opsetid(LAST, 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def model(self) -> ir.Model:
        return ir.from_proto(self.proto())

    def inputs(self, n: int) -> Array:
        shape = (n, *self.input_shape)
        x = self.rng.integers(-24, 25, shape) / 8 if self.exact else self.rng.normal(0, 1.5, shape)
        return x.astype(F)
