"""No golden folder is left behind: each is asked for by a test, by name. (Each test checks the files in its folder.)"""

from __future__ import annotations

import re

from tests.conftest import GOLDEN

_ASKED = re.compile(r"\bgolden\(\s*\"([^\"]+)\"")


def test_every_golden_folder_belongs_to_a_test() -> None:
    asked = {
        name
        for file in sorted(GOLDEN.parent.rglob("test_*.py"))
        for name in _ASKED.findall(file.read_text(encoding="utf-8"))
    }
    assert {p.name for p in GOLDEN.iterdir()} == asked
