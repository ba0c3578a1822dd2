"""What a deck costs adds up: flash and RAM to the byte, instructions to the few of the calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cardc.backends.c.deck.constants import owners
from cardc.backends.c.deck.flash import _covered
from cardc.builds.deck_mcu import McuDeckBuild
from cardc.cli import cardc
from cardc.deck_api import compile_deck
from cardc.report import DeckFacts, Report
from cardc.report.table import report_to_table

DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"


@pytest.fixture(scope="module")
def build() -> McuDeckBuild:
    found = compile_deck(DIGITS, "nucleo-f446re")
    assert isinstance(found, McuDeckBuild)
    return found


@pytest.fixture(scope="module")
def deck(build: McuDeckBuild) -> DeckFacts:
    assert build.report.deck is not None
    return build.report.deck


def test_flash_is_gate_cards_and_what_they_share(build: McuDeckBuild, deck: DeckFacts) -> None:
    assert deck.gate is not None
    elf = build.c.elf("cortex-m4", (f"{build.name}_predict",))
    cards = [card.figures["flash_bytes"].value for card in deck.cards]
    gate, shared = deck.gate.figures["flash_bytes"].value, deck.shared["flash_bytes"].value
    assert gate + sum(cards) + shared == build.report.totals["flash_bytes"].value == elf.sizes.flash
    # the gate is what a library without it does not hold, but for what the linker leaves between parts
    assert abs(elf.sizes.flash - deck.agnostic["flash_bytes"].value - gate) < 200
    held = owners(build.program.cards)
    for card, flash in zip(build.program.cards, cards, strict=True):
        arrays = [array for step in card.program.steps for array in step.arrays]
        own = sum(a.bytes for a in arrays if held[card.name, a.name] == f"{card.name}_{a.name}")
        assert own < flash < own + 1500
    named = sum(s.size for s in elf.all_symbols if s.name.startswith("cardc_") and s.is_function)
    assert shared < named + 4000


def test_ram_is_the_largest_card_the_state_and_the_buffers(build: McuDeckBuild, deck: DeckFacts) -> None:
    assert deck.gate is not None
    parts = [card.figures["ram_bytes"].value for card in deck.cards] + [deck.gate.figures["ram_bytes"].value]
    assert max(parts) + deck.shared["ram_bytes"].value == build.report.totals["ram_bytes"].value
    # window of 10 with one rival: 2 sums, 10 scores, a place; then the pick; 64 pixels; 10 results and a card's own
    state = 8 * 2 + 8 * 10 + 8 + 8
    assert deck.gate.state_bytes == state
    assert state + 64 + 40 <= deck.shared["ram_bytes"].value <= state + 64 + 40 + 40


def test_instructions_are_the_gates_the_picked_cards_and_the_joining(build: McuDeckBuild, deck: DeckFacts) -> None:
    assert deck.gate is not None
    spent = {card.name: card.figures["instructions"].value for card in deck.cards}
    gate, joining = (f["instructions"].value for f in (deck.gate.figures, deck.shared))
    most = max(spent["augmix_0"] + spent["augmix_1"], spent["gaussian_0"] + spent["gaussian_1"]) + gate + joining
    assert 0 <= build.report.totals["instructions"].value - most + 500 <= 1000
    assert deck.agnostic["instructions"].value > sum(spent.values())
    assert deck.mean["instructions"].value < 0.6 * deck.agnostic["instructions"].value


def test_the_command_prints_it(build: McuDeckBuild, tmp_path: Path) -> None:
    done = CliRunner().invoke(cardc, ["compile", str(DIGITS), "-t", "nucleo-f446re", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "flash = gate + cards + shared;\nRAM = the largest of gate and cards + shared;" in done.output
    for line in ("gate ", "card augmix_0", "shared, once", "deck ", "without gate"):
        assert any(row.startswith(line) for row in done.output.splitlines()), line
    page = (tmp_path / "out" / "report.html").read_text()
    assert "once for all" in page
    assert "rows, radix 4" in page
    read = Report.from_json((tmp_path / "out" / "report.json").read_text())
    assert report_to_table(read) == report_to_table(build.report)
    gate = json.loads((tmp_path / "out" / "report.json").read_text())["deck"]["gate"]
    assert gate["words"]["data_bits"] == 20  # for the 90 dB of a window of 10
    assert gate["words"]["twiddle_bits"] > 14
    assert [stage["divided_by"] for stage in gate["stages"]] == [1, 2, 4, 4]
    assert all(1 << 18 < stage["largest"] < 1 << 19 for stage in gate["stages"][:-1])
    assert 90 == gate["goal_db"] <= gate["snr_db"] < 96
    assert "chosen for 90 dB" in page


def test_overlapping_symbols_count_once() -> None:
    assert _covered([(0, 8), (4, 12), (4, 6), (20, 24)]) == 16
    assert _covered([]) == 0
