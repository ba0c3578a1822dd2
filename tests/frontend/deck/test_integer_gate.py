"""The integer gate decides as the float gate does, is a graph of two operators, and survives its file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from tests.data import mnist_test
from tests.frontend.deck.gates import digits, float_gate, noisy, random_gate

from cardc.errors import CompileError
from cardc.frontend.deck import Gate, Spectrum, load_deck
from cardc.frontend.deck.integer_files import gate_from_model, gate_model, load_integer_gate, save_integer_gate
from cardc.frontend.deck.integer_gate import fit_gate_and_goal, fit_integer_gate, template_signal
from cardc.ops.execute import execute
from cardc.ops.spectral import IntegerGate
from cardc.ops.spectral.noise import goal_for, measured_db, predicted_db

SPECTRA = {
    "log": Spectrum(scale="log"), "amplitude": Spectrum(), "power": Spectrum(scale="power"),
    "cropped": Spectrum(scale="log", crop=3, constant=False),
}  # fmt: skip


def _differ(gate: Gate, integer: IntegerGate, q: np.ndarray, window: int) -> int:
    want = gate.picks((q * integer.scale).astype(np.float32), window)
    return int((integer.picks(q, window) != want).sum())


def _clearly_differ(gate: Gate, integer: IntegerGate, q: np.ndarray, window: int) -> int:
    """Of those, the ones where the float gate is not within a ten thousandth of its margins' spread of a tie."""
    margins = gate.margins((q * integer.scale).astype(np.float32), window)
    ahead = margins[:, 1] - margins[:, 0]
    return int(((integer.picks(q, window) != (ahead > 0)) & (np.abs(ahead) > 1e-4 * ahead.std())).sum())


@pytest.mark.parametrize("name", SPECTRA)
def test_decisions_on_digits(name: str) -> None:
    q = digits()
    both = np.concatenate([q, noisy(q, 16)])
    gate = float_gate(q, 16, SPECTRA[name])
    integer = fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16, both[::7])
    assert _differ(gate, integer, both, 1) <= len(both) // 1000
    assert _clearly_differ(gate, integer, both, 100) == 0
    assert 0 < integer.picks(both).mean() < 1


def test_decisions_of_the_trained_deck_on_mnist() -> None:
    deck = load_deck(Path(__file__).parents[3] / "examples" / "decks" / "mnist")
    assert deck.gate is not None
    q = np.rint(mnist_test()[0][:2000] * 255).astype(np.int64)
    integer = fit_integer_gate(deck.gate, (1, 28, 28), 0, 255, 1 / 255, q[:200])
    both = np.concatenate([q, noisy(q, 255)])
    assert _differ(deck.gate, integer, both, 1) <= len(both) // 1000
    assert _clearly_differ(deck.gate, integer, both, 100) == 0


def test_other_integers_for_the_same_pixels() -> None:
    """An input quantiser may give int8 around zero, or few levels: the gate sees the same images."""
    q = digits()[:400]
    gate = float_gate(q, 16, Spectrum(scale="log"))
    as_unsigned = fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16)
    as_bytes = fit_integer_gate(gate, (1, 8, 8), -128, 127, 1 / 16)
    assert (as_unsigned.picks(q) == as_bytes.picks(q)).mean() > 0.99


def test_the_goal_is_what_the_longest_words_reach() -> None:
    """A thousandth of the contrast, and a window that asks for more than there is."""
    gate = dataclasses.replace(float_gate(digits()[:300], 16, Spectrum(scale="amplitude")), window=100)
    _, whole = fit_gate_and_goal(gate, (1, 8, 8), 0, 16, 1 / 16)
    assert whole == goal_for(100)
    faint = dataclasses.replace(gate, templates=(gate.templates * 1e-6).astype(np.float32))
    integer, goal = fit_gate_and_goal(faint, (1, 8, 8), 0, 16, 1 / 16)
    assert goal < goal_for(100)
    assert predicted_db(integer.plan, template_signal(faint, integer.plan, 1 / 16)) >= goal


def test_shorter_words_for_a_goal() -> None:
    q = digits()[:300]
    gate = float_gate(q, 16, Spectrum(scale="log"))
    short = fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16, q, goal_db=50, data_bits=range(8, 17))
    assert short.plan.data_bits < 16
    assert short.plan.twiddle_bits < 14
    assert _differ(gate, short, q, 1) <= 3
    # without images, by the templates
    again = fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16, goal_db=50, data_bits=range(8, 17))
    assert abs(again.plan.data_bits - short.plan.data_bits) <= 1


