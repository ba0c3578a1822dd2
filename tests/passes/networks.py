"""Random small QONNX networks, built with onnx and run by qonnx: the oracle of the whole-chain tests."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from cardc.ops.base import Array

DOMAIN = "qonnx.custom_op.general"
MODES = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]
F = np.float32


@dataclass
class Network:
    """Grows a random network from a seed.

    `exact`: every scale a power of two and every other constant a short binary fraction, so that float32 sums
    without rounding and every executor must agree to the bit.
    """

    seed: int
    exact: bool
    shape: tuple[int, ...] = ()
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    last: str = "x"
    count: int = 0
    unit: float = 1.0
    scales: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Scale and rounding mode of each activation's quantiser, by the name of its output."""

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        r = self.rng
        self.shape = (int(r.integers(1, 3)), *(int(n) for n in r.integers(4, 7, 2))) if r.random() < 0.6 else (6,)
        self.input_shape = self.shape
        self.quantiser()
        for _ in range(int(r.integers(1, 4))):
            if len(self.shape) == 3 and r.random() < 0.3:
                self.flatten()
            step = r.choice([self.layer, self.layer, self.layer, self.residual, self.joined, self.average])
            step()
        if len(self.shape) == 3:
            self.flatten()
        self.dense(3)
        self.nodes[-1].output[0] = "y"

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def constant(self, value: object, stem: str = "k") -> str:
        name = self.name(stem)
        integers = isinstance(value, np.ndarray) and value.dtype == np.int64
        self.arrays[name] = np.asarray(value, np.int64 if integers else F)
        return name

    def node(self, op: str, inputs: list[str], *, domain: str = "", **attributes: object) -> str:
        out = self.name("t")
        self.nodes.append(helper.make_node(op, inputs, [out], name=f"n_{out}", domain=domain, **attributes))
        return out

    def scale(self) -> float:
        if self.exact:
            return float(2.0 ** self.rng.integers(-3, 2))
        return float(F(self.rng.uniform(0.05, 1.5)))

    def fractions(self, *shape: int) -> Array:
        """Numbers for biases and the like."""
        values = self.rng.integers(-12, 13, shape) / 8 if self.exact else self.rng.normal(0, 1, shape)
        return values.astype(F)

    def bits(self, least: int, wide: int) -> int:
        """`least` to 16, most often below `wide`."""
        return int(self.rng.integers(least, wide) if self.rng.random() < 0.8 else self.rng.integers(wide, 17))

    def quantised(self, x: str, *, bits: int, signed: int, scale: object, zero: int = 0) -> tuple[str, str]:
        mode = str(self.rng.choice(MODES))
        narrow = int(self.rng.integers(2)) if bits > 1 else 0
        inputs = [x, self.constant(scale, "s"), self.constant(zero, "z"), self.constant(bits, "b")]
        out = self.node("Quant", inputs, domain=DOMAIN, signed=signed, narrow=narrow, rounding_mode=mode)
        return out, mode

    def quantiser(self, scale: float | None = None) -> None:
        """On the last activation; of a given scale where tensors are joined."""
        free, mode = scale is None, "SIGN"
        scale = scale or self.scale()
        self.unit = scale
        if self.rng.random() < 0.3:
            self.last = self.node("BipolarQuant", [self.last, self.constant(scale, "s")], domain=DOMAIN)
        else:
            bits, zero = self.bits(1, 6), int(self.rng.choice([0, 0, 0, 1, -2]))
            signed = int(self.rng.integers(2))
            given: object = scale
            if free and self.exact and self.rng.random() < 0.2:
                # One scale a channel; `unit` is theirs only where nothing is joined with them.
                given = (2.0 ** self.rng.integers(-2, 2, self.shape[0])).reshape(1, -1, *(1,) * (len(self.shape) - 1))
            self.last, mode = self.quantised(
                self.last, bits=bits, signed=signed, scale=given, zero=zero if bits > 1 or not signed else 0
            )
        self.scales[self.last] = (scale, mode)

    def weight(self, *shape: int, axis: int) -> str:
        """A quantised, perhaps masked weight with one scale or one a channel."""
        values = self.rng.normal(0, 1, shape).astype(F)
        per_channel = [shape[axis] if a == axis else 1 for a in range(len(shape))]
        scale: object = self.scale()
        if self.rng.random() < 0.4:
            scale = np.asarray([self.scale() for _ in range(shape[axis])], F).reshape(per_channel)
        if self.rng.random() < 0.6:
            w = self.node("BipolarQuant", [self.constant(values, "w"), self.constant(scale, "s")], domain=DOMAIN)
        else:
            w, _ = self.quantised(self.constant(values * 2, "w"), bits=self.bits(2, 5), signed=1, scale=scale)
        if self.rng.random() < 0.6:
            mask = (self.rng.random(shape) < 0.6).astype(F)
            w = self.node("Mul", [w, self.constant(mask, "m")])
        return w

    def layer(self) -> None:
        """Conv or dense, then a random chain, then a quantiser; a pool somewhere."""
        if len(self.shape) == 3:
            self.conv()
        else:
            self.dense(int(self.rng.integers(2, 6)))
        pool = self.rng.random() < 0.4 and len(self.shape) == 3 and min(self.shape[1:]) >= 2
        before = self.rng.random() < 0.5
        self.bias_or_norm()
        if self.rng.random() < 0.4:
            self.last = self.node("Relu", [self.last])
        if pool and before:
            self.pool()
        if self.rng.random() < 0.3:
            self.last = self.node("Clip", [self.last, self.constant(-0.75), self.constant(1.5)])
        self.quantiser()
        if pool and not before:
            self.pool()
        if len(self.shape) == 3 and min(self.shape[1:]) < 2:
            self.flatten()

    def branch(self) -> str:
        """A layer that keeps the shape, on the last activation; its result, which is the last activation then."""
        if len(self.shape) == 3:
            w = self.weight(self.shape[0], self.shape[0], 3, 3, axis=0)
            self.last = self.node("Conv", [self.last, w], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        else:
            self.last = self.node("MatMul", [self.last, self.weight(*self.shape * 2, axis=1)])
        return self.last

    def residual(self) -> None:
        """x + layer(x), the branch quantised to the same scale, or (with short fractions) not at all."""
        skip, unit = self.last, self.unit
        self.branch()
        if not self.exact or self.rng.random() < 0.5:
            self.bias_or_norm()
            self.quantiser(unit)
        self.last = self.node(str(self.rng.choice(["Add", "Sub"])), [skip, self.last])
        clipped = self.rng.random() < 0.5
        if clipped:
            self.last = self.node("Relu", [self.last])
        # Without a quantiser a Relu may stand in front of a layer, not of a Flatten.
        if self.rng.random() < 0.5 or not self.exact or (clipped and len(self.shape) == 3):
            self.quantiser()

    def joined(self) -> None:
        """x beside layer(x)."""
        skip, unit = self.last, self.unit
        self.branch()
        self.bias_or_norm()
        self.quantiser(None if self.exact else unit)
        self.last = self.node("Concat", [skip, self.last], axis=1)
        self.shape = (2 * self.shape[0], *self.shape[1:])

    def average(self) -> None:
        if len(self.shape) == 3 and min(self.shape[1:]) >= 2:
            self.last = self.node("AveragePool", [self.last], kernel_shape=[2, 2], strides=[2, 2])
            self.shape = (self.shape[0], self.shape[1] // 2, self.shape[2] // 2)
            self.quantiser()
        else:
            self.layer()

    def bias_or_norm(self) -> None:
        channels = self.shape[0]
        trail = (1,) * (len(self.shape) - 1)
        kind = self.rng.integers(4)
        if kind == 0:
            self.last = self.node("Add", [self.last, self.constant(self.fractions(1, channels, *trail))])
        elif kind == 1:
            self.last = self.node("Mul", [self.constant(self.fractions(1, channels, *trail)), self.last])
        elif kind == 2:
            gamma, beta, mean = (self.fractions(channels) for _ in range(3))
            var = self.rng.choice([0.25, 1.0, 4.0], channels) if self.exact else self.rng.uniform(0.2, 3, channels)
            inputs = [self.constant(v) for v in (gamma, beta, mean, var.astype(F))]
            epsilon = 0.0 if self.exact else 1e-5
            self.last = self.node("BatchNormalization", [self.last, *inputs], epsilon=epsilon)

    def conv(self) -> None:
        kernel = [int(self.rng.integers(1, min(3, n) + 1)) for n in self.shape[1:]]
        stride, pads = [int(s) for s in self.rng.integers(1, 3, 2)], [int(p) for p in self.rng.integers(0, 2, 4)]
        out = int(self.rng.integers(1, 5))
        sizes = [(n + pads[i] + pads[i + 2] - kernel[i]) // stride[i] + 1 for i, n in enumerate(self.shape[1:])]
        w = self.weight(out, self.shape[0], *kernel, axis=0)
        self.last = self.node("Conv", [self.last, w], kernel_shape=kernel, strides=stride, pads=pads)
        self.shape = (out, *sizes)

    def dense(self, out: int) -> None:
        if self.rng.random() < 0.3:
            w = self.weight(out, self.shape[0], axis=0)
            inputs = [
                self.last,
                w,
                *([self.constant(self.fractions(out))] if self.rng.random() < 0.5 and out != 3 else []),
            ]
            self.last = self.node("Gemm", inputs, transB=1)
        else:
            self.last = self.node("MatMul", [self.last, self.weight(self.shape[0], out, axis=1)])
        self.shape = (out,)

    def pool(self) -> None:
        self.last = self.node("MaxPool", [self.last], kernel_shape=[2, 2], strides=[2, 2])
        self.shape = (self.shape[0], self.shape[1] // 2, self.shape[2] // 2)

    def flatten(self) -> None:
        if self.rng.random() < 0.5:
            self.last = self.node("Flatten", [self.last])
        else:
            self.last = self.node("Reshape", [self.last, self.constant(np.asarray([0, -1]), "shape")])
        self.shape = (int(np.prod(self.shape)),)

    def model(self, batch: int = 1) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *self.input_shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3])],
            [numpy_helper.from_array(a, name) for name, a in self.arrays.items()],
        )  # fmt: skip
        imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=10)

    def inputs(self, batch: int) -> Array:
        shape = (batch, *self.input_shape)
        x = self.rng.integers(-24, 25, shape) / 8 if self.exact else self.rng.normal(0, 1.5, shape)
        return x.astype(F)

    def expected(self, x: Array) -> dict[str, Array]:
        """Every tensor, by qonnx."""
        wrapper = ModelWrapper(self.model(len(x))).transform(InferShapes())
        context: dict[str, Array] = execute_onnx(wrapper, {"x": x}, return_full_exec_context=True)
        return context
