"""Golden folders: `pytest --update-golden` writes them; look at the difference before you commit it.

Hypothesis draws the same examples in every run; `HYPOTHESIS_PROFILE=default` draws new ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("repeatable", derandomize=True, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# What tells rich of a terminal that is not there, and how wide.
TERMINAL = ("COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files that tests compare with")


@pytest.fixture(autouse=True, scope="session")
def no_terminal() -> Iterator[None]:
    """What commands print does not depend on where the tests are started."""
    with pytest.MonkeyPatch.context() as patch:
        for name in TERMINAL:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Mapping[str, str]], None]:
    """`golden("folder", files)` compares `files` (path -> text) with tests/golden/folder: the same paths, no others,
    the same text."""

    def check(folder: str, files: Mapping[str, str]) -> None:
        root = GOLDEN / folder
        if request.config.getoption("--update-golden"):
            _write(root, files)
        there = {p.relative_to(root).as_posix(): p for p in sorted(root.rglob("*")) if p.is_file()}
        assert sorted(there) == sorted(files), f"tests/golden/{folder} holds other files; if meant: --update-golden"
        for name, text in sorted(files.items()):
            assert text == there[name].read_text(encoding="utf-8"), (
                f"{folder}/{name} differs; if meant: --update-golden"
            )

    return check


def _write(root: Path, files: Mapping[str, str]) -> None:
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(root).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="\n")
