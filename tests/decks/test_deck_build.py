"""Whole decks as C libraries: every mode, on this computer and on emulated cores, pick by pick and output by output."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits
from tests.tools import need_gcc, need_qemu

import cardc
from cardc.backends.c.emulate import host
from cardc.backends.c.image import Pixels
from cardc.builds.deck import DeckBuild
from cardc.builds.deck_mcu import McuDeckBuild
from cardc.deck_api import compile_deck, verify_deck
from cardc.deck_compile import DeckOptions
from cardc.errors import CompileError
from cardc.frontend.deck import Deck, load_deck
from cardc.report import Report

DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"
M4, M0 = "nucleo-f446re", "rp2040-pico"


@pytest.fixture(scope="module")
def digits() -> Deck:
    return load_deck(DIGITS)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Real digits [N, 1, 8, 8], clean and noisy in turn, so that both augmentations are picked."""
    x = (load_digits().images[:24, None] / 16).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.3, x.shape)
    return np.clip(np.concatenate([x[:12], x[12:] + noise[12:]]), 0, 1).astype(np.float32)


def modes(deck: Deck) -> dict[str, tuple[Deck, DeckOptions | None, str]]:
    """Every way to join answers: the deck, the options, and the kind that it must become."""
    c = deck.cards
    return {
        "softmax": (deck, None, "softmax"),
        "logits": (deck, DeckOptions("logits"), "logits"),
        "one card": (replace(deck, cards=(c[0], c[2])), None, "card"),
        "agnostic": (replace(deck, mode="agnostic"), None, "softmax"),
        "top 2": (replace(deck, mode="top-n", top=2, cards=c[:3]), None, "softmax"),
        "uneven": (replace(deck, cards=c[:3]), DeckOptions("logits"), "logits"),
    }


@pytest.mark.parametrize("mode", ["softmax", "logits", "one card", "agnostic", "top 2", "uneven"])
def test_every_mode_equals_the_integer_deck(digits: Deck, images: np.ndarray, mode: str) -> None:
    deck, options, kind = modes(digits)[mode]
    build = compile_deck(deck, M4, options=options)
    assert isinstance(build, McuDeckBuild)
    assert build.lowered.joint.kind == kind
    q = build.quantize(images)
    want = build.model.run(q)
    for core in ("host", "cortex-m4"):
        got = build.c.run(q, core)
        assert np.array_equal(got.picks, want.picks)
        assert np.array_equal(got.outputs, want.outputs)
    if deck.mode == "adaptive":
        assert set(want.picks[:, 0]) == {0, 1}
    # the float deck: same picks, the mean within the bound
    if kind != "card":
        floats = deck.probabilities(build.model.quantize(images) / 255 if build.lowered.gate else images)
        if kind == "softmax":
            assert build.lowered.joint.scale is not None
            assert np.abs(want.outputs * build.lowered.joint.scale - floats).max() <= build.lowered.joint.bound


@pytest.mark.parametrize("mode", ["softmax", "agnostic"])
def test_a_core_that_only_qemu_has(digits: Deck, images: np.ndarray, mode: str) -> None:
    need_qemu("cortex-m55")
    build = compile_deck(modes(digits)[mode][0], "alif-e7")
    q = build.quantize(images[8:16])
    got, want = build.run_integers(q), build.model.run(q)
    assert np.array_equal(got.picks, want.picks)
    assert np.array_equal(got.outputs, want.outputs)
    report = build.report
    assert report.deck is not None
    spent = sorted(card.figures["instructions"].value for card in report.deck.cards)
    assert report.totals["instructions"].value > sum(spent[:2])


