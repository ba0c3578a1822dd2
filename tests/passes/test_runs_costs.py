"""Convolutions by runs: what they are estimated to cost, and where memory lets them be chosen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.backends.c.networks import in_c
from tests.graphs import IntegerGraph, uint

from cardc.backends.c.emulate.cores import get_core
from cardc.ops.base import integer, text
from cardc.passes.base import PassLog
from cardc.passes.choose_encodings import ChooseEncodings, costs
from cardc.passes.runs_plan import BAND, geometry, spare_bytes


def conv(channels: int, size: int, out: int, density: float, stride: int = 1, bits: int = 4) -> IntegerGraph:
    """Behind it a quantiser whose levels reach 2.5 standard deviations of the sums, as trained ones do."""
    graph = IntegerGraph((channels, size, size), uint(bits), seed=3).conv(out, density=density, stride=stride)
    # The layer behind makes the result bytes.
    return (
        graph.scaled(uint(4), 2.5 * 2**bits / 3.5 * float(np.sqrt(density * channels * 9)))
        .flatten()
        .dense(1, density=0.1)
    )


LAYERS: dict[str, Callable[[], IntegerGraph]] = {
    "10 %": lambda: conv(16, 16, 16, 0.1),
    "strided, 30 %": lambda: conv(12, 16, 16, 0.3, stride=2),
    "small maps": lambda: conv(32, 8, 24, 0.1),
}


@pytest.mark.parametrize(("core", "off"), [("cortex-m4", 0.15), ("cortex-m0plus", 0.25)])
@pytest.mark.parametrize("layer", LAYERS)
def test_estimates_follow_what_is_measured(layer: str, core: str, off: float) -> None:
    features = sorted(get_core(core).features)
    case = in_c(LAYERS[layer](), inputs=1, force=("runs",), features=features)
    spent = case.built.measure(core, case.inputs).by_layer[case.built.symbols()[1]]
    log, model = PassLog(), LAYERS[layer]().model()
    ChooseEncodings(tuple(features), ram=1 << 20).run(model, log)
    note = log.notes[0]
    guess = float(note.split("runs ~")[1].split(",")[0].rstrip(")"))
    assert abs(guess / spent - 1) <= off, (guess, spent)


def choice(
    graph: IntegerGraph, ram: int, features: tuple[str, ...] = ("dsp", "unaligned"), *, whole: bool = False
) -> tuple[str, int]:
    """The encoding, and the rows of a band."""
    model = graph.model()
    ChooseEncodings(features, ram=ram, whole=whole).run(model, PassLog())
    (node,) = (n for n in model.graph if n.op_type == "Conv")
    return text(node, "encoding", ""), integer(node, BAND, 0)


def test_runs_take_the_room_that_memory_leaves() -> None:
    """8 KB of tensors: without memory there are no copies, with little low bands, then high ones."""
    for ram, whole in ((0, False), (4_000, False), (15_000, True)):
        assert choice(LAYERS["10 %"](), ram, whole=whole)[0] != "runs"
    bands = [choice(LAYERS["10 %"](), ram) for ram in (15_000, 24_000)]
    assert [encoding for encoding, _ in bands] == ["runs", "runs"]
    assert 1 <= bands[0][1] < bands[1][1] < 16
    assert choice(LAYERS["10 %"](), 64_000) == ("runs", 16)


@pytest.mark.parametrize("features", [("eight_bit", "unaligned"), ("software_multiply",)])
def test_the_smallest_parts_have_no_runs(features: tuple[str, ...]) -> None:
    assert choice(LAYERS["10 %"](), 1 << 20, features)[0] != "runs"


def test_tensors_that_live_at_a_time_are_counted() -> None:
    model = LAYERS["10 %"]().model()
    live = 2 * 16 * 16 * 16  # the input and the sums, then these and the activations
    assert spare_bytes(model, 40_000) == 30_000 - live * 4 // 3
    assert spare_bytes(model, 1_000) == 250  # a quarter, as streams may hold rows
    assert spare_bytes(model, 1_000, whole=True) == 0


def test_bands_have_no_more_rows_than_are_asked_for() -> None:
    model = LAYERS["10 %"]().model()
    (node,) = (n for n in model.graph if n.op_type == "Conv")
    assert costs(node, frozenset()).keys() >= {"lanes", "taps"}
    g = geometry(node, 15, room=6_000)
    assert g is not None
    assert g.copy_bytes <= 6_000
    assert geometry(node, 15, room=1_000) is None
