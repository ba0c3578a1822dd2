"""Rules read off synthesis reports: the reports' own figures of designs that are easily made again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.estimate.layers import VITIS, VIVADO, dense, part, weights

from cardc.estimate import Estimate, FpgaLayer, Tool, count_factors, estimate
from cardc.estimate.constants import QUANTITIES


def one(layer: FpgaLayer, tool: Tool = VIVADO) -> dict[str, float]:
    return {name: estimate([layer], tool).totals[name].value for name in QUANTITIES}


def test_multipliers_are_distinct_pairs_of_many_digits() -> None:
    w = np.array([[23, 23, 25, 3], [23, 1, 0, 4]])  # 23 and 25 at input 0, 23 at input 1
    assert one(dense(w))["dsp"] == 3
    assert one(dense(w), Tool("vivado", 5.0, "fabric"))["dsp"] == 0
    assert one(dense(w, act_bits=4))["dsp"] == 0  # four bits are multiplied in fabric


@pytest.mark.parametrize(
    ("inputs", "outputs", "reuse", "bits", "top", "dsp", "bram", "cycles"),
    [  # as Vivado HLS 2020.1 reports dense layers of strategy resource
        (128, 32, 512, 10, 8, 8, 4, 514),
        (256, 256, 512, 14, 12, 128, 50, 514),
        (256, 256, 512, 4, 2, 0, 15, 513),
        (192, 32, 384, 6, 4, 15, 3, 386),
        (96, 64, 768, 14, 12, 8, 8, 770),
    ],
)
def test_folded_weights(
    inputs: int, outputs: int, reuse: int, bits: int, top: int, dsp: int, bram: int, cycles: int
) -> None:
    layer = dense(weights(inputs, outputs, bits), bits, strategy="resource", reuse_factor=reuse, top_bits=top)
    found = one(layer)
    assert (found["dsp"], found["latency_cycles"], found["ii"]) == (dsp, cycles, reuse)
    assert abs(found["bram18"] - bram) <= 1


def test_sharing_multipliers_takes_turns() -> None:
    w = weights(32, 32, 10)
    free, shared = dense(w, 10), dense(w, 10, reuse_factor=512)
    made = one(free)["dsp"]
    assert one(shared)["dsp"] == 2
    assert one(shared)["latency_cycles"] >= made / 2
    assert one(shared)["ii"] == one(shared)["latency_cycles"] + 1
    assert one(dense(w, 10, reuse_factor=4))["ii"] == 4  # never more than the reuse factor


def test_pruning_saves_where_weights_are_unrolled() -> None:
    full, pruned = (dense(weights(64, 32, 2, sparsity), 2) for sparsity in (0.0, 0.9))
    for tool in (VIVADO, VITIS):
        assert one(pruned, tool)["lut"] < 0.3 * one(full, tool)["lut"]
        assert one(pruned, tool)["ff"] <= one(full, tool)["ff"]


def test_pruning_saves_nothing_where_weights_are_in_memory() -> None:
    full, pruned = (
        dense(weights(64, 32, 8, sparsity), strategy="resource", reuse_factor=128, top_bits=8)
        for sparsity in (0.0, 0.9)
    )
    for tool in (VIVADO, VITIS):
        assert one(pruned, tool) == one(full, tool)


def test_a_faster_clock_takes_more_stages() -> None:
    w = weights(64, 8, 8)
    slow, fast = (one(dense(w), Tool("vitis", period)) for period in (5.0, 3.0))
    assert fast["latency_cycles"] > slow["latency_cycles"]
    assert fast["ff"] > slow["ff"]
    relaxed = one(dense(w), Tool("vitis", 10.0))
    assert relaxed["latency_cycles"] < slow["latency_cycles"]


def test_everything_grows_with_everything() -> None:
    sizes = [one(dense(weights(n, n, 8)), VITIS) for n in (8, 16, 32, 48)]
    for name in ("lut", "ff", "dsp"):
        values = [size[name] for size in sizes]
        assert values == sorted(values)
        assert values[0] > 0


def test_pools_of_hls4ml() -> None:
    # Vivado HLS 2020.1: 18 x 15 x 3, windows of 2 x 2; three additions a window, one comparison fewer at the edge.
    pool = part("maxpool", in_shape=(18, 15, 3), out_shape=(9, 7, 3), kernel=(2, 2))
    assert one(pool)["ff"] == 18 * 15 * 3 * 16 + 2
    assert one(pool)["lut"] == pytest.approx(17804, rel=0.15)


def test_softmax_has_a_table_and_a_multiplier_a_unit() -> None:
    found = one(part("softmax", 10), VITIS)
    assert (found["dsp"], found["bram18"], found["latency_cycles"]) == (10, 10, 14)
    assert found["lut"] == pytest.approx(1513, rel=0.1)


def test_thresholds_are_comparators() -> None:
    layer = part("threshold", 10, act_bits=8, acc_bits=8, out_bits=2, levels=3)
    assert one(layer)["lut"] == 10 * (3 * 8 + 2 * 2)


def test_streams_take_pixels_one_by_one() -> None:
    w = weights(9 * 16, 16, 2, 0.9)
    layer = replace(
        dense(w, 2, 2, 8), op="conv2d", in_shape=(8, 8, 16), out_shape=(8, 8, 16), kernel=(3, 3), io_type="io_stream"
    )
    found = one(layer)
    assert found["ii"] == 64
    assert found["latency_cycles"] > 64 + 2 * 8  # two rows must be there first
    assert found["bram18"] == 4  # 64 pixels of 16 x 8 bits: 128 bits wide, four blocks of 36
    whole = estimate([layer, layer], VIVADO).totals
    assert found["latency_cycles"] < whole["latency_cycles"].value < 2 * found["latency_cycles"]


def design(tool: Tool = VITIS) -> Estimate:
    first, second = dense(weights(16, 8, 8)), dense(weights(8, 4, 8))
    return estimate([first, part("relu", 8), second, part("softmax", 4)], tool)


def test_a_design_is_its_layers_and_what_is_between_them() -> None:
    found = design()
    for name, control in (("lut", 2), ("dsp", 0), ("bram18", 0)):
        assert found.totals[name].value == sum(layer.figures[name].value for layer in found.layers) + control
    between = (8 + 8 + 4) * 16  # each result but the last is registered once
    assert found.totals["ff"].value == sum(layer.figures["ff"].value for layer in found.layers) + between
    assert found.totals["latency_s"].value == pytest.approx(found.totals["latency_cycles"].value * 5e-9)


def test_layers_that_take_turns_are_started_by_a_state_machine() -> None:
    more = []
    for reuse in (1, 4, 16):
        layers = [replace(dense(weights(n, 8, 8)), reuse_factor=reuse) for n in (16, 8)]
        found = estimate(layers, VITIS)
        more.append(found.totals["lut"].value - sum(layer.figures["lut"].value for layer in found.layers))
    assert more[0] == 2
    assert more[0] < more[1] < more[2] < 200


def test_many_products_are_chained_and_their_adders_as_wide_as_the_sum() -> None:
    """Vitis stops balancing beyond 4,096 products: wider adders, so more look-up tables a product."""
    few, many = (estimate([dense(weights(n, 64, 2), 2, act_bits=8)], VITIS).totals for n in (80, 128))
    assert many["lut"].value > 1.1 * few["lut"].value * 128 / 80
    assert many["latency_cycles"].value > 2 * few["latency_cycles"].value


def test_a_requantisation_multiplies_as_its_constants_say() -> None:
    wide = part("requantise", 64, act_bits=9, out_bits=4, weight_bits=9)
    assert one(wide)["dsp"] == 64  # nothing known: a multiplier each
    assert one(replace(wide, factors=(0.25, 0.5)))["dsp"] == 32
    assert one(replace(wide, factors=(1.0, 0.0)))["dsp"] == 0
    assert one(replace(wide, reuse_factor=8))["dsp"] == 8
    assert one(replace(wide, reuse_factor=8))["lut"] > one(wide)["lut"]  # they select their operands
    assert one(replace(wide, act_bits=4))["dsp"] == 0
    assert one(replace(wide, act_bits=4))["lut"] > one(wide)["lut"]
    assert count_factors(np.array([0, 4, -3, 5, 11, 171])) == ((2 / 6, 2 / 6), 9)


def test_an_empty_design_costs_nothing() -> None:
    assert estimate([], VITIS).totals["lut"].value == 0


@pytest.mark.parametrize("tool", [VITIS, VIVADO, Tool("vitis", 3.33, "dsp"), Tool("vitis", 10.0, "fabric")])
def test_every_figure_has_a_band_that_holds_it(tool: Tool) -> None:
    found = design(tool)
    for figures in (found.totals, *(layer.figures for layer in found.layers)):
        for figure in figures.values():
            assert figure.stage == "estimated:csynth"
            assert figure.low is not None
            assert figure.low <= figure.value <= figure.most


def test_bad_tools() -> None:
    for family, clock, place in (("quartus", 5.0, "auto"), ("vitis", 0.0, "auto"), ("vitis", 5.0, "luts")):
        with pytest.raises(ValueError, match=r"unknown|clock"):
            Tool(family, clock, place)


def test_signs_are_counted_not_added() -> None:
    full, pruned = (replace(dense(np.sign(weights(256, 64, 8, z)) + 0, 1, 1, 9), signs=True) for z in (0.0, 0.9))
    assert one(full)["lut"] < 0.9 * one(replace(full, signs=False), VITIS)["lut"]
    assert one(pruned)["lut"] < 0.2 * one(full)["lut"]
    turns = [one(replace(layer, reuse_factor=16)) for layer in (full, pruned)]
    assert turns[0] == turns[1]  # in turns, zeros are weights as others
    assert (turns[0]["ii"], turns[0]["dsp"]) == (16, 0)
    assert turns[0]["lut"] < 0.5 * one(full)["lut"]
    assert "of signs" in estimate([full], VITIS).layers[0].beyond[0]
