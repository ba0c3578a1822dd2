"""The pages that docs/generate.py writes are what it would write now, and hold what they must."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from cardc import targets
from cardc.ops import ops
from cardc.passes.pipeline import TO_INTEGER

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["operators.md", "pipeline.md", "boards.md"])
def test_the_page_is_what_would_be_written_now(generate: ModuleType, name: str) -> None:
    text = generate.PAGES[name]()
    assert (DOCS / name).read_bytes().decode() == text, f"run `python docs/generate.py`: docs/{name} is out of date"


def test_check_finds_a_stale_page_and_touches_nothing(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "HERE", tmp_path)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "boards.md").write_text("# Boards\n")
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/boards.md is out of date: run `python docs/generate.py`\n"
    assert (tmp_path / "boards.md").read_text() == "# Boards\n"


def test_nothing_is_left_out(generate: ModuleType) -> None:
    operators, pipeline, boards = (generate.PAGES[f"{name}.md"]() for name in ("operators", "pipeline", "boards"))
    assert [name for _, name in ops() if f"| `{name}` |" not in operators] == []
    places = [pipeline.index(f". {step.transform.name}\n") for step in TO_INTEGER]
    assert places == sorted(places)
    assert [name for name in targets.names() if f"[{name}](" not in boards] == []


def test_markup_in_docstrings_is_escaped(generate: ModuleType) -> None:
    assert generate._markdown("A * b, *x*, <tag>, 1 < 2, `*`") == r"A * b, \*x\*, \<tag>, 1 < 2, `*`"
    assert generate._markdown("x\n\n    a *b* <c>") == "x\n\n    a *b* <c>"
    assert generate._markdown("# no heading") == r"\# no heading"