@pytest.mark.parametrize("mode", ["adaptive", "agnostic"])
def test_bytes_of_a_camera(digits: Deck, mode: str) -> None:
    """With a gate they are its pixels already; without one they go through the cards' quantiser."""
    build = compile_deck(replace(digits, mode=mode), M4, options=DeckOptions(pixels=Pixels()))
    assert isinstance(build, McuDeckBuild)
    pixels = np.random.default_rng(2).permutation(256).astype(np.uint8).reshape(4, 1, 8, 8)
    want = build.quantize(pixels.astype(np.float32) / np.float32(255)).reshape(4, 64)
    assert bool((want == pixels.reshape(4, 64)).all()) == (mode == "adaptive")
    library = host.compile_shared(build.c.sources())
    for image, to in zip(pixels, want, strict=True):
        out = np.empty(64, build.program.in_dtype)
        library.digits_quantize_image(ctypes.c_void_p(image.ctypes.data), ctypes.c_void_p(out.ctypes.data))
        np.testing.assert_array_equal(out, to)


def test_an_fpga_takes_no_bytes_of_a_camera(digits: Deck) -> None:
    with pytest.raises(CompileError, match="no C library that could take images"):
        compile_deck(digits, "pynq-z2", options=DeckOptions(pixels=Pixels()))


def test_the_chain_of_a_deck(digits: Deck, images: np.ndarray) -> None:
    verdict = verify_deck(
        replace(digits, cards=digits.cards[1:3]), [M4, M0], images[:8], np.zeros(8, np.int64), emulated_inputs=4
    )
    assert verdict.equal, verdict.first_difference
    assert verdict.stages == ("qonnx", "integer", "c:host", "c:cortex-m4", "c:cortex-m0plus")
    assert set(verdict.accuracy) == {"float", "integer", "c:host", "c:cortex-m4", "c:cortex-m0plus"}
    assert verdict.gate is not None
    assert verdict.gate.inputs == 8
    assert sum(map(sum, verdict.gate.table)) == 8


def test_the_self_test_passes_and_is_not_blind(digits: Deck) -> None:
    build = compile_deck(digits, M4)
    assert isinstance(build, McuDeckBuild)
    sources = build.c.sources(selftest=True)
    assert host.run_program(sources).output == "PASS\n"
    assert host.run_program(sources, sanitize=True).output == "PASS\n"
    test = "digits_selftest.c"
    head, _, tail = sources[test].partition("expected[VECTORS * DIGITS_OUT] = {\n    ")
    number, _, rest = tail.partition(",")
    wrong = {**sources, test: f"{head}expected[VECTORS * DIGITS_OUT] = {{\n    {int(number) + 1},{rest}"}
    done = host.run_program(wrong)
    assert done.exit_code == 1
    assert done.output == "FAIL vector 00000000 output 00000000\n"


def test_the_self_test_passes_on_a_board_of_gcc_and_qemu(digits: Deck) -> None:
    need_gcc("cortex-m0plus")
    need_qemu("cortex-m0plus")
    build = compile_deck(digits, M0)
    assert isinstance(build, McuDeckBuild)
    done = build.c.selftest("cortex-m0plus")
    assert (done.exit_code, done.output.strip()) == (0, "PASS")


def test_the_library_compiles_without_a_warning_in_c_and_cpp(digits: Deck) -> None:
    for deck, options, _ in modes(digits).values():
        build = compile_deck(deck, M4, options=options)
        sources = {p.name: build.project.text(p) for p in build.project.files if p.parts[0] == "src"}
        own = {name: text for name, text in sources.items() if name == "digits.c" or name.endswith(".h")}
        host.check_compiles(own)
    host.check_compiles(sources, as_cpp=True)


def test_constants_that_cards_share_are_stored_once(digits: Deck) -> None:
    c = digits.cards
    twins = replace(digits, cards=(c[0], replace(c[0], name="twin", augmentation="gaussian")))
    build = compile_deck(twins, M4)
    assert isinstance(build, McuDeckBuild)
    own = sum(step.weight_bytes for step in build.program.cards[1].program.steps)
    report = build.report
    assert report.deck is not None
    assert report.deck.cards[1].shared_bytes == own > 1000
    assert "const" not in build.project.text("src/digits_twin_weights.c").split("*/")[1]
    alone = compile_deck(digits, M4)
    assert report.totals["flash_bytes"].value < alone.report.totals["flash_bytes"].value - 2 * own


