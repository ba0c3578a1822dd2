"""Faults planted in emitted C, which the equality chain must find."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from cardc.builds.mcu import McuBuild
from cardc.project import Project

MOVED_WEIGHT = ("small_l3_lists", 1, 1)
"""The dense layer's first weight sits one column further on."""
SHIFTED_OFFSET = ("small_l1_lines", 0x10001000, 4)
"""The line of the convolution's second channel gets another offset, a level higher for both pixels of a word."""


def edited(project: Project, array: str, by: int, at: int = 0) -> Project:
    """`project` with element `at` of an array of its weights changed by `by`."""
    (path,) = (p for p in project.files if p.name.endswith("_weights.c"))
    numbers = rf"({array}\[\d+\] = \{{\s*(?:-?\d+,\s+){{{at}}})(-?\d+)"
    text, count = re.subn(numbers, lambda found: f"{found[1]}{int(found[2]) + by}", project.text(path))
    assert count == 1, f"no array {array} in {path}"
    return Project({**project.files, PurePosixPath(path): text.encode()})


def plant(monkeypatch: pytest.MonkeyPatch, array: str, by: int, at: int = 0) -> None:
    """From here on, every microcontroller build has the fault."""
    emit = McuBuild.project.func
    monkeypatch.setattr(McuBuild, "project", property(lambda build: edited(emit(build), array, by, at)))
