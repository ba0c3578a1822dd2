"""Small integer graphs for the tests: what the passes produce, built by hand and filled from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from cardc.ops.base import CARDC, ONNX, Array
from cardc.ops.graph import add_initializer, make_node
from cardc.ops.linear import channel_ranges
from cardc.ops.qtype import QType, qtype

BIPOLAR = QType(-1, 1, (1.0,), 2)


def uint(bits: int) -> QType:
    return QType(0, 2**bits - 1)


@dataclass
class IntegerGraph:
    """Builds `float x -> Threshold -> layers -> integer logits` at the integer level, one call a layer.

    >>> g = IntegerGraph((1, 8, 8), uint(4), seed=0).conv(8).requantize(uint(4)).maxpool().flatten().dense(10)
    >>> model = g.model()
    """

    shape: tuple[int, ...]
    input_type: QType
    seed: int = 0
    graph: ir.Graph = field(init=False)
    last: ir.Value = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        x = ir.Value(name="x", shape=ir.Shape((1, *self.shape)), type=ir.TensorType(ir.DataType.FLOAT))
        self.graph = ir.Graph([x], [], nodes=[], opset_imports={"": 17, CARDC: 1}, name="test")
        q = self.input_type
        t = np.linspace(0.1, 0.9, q.levels - 1, dtype=np.float32).reshape(1, -1)
        t_value = add_initializer(self.graph, "x_thresholds", t)
        self._add(CARDC, "Threshold", [x, t_value], q=q, attributes={"base": q.lo})

    def _add(self, domain: str, op: str, inputs: list[ir.Value], **kw: object) -> IntegerGraph:
        self.count += 1
        node = make_node(domain, op, inputs, name=f"n{self.count}_{op.lower()}", out=f"t{self.count}", **kw)  # type: ignore[arg-type]
        self.graph.append(node)
        self.last = node.outputs[0]
        return self

    def ternary(self, shape: tuple[int, ...], density: float, *, binary: bool = False) -> Array:
        w = self.rng.choice([-1, 1], size=shape)
        return w if binary else w * (self.rng.random(shape) < density)

    def conv(
        self, out: int, kernel: tuple[int, ...] = (3, 3), *, pads: int = 1, stride: int = 1, density: float = 0.3,
        group: int = 1, weights: Array | None = None,
    ) -> IntegerGraph:  # fmt: skip
        channels = int(self.last.shape[1]) // group  # type: ignore[index, arg-type]
        w = weights if weights is not None else self.ternary((out, channels, *kernel), density)
        wq = QType(int(min(w.min(), 0)), int(max(w.max(), 1)), (0.125,))
        rank = len(kernel)
        attributes = {
            "kernel_shape": kernel,
            "pads": [pads] * 2 * rank,
            "strides": [stride] * rank,
            "group": group,
        }
        return self._add(CARDC, "Conv", [self.last, add_initializer(self.graph, "w", w, wq)], attributes=attributes)

    def dense(
        self, out: int, *, density: float = 0.3, binary: bool = False, weights: Array | None = None
    ) -> IntegerGraph:
        features = int(self.last.shape[1])  # type: ignore[index, arg-type]
        w = weights if weights is not None else self.ternary((features, out), density, binary=binary)
        wq = BIPOLAR if binary else QType(int(min(w.min(), 0)), int(max(w.max(), 1)), (0.125,))
        return self._add(CARDC, "MatMul", [self.last, add_initializer(self.graph, "w", w, wq)])

    def threshold(self, q: QType, *, falling: float = 0.0) -> IntegerGraph:
        """Random thresholds in the accumulator's range; a share `falling` of the channels has d = -1."""
        lo, hi = self._channel_ranges()
        channels = lo.size
        span = self.rng.random((channels, q.levels - 1))
        d = np.where(self.rng.random(channels) < falling, -1, 1)
        low, high = np.where(d > 0, lo, -hi), np.where(d > 0, hi, -lo)
        t = np.sort(np.round(low[:, None] + span * (high - low + 1)[:, None]), axis=1).astype(np.int64)
        inputs = [self.last, add_initializer(self.graph, "t", t, QType(int(t.min()), int(t.max())))]
        if falling:
            inputs.append(add_initializer(self.graph, "d", d, QType(-1, 1)))
        return self._add(CARDC, "Threshold", inputs, q=q, attributes={"base": q.lo})

    def threshold_on_range(self, q: QType) -> IntegerGraph:
        """Thresholds spread evenly over the range of whatever came last, alike in all channels."""
        from_ = qtype(self.last)
        t = np.linspace(from_.lo, from_.hi, q.levels + 1)[1:-1].round().astype(np.int64).reshape(1, -1)
        value = add_initializer(self.graph, "t", t, QType(int(t.min()), int(t.max())))
        return self._add(CARDC, "Threshold", [self.last, value], q=q, attributes={"base": q.lo})

    def requantize(self, q: QType, shift: int = 12) -> IntegerGraph:
        lo, hi = self._channel_ranges()
        m = np.maximum(1, (q.levels << shift) // np.maximum(1, hi - lo + 1)).astype(np.int64)
        m[::3] *= -1
        b = np.where(m > 0, -lo * m, -hi * m) + (q.lo << shift) - (1 << shift) * q.levels // 4
        return self._add(
            CARDC, "Requantize",
            [self.last, add_initializer(self.graph, "m", m, QType(int(m.min()), int(m.max()))),
             add_initializer(self.graph, "b", b, QType(int(b.min()), int(b.max())))],
            q=q, attributes={"shift": shift},
        )  # fmt: skip

    def scaled(self, q: QType, spread: float, shift: int = 12) -> IntegerGraph:
        """Requantised as trained layers are: a sum of about `spread` is the highest level, each channel has a scale."""
        channels = self._channel_ranges()[0].size
        m = np.round(q.levels / spread * 2**shift * np.linspace(0.8, 1.2, channels)).astype(np.int64)
        inputs = [self.last]
        inputs += [add_initializer(self.graph, n, v, QType(0, int(v.max()))) for n, v in (("m", m), ("b", m // 2))]
        return self._add(CARDC, "Requantize", inputs, q=q, attributes={"shift": shift})

    def _channel_ranges(self) -> tuple[Array, Array]:
        node = self.last.producer()
        assert node is not None
        data, weights = node.inputs
        assert data is not None
        assert weights is not None
        assert weights.const_value is not None
        w = weights.const_value.numpy().astype(np.int64)
        rows = w.T if node.op_type == "MatMul" else w.reshape(w.shape[0], -1)
        return channel_ranges(rows, qtype(data), node.op_type == "Conv")

    def maxpool(self, kernel: int = 2) -> IntegerGraph:
        rank = len(self.last.shape) - 2  # type: ignore[arg-type]
        attributes = {"kernel_shape": [kernel] * rank, "strides": [kernel] * rank}
        return self._add(CARDC, "MaxPool", [self.last], attributes=attributes)

    def flatten(self) -> IntegerGraph:
        return self._add(ONNX, "Flatten", [self.last])

    def model(self) -> ir.Model:
        self.graph.outputs.append(self.last)
        return ir.Model(self.graph, ir_version=10)

    def inputs(self, n: int = 20) -> Array:
        return self.rng.random((n, *self.shape)).astype(np.float32)