def test_costs_add_up(digits: Deck) -> None:
    report = compile_deck(digits, M4).report
    deck = report.deck
    assert deck is not None
    assert deck.gate is not None
    cards = {card.name: card.figures["instructions"].value for card in deck.cards}
    picked = max(cards["augmix_0"] + cards["augmix_1"], cards["gaussian_0"] + cards["gaussian_1"])
    spent = report.totals["instructions"].value
    assert picked < spent < picked + deck.gate.figures["instructions"].value + 3000
    assert spent < deck.agnostic["instructions"].value
    # one arena for all
    arenas = max(card.figures["ram_bytes"].value for card in deck.cards)
    assert report.memory is not None
    assert arenas <= report.memory.arena_bytes <= arenas + 40
    assert Report.from_json(report.to_json()) == report
    assert "without gate" in report.to_table()
    assert "Templates" in report.to_html()


def test_same_deck_same_bytes_and_written_whole(digits: Deck, tmp_path: Path) -> None:
    first, second = (compile_deck(digits, M4) for _ in range(2))
    assert first.project.digest() == second.project.digest()
    first.write(tmp_path / "out")
    names = {p.name for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert {"digits.h", "digits_gate.h", "CMakeLists.txt", "library.json", "README.md", "report.json"} <= names
    assert "digits_state" in (tmp_path / "out" / "README.md").read_text()


def test_compile_takes_a_folder(digits: Deck) -> None:
    build = cardc.compile(digits, M4)
    folder = cardc.compile(str(DIGITS), M4)
    assert isinstance(build, DeckBuild)
    assert isinstance(folder, DeckBuild)
    assert folder.project.digest() == build.project.digest()


def test_cards_that_do_not_fit_each_other_are_refused(digits: Deck) -> None:
    mnist = load_deck(DIGITS.parent / "mnist").cards[0]
    odd = replace(digits, cards=(digits.cards[0], replace(mnist, name="large", augmentation="gaussian")))
    with pytest.raises(CompileError, match=r"takes inputs of shape \[1, 28, 28\]") as caught:
        compile_deck(odd, M4)
    assert "same inputs" in caught.value.fix


def test_another_input_quantiser_without_a_gate_is_refused(digits: Deck) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(digits.cards[0].model)
    first = next(n for n in model.graph.node if n.op_type == "Quant" and n.input[0] == model.graph.input[0].name)
    scale = next(t for t in model.graph.initializer if t.name == first.input[1])
    scale.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(scale) * 2, scale.name))
    other = replace(digits.cards[2], model=model)
    deck = replace(digits, mode="agnostic", cards=(digits.cards[0], other))
    with pytest.raises(CompileError, match="quantises its input") as caught:
        compile_deck(deck, M4)
    assert "one input quantiser" in caught.value.fix
    # behind a gate both see the same pixels
    assert compile_deck(replace(digits, cards=(digits.cards[0], other)), M4).project.files


def test_a_faulty_card_is_named(digits: Deck) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(digits.cards[1].model)
    model.graph.node[-1].op_type = "LSTM"
    deck = replace(digits, cards=(digits.cards[0], replace(digits.cards[1], model=model), *digits.cards[2:]))
    with pytest.raises(CompileError) as caught:
        compile_deck(deck, M4)
    assert "card 'augmix_1'" in str(caught.value)


def test_a_gate_of_another_size_is_refused(digits: Deck) -> None:
    gate = load_deck(DIGITS.parent / "mnist").gate
    with pytest.raises(CompileError) as caught:
        compile_deck(replace(digits, gate=gate), M4)
    assert caught.value.exit_code == 2


def test_a_deck_for_an_8_bit_core_is_refused(digits: Deck) -> None:
    with pytest.raises(CompileError, match="not compiled for cores of 8 bits, as avr5 is") as caught:
        cardc.compile(digits, "arduino-uno")
    assert "one of its cards" in caught.value.fix
