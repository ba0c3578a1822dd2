"""A wheel and a source archive built offline hold the whole package, and nothing else; the wheel works by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from cardc.targets import names

ROOT = Path(__file__).parents[1]
LINKED = ("frontend", "passes", "backends", "targets")
NOT_SHIPPED = {".pyc", ".o"}
BUILD = "import sys; from setuptools import build_meta as b; d = sys.argv[1]; b.build_wheel(d); b.build_sdist(d)"
USE = """
import sys

import cardc
import cardc.cli
from click.testing import CliRunner
from cardc.backends.c.runtime import FILE_OF, sources
from tests.docs.card import CARD
from tests.text import parse
assert cardc.__file__.startswith(sys.argv[1]), cardc.__file__
print(len(sources(FILE_OF)))
for board in ("rp2040-pico", "pynq-z2"):
    build = cardc.compile(parse(CARD), board)
    print(build.project.digest(), len(build.report.to_html()) > 10_000)
print(CliRunner().invoke(cardc.cli.cardc, ["targets", "--json"]).output.count('"name"'))
"""


def package_files(tree: Path) -> set[str]:
    """Every file of the package as it stands in the tree, by its path in an installation."""
    roots = [("cardc", tree / "src" / "cardc"), *((f"cardc/{name}", tree / name) for name in LINKED)]
    found = set()
    for prefix, root in roots:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            inside = Path(folder).relative_to(root)
            found |= {(prefix / inside / f).as_posix() for f in map(Path, files) if f.suffix not in NOT_SHIPPED}
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, with both archives in its folder `dist`."""
    folder = tmp_path_factory.mktemp("build")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.o")
    for name in (*LINKED, "src"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignore)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-c", BUILD, str(folder / "dist")]
    (folder / "dist").mkdir()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


def test_the_wheel_holds_the_package_and_no_more(built: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        said = archive.read(entry_points).decode()
    assert held == package_files(built)
    kinds = {Path(name).suffix for name in held}
    assert {".py", ".toml", ".j2", ".h", ".c", ".ld", ".typed"} <= kinds
    assert "cardc = cardc.cli:main" in said
    assert "cardc = cardc.pytest_plugin" in said


def test_the_source_archive_holds_it_too(built: Path) -> None:
    (archive,) = (built / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        held = {name.split("/src/", 1)[1] for name in tar.getnames() if "/src/cardc/" in name}
        held -= {member.name.split("/src/", 1)[1] for member in tar if member.isdir() and "/src/cardc/" in member.name}
    assert package_files(built) - held == set()


def test_the_wheel_alone_does_what_the_tree_does(built: Path, tmp_path: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")

    def use(package: Path) -> str:
        environment = {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"}
        command = [sys.executable, "-c", USE, str(package)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    said = use(tmp_path / "installed")
    assert said == use(built / "src")
    assert said.splitlines()[-1] == str(len(names()))
