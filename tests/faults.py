"""Faults planted in emitted C, which the equality chain must find."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from cardc.builds.mcu import McuBuild
from cardc.project import Project

Fault = tuple[str, str, int]
"""The file's name, what is in front of a number there, what the number grows by."""

MOVED_WEIGHT: Fault = ("small.c", r"sums\[0\] = 0 \+ x\[", 1)
"""The first weight of the dense layer, which is code, sits one column further on."""
SHIFTED_OFFSET: Fault = ("small_weights.c", r"small_l1_lines\[\d+\] = \{\s*(?:-?\d+,\s+){4}", 0x10001000)
"""The line of the convolution's second channel gets another offset, a level higher for both pixels of a word."""


def edited(project: Project, fault: Fault) -> Project:
    """`project` with one number in its sources changed."""
    name, before, by = fault
    (path,) = (p for p in project.files if p.name == name)
    numbers = rf"({before})(-?\d+)"
    text, count = re.subn(numbers, lambda found: f"{found[1]}{int(found[2]) + by}", project.text(path))
    assert count == 1, f"{before} is there {count} times in {path}"
    return Project({**project.files, PurePosixPath(path): text.encode()})


def plant(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """From here on, every microcontroller build has the fault."""
    emit = McuBuild.project.func
    monkeypatch.setattr(McuBuild, "project", property(lambda build: edited(emit(build), fault)))
