"""CONTRIBUTING.md's patches apply to this tree, are clean, and their own tests pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.tools import need

ROOT = Path(__file__).parents[2]
PARTS = ("src/cardc", "frontend", "passes", "backends", "targets", "docs", "tests", "pyproject.toml")


@dataclass(frozen=True)
class Example:
    """A section with a patch (unified diff) and the test that goes with it, in `test_file`."""

    title: str
    patch: str
    test_file: str
    test: str

    @property
    def new_files(self) -> list[str]:
        return re.findall(r"^--- /dev/null\n\+\+\+ b/(.+)$", self.patch, re.MULTILINE)


def examples() -> list[Example]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = []
    for section in text.split("\n### ")[1:]:
        patches = re.findall(r"^```diff\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        tests = re.findall(r"^```python\n# (tests/\S+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        (patch,), ((file, test),) = patches, tests
        found.append(Example(section.splitlines()[0], patch, file, test))
    return found


EXAMPLES = examples()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree, links and all."""
    ignored = shutil.ignore_patterns("__pycache__", "*.o", "golden")
    for part in PARTS:
        source, target = ROOT / part, tmp_path / "tree" / part
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, target)
    return tmp_path / "tree"


def run(command: Sequence[str], folder: Path, text: str = "") -> str:
    """What `command` prints, with the copy's cardc ahead of the installed one."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_there_is_one_for_each_kind_of_part() -> None:
    assert [e.title for e in EXAMPLES] == ["A new operator", "A new pass", "A new board", "A new kernel"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.title.removeprefix("A new "))
def test_the_patch_applies_and_its_test_passes(example: Example, copy: Path) -> None:
    need(shutil.which("git") is not None, "git", "git")
    # Context stands in front of each change only, so that a neighbour may change without breaking the example.
    run(["git", "apply", "--unidiff-zero", "-"], copy, example.patch)
    assert all((copy / name).is_file() for name in example.new_files)
    (copy / example.test_file).write_text(example.test, encoding="utf-8")
    clean = [name for name in (*example.new_files, example.test_file) if name.endswith(".py")]
    run([sys.executable, "-m", "ruff", "check", *clean], copy)
    run([sys.executable, "-m", "ruff", "format", "--check", *clean], copy)
    report = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", example.test_file], copy)
    assert re.search(r"^\d+ passed in ", report, re.MULTILINE), report


def test_pages_show_what_the_patches_add(copy: Path) -> None:
    need(shutil.which("git") is not None, "git", "git")
    for example in EXAMPLES:
        run(["git", "apply", "--unidiff-zero", "-"], copy, example.patch)
    run([sys.executable, "docs/generate.py"], copy)
    assert "| `ThresholdedRelu` | ONNX | 1 | yes |" in (copy / "docs/operators.md").read_text(encoding="utf-8")
    assert "### 1. drop-idle-pools\n" in (copy / "docs/pipeline.md").read_text(encoding="utf-8")
    assert "[nucleo-g071rb](../targets/nucleo-g071rb.toml)" in (copy / "docs/boards.md").read_text(encoding="utf-8")
