"""The emitted gate: every intermediate word equals the integer model, on this computer and on emulated cores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frontend.deck.gates import adversarial, digits, float_gate, noisy, random_gate
from tests.tools import need_gcc, need_qemu

from cardc.backends.c.emulate import host
from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.gate import arena_bytes, emit_gate
from cardc.backends.c.gate_run import GateOn
from cardc.backends.c.gate_trace import trace_words
from cardc.errors import CompileError
from cardc.frontend.deck import Spectrum
from cardc.frontend.deck.integer_gate import fit_integer_gate
from cardc.ops.base import Array
from cardc.ops.spectral import IntegerGate

CORES = ("cortex-m0plus", "cortex-m4", "rv32imc", "cortex-m55")
WIDE = 100.0  # dB, which words of 16 bits do not reach
GATES = {
    "digits": ((1, 8, 8), 0, 16, Spectrum(scale="log"), 3, 2),
    "mnist": ((1, 28, 28), 0, 255, Spectrum(scale="log"), 10, 3),
    "colour": ((3, 32, 32), 0, 255, Spectrum(scale="log"), 1, 2),
    "channels": ((2, 16, 8), -128, 127, Spectrum("channels"), 2, 3),
    "power": ((3, 8, 64), 0, 255, Spectrum(scale="power", crop=5, constant=False), 2, 2),
    "tall": ((1, 64, 16), -8, 7, Spectrum(scale="log", crop=9), 1, 2),
    "odd": ((1, 9, 17), 0, 255, Spectrum(crop=13), 1, 1),
}

FURTHER = ("cortex-m0", "cortex-m3", "cortex-m7", "cortex-m33", "rv32ec", "rv32imac_zbb")
GATED = [
    *((name, core) for core in CORES for name in ("digits", "colour", "channels", "power")),
    *((name, core) for core in FURTHER for name in ("digits", "colour")),
]
"""The gates of test_every_word_on_every_core, of signed and unsigned pixels on each core. Decks are not for AVR."""


def same(gate: IntegerGate, core: str, images: Array) -> None:
    want = trace_words(gate, images)
    picks, words = GateOn(gate, core, traced=True).run(images)
    differ = np.argwhere(words != want)
    assert not len(differ), f"image and word {differ[0]}: {words[tuple(differ[0])]}, not {want[tuple(differ[0])]}"
    assert np.array_equal(picks, gate.picks(images))


@pytest.mark.parametrize("goal_db", [None, WIDE, 120.0])
@pytest.mark.parametrize("name", GATES)
def test_every_word_on_this_computer(name: str, goal_db: float | None) -> None:
    gate = random_gate(*GATES[name], goal_db)
    assert gate.plan.wide == (goal_db is not None)
    same(gate, "host", adversarial(*GATES[name][:3]))


@pytest.mark.parametrize("goal_db", [None, WIDE])
@pytest.mark.parametrize(("name", "core"), GATED)
def test_every_word_on_every_core(name: str, core: str, goal_db: float | None) -> None:
    if get_core(core).unicorn is None:
        need_qemu(core)
    shape, lo, hi, *_ = GATES[name]
    same(random_gate(*GATES[name], goal_db), core, adversarial(shape, lo, hi)[::3])


@pytest.mark.parametrize("core", CORES)
def test_what_is_shipped_has_no_reports_and_decides_alike(core: str) -> None:
    if core == "cortex-m55":
        need_qemu(core)
    q = np.concatenate([digits()[:20], noisy(digits()[20:40], 16)])
    gate = fit_integer_gate(float_gate(digits()[:200], 16, Spectrum(scale="log"), 4), (1, 8, 8), 0, 16, 1 / 16)
    on = GateOn(gate, core)
    assert np.array_equal(on.run(q)[0], gate.picks(q))
    assert len(on.instructions) == len(q)
    assert 3000 < max(on.instructions) < 15_000


def test_all_digits_on_this_computer() -> None:
    q = np.concatenate([digits(), noisy(digits(), 16)])
    gate = fit_integer_gate(float_gate(digits()[:500], 16, Spectrum(scale="log"), 10), (1, 8, 8), 0, 16, 1 / 16)
    same(gate, "host", q)


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize(("channels", "names"), [(1, 2), (3, 4)])
def test_at_most_60_000_instructions_on_m4(channels: int, names: int, compiler: str) -> None:
    if compiler == "gcc":
        need_gcc("cortex-m4")
    gate = random_gate((channels, 32, 32), 0, 255, Spectrum(scale="log"), names=names)
    on = GateOn(gate, "cortex-m4", compiler=compiler)
    q = adversarial((channels, 32, 32), 0, 255)[:2]
    assert np.array_equal(on.run(q)[0], gate.picks(q))
    assert max(on.instructions) <= 60_000
    assert arena_bytes(gate) == 4 * (32 * 16 + 4 * 32)


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
def test_at_most_34_000_on_m55(compiler: str) -> None:
    need_qemu("cortex-m55")
    if compiler == "gcc":
        need_gcc("cortex-m55")
    gate = random_gate((3, 32, 32), 0, 255, Spectrum(scale="log"), 10)
    on = GateOn(gate, "cortex-m55", compiler=compiler)
    q = adversarial((3, 32, 32), 0, 255)[:2]
    assert np.array_equal(on.run(q)[0], gate.picks(q))
    assert max(on.instructions) <= (29_000 if compiler == "zig" else 34_000)


@pytest.mark.parametrize("name", ["mnist", "tall", "odd"])
def test_other_sizes_four_words_at_a_time(name: str) -> None:
    need_qemu("cortex-m55")
    same(random_gate(*GATES[name]), "cortex-m55", adversarial(*GATES[name][:3])[::3])


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 64), st.integers(1, 64), st.sampled_from([1, 2, 3]), st.sampled_from(["amplitude", "log", "power"]),
    st.sampled_from(["grey", "channels"]), st.one_of(st.none(), st.integers(1, 33)), st.booleans(),
    st.sampled_from([(0, 255), (-128, 127), (0, 1), (-3, 12), (0, 100)]), st.integers(1, 3), st.integers(1, 4),
)  # fmt: skip
def test_any_size(
    height: int, width: int, channels: int, scale: str, colour: str, crop: int | None, constant: bool,
    span: tuple[int, int], window: int, names: int,
) -> None:  # fmt: skip
    channels = 3 if colour == "grey" and channels == 2 else channels
    spectrum = Spectrum(colour, scale, crop, constant or crop == 1)  # type: ignore[arg-type]
    gate = random_gate((channels, height, width), *span, spectrum, window, names)
    same(gate, "host", np.random.default_rng(height).integers(span[0], span[1] + 1, (4, channels, height, width)))


def test_pixels_beyond_the_range_count_as_its_end() -> None:
    gate = random_gate((1, 8, 8), 0, 16, Spectrum(scale="log"))
    wild = np.random.default_rng(0).integers(-128, 128, (6, 1, 8, 8))
    assert np.array_equal(GateOn(gate, "host").run(wild)[0], gate.picks(np.clip(wild, 0, 16)))


@pytest.mark.parametrize("core", CORES[:3])
def test_longer_words_cost_what_the_page_says(core: str) -> None:
    gate = random_gate((1, 32, 32), 0, 255, Spectrum(scale="log"), 100, 2, WIDE)
    on = GateOn(gate, core)
    q = adversarial((1, 32, 32), 0, 255)[:2]
    assert np.array_equal(on.run(q)[0], gate.picks(q))
    assert max(on.instructions) <= {"cortex-m4": 63_000, "cortex-m0plus": 330_000, "rv32imc": 110_000}[core]
    assert arena_bytes(gate) == 8 * (32 * 16 + 4 * 32)


@pytest.mark.parametrize("goal_db", [None, WIDE])
@pytest.mark.parametrize("as_cpp", [False, True])
def test_compiles_without_a_warning(as_cpp: bool, goal_db: float | None) -> None:
    gate = random_gate((3, 16, 8), 0, 255, Spectrum(), 3, 3, goal_db)
    host.check_compiles(emit_gate(gate, "deck").sources(), as_cpp=as_cpp)


@pytest.mark.parametrize("goal_db", [None, WIDE])
def test_sanitizers_find_nothing(goal_db: float | None) -> None:
    main = """
