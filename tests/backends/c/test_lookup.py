"""What turns bytes into bytes alike in all channels is a table; anything else keeps its arithmetic."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from tests.backends.c.networks import in_c
from tests.backends.c.test_emit_run import check
from tests.graphs import BIPOLAR, IntegerGraph, uint

from cardc.ops.qtype import QType


@pytest.mark.parametrize(
    ("core", "before", "after"),
    [
        ("host", uint(8), uint(4)),
        ("cortex-m0plus", uint(8), uint(4)),
        ("cortex-m4", QType(-127, 127), QType(-3, 12)),
        ("rv32imc", uint(4), BIPOLAR),
    ],
)
def test_pixels_by_table(core: str, before: QType, after: QType) -> None:
    case = in_c(IntegerGraph((3, 13, 15), before).threshold_on_range(after).conv(2), inputs=3)
    assert "cardc_lookup" in case.built.program.functions
    (table,) = [a for step in case.built.program.steps for a in step.arrays if a.name.endswith("_table")]
    assert table.bytes == before.levels
    check(case, core)


def test_few_elements_and_channels_of_their_own_have_none() -> None:
    few = in_c(IntegerGraph((1, 5, 5), uint(8)).threshold_on_range(uint(4)).conv(2), inputs=3)
    g = IntegerGraph((3, 13, 15), uint(8)).threshold_on_range(uint(4))
    levels = g.graph.initializers["t"]
    t = np.stack([levels.const_value.numpy()[0] + c for c in range(3)])  # type: ignore[union-attr]
    levels.const_value = ir.tensor(t, name="t")
    levels.shape = ir.Shape(t.shape)
    for case in (few, in_c(g.conv(2), inputs=3)):
        assert "cardc_finish_u8" in case.built.program.functions
        check(case, "host")
