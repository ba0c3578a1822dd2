"""How a tensor lies in the hardware: hls4ml is channels-last, the integer graph channels-first."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """`order[i]` is the place in the flat tensor of the graph of the hardware's element i.

    `shape` is the graph's shape without the batch, `hls_shape` hls4ml's: [H, W, C] (a 1-D tensor has H = 1), or
    [features]. A Reshape or Transpose keeps the elements where they are and changes `shape` and `order`: nothing
    moves, and the dense layer behind it gets its weight rows in the same order.
    """

    shape: tuple[int, ...]
    order: NDArray[np.int64]
    hls_shape: tuple[int, ...]

    @classmethod
    def natural(cls, shape: tuple[int, ...]) -> Layout:
        """Channels last: [C, H, W] lies as H, W, C; [C, L] as L, C; a vector as it is; a scalar as a vector of 1."""
        places = np.arange(prod(shape), dtype=np.int64).reshape(shape)
        if len(shape) < 2:
            return cls(shape, places.ravel(), shape or (1,))
        height, width = (1, *shape[1:])[-2:] if len(shape) < 4 else (prod(shape[1:-1]), shape[-1])
        return cls(shape, np.moveaxis(places, 0, -1).ravel(), (height, width, shape[0]))

    @property
    def is_natural(self) -> bool:
        natural = Layout.natural(self.shape)
        return self.hls_shape == natural.hls_shape and bool(np.array_equal(self.order, natural.order))

    def like(self, other: Layout) -> bool:
        """Whether both hold the same elements in the same order, in packets of the same size."""
        return self.hls_shape == other.hls_shape and bool(np.array_equal(self.order, other.order))

    def reshaped(self, shape: tuple[int, ...]) -> Layout:
        """The same elements as a tensor of `shape`; as a vector, hls4ml sees a vector too."""
        return Layout(shape, self.order, shape if len(shape) == 1 else self.hls_shape)

    def transposed(self, perm: tuple[int, ...]) -> Layout:
        """The same elements after a transposition of the graph's axes by `perm` (batch not counted)."""
        source = np.arange(self.order.size, dtype=np.int64).reshape(self.shape).transpose(perm)
        place = np.empty(self.order.size, np.int64)
        place[source.ravel()] = np.arange(self.order.size)
        return Layout(source.shape, place[self.order], self.hls_shape)

    def to_hls(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N, *shape] as in the graph -> [N, *hls_shape]."""
        flat = x.reshape(x.shape[0], self.order.size)[:, self.order]
        return flat.reshape(x.shape[0], *self.hls_shape)

    def from_hls(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N, ...] as the hardware gives it -> [N, *shape] as in the graph."""
        flat = np.empty((x.shape[0], self.order.size), np.int64)
        flat[:, self.order] = x.reshape(x.shape[0], self.order.size)
        return flat.reshape(x.shape[0], *self.shape)

    def channel_parameters(self, p: NDArray[np.int64]) -> NDArray[np.int64]:
        """Per-channel rows [C, ...] (or one row for all) in the hardware's order of channels."""
        return p[self.order] if len(self.shape) == 1 and p.shape[0] > 1 else p
