"""What CI installs is all that the code asks users to install."""

from __future__ import annotations

import re
from pathlib import Path

from cardc.backends.c.emulate import avr_cpu, gcc, qemu

ROOT = Path(__file__).parent.parent


def test_ci_installs_every_tool_that_an_error_message_names() -> None:
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    listed = re.search(r"^packages=\(([^)]*)\)", text, re.MULTILINE)
    assert listed is not None
    named = {package for packages in gcc.PACKAGES.values() for package in packages.split()}
    named |= {package for _, package in qemu.TOOLS.values()} | {avr_cpu.PACKAGE, "g++"}
    assert named <= set(listed[1].split()), sorted(named - set(listed[1].split()))
