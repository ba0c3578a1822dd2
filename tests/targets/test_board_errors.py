"""A hand-written board file can be wrong in many ways; each is named with its remedy, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cardc import targets
from cardc.errors import CompileError

GOOD = """
title = "Mine"
backend = "c"
core = "cortex-m4"
features = ["dsp"]
clock_hz = 1_000_000
flash_bytes = 1024
ram_bytes = 1024
[cpi]
low = 1
typical = 1.2
high = 1.5
source = "guess"
"""


@pytest.fixture
def error(tmp_path: Path) -> Callable[[str | bytes], CompileError]:
    def load(text: str | bytes) -> CompileError:
        path = tmp_path / "mine.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        with pytest.raises(CompileError) as caught:
            targets.load(path)
        assert caught.value.exit_code == 2
        assert "mine.toml" in str(caught.value)
        return caught.value

    return load


def test_own_board_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    for where in (tmp_path / "mine.toml", str(tmp_path / "mine.toml")):
        target = targets.load(where)
        assert (target.name, target.core, target.features) == ("mine", "cortex-m4", ("dsp",))


@pytest.mark.parametrize(
    ("old", "new", "what", "fix"),
    [
        ("clock_hz", "clok_hz", "unknown key 'clok_hz'", "did you mean 'clock_hz'?"),
        ("ram_bytes = 1024\n", "", "key 'ram_bytes' is missing", "add `ram_bytes = "),
        ("= 1_000_000", '= "1"', "key 'clock_hz' must be a whole number, not '1'", "`clock_hz = "),
        ("= 1_000_000", "= 1.5", "key 'clock_hz' must be a whole number, not 1.5", "`clock_hz = "),
        ("= 1_000_000", "= true", "key 'clock_hz' must be a whole number, not True", "`clock_hz = "),
        ("= 1_000_000", "= 2021-01-01", "key 'clock_hz' must be a whole number", "`clock_hz = "),
        ("= 1_000_000", "= -5", "key 'clock_hz' is -5", "above zero"),
        ("= 1_000_000", "= 0", "key 'clock_hz' is 0", "above zero"),
        ('"Mine"', '""', "key 'title' is empty", "fill it in"),
        ("cortex-m4", "cortex-m44", "core 'cortex-m44' is not known", "did you mean 'cortex-m4'?"),
        ('["dsp"]', '["dps"]', "features 'dps' is not known", "did you mean 'dsp'?"),
        ('["dsp"]', '"dsp"', "key 'features' must be a list of texts", "`features = "),
        ('["dsp"]', "[1]", "key 'features' must be a list of texts", "`features = "),
        ('backend = "c"', 'backend = "d"', "backend 'd' is not known", "hls4ml"),
        ('backend = "c"\n', "", "key 'backend' is missing", "hls4ml"),
        ("low = 1\n", "", "key 'cpi.low' is missing", "add `cpi.low = "),
        ("low = 1", "low = 2", "cpi is no band", "low <= typical <= high"),
        ("high = 1.5", "high = inf", "cpi is no band", "finite"),
        ("low = 1", "low = nan", "cpi is no band", "finite"),
        ("low = 1", "lo = 1", "unknown key 'cpi.lo'", "did you mean 'low'?"),
        ("[cpi]", "[other]", "unknown key 'other'", "use one of"),
        ("clock_hz = 1_000_000", "clock_hz 5", "this is not TOML", "key = value"),
        ("clock_hz", "lut = 5\nclock_hz", "unknown key 'lut'", "use one of"),
    ],
)
def test_one_fault(error: Callable[[str | bytes], CompileError], old: str, new: str, what: str, fix: str) -> None:
    assert old in GOOD
    text = str(error(GOOD.replace(old, new, 1)))
    assert what in text
    assert fix in text


def test_all_faults_at_once(error: Callable[[str | bytes], CompileError]) -> None:
    text = str(error(GOOD.replace("clock_hz", "clok_hz").replace('["dsp"]', '["dps"]').replace("= 1024", "= -1")))
    for part in ("'clok_hz'", "'clock_hz' is missing", "'dps'", "'flash_bytes' is -1", "'ram_bytes' is -1"):
        assert part in text


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x7fELF\x02\x01"])
def test_a_binary_is_no_board(error: Callable[[str | bytes], CompileError], content: bytes) -> None:
    assert "this is not TOML" in str(error(content))


def test_a_huge_file_is_not_read(error: Callable[[str | bytes], CompileError]) -> None:
    assert "too big" in str(error("#" * 70_000))


def test_a_mistyped_name() -> None:
    with pytest.raises(CompileError, match="no target 'nucleo-f446'") as caught:
        targets.load("nucleo-f446")
    assert "did you mean 'nucleo-f446re'?" in str(caught.value)


@pytest.mark.parametrize("missing", ["nowhere.toml", "no/such/board", ""])
def test_a_path_that_is_not_there(tmp_path: Path, missing: str) -> None:
    with pytest.raises(CompileError) as caught:
        targets.load(tmp_path / missing)  # the last one is a folder
    assert "cannot be read" in str(caught.value)
    assert "pynq-z2" in caught.value.fix
