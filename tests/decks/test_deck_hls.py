"""Decks as hls4ml projects: one a card, gate and join as components; their C simulation equals the integer deck."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import onnx
import pytest
from benchmarks.mcu.networks import Net
from tests.frontend.deck.gates import random_gate

from cardc.backends.hls4ml.components import deck_totals, gate_figures
from cardc.backends.hls4ml.deck_csim import JoinCsim
from cardc.backends.hls4ml.gate import butterflies, interval
from cardc.backends.hls4ml.namespace import in_namespace
from cardc.builds.deck_fpga import FpgaDeckBuild
from cardc.deck_api import compile_deck, verify_deck
from cardc.deck_compile import DeckOptions, calibration_images, lower_deck
from cardc.deck_joint import Average, Result, make_joint
from cardc.errors import CompileError
from cardc.frontend.deck import Card, Deck, Spectrum, fit_gate, load_deck
from cardc.ops.deck_join import chosen, join
from cardc.ops.spectral.noise import measured_db
from cardc.report import Figure
from cardc.targets.base import load

DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"
AREAS = ("lut", "ff", "dsp", "bram18")
RESULTS = [Result(-90, 110, 5, 0.07 + 0.01 * k, 0.25 * k, True) for k in range(3)]


@pytest.mark.parametrize(("average", "picked"), [(None, 1), ("logits", 1), ("softmax", 0)])
def test_the_join_equals_its_model(average: Average | None, picked: int) -> None:
    joint = make_joint(RESULTS, [0, 1, 1], picked, average)
    rng = np.random.default_rng(0)
    results = [rng.integers(r.lo, r.hi, (40, r.classes), endpoint=True) for r in RESULTS]
    picks = rng.integers(0, 2, (40, 1)) if picked else np.zeros((40, 0), np.int64)
    runs = chosen(picks, joint.groups) if picked else np.ones((40, 3), np.bool_)
    want = join([joint.brought(k, x) for k, x in enumerate(results)], runs, joint.weights)
    got = JoinCsim("deck", ["a", "b", "c"], joint, 5, 2).run(runs, picks, results)
    assert np.array_equal(got, want)


def test_a_deck_in_c_simulation() -> None:
    deck = load_deck(DIGITS)
    build = compile_deck(replace(deck, cards=(deck.cards[0], deck.cards[2])), "pynq-z2")
    assert isinstance(build, FpgaDeckBuild)
    x = np.random.default_rng(0).random((6, 1, 8, 8), np.float32)
    x[:3] = np.cumsum(x[:3], axis=3) / 8
    q = build.quantize(x)
    got, want = build.run_integers(q), build.model.run(q)
    assert np.array_equal(got.picks, want.picks)
    assert np.array_equal(got.outputs, want.outputs)
    names = {str(path) for path in build.project.files}
    assert {"gate/firmware/digits_gate.cpp", "join/firmware/digits_join.cpp", "README.md"} <= names
    assert any(name.startswith("cards/digits_augmix_0/firmware/") for name in names)
    report = build.report
    assert report.deck is not None
    assert report.deck.gate is not None
    parts = [card.figures for card in report.deck.cards] + [report.deck.gate.figures, report.deck.shared]
    for name in ("lut", "ff", "dsp", "bram18"):
        assert report.totals[name].value == sum(part[name].value for part in parts)
    cards = [part["latency_cycles"].value for part in parts]
    assert report.totals["latency_cycles"].value == max(cards[:2]) + sum(cards[2:])
    assert {layer.name for layer in report.layers} > {"gate", "join"}


def dense(seed: int) -> onnx.ModelProto:
    """A small net of dense layers, whose hls4ml project takes all pixels at once."""
    net = Net((2, 8, 8), bits=3, density=0.4, seed=seed)
    net.node("Flatten", [net.last], axis=1)
    return net.dense(6).activate().dense(4).model((2, 8, 8))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """[N, 2, 8, 8], smooth and noisy."""
    x = np.random.default_rng(0).random((10, 2, 8, 8), np.float32)
    x[:5] = np.cumsum(np.cumsum(x[:5], axis=3), axis=2) / 64
    return x


@pytest.mark.parametrize("gated", [True, False])
def test_one_project_of_dense_cards(pictures: np.ndarray, gated: bool) -> None:
    names = ("smooth", "noisy")
    gate = fit_gate({n: pictures[5 * k : 5 * k + 5] for k, n in enumerate(names)}, Spectrum("channels"), 2)
    cards = tuple(Card(n, n, dense(k)) for k, n in enumerate(names))
    deck = Deck("two", cards, "adaptive", gate) if gated else Deck("two", cards)
    build = compile_deck(deck, "pynq-z2", options=DeckOptions(one_project=True))
    q = build.quantize(pictures)
    got, want = build.run_integers(q), build.model.run(q)
    assert got.picks.shape == want.picks.shape
    assert np.array_equal(got.picks, want.picks)
    assert np.array_equal(got.outputs, want.outputs)
    if gated:
        assert set(want.picks.ravel()) == {0, 1}
    again = build.run_integers(q[:3])  # from an empty window
    assert np.array_equal(again.picks, want.picks[:3])


def test_one_project_of_convolutions() -> None:
    deck = load_deck(DIGITS)
    deck = replace(deck, cards=(deck.cards[1], deck.cards[3]))
    build = compile_deck(deck, "pynq-z2", options=DeckOptions(one_project=True))
    x = np.random.default_rng(1).random((6, 1, 8, 8), np.float32)
    x[:3] = np.cumsum(x[:3], axis=3) / 8
    q = build.quantize(x)
    got, want = build.run_integers(q), build.model.run(q)
    assert np.array_equal(got.picks, want.picks)
    assert np.array_equal(got.outputs, want.outputs)
    names = [str(path) for path in build.project.files]
    assert {"firmware/digits.cpp", "build_lib.sh", "build_digits.tcl"} <= set(names)
    assert sum(name.endswith("nnet_dense.h") for name in names) == 1  # what cards have in common is there once
    for card in ("digits_augmix_1", "digits_gaussian_1"):
        text = build.project.text(PurePosixPath(f"firmware/cards/{card}/parameters.h"))
        assert f"namespace {card} {{" in text
        assert f"firmware/weights/{card}/w3.txt" in names
    same = compile_deck(deck, "pynq-z2", options=DeckOptions(one_project=True))
    assert same.project.digest() == build.project.digest()
    assert same.report.totals["ii"] == same.report.totals["latency_cycles"]


def test_cards_of_one_project_run_in_turn() -> None:
    def figures(cycles: int) -> dict[str, Figure]:
        return {n: Figure(cycles, "estimated:analytic", 0, 2 * cycles) for n in (*AREAS, "latency_cycles", "ii")}

    cards, gate, join = [figures(n) for n in (10, 30, 25)], figures(100), figures(7)
    apart, turns = deck_totals(cards, gate, join), deck_totals(cards, gate, join, [[0, 2], [1]])
    assert apart["latency_cycles"].value == 100 + 30 + 7
    assert apart["ii"].value == 100
    assert turns["latency_cycles"].value == turns["ii"].value == 100 + 35 + 7
    assert apart["lut"].value == turns["lut"].value == 172
    assert deck_totals(cards, None, join)["dsp"].value == 72


def test_one_project_is_for_fpgas_and_what_is_known() -> None:
    with pytest.raises(CompileError, match="hls4ml"):
        compile_deck(load_deck(DIGITS), "nucleo-f446re", options=DeckOptions(one_project=True))
    header = b"#ifndef A_H_\n#define A_H_\n#include <x>\n\n#endif\n"
    with pytest.raises(CompileError, match=r"wrote no card\.h"):
        in_namespace("card", {PurePosixPath(f"firmware/{f}"): header for f in ("defines.h", "parameters.h")})
    odd = {PurePosixPath(f"firmware/{f}"): b"int x;\n" for f in ("defines.h", "parameters.h", "card.h", "card.cpp")}
    with pytest.raises(CompileError, match="otherwise than expected"):
        in_namespace("card", odd)


@pytest.mark.parametrize("reuse", [1, 4, 16])
def test_estimates_of_the_gate_follow_its_butterflies(reuse: int) -> None:
    gate = random_gate((1, 32, 32), 0, 255, Spectrum(scale="log"))
    found = gate_figures(gate, butterflies(gate, reuse), interval(reuse))
    # rows of 16: radix 4, 4; columns of 32: radix 2, 4, 4: three stages turn three numbers a butterfly
    rows, columns = min(butterflies(gate, reuse), 4), butterflies(gate, reuse)
    assert found["dsp"].value == 12 * (rows + 2 * columns) + 6 + 2 + 2 + 1
    assert found["latency_cycles"].value > 32 * 32 + 32 * 32 + 16 * 64 + 32 * 17
    slow = gate_figures(gate, 1, 2)
    assert found["latency_cycles"].value <= slow["latency_cycles"].value


def test_top_n_is_refused() -> None:
    deck = replace(load_deck(DIGITS), mode="top-n", top=2)
    with pytest.raises(CompileError, match="top-n") as caught:
        compile_deck(deck, "pynq-z2")
    assert "adaptive" in caught.value.fix


def test_words_of_the_gate_are_chosen_for_a_goal() -> None:
    images = (np.random.default_rng(0).random((40, 1, 8, 8)) * np.linspace(0, 1, 8)).astype(np.float32)
    found = {}
    for board, goal in (("pynq-z2", 45.0), ("pynq-z2", None), ("nucleo-f446re", 45.0)):
        options = DeckOptions(calibration=images, gate_goal_db=goal)
        low = lower_deck(DIGITS, load(board), options)
        assert low.gate is not None
        found[board, goal] = low.gate.plan
    short = found["pynq-z2", 45.0]
    assert 8 <= short.data_bits < 16
    assert measured_db(short, calibration_images(low.first, images)) > 44
    assert found["nucleo-f446re", 45.0].data_bits == 16
    assert found["pynq-z2", None].wide  # for a window of 10
    options = DeckOptions(calibration=images, gate_goal_db=45)
    with pytest.raises(CompileError, match="different ones"):
        verify_deck(DIGITS, ["pynq-z2", "nucleo-f446re"], images[:2], options=options)
    by_templates = lower_deck(DIGITS, load("pynq-z2"), DeckOptions(gate_goal_db=45)).gate
    assert by_templates is not None
    assert 8 <= by_templates.plan.data_bits < 16
    with pytest.raises(CompileError, match="not 190 dB"):
        lower_deck(DIGITS, load("pynq-z2"), DeckOptions(calibration=images, gate_goal_db=190))
