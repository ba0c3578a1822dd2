"""What does not fit an 8-bit core's pointers is refused with the layer, the sizes and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from tests.backends.c.networks import lower
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.backend import CBackend
from cardc.errors import CompileError
from cardc.ops.qtype import QType
from cardc.targets.base import load


def dense(*sizes: int) -> IntegerGraph:
    graph = IntegerGraph((sizes[0],), uint(4))
    rng = np.random.default_rng(0)
    for inputs, outputs in pairwise(sizes):
        graph.dense(outputs, weights=rng.integers(-100, 101, (inputs, outputs))).requantize(uint(4), 20)
    return graph


LARGE: dict[str, tuple[Callable[[], IntegerGraph], str, str]] = {
    "weights": (lambda: dense(200, 200), "40,000 bytes for the constants 'l1_weights'", "matmul"),
    "all weights": (lambda: dense(150, 150, 150, 150, 3), "bytes of constants are more than the 65,536", ""),
    "levels of the input": (
        lambda: IntegerGraph((4,), QType(-(2**15), 2**15 - 1)).dense(3),
        "262,140 bytes for the input quantiser's table",
        "threshold",
    ),
}


@pytest.mark.parametrize("what", LARGE)
def test_constants_that_pointers_of_16_bits_do_not_reach(what: str) -> None:
    graph, said, node = LARGE[what]
    model, backend = lower(graph().model()), CBackend(title="net")
    with pytest.raises(CompileError) as caught:
        backend.emit(model, load("arduino-uno"))
    assert said in caught.value.what
    assert node in str(caught.value)
    assert "32-bit core" in caught.value.fix
    assert caught.value.exit_code == 1
    assert backend.emit(model, load("nucleo-f446re")).files
