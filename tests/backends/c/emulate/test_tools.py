"""A missing tool is never silent."""

from __future__ import annotations

import pytest
from tests import tools


def test_a_missing_tool_skips_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"widget is not installed \(apt install widgets\)"):
        tools.need(False, "widget", "widgets")


def test_a_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="widget is not installed"):
        tools.need(False, "widget", "widgets")
    tools.need(True, "widget", "widgets")
