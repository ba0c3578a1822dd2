"""Figures, their bands and their printing; cycles and seconds; the terminal table."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from cardc import targets
from cardc.cli.common import console
from cardc.report import (
    Figure,
    Layer,
    MemoryMap,
    MemoryTensor,
    Report,
    latency_seconds,
    mcu_cycles,
    number,
    print_report,
    show,
)


@pytest.mark.parametrize(
    "arguments",
    [
        (1, "measured"),
        (1, "estimated:cpi"),
        (1, "estimated:analytic", 0),
        (1, "estimated:analytic", 2, 3),
        (1, "measured:elf", None, 3),
        (-1, "measured:elf"),
        (float("nan"), "measured:elf"),
        (float("inf"), "measured:elf"),
    ],
)
def test_impossible_figures(arguments: tuple[float, str]) -> None:
    with pytest.raises(ValueError, match=r"figure|stage"):
        Figure(*arguments)


@pytest.mark.parametrize(
    ("figure", "unit", "text"),
    [
        (Figure(9_120, "measured:elf"), "bytes", "9,120 bytes"),
        (Figure(1, "measured:elf"), "bytes", "1 byte"),
        (Figure(0, "measured:elf"), "bytes", "0 bytes"),
        (Figure(1, "estimated:csynth", 1, 2), "cycles", "1 cycle (1 to 2)"),
        (Figure(1_300, "estimated:cpi", 1_000, 1_800), "", "1,300 (1,000 to 1,800)"),
        (Figure(0.0013, "estimated:cpi", 0.001, 0.0018), "s", "1.3 ms (1 to 1.8)"),
        (Figure(2.5, "estimated:cpi", 2, 3), "s", "2.5 s (2 to 3)"),
        (Figure(1.1e-7, "estimated:analytic", 0, 2e-7), "s", "0.11 \u00b5s (0 to 0.2)"),
    ],
)
def test_figures_in_words(figure: Figure, unit: str, text: str) -> None:
    assert show(figure, unit) == text


def test_numbers() -> None:
    assert [number(x) for x in (0, 12, 1234567, 0.125, 1234.5)] == ["0", "12", "1,234,567", "0.125", "1,234"]


def test_cycles_follow_the_board() -> None:
    target = targets.load("nucleo-f446re")
    assert target.cpi is not None
    cycles = mcu_cycles(1_000_000, target)
    assert cycles.stage == "estimated:cpi"
    assert (cycles.low, cycles.value, cycles.high) == tuple(
        round(1_000_000 * cpi) for cpi in (target.cpi.low, target.cpi.typical, target.cpi.high)
    )
    seconds = latency_seconds(cycles, target)
    assert seconds.value == cycles.value / 180_000_000
    assert (seconds.low, seconds.high) == (cycles.low / 180_000_000, cycles.high / 180_000_000)  # type: ignore[operator]
    with pytest.raises(ValueError, match="pynq-z2"):
        mcu_cycles(1, targets.load("pynq-z2"))


def test_impossible_records() -> None:
    with pytest.raises(ValueError, match="non-zeros"):
        Layer(name="x", op="Conv", weights=3, nonzeros=4)
    with pytest.raises(ValueError, match="unknown figure"):
        Layer(name="x", op="Conv", figures={"gold": Figure(1, "measured:elf")})
    with pytest.raises(ValueError, match="outside"):
        MemoryMap(10, 10, ("a",), (MemoryTensor("t", 8, 4, 0, 0),))
    with pytest.raises(ValueError, match="outside"):
        MemoryMap(10, 10, ("a",), (MemoryTensor("t", 0, 4, 0, 1),))


def test_the_table_is_short_plain_and_complete(mcu_report: Report) -> None:
    table = mcu_report.to_table()
    lines = table.splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) < 25
    assert "\x1b" not in table
    assert "fits: RAM 4,536 of 131,072" in table
    assert "exact: brevitas == qonnx == integer" in table
    for layer in mcu_report.layers:
        assert any(line.startswith(layer.name) for line in lines)


def test_the_table_says_where_stages_part(fpga_report: Report) -> None:
    assert "NOT EQUAL: hls4ml:csim differs" in fpga_report.to_table()


def test_advice_is_whole_in_a_pipe(mcu_report: Report) -> None:
    line = "choose a board that is big enough: " + ", ".join(f"board {n}" for n in range(60))
    screen = console()
    screen.file = io.StringIO()
    print_report(mcu_report.replace(fit=replace(mcu_report.fit, advice=(line,))), screen)
    assert f"\n  {line}\n" in screen.file.getvalue()
