"""What decks are optimised for: smaller libraries, the same answers."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

import cardc
from cardc.builds.deck_mcu import McuDeckBuild
from cardc.cli import cardc as command
from cardc.deck_api import compile_deck
from cardc.deck_compile import DeckOptions
from cardc.errors import CompileError

DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"
M4 = "nucleo-f446re"


@pytest.fixture(scope="module")
def builds() -> dict[str, McuDeckBuild]:
    made = {}
    for optimize in ("speed", "balanced", "size"):
        build = cardc.compile(DIGITS, M4, optimize=optimize)
        assert isinstance(build, McuDeckBuild)
        made[optimize] = build
    return made


@pytest.mark.parametrize("optimize", ["balanced", "size"])
def test_answers_are_those_of_the_integer_deck(builds: dict[str, McuDeckBuild], optimize: str) -> None:
    build = builds[optimize]
    x = (load_digits().images[:8, None] / 16).astype(np.float32)
    q = build.quantize(x)
    want = build.model.run(q)
    for core in ("host", "cortex-m4", "cortex-m0plus"):
        got = build.c.run(q, core)
        assert np.array_equal(got.picks, want.picks)
        assert np.array_equal(got.outputs, want.outputs)
    exact = build.verify(x[:4])
    assert exact.equal
    assert "c:cortex-m4" in exact.stages


def test_each_is_smaller_than_the_one_before(builds: dict[str, McuDeckBuild]) -> None:
    speed, balanced, size = (builds[o].report.totals for o in ("speed", "balanced", "size"))
    assert speed["flash_bytes"].value > balanced["flash_bytes"].value > size["flash_bytes"].value
    assert speed["ram_bytes"].value >= balanced["ram_bytes"].value >= size["ram_bytes"].value
    assert speed["instructions"].value < size["instructions"].value


def test_build_systems_are_told(builds: dict[str, McuDeckBuild]) -> None:
    told = {name: build.project.text(PurePosixPath("CMakeLists.txt")) for name, build in builds.items()}
    assert "-O2" in told["speed"]
    for name in ("balanced", "size"):
        assert "-Os" in told[name]
        assert "-O2" not in told[name]


def test_the_command_takes_it(builds: dict[str, McuDeckBuild], tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    done = CliRunner().invoke(command, ["compile", str(DIGITS), "-t", M4, "--optimize", "size", "-o", out])
    assert done.exit_code == 0, done.output
    assert f"{builds['size'].report.totals['flash_bytes'].value:,}" in done.output


@pytest.mark.parametrize(
    ("board", "optimize", "what"),
    [("pynq-z2", "size", "is not optimised for size"), (M4, "sise", "nothing to optimise for")],
)
def test_what_is_refused(board: str, optimize: str, what: str) -> None:
    with pytest.raises(CompileError, match=what) as caught:
        compile_deck(DIGITS, board, options=DeckOptions(optimize=optimize))
    assert len(caught.value.each()) == 1
    assert caught.value.fix
