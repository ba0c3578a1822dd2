"""The small card on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.small import save_small


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("explore") / "small.onnx")
