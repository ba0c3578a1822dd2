"""How a tensor lies in the hardware: hls4ml is channels-last, the integer graph channels-first."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """`order[i]` is the place in the flat channels-first tensor of the hardware's element i.

    `shape` is the graph's shape without the batch. A Reshape keeps the order and changes the shape: nothing
    moves, and the dense layer behind it gets its weight rows in the same order.
    """

    shape: tuple[int, ...]
    order: NDArray[np.int64]

    @classmethod
    def natural(cls, shape: tuple[int, ...]) -> Layout:
        """Channels last: [C, H, W] lies as H, W, C; [C, L] as L, C; a vector as it is."""
        places = np.arange(prod(shape), dtype=np.int64).reshape(shape)
        return cls(shape, np.moveaxis(places, 0, -1).ravel() if len(shape) > 1 else places)

    @property
    def hls_shape(self) -> tuple[int, ...]:
        """The shape hls4ml sees: [H, W, C] (a 1-D tensor has H = 1), or [features]."""
        if len(self.shape) == 1:
            return self.shape
        height, width = (1, *self.shape[1:])[-2:]
        return (height, width, self.shape[0])

    @property
    def is_natural(self) -> bool:
        return bool(np.array_equal(self.order, Layout.natural(self.shape).order))

    def reshaped(self, shape: tuple[int, ...]) -> Layout:
        return Layout(shape, self.order)

    def to_hls(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N, *shape] channels-first -> [N, *hls_shape]."""
        flat = x.reshape(x.shape[0], self.order.size)[:, self.order]
        return flat.reshape(x.shape[0], *self.hls_shape)

    def from_hls(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N, ...] as the hardware gives it -> [N, *shape] channels-first."""
        flat = np.empty((x.shape[0], self.order.size), np.int64)
        flat[:, self.order] = x.reshape(x.shape[0], self.order.size)
        return flat.reshape(x.shape[0], *self.shape)

    def channel_parameters(self, p: NDArray[np.int64]) -> NDArray[np.int64]:
        """Per-channel rows [C, ...] (or one row for all) in the hardware's order of channels."""
        return p[self.order] if len(self.shape) == 1 and p.shape[0] > 1 else p
