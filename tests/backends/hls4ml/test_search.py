"""reuse_factor = auto: the search ends with a design that the estimator says fits, and never touches what was given."""

from __future__ import annotations

import dataclasses

import pytest
from tests.graphs import IntegerGraph, uint

from cardc.backends.hls4ml import Options
from cardc.backends.hls4ml.plan import make_plan
from cardc.builds.hls_search import fit_reuse
from cardc.errors import CompileError

from .helpers import PYNQ, card, mlp

_AUTO = Options(auto=True)


def test_what_fits_unrolled_stays_so() -> None:
    options, steps = fit_reuse(card().model(), PYNQ, _AUTO)
    assert [(step.layer, step.fits) for step in steps] == [("", True)]
    assert set(options.reuse.values()) == {1}
    assert set(options.strategy.values()) == {"latency"}


def test_what_does_not_fit_is_folded_until_it_does() -> None:
    model = mlp().model()
    options, steps = fit_reuse(model, PYNQ, _AUTO)
    assert [step.fits for step in steps] == [False] * (len(steps) - 1) + [True]
    luts = [step.totals["lut"] for step in steps]
    assert luts == sorted(luts, reverse=True)
    assert luts[0] > PYNQ.lut >= luts[-1]
    made = {layer.node.name: layer for layer in make_plan(model, PYNQ, options).layers if layer.node is not None}
    for name, factor in options.reuse.items():
        assert (made[name].reuse, made[name].strategy) == (factor, options.strategy[name])
    last = {step.layer: step.reuse_factor for step in steps[1:]}
    assert {name: options.reuse[name] for name in last} == last
    assert (options, steps) == fit_reuse(mlp().model(), PYNQ, _AUTO)


def test_what_was_given_stays() -> None:
    given = dataclasses.replace(_AUTO, reuse={"n2_matmul": 49}, strategy={"n2_matmul": "resource"})
    options, steps = fit_reuse(mlp().model(), PYNQ, given)
    assert options.reuse["n2_matmul"] == 49
    assert "n2_matmul" not in {step.layer for step in steps}


def test_too_small_a_board_ends_and_says_no() -> None:
    small = dataclasses.replace(PYNQ, lut=500)
    _, steps = fit_reuse(mlp().model(), small, _AUTO)
    assert len(steps) > 1
    assert not steps[-1].fits


def test_multipliers_of_requantisations_take_turns() -> None:
    """In parallel, a scale for each element fills the board's DSP slices: where folding layers of weights helps
    nothing, those are folded."""
    graph = IntegerGraph((1, 8, 8), uint(4)).conv(16, density=0.1).requantize(uint(8)).flatten().dense(4, density=0.1)
    model = graph.model()
    small = dataclasses.replace(PYNQ, lut=10**6)
    options, steps = fit_reuse(model, small, dataclasses.replace(_AUTO, io_type="io_parallel"))
    dsps = [step.totals["dsp"] for step in steps]
    assert dsps[0] > PYNQ.dsp >= dsps[-1]
    assert steps[-1].fits
    (folded,) = {step.layer for step in steps[1:]}
    assert options.strategy[folded] == "latency"
    made = make_plan(model, small, dataclasses.replace(options, auto=False))
    assert [layer.reuse for layer in made.layers if layer.class_name == "CardcRequantize"] == [options.reuse[folded]]


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(CompileError, match="names a layer that the graph does not have"):
        fit_reuse(mlp().model(), PYNQ, dataclasses.replace(_AUTO, reuse={"fc1": 2}))


def test_a_network_without_products_has_nothing_to_choose() -> None:
    options, steps = fit_reuse(IntegerGraph((2, 4, 4), uint(3)).maxpool().model(), PYNQ, _AUTO)
    assert options.reuse == {}
    assert len(steps) == 1