#include "deck_gate.h"
#include <stdlib.h>
int main(void) {
  static deck_gate_state state;
  unsigned i, k;
  deck_gate_reset(&state);
  for (i = 0; i < 300; i++) {
    void *arena = malloc(DECK_GATE_ARENA_BYTES);
    int8_t in[DECK_GATE_IN];
    for (k = 0; k < DECK_GATE_IN; k++) { in[k] = (int8_t)((i * 7919u + k * k * 31u) >> (i % 5)); }
    if (deck_gate_feed(&state, in, arena) > 2) { return 1; }
    free(arena);
  }
  return 0;
}
"""
    gate = random_gate((2, 8, 16), -100, 90, Spectrum("channels", "log"), 3, 3, goal_db)
    sources = {**emit_gate(gate, "deck").sources(), "main.c": main}
    done = host.run_program(sources, compiler="gcc", sanitize=True)
    assert done.exit_code == 0, done.output


def test_refusals() -> None:
    gate = random_gate((1, 8, 8), -200, 255, Spectrum())
    with pytest.raises(CompileError, match="no 8-bit type"):
        emit_gate(gate, "deck")
    with pytest.raises(CompileError, match="that of the kernels"):
        emit_gate(random_gate((1, 8, 8), 0, 1, Spectrum()), "cardc")


def test_same_gate_same_bytes() -> None:
    first, second = (emit_gate(random_gate(*GATES["mnist"]), "deck") for _ in range(2))
    assert first == second
