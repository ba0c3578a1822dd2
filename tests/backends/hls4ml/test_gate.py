"""The gate's HLS component: every intermediate word equals the integer model in C simulation."""

from __future__ import annotations

import numpy as np
import pytest
from tests.frontend.deck.gates import adversarial, digits, float_gate, noisy, random_gate
from tests.tools import need_host

from cardc.backends.hls4ml.gate import butterflies, gate_component
from cardc.backends.hls4ml.gate_csim import GateCsim, component_words
from cardc.errors import CompileError
from cardc.frontend.deck import Spectrum
from cardc.frontend.deck.integer_gate import fit_integer_gate

GATES = {
    "colour": ((3, 28, 32), 0, 255, Spectrum(scale="log"), 2, 3),
    "channels": ((2, 16, 8), -128, 127, Spectrum("channels", crop=6), 3, 2),
    "power": ((1, 8, 64), 0, 16, Spectrum(scale="power", crop=5, constant=False), 1, 1),
}


@pytest.mark.parametrize("goal_db", [None, 100.0])
@pytest.mark.parametrize(("name", "reuse_factor"), [("colour", 1), ("channels", 4), ("power", 16)])
def test_every_word(name: str, reuse_factor: int, goal_db: float | None) -> None:
    need_host("gcc")
    gate = random_gate(*GATES[name], goal_db)
    assert gate.plan.wide == (goal_db is not None)
    q = adversarial(*GATES[name][:3])
    picks, seen = GateCsim(gate, reuse_factor=reuse_factor, traced=True).run(q)
    want = component_words(gate, q)
    assert seen.shape == want.shape
    assert np.array_equal(seen, want)
    assert np.array_equal(picks, gate.picks(q))


def test_short_words_and_all_digits() -> None:
    need_host("gcc")
    q = np.concatenate([digits(), noisy(digits(), 16)])
    gate = float_gate(digits()[:300], 16, Spectrum(scale="log"), 5)
    short = fit_integer_gate(gate, (1, 8, 8), 0, 16, 1 / 16, q[:300], goal_db=50, data_bits=range(8, 17))
    assert short.plan.data_bits < 16
    simulation = GateCsim(short, traced=True)
    picks, seen = simulation.run(q)
    assert np.array_equal(seen, component_words(short, q))
    assert np.array_equal(picks, short.picks(q))
    assert np.array_equal(simulation.run(q[:9])[0], short.picks(q[:9]))  # from an empty window again
    with pytest.raises(CompileError, match="leave"):
        simulation.run(np.full((1, 1, 8, 8), 17))


def test_reuse_factors_decide_what_is_built() -> None:
    gate = random_gate(*GATES["colour"])
    assert [butterflies(gate, r) for r in (1, 2, 4, 8, 16)] == [8, 4, 2, 1, 1]
    texts = [gate_component(gate, "my deck", reuse_factor=r) for r in (1, 8)]
    assert [str(p) for p in texts[0]] == [
        "build_my_deck_gate.tcl", "firmware/my_deck_gate.cpp", "firmware/my_deck_gate.h",
        "firmware/nnet_utils/cardc_fft.h", "firmware/nnet_utils/cardc_gate.h",
    ]  # fmt: skip
    differ = [str(p) for p in texts[0] if texts[0][p] != texts[1][p]]
    assert differ == ["firmware/my_deck_gate.cpp"]
    assert texts[0] == gate_component(gate, "my deck", reuse_factor=1)


def test_refusals() -> None:
    gate = random_gate(*GATES["power"])
    for reuse_factor in (0, 65):
        with pytest.raises(CompileError, match="reuse factor"):
            gate_component(gate, "deck", reuse_factor=reuse_factor)
