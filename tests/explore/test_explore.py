"""`cardc.explore`: what is tried on both kinds of board, the front, budgets, and where the work runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.small import small_inputs

import cardc
from cardc import targets
from cardc.builds.fpga import FpgaBuild
from cardc.compiler import lower
from cardc.explore import fpga, mcu
from cardc.explore.exploration import Exploration
from cardc.explore.point import Candidate, Point, with_front
from cardc.report import Figure

FPGA, MCU = "pynq-z2", "nucleo-f446re"


def _points(*scores: tuple[int, int, bool]) -> list[Point]:
    figures = [{"a": Figure(a, "measured:elf"), "b": Figure(b, "measured:elf")} for a, b, _ in scores]
    fits = [fit for _, _, fit in scores]
    return [Point(Candidate(str(k)), f, fits[k], 0.5, "lut") for k, f in enumerate(figures)]


@pytest.mark.parametrize(
    ("scores", "front"),
    [
        ([(1, 9, True), (9, 1, True), (5, 5, True), (6, 6, True)], [0, 1, 2]),
        ([(1, 1, False), (5, 5, True)], [1]),  # what does not fit beats nothing
        ([(2, 1, False), (1, 2, False), (3, 3, False)], [0, 1]),  # nothing fits: the front of all
        ([(1, 1, True), (1, 1, True)], [0]),
        ([(1, 2, True), (1, 1, True)], [1]),
    ],
)
def test_the_front(scores: list[tuple[int, int, bool]], front: list[int]) -> None:
    found = with_front(_points(*scores), ("a", "b"))
    assert [k for k, point in enumerate(found) if point.on_front] == front


@pytest.fixture(scope="module")
def on_fpga(small: Path) -> Exploration:
    return cardc.explore(small, FPGA)


def test_an_fpga_points_are_what_compile_reports(small: Path, on_fpga: Exploration) -> None:
    assert on_fpga.stopped == ""
    assert on_fpga.fits
    assert {point.candidate.io_type for point in on_fpga.points} == {"io_parallel", "io_stream"}
    assert len({str(point.options) for point in on_fpga.points}) == len(on_fpga.points) > 10
    low = lower(small, targets.load(FPGA))
    for point in (on_fpga.front[0], on_fpga.points[-1]):
        report = FpgaBuild(low, targets.load(FPGA), point.hls).report
        assert dict(report.totals) == dict(point.figures)
        assert report.fits == point.fits


def test_the_fpga_front_is_not_beaten(on_fpga: Exploration) -> None:
    for point in on_fpga.front:
        mine = [point.objective(name) for name in on_fpga.objectives]
        for other in on_fpga.points:
            theirs = [other.objective(name) for name in on_fpga.objectives]
            assert theirs == mine or any(a > b for a, b in zip(theirs, mine, strict=True))


def test_a_microcontroller_measures_each_encoding(small: Path) -> None:
    found = cardc.explore(small, MCU, points=3)
    assert found.stopped == "points"
    assert [len(p.candidate.encodings) for p in found.points] == [2, 2, 2]
    for point in found.points[1:]:
        build = cardc.compile(small, MCU, encodings=point.candidate.encodings, optimize=point.candidate.optimize)
        assert {x.name: x.encoding for x in build.report.layers if x.weights} == dict(point.candidate.encodings)
        assert dict(build.report.totals) == dict(point.figures)
    default = cardc.compile(small, MCU)
    assert dict(default.report.totals) == dict(found.points[0].figures)


def test_encodings_change_no_result(small: Path) -> None:
    x = small_inputs(4)
    want = cardc.compile(small, MCU).emulate(x)
    graph = lower(small, targets.load(MCU)).integer
    for candidate in mcu.candidates(graph, targets.load(MCU))[1:5]:
        build = cardc.compile(small, MCU, encodings=candidate.encodings, optimize=candidate.optimize)
        assert np.array_equal(build.emulate(x), want)


def test_candidates_are_all_different(small: Path) -> None:
    for board, kind in ((MCU, mcu), (FPGA, fpga)):
        target = targets.load(board)
        found = kind.candidates(lower(small, target).integer, target)
        assert len({str((c.options(), c.share)) for c in found}) >= 0.7 * len(found)
        assert len({c.label for c in found}) == len(found)


def test_the_budget_stops_it_after_one_point(small: Path) -> None:
    found = cardc.explore(small, FPGA, budget=1e-9)
    assert (len(found.points), found.stopped) == (1, "budget")
    assert "stopped, the time was over" in found.verdict
    assert "Stopped early" in found.to_html()


def test_processes_give_the_same_bytes(small: Path, on_fpga: Exploration) -> None:
    both = [cardc.explore(small, FPGA, points=4, jobs=jobs) for jobs in (1, 2)]
    assert both[0].to_json() == both[1].to_json()
    assert both[0].to_html() == both[1].to_html()


def test_ray_is_asked_for_where_it_is_missing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(cardc.CompileError, match="ray is not installed") as caught:
        cardc.explore(small, FPGA, cluster="auto")
    assert "cardc[sweep]" in caught.value.fix


@pytest.mark.slow
def test_ray_gives_the_same_bytes(small: Path) -> None:
    found = cardc.explore(small, FPGA, points=4, cluster="local")
    assert found.to_json() == cardc.explore(small, FPGA, points=4).to_json()


@pytest.mark.parametrize("limit", [{"budget": 0}, {"budget": -1}, {"budget": float("nan")}, {"points": 0}, {"jobs": 0}])
def test_limits_below_one_are_refused(small: Path, limit: dict[str, int]) -> None:
    with pytest.raises(cardc.CompileError):
        cardc.explore(small, FPGA, **limit)  # type: ignore[arg-type]


def test_encodings_that_cannot_be(small: Path) -> None:
    with pytest.raises(cardc.CompileError, match="layer that has no weights"):
        cardc.compile(small, MCU, encodings={"nobody": "taps"})
    name = cardc.compile(small, MCU).report.layers[1].name
    with pytest.raises(cardc.CompileError, match="cannot hold these weights"):
        cardc.compile(small, MCU, encodings={name: "tabs"})
    with pytest.raises(cardc.CompileError, match="no encodings of weights"):
        cardc.compile(small, FPGA, encodings={"a": "taps"})


def test_the_page_asks_for_nothing(on_fpga: Exploration) -> None:
    page = on_fpga.to_html()
    assert re.search(r"https?:|<script|url\(|@import", page) is None
    assert "default-src 'none'" in page
    assert page.count("<circle") == len(on_fpga.points) + 3  # the legend
