"""Same input, same bytes out: whole folders of two processes with different hash seeds, and nothing of the machine."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.small import save_small, small_text

TARGETS = ["nucleo-f446re", "rp2040-pico", "pynq-z2"]


def compiled(model: Path, target: str, out: Path, seed: str) -> dict[str, bytes]:
    """Every file that `cardc compile` writes in a process of its own."""
    program = Path(sys.executable).with_name("cardc")
    # Other places, languages and times must not show either.
    own = {"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo" if seed == "1" else "UTC", "COLUMNS": "70" + seed}
    ran = subprocess.run(
        [program, "compile", model, "-t", target, "-o", out, "--json"],
        env=os.environ | own, cwd=out.parent, capture_output=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    return files | {"standard output": ran.stdout}


@pytest.mark.parametrize("target", TARGETS)
def test_two_processes_write_the_same_bytes(tmp_path: Path, target: str) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    written = []
    for folder, seed in zip(folders, "1742"[::3], strict=True):
        folder.mkdir()
        written.append(compiled(save_small(folder / "small.onnx", channels=6), target, folder / "out", seed))
    one, other = written
    assert sorted(one) == sorted(other)
    assert [name for name in one if one[name] != other[name]] == []
    assert {"report.json", "report.html", "cardc-manifest.json"} <= set(one)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_of_this_machine_is_written(tmp_path: Path, target: str) -> None:
    written = compiled(save_small(tmp_path / "small.onnx"), target, tmp_path / "out", "0")
    secrets = {str(tmp_path), str(Path.home()) + "/", sys.prefix}
    # Short names, such as "vm" or "root", are also words of licences and sources.
    secrets |= {name for name in (socket.gethostname(), getpass.getuser()) if len(name) > 5}
    for name, content in written.items():
        for secret in secrets:
            assert secret.encode() not in content, (name, secret)


def test_another_model_gives_other_bytes(tmp_path: Path) -> None:
    """The comparison above sees what changes."""
    assert small_text(seed=0) != small_text(seed=1)
    digests = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        model = save_small(folder / "small.onnx", seed=seed)
        digests.append(compiled(model, "rp2040-pico", folder / "out", "0")["cardc-manifest.json"])
    assert digests[0] != digests[1]