def test_longer_words_for_a_window() -> None:
    """The goal rises with the window, and 16 bits are left where they do not reach it."""
    q = digits()[:300]
    bits = {}
    for window in (1, 10, 100, 1000):
        gate = float_gate(q, 16, Spectrum(scale="log"), window)
        found = fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16, q)
        bits[window] = found.plan.data_bits
        assert measured_db(found.plan, q) > goal_for(window) - 1
        assert np.array_equal(found.picks(q), gate.picks(q / 16))
    assert bits[1] == 16 < bits[10] < bits[100] == bits[1000]
    own = dataclasses.replace(gate, goal_db=60.0)
    short = fit_integer_gate(own, (1, 8, 8), 0, 16, 1 / 16, q, goal_db=own.goal_db, data_bits=(16, 20))
    assert short.plan.data_bits == 16
    with pytest.raises(CompileError, match="a goal of 151 dB"):
        dataclasses.replace(gate, goal_db=151)


def test_calibration_takes_the_mean_error_away() -> None:
    q = digits()[:600]
    gate = float_gate(q, 16, Spectrum())
    plain, calibrated = (fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16, images) for images in (None, q))
    margins = gate.margins(q / 16)
    exact = margins[:, 1] - margins[:, 0]

    def bias(integer: IntegerGate) -> float:
        scores = integer.scores(q)[:, 1].astype(np.float64)
        slope = np.polyfit(exact, scores, 1)[0]
        return abs(float((scores - slope * exact).mean()))

    assert bias(calibrated) < bias(plain)


def test_a_spectrum_without_padding_is_refused() -> None:
    q = np.random.default_rng(0).integers(0, 256, (4, 1, 28, 28))
    gate = float_gate(q, 255, Spectrum(pad=False))
    with pytest.raises(CompileError, match="without padding") as caught:
        fit_integer_gate(gate, (1, 28, 28), 0, 255, 1 / 255)
    assert "pad=True" in (caught.value.fix or "")
    fit_integer_gate(float_gate(digits()[:9], 16, Spectrum(pad=False)), (1, 8, 8), 0, 16, 1 / 16)
    with pytest.raises(CompileError, match="frequencies"):
        fit_integer_gate(gate, (1, 8, 8), 0, 255, 1 / 255)


@pytest.mark.parametrize("scale", ["log", "amplitude", "power"])
def test_the_graph_means_the_gate_and_survives_its_file(scale: str, tmp_path: Path) -> None:
    gate = random_gate((3, 16, 8), 0, 255, Spectrum("channels", scale, 3, False), 4, 3)  # type: ignore[arg-type]
    q = np.random.default_rng(1).integers(0, 256, (9, 3, 16, 8))
    graph = execute(gate_model(gate), {"images": q})
    assert np.array_equal(graph["scores"], gate.scores(q))
    assert np.array_equal(graph["pick"], gate.picks(q))
    save_integer_gate(gate, tmp_path / "gate.onnx")
    again = load_integer_gate(tmp_path / "gate.onnx")
    assert np.array_equal(again.scores(q), gate.scores(q))
    assert (again.names, again.window, again.scale, again.plan) == (gate.names, gate.window, gate.scale, gate.plan)
    save_integer_gate(again, tmp_path / "two.onnx")
    assert (tmp_path / "two.onnx").read_bytes() == (tmp_path / "gate.onnx").read_bytes()


def test_files_that_are_no_gate_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gate.onnx"
    save_integer_gate(random_gate((1, 8, 8), 0, 16, Spectrum()), path)
    good = onnx.load(path)
    changes = {
        "mix": lambda m: m.graph.node[0].attribute.remove(_attribute(m, "mix")),
        "height": lambda m: setattr(_attribute(m, "height"), "i", 9),
        "data_bits": lambda m: setattr(_attribute(m, "data_bits"), "i", 99),
        "scale": lambda m: setattr(_attribute(m, "scale"), "s", b"wide"),
        "names": lambda m: m.graph.node[0].attribute.remove(_attribute(m, "names")),
        "window": lambda m: setattr(m.graph.node[1].attribute[0], "i", 0),
        "operator": lambda m: setattr(m.graph.node[1], "op_type", "ArgMax"),
        "table": lambda m: setattr(m.graph.initializer[0], "raw_data", bytes(4 * 545 - 1) + b"\xff"),
        "input": lambda m: m.graph.node[1].input.__setitem__(0, "images"),
    }
    for name, change in changes.items():
        bad = onnx.ModelProto.FromString(good.SerializeToString())
        change(bad)
        path.write_bytes(bad.SerializeToString())
        assert _refused(path), f"a wrong {name} was taken"
    path.write_bytes(b"no model")
    with pytest.raises(CompileError, match="not an ONNX model"):
        load_integer_gate(path)
    with pytest.raises(CompileError, match="no integer gate"):
        gate_from_model(ir.Model(ir.Graph([], [], nodes=[], name="g"), ir_version=10))


def _refused(path: Path) -> bool:
    try:
        load_integer_gate(path)
    except CompileError:
        return True
    return False


def _attribute(model: onnx.ModelProto, name: str) -> onnx.AttributeProto:
    return next(a for a in model.graph.node[0].attribute if a.name == name)
