"""One layer of the hardware: what hls4ml is told, and what its files must then say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...ops.qtype import QType
from .layout import Layout
from .types import HlsInt

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False, slots=True)
class Tensor:
    """A tensor of the graph in the hardware: its name, the layer that makes it, its layout, its range."""

    value: str
    layer: str
    layout: Layout
    q: QType


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """A constant of a layer, int64, in hls4ml's axes.

    `file_axes` is the transposition hls4ml applies before it writes the file (its resource strategy stores
    outputs first). `signs`: values of -1 and +1, of which one bit is stored, 1 for +1.
    """

    name: str
    values: NDArray[np.int64]
    type: HlsInt
    file_axes: tuple[int, ...] = ()
    signs: bool = False

    @property
    def stored(self) -> NDArray[np.int64]:
        """The numbers that hls4ml is given."""
        return (self.values > 0).astype(np.int64) if self.signs else self.values

    @property
    def in_file(self) -> NDArray[np.int64]:
        """The flat numbers that must stand in the written file."""
        return (np.transpose(self.stored, self.file_axes) if self.file_axes else self.stored).ravel()


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Layer:
    """A layer under its hls4ml name.

    `value` is the graph's tensor that it computes ('' for one on the way to it), `result` its type, `accum` the
    accumulator's. `inputs` are the layers whose results it reads, `constants` the numbers that the written
    configuration must repeat. `traced`: its output is a tensor of its own.
    """

    name: str
    class_name: str
    node: ir.Node | None
    value: str
    inputs: tuple[str, ...]
    layout: Layout
    q: QType
    result: HlsInt
    weights: tuple[Weights, ...] = ()
    accum: HlsInt | None = None
    attributes: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    constants: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    reuse: int = 1
    strategy: str = "latency"
    traced: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A whole project: `layers` in order, the first the input; `boundary` is the tensor the top takes.

    `views` are tensors of the graph that are other readings of a layer's result, such as its transposition;
    `exit` is the graph's output: the last layer's result or a view of it. `backend` is hls4ml's. `choices`
    are the strategies and reuse factors that are possible for each layer that multiplies, the fastest first.
    """

    project: str
    io_type: str
    layers: tuple[Layer, ...]
    boundary: ir.Value
    exit: Tensor
    backend: str = "Vitis"
    views: tuple[Tensor, ...] = ()
    choices: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=lambda: _EMPTY)

    @property
    def first(self) -> Layer:
        return self.layers[0]

    @property
    def last(self) -> Layer:
        return self.layers[-1]

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)
