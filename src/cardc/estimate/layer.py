"""An hls4ml layer as far as its cost goes, and the tool that makes hardware of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from .products import Products

MULTIPLIERS = ("auto", "dsp", "fabric")


@dataclass(frozen=True, slots=True)
class Tool:
    """What synthesises: `family` is 'vitis' or 'vivado' (HLS), `clock_ns` the period asked for.

    `multipliers` says where products of three and more digits go: 'dsp', 'fabric', or the tool decides ('auto').
    ValueError for other words or a period that is not positive.
    """

    family: str
    clock_ns: float
    multipliers: str = "auto"

    def __post_init__(self) -> None:
        if self.family not in ("vitis", "vivado"):
            raise ValueError(f"unknown tool {self.family!r}, not vitis or vivado")
        if self.multipliers not in MULTIPLIERS:
            raise ValueError(f"unknown place of multipliers {self.multipliers!r}, not one of {MULTIPLIERS}")
        if not 0 < self.clock_ns < float("inf"):
            raise ValueError(f"a clock period of {self.clock_ns} ns")

    @property
    def haste(self) -> float:
        """How much faster than 5 ns the clock is, at which most of the calibration data were made; 0 from there up."""
        return max(0.0, 5.0 / self.clock_ns - 1)

    @property
    def pace(self) -> float:
        """How many of the stages that 5 ns need a slower clock needs too: more adders fit into its period."""
        return min(1.0, 5.0 / self.clock_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class FpgaLayer:
    """One hls4ml layer. Shapes are channels-last without the batch: (features,) or (height, width, channels).

    `op` is 'dense', 'conv2d' (one-dimensional too), hls4ml's activations ('relu', 'leaky_relu', 'prelu', 'elu',
    'sigmoid', 'tanh', 'softmax'), 'batchnorm', 'maxpool' and 'avgpool', cardc's own 'threshold', 'requantise' (a
    constant multiply, add and shift), 'pool', 'add', 'argmax' and 'reorder', or 'other' (moves data only).
    `products` counts the weights of a dense or conv2d layer.
    `act_bits` is the width of an input element, `acc_bits` of the accumulator (of the compared value in a
    threshold), `out_bits` of an output element, `weight_bits` of a weight; `top_bits` of the signed numbers that
    the last multiplier's part of a folded weight memory holds (0: as `weight_bits`). `levels` counts thresholds a
    channel, `factors` are the shares of a requantisation's units whose constant takes two signed digits, and three or
    more, `kernel` is (height, width) of the window, `live` the share of outputs that are not constant,
    `signs` whether inputs and weights are signs, multiplied by an exclusive nor, `depth` how many packets the stream
    behind the layer holds (0: all that an input makes, hls4ml's default).
    `reuse_factor` 1 is fully unrolled.
    """

    name: str
    op: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    act_bits: int
    out_bits: int
    acc_bits: int = 0
    weight_bits: int = 0
    top_bits: int = 0
    products: Products | None = None
    levels: int = 0
    factors: tuple[float, float] = (0.0, 1.0)
    kernel: tuple[int, int] = (1, 1)
    strategy: str = "latency"
    io_type: str = "io_parallel"
    reuse_factor: int = 1
    live: float = 1.0
    signs: bool = False
    depth: int = 0

    @property
    def streams(self) -> bool:
        return self.io_type == "io_stream"

    @property
    def inputs(self) -> int:
        """Weights of one output channel, zeros included."""
        return self.in_shape[-1] * prod(self.kernel) if self.op == "conv2d" else prod(self.in_shape)

    @property
    def outputs(self) -> int:
        """Columns of the weight matrix."""
        return self.out_shape[-1] if self.op == "conv2d" else prod(self.out_shape)

    @property
    def units(self) -> int:
        """Output elements that are made at once: a pixel's channels in a stream or a convolution, else all."""
        return self.out_shape[-1] if self.streams or self.op == "conv2d" else prod(self.out_shape)

    @property
    def turns(self) -> int:
        """How often the units are used for one input: once a pixel in a stream or a convolution.

        A stream's convolutions and pools run over the padded image; what moves data makes pixels, or leaves some out.
        """
        if self.streams and len(self.in_shape) > 1:
            made = prod(self.out_shape[:-1]) if self.op == "other" else 1
            return max(prod(self.in_shape[:-1]), made)
        return prod(self.out_shape[:-1]) if self.op == "conv2d" else 1

    @property
    def multipliers(self) -> int:
        """Multipliers that exist side by side when weights are folded: every weight's, over the reuse factor."""
        return ceil(self.inputs * self.outputs / self.reuse_factor)

    @property
    def leaf_bits(self) -> tuple[int, int, int]:
        """Average width of what is added up, by signed digits; a tree's adders grow two bits beyond its leaves."""
        most = self.acc_bits or self.act_bits + self.weight_bits
        wide = self.act_bits + max(1, self.weight_bits)
        return min(most, self.act_bits + 2), min(most, wide), min(most, wide)
