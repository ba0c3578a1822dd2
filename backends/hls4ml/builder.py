"""What the lowering of every operator shares: the tensors made so far, fresh names, the choices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...identifiers import identifier
from ...ops.base import operand
from ...ops.qtype import qtype
from ...targets.base import Target
from .layer import Layer, Tensor, Weights
from .layout import Layout
from .options import Options
from .types import narrowest

# HLS tools partition arrays of up to this many elements completely (`maximum_size` of hls4ml's project.tcl).
PARALLEL_ELEMENTS = 4096
# Taps times output positions: beyond it the unrolled windows of io_parallel take hours to synthesise.
PARALLEL_TAPS = 65536
# A transposition in the middle of a stream stores the whole tensor: block RAM, and a table of as many places.
MOVED_ELEMENTS = 65536


@dataclass(slots=True)
class Builder:
    """Grows the list of layers; one per plan."""

    target: Target
    options: Options
    io_type: str
    layers: list[Layer] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    views: list[Tensor] = field(default_factory=list)
    choices: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: {"input", "output"})

    def name(self, text: str) -> str:
        """A fresh lower-case layer name; hls4ml looks some settings up by the lower-case name."""
        return identifier(text.lower(), self.taken)

    def tensor(self, node: ir.Node, index: int = 0) -> Tensor:
        """The hardware's tensor behind input `index` of `node`."""
        return self.tensors[operand(node, index).name or ""]

    def natural(self, node: ir.Node, index: int = 0) -> Tensor:
        """As `tensor`, but channels last: where it lies otherwise, a layer of its own moves it."""
        x = self.tensor(node, index)
        if x.layout.is_natural:
            return x
        layout = Layout.natural(x.layout.shape)
        self.move(node, x, layout, value="")
        return self.tensors[operand(node, index).name or ""]

    def move(self, node: ir.Node, x: Tensor, layout: Layout, *, value: str) -> None:
        """Append a layer that puts the elements of `x` in the order of `layout` under the name `value`.

        Without a name it is another reading of `x`, and takes its place for all that follows.
        """
        if self.io_type == "io_stream" and layout.order.size > MOVED_ELEMENTS:
            raise CompileError(
                f"a tensor of {layout.order.size:,} elements would have to be stored to be transposed "
                f"(at most {MOVED_ELEMENTS:,} in a stream)",
                node=node,
                fix="transpose at the input or the output, where it costs nothing, or use a smaller tensor",
            )
        place = np.empty(layout.order.size, np.int64)
        place[x.layout.order] = np.arange(layout.order.size)
        index = place[layout.order]
        constants = {"n_in": layout.order.size}
        self.layers.append(
            Layer(
                name=self.name(f"{node.name or node.op_type}_order"),
                class_name="CardcReorder",
                node=node,
                value=value,
                inputs=(x.layer,),
                layout=layout,
                q=x.q,
                result=narrowest(x.q.lo, x.q.hi),
                weights=(Weights("index", index, narrowest(0, int(index.max(initial=0)))),),
                attributes={**constants, "out_shape": list(layout.hls_shape)},
                constants=constants,
            )
        )
        self.tensors[value or x.value] = Tensor(value or x.value, self.layers[-1].name, layout, x.q)

    def add(self, node: ir.Node, class_name: str, layout: Layout, *sources: Tensor, **more: Any) -> None:
        """Append the layer that computes `node` from `sources`, with its exact result type."""
        value, q = node.outputs[0], qtype(node.outputs[0])
        self.check_size(node, layout)
        layer = Layer(
            name=self.name(node.name or node.op_type),
            class_name=class_name,
            node=node,
            value=value.name or "",
            inputs=tuple(x.layer for x in sources),
            layout=layout,
            q=q,
            result=narrowest(q.lo, q.hi),
            **more,
        )
        self.layers.append(layer)
        self.tensors[layer.value] = Tensor(layer.value, layer.name, layout, q)

    def view(self, node: ir.Node, x: Tensor, layout: Layout) -> None:
        """Let the result of `node` be `x` itself, read in another way."""
        value = node.outputs[0].name or ""
        self.views.append(Tensor(value, x.layer, layout, x.q))
        self.tensors[value] = self.views[-1]

    def reuse(self, node: ir.Node) -> int:
        return self.options.reuse.get(node.name or "", 1)

    def check_registers(self, node: ir.Node, count: int) -> None:
        """CompileError where a layer keeps more inputs side by side than HLS tools split into registers."""
        if count > PARALLEL_ELEMENTS:
            raise CompileError(
                f"a layer whose sums have {count:,} inputs keeps them all in registers (at most {PARALLEL_ELEMENTS:,})",
                node=node,
                fix="make the layer smaller, or pool in front of it",
            )

    def check_size(self, node: ir.Node | None, layout: Layout) -> None:
        if self.io_type == "io_parallel" and layout.order.size > PARALLEL_ELEMENTS:
            raise CompileError(
                f"a tensor of {layout.order.size:,} elements is too large for io_parallel "
                f"(at most {PARALLEL_ELEMENTS:,})",
                node=node,
                fix="use io_type io_stream, or a smaller layer",
            )


def integers(node: ir.Node, index: int) -> NDArray[np.int64]:
    """The constant integers behind input `index` of `node`, int64."""
    value = operand(node, index)
    if value.const_value is None:
        raise CompileError(
            f"input {index} of {node.op_type} is not constant", node=node, fix="export the model in eval mode"
        )
    return value.const_value.numpy().astype(np.int64)
