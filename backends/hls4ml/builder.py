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
from .layer import Layer, Tensor
from .layout import Layout
from .options import Options
from .types import narrowest

# HLS tools partition arrays of up to this many elements completely (`maximum_size` of hls4ml's project.tcl).
PARALLEL_ELEMENTS = 4096
# Taps times output positions: beyond it the unrolled windows of io_parallel take hours to synthesise.
PARALLEL_TAPS = 65536


@dataclass(slots=True)
class Builder:
    """Grows the list of layers; one per plan."""

    target: Target
    options: Options
    io_type: str
    layers: list[Layer] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: {"input", "output"})

    def name(self, text: str) -> str:
        """A fresh lower-case layer name; hls4ml looks some settings up by the lower-case name."""
        return identifier(text.lower(), self.taken)

    def tensor(self, node: ir.Node, index: int = 0) -> Tensor:
        """The hardware's tensor behind input `index` of `node`."""
        return self.tensors[operand(node, index).name or ""]

    def add(self, node: ir.Node, class_name: str, layout: Layout, **more: Any) -> None:
        """Append the layer that computes `node`, with its exact result type."""
        value, q = node.outputs[0], qtype(node.outputs[0])
        self.check_size(node, layout)
        layer = Layer(
            name=self.name(node.name or node.op_type),
            class_name=class_name,
            node=node,
            value=value.name or "",
            inputs=(self.tensor(node).layer,),
            layout=layout,
            q=q,
            result=narrowest(q.lo, q.hi),
            **more,
        )
        self.layers.append(layer)
        self.tensors[layer.value] = Tensor(layer.name, layout, q)

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
