"""Fits or not: the sums, the limiting figure, the advice, the exit code."""

from __future__ import annotations

import pytest

from cardc import targets
from cardc.errors import CompileError
from cardc.report import Figure, Report, board, fits, require_fit


def mcu(flash: int, ram: int, stack: int | None = None) -> dict[str, Figure]:
    totals = {"flash_bytes": Figure(flash, "measured:elf"), "ram_bytes": Figure(ram, "measured:elf")}
    return totals if stack is None else totals | {"stack_bytes": Figure(stack, "measured:emulated")}


def fpga(lut: int, band: float = 1.0, dsp: int = 0, bram18: int = 0) -> dict[str, Figure]:
    def about(value: int) -> Figure:
        return Figure(value, "estimated:analytic", int(value / band), int(value * band))

    return {"lut": about(lut), "ff": about(0), "dsp": about(dsp), "bram18": about(bram18)}


BLUEPILL = targets.load("bluepill")  # 65,536 bytes of flash, 20,480 of RAM
PYNQ = targets.load("pynq-z2")


@pytest.mark.parametrize(
    ("totals", "fit", "limiting"),
    [
        (mcu(65_536, 0), True, "flash_bytes"),
        (mcu(65_537, 0), False, "flash_bytes"),
        (mcu(0, 20_480), True, "ram_bytes"),
        (mcu(0, 20_481), False, "ram_bytes"),
        (mcu(0, 20_000, 480), True, "ram_bytes"),
        (mcu(0, 20_000, 481), False, "ram_bytes"),
        (mcu(60_000, 100, 100), True, "flash_bytes"),
    ],
)
def test_flash_and_ram(totals: dict[str, Figure], fit: bool, limiting: str) -> None:
    result = fits(totals, BLUEPILL)
    assert result.fits is fit
    assert result.limiting.resource == limiting
    assert bool(result.advice) is not fit


def test_stack_counts_as_ram_and_says_so() -> None:
    check = next(c for c in fits(mcu(1, 1_000, 234), BLUEPILL).checks if c.resource == "ram_bytes")
    assert check.used.value == 1_234
    assert check.detail == "1,000 arena and static data + 234 stack"


def test_advice_names_the_layer_the_step_and_boards_that_would_do(mcu_report: Report) -> None:
    result = fits(mcu(70_000, 21_000), BLUEPILL, layers=mcu_report.layers, memory=mcu_report.memory)
    text = "; ".join(result.advice)
    assert "Flash is 4,464 bytes over" in text
    assert "'conv3' with 3,815 bytes" in text
    assert "RAM is 520 bytes over" in text
    assert "the peak is at 'conv2'" in text
    assert "Nucleo-F446RE" in text
    assert "Blue Pill" not in text.split("or choose")[1]


def test_no_board_is_named_when_none_would_do() -> None:
    assert "or choose" not in "; ".join(fits(mcu(10**9, 0), BLUEPILL).advice)


@pytest.mark.parametrize(
    ("totals", "fit", "limiting"),
    [
        (fpga(53_200), True, "lut"),
        (fpga(53_201), False, "lut"),
        (fpga(1, dsp=221), False, "dsp"),
        (fpga(1, bram18=281), False, "bram18"),
        (fpga(1) | {"uram": Figure(1, "measured:csim")}, False, "uram"),
        (fpga(1) | {"uram": Figure(0, "measured:csim")}, True, "lut"),
    ],
)
def test_fabric(totals: dict[str, Figure], fit: bool, limiting: str) -> None:
    result = fits(totals, PYNQ)
    assert result.fits is fit
    assert result.limiting.resource == limiting


def test_an_estimate_that_may_not_fit_says_so() -> None:
    result = fits(fpga(40_000, band=2.0), PYNQ)
    assert result.fits
    assert "upper end of its band (80,000) exceeds the board's 53,200" in result.advice[0]


@pytest.mark.parametrize("missing", ["flash_bytes", "ram_bytes"])
def test_nothing_is_said_without_the_figures(missing: str) -> None:
    totals = {name: figure for name, figure in mcu(1, 1).items() if name != missing}
    with pytest.raises(ValueError, match=f"no {missing} in the totals"):
        fits(totals, BLUEPILL)


def test_exit_code_one_when_it_does_not_fit(mcu_report: Report, fpga_report: Report) -> None:
    require_fit(mcu_report)
    with pytest.raises(CompileError) as caught:
        require_fit(fpga_report)
    assert caught.value.exit_code == 1
    assert "LUT needs 68,800 of 53,200" in str(caught.value)
    assert "prune more" in caught.value.fix


def test_a_report_for_a_small_board_does_not_fit(mcu_report: Report) -> None:
    totals = mcu(70_000, 100)
    small = mcu_report.replace(board=board(BLUEPILL), totals=totals, fit=fits(totals, BLUEPILL))
    assert not small.fits
    assert "DOES NOT FIT: Flash 70,000 of 65,536" in small.to_table()


def test_flash_says_what_is_weights_and_when_pruning_cannot_help(mcu_report: Report) -> None:
    weights = sum(layer.weight_bytes for layer in mcu_report.layers)
    result = fits(mcu(65_537 + weights, 0), BLUEPILL, layers=mcu_report.layers)
    assert result.checks[0].detail == f"{weights:,} weights + 65,537 code and tables"
    assert f"more than all weights take ({weights:,} bytes)" in result.advice[0]
    assert "prune" not in result.advice[0]
    assert "prune" in fits(mcu(65_536 + weights, 0), BLUEPILL, layers=mcu_report.layers).advice[0]
