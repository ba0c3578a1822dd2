"""Decks: how cards are joined, what the gate sees and picks, and folders that are not what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.frontend.files import dense_model

from cardc.errors import CompileError
from cardc.frontend.deck import Card, Deck, Gate, Spectrum, combine, fit_gate, load_deck, save_deck, softmax

RANDOM = np.random.default_rng(0)
FLAT = RANDOM.random((50, 1, 8, 8), np.float32) * 0.1 + 0.4
ROUGH = RANDOM.random((50, 1, 8, 8), np.float32)


def _model() -> onnx.ModelProto:
    found = dense_model()
    return found if isinstance(found, onnx.ModelProto) else onnx.ModelProto.FromString(found)


def _gate(window: int = 1, spectrum: Spectrum | None = None) -> Gate:
    return fit_gate({"clean": FLAT, "gaussian": ROUGH}, spectrum, window)


def _deck(**fields: object) -> Deck:
    cards = tuple(Card(n, a, _model()) for n, a in (("a", "clean"), ("b", "gaussian"), ("c", "gaussian")))
    settings: dict[str, object] = {"mode": "adaptive", "gate": _gate()} | fields
    return Deck("two", cards, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("colour", ["grey", "channels"])
def test_spectrum_is_that_of_the_fourier_sum(colour: str) -> None:
    x = RANDOM.random((2, 3, 6, 5), np.float32)
    seen = x if colour == "channels" else np.tensordot(x, np.float32([0.299, 0.587, 0.114]), axes=(1, 0))[:, None]
    u, v = np.arange(6), np.arange(3)
    rows = np.exp(-2j * np.pi * np.outer(u, np.arange(6)) / 6)
    columns = np.exp(-2j * np.pi * np.outer(v, np.arange(5)) / 5)
    want = np.abs(np.einsum("uh,nchw,vw->ncuv", rows, seen, columns)).reshape(2, -1)
    got = Spectrum(colour, pad=False).features(x)  # type: ignore[arg-type]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(Spectrum(colour, "power", pad=False).features(x), want**2, rtol=1e-3, atol=1e-3)  # type: ignore[arg-type]
    np.testing.assert_allclose(Spectrum(colour, "log", pad=False).features(x), np.log1p(want), rtol=1e-4, atol=1e-4)  # type: ignore[arg-type]


def test_crop_keeps_low_frequencies_of_both_signs() -> None:
    wave = np.cos(2 * np.pi * 3 * np.arange(8) / 8).astype(np.float32)
    slow = np.cos(2 * np.pi * np.arange(8) / 8).astype(np.float32)
    x = np.stack([np.tile(wave[:, None], (1, 8)), np.tile(slow[:, None], (1, 8))])[:, None]
    cropped = Spectrum(crop=2).features(x)
    assert cropped.shape == (2, 3 * 2)
    assert cropped[0].max() < 1e-4
    assert np.count_nonzero(cropped[1] > 1) == 2  # frequencies +1 and -1
    assert Spectrum(crop=2, constant=False).features(x).shape == (2, 5)


def test_gate_picks_the_nearest_template() -> None:
    gate = _gate()
    assert np.array_equal(gate.picks(FLAT), np.zeros(50))
    assert np.array_equal(gate.picks(ROUGH), np.ones(50))
    features = gate.spectrum.features(FLAT).astype(np.float64)
    distances = ((features[:, None] - gate.templates[None]) ** 2).sum(-1)
    margins = gate.margins(FLAT)
    np.testing.assert_allclose(margins[:, 0] - margins[:, 1], (distances[:, 1] - distances[:, 0]) / 2, rtol=1e-6)


def test_window_averages_the_last_inputs() -> None:
    gate = _gate(window=4)
    x = np.concatenate([FLAT[:6], ROUGH[:6]])
    features = gate.spectrum.features(x).astype(np.float64)
    for i in range(12):
        mean = features[max(0, i - 3) : i + 1].mean(0)
        want = ((mean - gate.templates) ** 2).sum(-1).argmin()
        assert gate.picks(x)[i] == want
    assert not np.array_equal(gate.picks(x), gate.picks(x, window=100))


def test_modes() -> None:
    x = np.concatenate([FLAT[:1], ROUGH[:1]])
    np.testing.assert_array_equal(_deck(mode="agnostic").weights(x), np.full((2, 3), 1 / 3))
    np.testing.assert_array_equal(_deck().weights(x), [[1, 0, 0], [0, 0.5, 0.5]])
    np.testing.assert_array_equal(_deck(mode="top-n", top=2).weights(x), np.full((2, 3), 1 / 3))


def test_probabilities_are_means_of_softmax() -> None:
    logits = RANDOM.normal(size=(3, 4, 5))
    weights = np.array([[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    got = combine(logits, weights)
    np.testing.assert_allclose(got[0], np.exp(logits[0, 0]) / np.exp(logits[0, 0]).sum())
    np.testing.assert_allclose(got[2], (softmax(logits[1, 2]) + softmax(logits[2, 2])) / 2)
    np.testing.assert_allclose(got.sum(1), 1)


def test_a_saved_deck_is_the_same_deck(tmp_path: Path) -> None:
    gate = replace(_gate(7, Spectrum("channels", "log", 3, False)), goal_db=72.5)
    deck = _deck(gate=gate, mode="top-n", top=2)
    save_deck(deck, tmp_path / "one")
    loaded = load_deck(tmp_path / "one")
    save_deck(loaded, tmp_path / "two")
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == ["a.onnx", "b.onnx", "c.onnx", "deck.toml", "gate.npy"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert loaded.gate is not None
    assert loaded.gate.spectrum == Spectrum("channels", "log", 3, False)
    assert (loaded.mode, loaded.top, loaded.gate.window) == ("top-n", 2, 7)
    assert loaded.gate.goal_db == 72.5
    with pytest.raises(CompileError, match="exists"):
        save_deck(deck, tmp_path / "one")


def test_names_that_are_no_file_names_are_refused(tmp_path: Path) -> None:
    deck = Deck("d", (Card("../out", "clean", _model()),))
    with pytest.raises(CompileError, match="the name"):
        save_deck(deck, tmp_path / "d")
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('file = "a.onnx"', 'file = "../secret.onnx"', "outside the deck's folder"),
        ('file = "a.onnx"', 'file = "/etc/passwd"', "outside the deck's folder"),
        ('file = "a.onnx"', 'file = "z.onnx"', "no such model file"),
        ('file = "gate.npy"', 'file = "a.onnx"', "no array of templates"),
        ("version = 1", "version = 2", "deck version 2"),
        ("version = 1", "version = true", "version is True"),
        ("version = 1\n", "", "'version' is missing"),
        ('mode = "adaptive"', 'mode = "best"', "mode is 'best'"),
        ('mode = "adaptive"', 'mood = "adaptive"', "'mode' is missing"),
        ("top = 1", "top = 9", "top is 9"),
        ("top = 1", "tip = 1", "unknown key 'tip'"),
        ('name = "b"', 'name = "a"', "different names"),
        ("window = 1", "window = 0", "window of 0"),
        ("window = 1", "window = 1\ngoal_db = 200", "goal of 200 dB"),
        ("window = 1", "window = 1\ngoal_db = true", "goal_db is True"),
        ("window = 1", "window = 1\ngoal_db = nan", "goal of nan dB"),
        ('colour = "grey"', 'colour = "blue"', "colour is 'blue'"),
        ('["clean", "gaussian"]', '["clean", "fog"]', "a gate of"),
        ("[gate]", "[gate", "no valid TOML"),
    ],
)
def test_bad_decks_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    save_deck(_deck(), tmp_path / "d")
    (tmp_path / "secret.onnx").write_bytes(_model().SerializeToString())
    path = tmp_path / "d" / "deck.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CompileError, match=says) as caught:
        load_deck(tmp_path / "d")
    assert caught.value.fix


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    save_deck(_deck(), tmp_path / "d")
    (tmp_path / "d" / "a.onnx").rename(tmp_path / "a.onnx")
    (tmp_path / "d" / "a.onnx").symlink_to(tmp_path / "a.onnx")
    with pytest.raises(CompileError, match="outside"):
        load_deck(tmp_path / "d")


def test_pickled_templates_are_refused(tmp_path: Path) -> None:
    save_deck(_deck(), tmp_path / "d")
    np.save(tmp_path / "d" / "gate.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(CompileError, match="no array of templates"):
        load_deck(tmp_path / "d")


def test_a_deck_without_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"the folder holds no deck\.toml"):
        load_deck(tmp_path)


def test_decks_that_make_no_sense_are_refused() -> None:
    for fields, says in [({"gate": None}, "without a gate"), ({"mode": "worst"}, "mode is"), ({"top": 0}, "top is")]:
        with pytest.raises(CompileError, match=says):
            _deck(**fields)
    with pytest.raises(CompileError, match="different sizes"):
        fit_gate({"a": FLAT, "b": np.zeros((2, 1, 4, 4), np.float32)})
    with pytest.raises(CompileError, match="spectra of"):
        _gate().picks(np.zeros((1, 1, 16, 4), np.float32))
