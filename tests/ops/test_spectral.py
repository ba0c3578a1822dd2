"""The integer gate's arithmetic: against sums written out, against float64, and at the ends of its words."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frontend.deck.gates import adversarial, digits, random_gate

from cardc.errors import CompileError
from cardc.frontend.deck import Spectrum
from cardc.ops.spectral import GateState, IntegerGate, make_plan
from cardc.ops.spectral.curve import make_table, read_table
from cardc.ops.spectral.gate import sliding
from cardc.ops.spectral.noise import choose_words, measured_db, predicted_db, signal
from cardc.ops.spectral.spectrum import words
from cardc.ops.spectral.transform import order, radices, stage, transform


@pytest.mark.parametrize("length", [4, 8, 16, 32, 64])
def test_transform_is_the_fourier_sum(length: int) -> None:
    z = np.random.default_rng(length).integers(-2000, 2001, (2, 5, length))
    re, im = transform((z[0], z[1]), 14, first_scaled=False)[-1]
    scale = length // radices(length)[0]
    want = np.fft.fft(z[0] + 1j * z[1]) / scale
    assert np.abs(re + 1j * im - want).max() < 2.5  # a rounding a stage, and twiddles wrong by 2^-15
    assert math.prod(radices(length)) == length
    assert sorted(order(length)) == list(range(length))


def test_a_stage_rounds_once_half_up() -> None:
    x = np.array([[1, 1, 0, 0], [3, 0, 0, 3], [-1, -1, 0, 0]])
    re, im = stage((x, 0 * x), 4, 1, 14)
    for row, got_re, got_im in zip(x.tolist(), re.tolist(), im.tolist(), strict=True):
        a, b, c, d = row
        sums = [(a + b + c + d, 0), (a - c, d - b), (a - b + c - d, 0), (a - c, b - d)]
        assert got_re == [math.floor(s / 4 + 0.5) for s, _ in sums]
        assert got_im == [math.floor(s / 4 + 0.5) for _, s in sums]


SIZES = st.sampled_from([(8, 8), (8, 64), (64, 8), (16, 32), (32, 32), (64, 64), (9, 17), (28, 28), (1, 3), (33, 5)])


@settings(max_examples=20, deadline=None)
@given(SIZES, st.sampled_from([(0, 255), (-128, 127), (0, 16), (0, 1), (-1000, 3)]), st.sampled_from([1, 2, 3]))
def test_no_word_overflows_and_all_are_near(size: tuple[int, int], span: tuple[int, int], channels: int) -> None:
    grey = channels != 2
    plan = make_plan((channels, *size), *span, grey=grey)
    q = adversarial((channels, *size), *span)
    found = words(plan, q)
    for parts in (*found.row_stages, *found.column_stages):
        assert max(int(np.abs(part).max()) for part in parts) < 1 << 15
    stages, largest = plan.magnitudes()
    for (re, im), bound in zip((*found.row_stages, *found.column_stages), stages, strict=True):
        assert float(np.hypot(re, im).max()) <= bound
    assert float(np.hypot(*found.spectrum).max()) <= largest < 1 << 16
    assert measured_db(plan, q) > 55


@pytest.mark.parametrize("grey", [True, False])
def test_prediction_is_what_is_measured(grey: bool) -> None:
    q = digits()[:300]
    for bits in (16, 13, 11):
        plan = make_plan((1, 8, 8), 0, 16, grey=grey, data_bits=bits)
        assert abs(predicted_db(plan, signal(plan, q)) - measured_db(plan, q)) < 1.5
    assert measured_db(make_plan((1, 8, 8), 0, 16, grey=grey), q) > 75


def test_words_are_chosen_for_a_goal() -> None:
    q = digits()[:300]
    of = signal(make_plan((1, 8, 8), 0, 16, grey=True), q)
    found = choose_words((1, 8, 8), 0, 16, of, grey=True, goal_db=60)
    shorter = make_plan((1, 8, 8), 0, 16, grey=True, data_bits=found.plan.data_bits - 1)
    assert predicted_db(shorter, signal(shorter, q)) < 60 <= found.predicted_db
    assert measured_db(found.plan, q) > 60
    assert found.plan.twiddle_bits < 14
    with pytest.raises(CompileError, match=r"reach \d+\.\d dB, not 90 dB"):
        choose_words((1, 8, 8), 0, 16, of, grey=True, goal_db=90, data_bits=range(8, 17))
    wide = choose_words((1, 8, 8), 0, 16, of, grey=True, goal_db=90)
    assert wide.plan.data_bits > 16
    assert measured_db(wide.plan, q) > 89.5
    with pytest.raises(CompileError, match=r"words of 30 bits reach \d+\.\d dB, not 190 dB"):
        choose_words((1, 8, 8), 0, 16, of, grey=True, goal_db=190)


@pytest.mark.parametrize("octaves", [0, 2])
@pytest.mark.parametrize("scale", ["amplitude", "log"])
def test_table_reads_a_root_or_its_logarithm(scale: str, octaves: int) -> None:
    table, per_one = make_table(scale, 0.01, (1 << 18) - 1)
    p = np.unique(np.rint(np.exp2(np.linspace(0, 31.9, 5000))).astype(np.int64)) | 1  # the lowest bit is not looked at
    root = np.sqrt(p) * 0.01 * 2 ** (octaves // 2)
    want = np.log1p(root) if scale == "log" else root
    got = read_table(table, p, 0 * p + octaves) / per_one
    assert (np.diff(got) >= 0).all()
    near = 2**-12 * (root / (1 + root) if scale == "log" else root)  # what a root's error does to the logarithm
    assert (np.abs(got - want) <= near + 1 / per_one).all()
    assert np.array_equal(read_table(table, p - 1, 0 * p), read_table(table, p, 0 * p))


def test_window_is_exact_under_eviction() -> None:
    scores = np.random.default_rng(0).integers(-(2**40), 2**40, (50, 3))
    for window in (1, 2, 7, 50, 100):
        want = [scores[max(0, i - window + 1) : i + 1].sum(0).tolist() for i in range(50)]
        assert sliding(scores, window).tolist() == want
        state = GateState(3, window)
        parts = [state.feed(scores[i : i + 4]) for i in range(0, 50, 4)]
        assert np.concatenate(parts).tolist() == [row.index(max(row)) for row in want]
        assert state.sums.tolist() == want[-1]


def test_scores_are_squared_distances() -> None:
    gate = random_gate((3, 16, 8), 0, 255, Spectrum("channels", crop=3), names=3)
    q = np.random.default_rng(3).integers(0, 256, (5, 3, 16, 8))
    y = gate.features(q)
    want = y @ gate.differences.T - gate.constants
    assert np.array_equal(gate.scores(q), np.concatenate([np.zeros((5, 1), np.int64), want], 1))
    assert gate.scores(q[:0]).shape == (0, 3)


def test_ties_go_to_the_first() -> None:
    gate = random_gate((1, 8, 8), 0, 16, Spectrum(), names=3)
    same = dataclasses.replace(gate, differences=0 * gate.differences, constants=0 * gate.constants)
    assert same.picks(digits()[:4]).tolist() == [0] * 4


def _broken(gate: IntegerGate) -> list[tuple[str, object]]:
    return [
        ("differences", gate.differences[:, :-1]), ("constants", gate.constants[:0]), ("window", 0), ("window", 1001),
        ("table", np.flip(gate.table)), ("table", gate.table[:-1]), ("differences", gate.differences + 40_000),  # type: ignore[type-var, index, arg-type]
        ("constants", gate.constants + 2**62), ("names", ()),
    ]  # fmt: skip


@pytest.mark.parametrize("which", range(9))
def test_a_gate_whose_parts_do_not_fit_is_refused(which: int) -> None:
    gate = random_gate((1, 8, 8), 0, 16, Spectrum())
    name, value = _broken(gate)[which]
    with pytest.raises(CompileError):
        dataclasses.replace(gate, **{name: value})


@pytest.mark.parametrize(
    "change",
    [
        {"mix": (40_000,)}, {"mix": (1, 2)}, {"lo": 5}, {"data_bits": 31}, {"twiddle_bits": 15}, {"height": 65},
        {"channels": 0}, {"mix": (2000,)}, {"mix_shift": 15}, {"data_bits": 12},
    ],
)  # fmt: skip
def test_a_plan_that_could_overflow_is_refused(change: dict[str, object]) -> None:
    plan = make_plan((1, 8, 8), 0, 16, grey=True)
    with pytest.raises(CompileError, match="plan is wrong"):
        dataclasses.replace(plan, **change)


def test_images_that_do_not_fit_are_refused() -> None:
    gate = random_gate((1, 8, 8), 0, 16, Spectrum())
    for images in (np.zeros((1, 1, 8, 8)), np.zeros((1, 8, 8), np.int64), np.full((1, 1, 8, 8), 17)):
        with pytest.raises(CompileError):
            gate.scores(images)
    for shape in ((1, 65, 8), (1, 8, 0)):
        with pytest.raises(CompileError, match="images of"):
            make_plan(shape, 0, 16, grey=True)
    with pytest.raises(CompileError, match="no grey"):
        make_plan((2, 8, 8), 0, 16, grey=True)
