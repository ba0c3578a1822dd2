"""The FPGA estimate: exact on what can be counted by hand, monotone where hardware is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardc.report import FpgaLayer, estimate_design, estimate_layer, signed_digits
from cardc.report.fpga_cost import tree_luts


def dense(nonzeros: tuple[int, ...], inputs: int = 64, **more: object) -> FpgaLayer:
    options = {"act_bits": 2, "out_bits": 8, "acc_bits": 8} | more
    return FpgaLayer(
        name="fc", op="dense", in_shape=(inputs,), out_shape=(len(nonzeros),), nonzeros=nonzeros, **options
    )  # type: ignore[arg-type]


def conv(io_type: str = "io_stream", **more: object) -> FpgaLayer:
    options = {"act_bits": 2, "out_bits": 8, "acc_bits": 8, "nonzeros": (14,) * 16, "kernel": (3, 3)} | more
    return FpgaLayer(name="conv", op="conv2d", in_shape=(8, 8, 16), out_shape=(8, 8, 16), io_type=io_type, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("inputs", "bits", "acc", "luts"),
    [
        (0, 4, 16, 0),
        (1, 4, 16, 0),
        (2, 4, 16, 5),  # one adder of 5 bits
        (3, 4, 16, 5 + 6),
        (4, 4, 16, 2 * 5 + 6),
        (8, 1, 16, 4 * 2 + 2 * 3 + 4),
        (8, 1, 3, 4 * 2 + 2 * 3 + 3),  # the accumulator's width is enough
        (17, 16, 16, 16 * 16),
    ],
)
def test_adder_trees_by_hand(inputs: int, bits: int, acc: int, luts: int) -> None:
    assert tree_luts(inputs, bits, acc) == luts


@given(st.integers(-(2**20), 2**20))
def test_signed_digits_are_as_few_as_can_be(weight: int) -> None:
    digits, left = 0, abs(weight)
    while left:  # the non-adjacent form, digit by digit
        if left % 2:
            digits += 1
            left -= 2 - left % 4
        left //= 2
    assert signed_digits(np.array([weight]))[0] == digits


def test_ternary_weights_are_one_digit_each() -> None:
    weights = np.array([[-1, 0, 1, 1], [0, 0, 0, -1]], dtype=np.int8)
    assert np.array_equal(signed_digits(weights), weights != 0)
    assert np.array_equal(signed_digits(np.array([3, -3, 7, 127, -128], dtype=np.int8)), [2, 2, 2, 2, 1])


@given(st.integers(0, 500), st.integers(1, 8), st.integers(8, 16))
def test_a_tree_has_one_adder_less_than_inputs(inputs: int, bits: int, acc: int) -> None:
    adders = max(0, inputs - 1)
    assert adders * min(bits + 1, acc) <= tree_luts(inputs, bits, acc) <= adders * acc


def test_dense_unrolled() -> None:
    parts = estimate_layer(dense((4, 2, 0)), 10.0)
    assert parts["lut"].value == tree_luts(4, 2, 8) + tree_luts(2, 2, 8)
    assert parts["dsp"].value == parts["dsp"].high == 0
    assert parts["bram18"].value == 0
    assert (parts["ii"].value, parts["latency_cycles"].value) == (1, 1)
    assert all(figure.stage == "estimated:analytic" for figure in parts.values())
    assert all(f.low is not None and f.high is not None and f.low <= f.value <= f.high for f in parts.values())


def test_pruning_saves_only_when_unrolled() -> None:
    full, pruned = (64,) * 8, (6,) * 8
    assert estimate_layer(dense(pruned), 10.0)["lut"].value < 0.2 * estimate_layer(dense(full), 10.0)["lut"].value
    shared = [estimate_layer(dense(n, reuse_factor=64), 10.0) for n in (full, pruned)]
    assert shared[0] == shared[1]
    assert shared[0]["bram18"].value == 1
    assert shared[0]["ii"].value == 64


def test_a_faster_clock_needs_more_stages() -> None:
    slow, fast = (estimate_layer(dense((512,) * 4, 512), period) for period in (20.0, 2.0))
    assert fast["latency_cycles"].value > slow["latency_cycles"].value
    assert fast["ff"].value > slow["ff"].value
    assert fast["lut"] == slow["lut"]


def test_thresholds_are_comparators() -> None:
    layer = FpgaLayer(
        name="t", op="threshold", in_shape=(10,), out_shape=(10,), act_bits=8, acc_bits=8, out_bits=2, levels=3
    )
    assert estimate_layer(layer, 10.0)["lut"].value == 10 * (3 * 8 + 2 * 2)


def test_requantisation_may_take_multipliers() -> None:
    layer = FpgaLayer(name="r", op="requantise", in_shape=(10,), out_shape=(10,), act_bits=12, acc_bits=12, out_bits=8)
    parts = estimate_layer(layer, 10.0)
    assert (parts["dsp"].low, parts["dsp"].value) == (0, 10)
    assert estimate_design([layer, dense((4,) * 8)], 10.0)["dsp"].value == 10


def test_streams_take_pixels_one_by_one() -> None:
    parts = estimate_layer(conv(), 10.0)
    assert parts["ii"].value == 64
    assert parts["latency_cycles"].value > 64 + 2 * 8  # two rows must be there first
    assert parts["bram18"].value == 4  # 64 pixels of 16 x 8 bits: 128 bits wide, four blocks of 36
    assert estimate_layer(conv(nonzeros=(1,) * 16), 10.0)["lut"].value < parts["lut"].value


def test_a_small_stream_stays_in_shift_registers() -> None:
    assert estimate_layer(conv(out_bits=1), 10.0)["bram18"].value == 0


def test_a_design_adds_up() -> None:
    layers = [dense((4,) * 8), dense((5,) * 8)]
    total, parts = estimate_design(layers, 10.0), [estimate_layer(layer, 10.0) for layer in layers]
    for name in ("lut", "ff", "bram18", "latency_cycles"):
        assert total[name].value == sum(part[name].value for part in parts)
    assert total["ii"].value == 1
    assert total["latency_s"].value == pytest.approx(total["latency_cycles"].value * 1e-8)


def test_streamed_layers_overlap() -> None:
    layers = [conv(), conv()]
    total = estimate_design(layers, 10.0)
    alone = estimate_layer(layers[0], 10.0)["latency_cycles"].value
    assert alone < total["latency_cycles"].value < 2 * alone
    assert total["ii"].value == 64


def test_an_empty_design_costs_nothing() -> None:
    assert estimate_design([], 10.0)["lut"].value == 0
