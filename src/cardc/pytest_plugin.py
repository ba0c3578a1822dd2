"""A pytest plugin: the fixture `cardc_exact`, the equality chain as a check in the user's own tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .entrance import Entrance
from .ops.base import Array
from .report import Exact, exact_in_words
from .targets.base import Target

Check = Callable[..., Exact]


@pytest.fixture
def cardc_exact() -> Check:
    """`cardc_exact(model, targets, inputs, labels=None, sample=None, entrance=None, dims=None, emulated_inputs=None)`
    -> Exact.

    The test fails with the first tensor that differs. Arguments as for `cardc.verify`.
    """

    def check(
        model: Any,
        targets: Sequence[str | Path | Target],
        inputs: Array,
        labels: Array | None = None,
        *,
        sample: Any = None,
        entrance: Entrance | None = None,
        dims: Mapping[str, int] | None = None,
        emulated_inputs: int | None = None,
    ) -> Exact:
        from .api import verify

        verdict = verify(
            model, targets, inputs, labels, sample=sample, entrance=entrance, dims=dims, emulated_inputs=emulated_inputs
        )
        if not verdict.equal:
            pytest.fail(exact_in_words(verdict), pytrace=False)
        return verdict

    return check
