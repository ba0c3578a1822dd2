"""Faults planted in emitted C, which the equality chain must find."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from cardc.builds.mcu import McuBuild
from cardc.project import Project

MOVED_WEIGHT = ("small_l3_steps", 1)
"""The dense layer's first weight sits one column further on."""
SHIFTED_OFFSET = ("small_l1_offset", 4096)
"""The convolution's first channel gets another offset in front of its requantisation."""


def edited(project: Project, array: str, by: int) -> Project:
    """`project` with the first element of an array of its weights changed by `by`."""
    (path,) = (p for p in project.files if p.name.endswith("_weights.c"))
    text, count = re.subn(
        rf"({array}\[\d+\] = \{{\s*)(-?\d+)", lambda found: f"{found[1]}{int(found[2]) + by}", project.text(path)
    )
    assert count == 1, f"no array {array} in {path}"
    return Project({**project.files, PurePosixPath(path): text.encode()})


def plant(monkeypatch: pytest.MonkeyPatch, array: str, by: int) -> None:
    """From here on, every microcontroller build has the fault."""
    emit = McuBuild.project.func
    monkeypatch.setattr(McuBuild, "project", property(lambda build: edited(emit(build), array, by)))
