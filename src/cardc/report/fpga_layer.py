"""An hls4ml layer as far as its cost goes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FpgaLayer:
    """One hls4ml layer. Shapes are channels-last without the batch: (features,) or (height, width, channels).

    `op` is 'dense', 'conv2d', 'threshold', 'requantise' (a constant multiply, add and shift), 'pool' or
    'other' (moves data only). `nonzeros` holds the number of non-zero weights of each output channel (dense,
    conv2d), those of several bits counted by `signed_digits`. `act_bits` is the width of an input element,
    `acc_bits` of the accumulator (of the compared value in a threshold), `out_bits` of an output element.
    `levels` counts thresholds a channel, `kernel` is (height, width) of the window. `reuse_factor` 1 is fully
    unrolled.
    """

    name: str
    op: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    act_bits: int
    out_bits: int
    acc_bits: int = 0
    nonzeros: tuple[int, ...] = ()
    levels: int = 0
    kernel: tuple[int, int] = (1, 1)
    io_type: str = "io_parallel"
    reuse_factor: int = 1

    @property
    def streams(self) -> bool:
        return self.io_type == "io_stream"

    @property
    def inputs(self) -> int:
        """Weights of one output channel, zeros included."""
        return self.in_shape[-1] * prod(self.kernel) if self.op == "conv2d" else prod(self.in_shape)

    @property
    def units(self) -> int:
        """Output elements that are made at once: a pixel's channels in a stream or a convolution, else all."""
        return self.out_shape[-1] if self.streams or self.op == "conv2d" else prod(self.out_shape)

    @property
    def turns(self) -> int:
        """How often the units are used for one input: once a pixel in a stream or a convolution."""
        if self.streams and len(self.in_shape) > 1:
            return prod(self.in_shape[:-1])
        return prod(self.out_shape[:-1]) if self.op == "conv2d" else 1


def signed_digits(weights: NDArray[np.integer]) -> NDArray[np.int64]:
    """How many signed binary digits each integer needs at least: how many shifted copies of the input are added.

    0 for 0, 1 for any power of two of either sign (so for every ternary weight), 2 for 3, 5, 7. The
    non-adjacent form has the fewest, and as many as 3w and w differ in bits (Reitwiesner, 1960).
    """
    magnitude = np.abs(weights.astype(np.int64))
    return np.bitwise_count((3 * magnitude) ^ magnitude).astype(np.int64)
