"""What an estimate says of itself: extrapolation, the step to silicon, constants that are what they claim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.estimate.layers import VITIS, VIVADO, dense, part, weights

import cardc.estimate.constants as module
from cardc.estimate import estimate, load_constants, read_constants, routed


def test_inside_the_measured_range_nothing_is_said() -> None:
    assert estimate([dense(weights(64, 32, 8))], VIVADO).layers[0].beyond == ()


def test_outside_it_the_estimate_says_so_and_the_band_widens() -> None:
    inside = dense(weights(64, 32, 8))
    outside = replace(inside, act_bits=4)
    said = estimate([outside], VIVADO).layers[0]
    assert any("input bits 4 (measured" in reason for reason in said.beyond)
    plain, wide = (estimate([layer], VIVADO).totals["lut"] for layer in (inside, outside))
    assert wide.most / wide.value > plain.most / plain.value


def test_what_nobody_measured_is_called_stated_rules() -> None:
    (layer,) = estimate([part("threshold", 8, levels=3, acc_bits=8)], VITIS).layers
    assert layer.source == ""
    assert layer.beyond == ("stated rules, no public results of threshold",)


def test_another_tools_constants_are_named() -> None:
    layer = dense(weights(64, 32, 8), strategy="resource", reuse_factor=512, top_bits=8)
    (found,) = estimate([layer], VITIS).layers
    assert "measured with vivado only" in found.beyond


def test_silicon_is_a_second_step_with_its_own_name() -> None:
    totals = estimate([dense(weights(64, 32, 8))], VIVADO).totals
    after = routed(totals)
    assert sorted(after) == ["ff_routed", "lut_routed"]
    assert after["lut_routed"].stage == "estimated:routed"
    assert after["lut_routed"].value == round(0.43 * totals["lut"].value)
    assert (after["lut_routed"].low or 0) < after["lut_routed"].value < after["lut_routed"].most
    assert routed({}) == {}


def test_the_one_public_pair_lies_in_the_band() -> None:
    from cardc.report import Figure

    csynth = {"lut": Figure(8851, "estimated:csynth", 8851, 8851), "ff": Figure(494, "estimated:csynth", 494, 494)}
    after = routed(csynth)
    assert (after["lut_routed"].low or 0) <= 3837 <= after["lut_routed"].most
    assert (after["ff_routed"].low or 0) <= 209 <= after["ff_routed"].most


def test_the_constants_say_where_they_come_from() -> None:
    constants = load_constants()
    assert constants.origin["stage"] == "csynth"
    assert all("sha256" in line for line in constants.origin["data"])
    for key, quantities in constants.sets.items():
        for quantity, terms in quantities.items():
            assert all(value >= 0 for value in terms.values()), (key, quantity)
    for bands in constants.bands.values():
        assert all(low <= 1 <= high for low, high in bands.values())
    assert (Path(module.__file__).parent / "constants.toml").stat().st_size < 40_000


def test_an_adder_takes_about_a_lut_a_bit() -> None:
    sets = load_constants().sets
    assert sets["vivado.unrolled"]["lut"]["adder_bits"] == pytest.approx(1.0, abs=0.1)
    assert 0.7 < sets["vitis.latency"]["lut"]["thick_bits"] < 1.2
    assert 0.7 < sets["vitis.latency"]["lut"]["thin_bits"] < 1.2


def test_broken_constants() -> None:
    with pytest.raises((KeyError, ValueError)):
        read_constants("[sets]\n")
