"""Every board that comes with cardc loads, and says what it must."""

from __future__ import annotations

from importlib.resources import files

import pytest

from cardc import targets
from cardc.backends.c.emulate.cores import CORES as EMULATED
from cardc.targets.schema import CORES, FEATURES

REQUIRED = {
    *("rp2040-pico", "pico2", "pico2-riscv", "bluepill", "nucleo-f446re", "nano33ble", "nucleo-h743zi", "nucleo-u575"),
    *("alif-e7", "esp32-c3", "ch32v003", "arduino-uno", "microbit", "pynq-z2"),
}


def test_the_promised_boards_are_there() -> None:
    assert set(targets.names()) >= REQUIRED
    assert targets.names() == sorted(targets.names())
    assert [target.name for target in targets.listing()] == targets.names()


@pytest.mark.parametrize("name", targets.names())
def test_board_loads_with_plausible_figures(name: str) -> None:
    target = targets.load(name)
    assert target.name == name
    assert 1_000_000 <= target.clock_hz <= 2_000_000_000
    if target.backend == "c":
        assert target.core in CORES
        assert set(target.features) <= set(FEATURES)
        assert target.flash_bytes % 1024 == 0
        assert target.ram_bytes % 1024 == 0
        assert target.cpi is not None
        assert 0.4 < target.cpi.low <= target.cpi.typical <= target.cpi.high < 4
        assert target.limits() == {"flash_bytes": target.flash_bytes, "ram_bytes": target.ram_bytes}
    else:
        assert target.ff == 2 * target.lut  # true of every AMD family since the 7 series
        assert target.limits()["bram18"] == target.bram18
        assert target.cpi is None


@pytest.mark.parametrize("name", targets.names())
def test_every_figure_has_its_source_beside_it(name: str) -> None:
    lines = files("cardc.targets").joinpath(f"{name}.toml").read_text("utf-8").splitlines()
    bare = [
        line
        for line in lines
        if line.split("=")[0].strip() in {"clock_hz", "flash_bytes", "ram_bytes", "lut", "ff", "dsp", "bram18", "uram"}
        and "#" not in line
    ]
    assert bare == []


def test_known_figures() -> None:
    pynq = targets.load("pynq-z2")
    assert (pynq.lut, pynq.ff, pynq.dsp, pynq.bram18) == (53_200, 106_400, 220, 280)
    assert pynq.clock_period_ns == 10.0
    nucleo = targets.load("nucleo-f446re")
    assert (nucleo.core, nucleo.flash_bytes, nucleo.ram_bytes) == ("cortex-m4", 512 * 1024, 128 * 1024)
    assert nucleo.has("dsp")
    assert not nucleo.has("mve")
    assert not targets.load("rp2040-pico").has("unaligned")
    assert "180 MHz, 512 KiB flash, 128 KiB RAM" in nucleo.summary()


def test_every_core_that_a_board_may_have_is_emulated() -> None:
    assert set(CORES) == set(EMULATED) - {"host"}
