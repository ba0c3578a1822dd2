"""The page: everything in one file, nothing executable, nothing fetched, nothing unescaped."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cardc import targets
from cardc.passes.base import Declined, PassTrace
from cardc.report import Figure, Report, fits

VOID = {"meta", "link", "br", "wbr"}
HOSTILE = "<script>alert('x')</script>\"><img src=http://evil.example/x onerror=y>{{ 7*7 }}"


class Page(HTMLParser):
    """Collects tags, attributes and text, and fails on a tag that is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


@pytest.fixture(params=["mcu", "fpga", "bare"])
def report(request: pytest.FixtureRequest, mcu_report: Report, fpga_report: Report) -> Report:
    bare = mcu_report.replace(layers=(), exact=None, memory=None, passes=(), provenance={})
    return {"mcu": mcu_report, "fpga": fpga_report, "bare": bare}[request.param]


def test_the_page_is_well_formed_and_alone(report: Report) -> None:
    html = report.to_html()
    page = Page(html)
    assert page.open == []
    assert html.startswith("<!DOCTYPE html>")
    assert not {"script", "iframe", "img", "object", "embed", "form", "base"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"href", "src", "data", "action"}:
            assert value == "data:,"
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html)
    assert html == report.to_html()


def test_wide_tables_scroll_by_keyboard_and_show_the_focus(report: Report) -> None:
    page = report.to_html()
    assert page.count('class="scroll"') == page.count('class="scroll" tabindex="0"') > 0
    assert ":focus-visible" in page
    assert "@media print" in page
    assert "prefers-color-scheme: dark" in page


def test_headline_when_it_fits(mcu_report: Report) -> None:
    text = Page(mcu_report.to_html()).text
    assert "Fits fullest: RAM, 4,536 of 131,072 (3.5 %)" in text
    assert "Exact, to the bit 7 stages, 11 tensors, 360 inputs" in text
    assert "97.22 %" in text
    assert "rounding boundary, where float executors may round either way: 2." in text
    assert "What to change" not in text


def test_headline_when_it_does_not(fpga_report: Report) -> None:
    text = Page(fpga_report.to_html()).text
    assert "Does not fit fullest: LUT, 68,800 of 53,200 (129.3 %)" in text
    assert "What to change LUT is 15,600 over" in text
    assert "ZCU102" in text
    assert "Not equal" in text
    assert "2 instead of 3, on input 4" in text


def test_not_verified_is_not_exact(mcu_report: Report) -> None:
    text = Page(mcu_report.replace(exact=None).to_html()).text
    assert "Not verified yet" in text
    assert "Exact, to the bit" not in text


def test_every_stage_used_is_explained(mcu_report: Report) -> None:
    text = Page(mcu_report.to_html()).text
    for stage in ("measured:elf", "measured:emulated", "estimated:cpi"):
        assert f"{stage} " in text.split("How figures are known")[1]
    assert "estimated:analytic" not in text


def test_every_layer_and_tensor_is_in_a_table(mcu_report: Report) -> None:
    assert mcu_report.memory is not None
    text = Page(mcu_report.to_html()).text
    for layer in mcu_report.layers:
        assert layer.name in text
    for tensor in mcu_report.memory.tensors:
        assert f"{tensor.name}{tensor.offset:,}{tensor.bytes:,}" in text


def test_drawings_stay_inside_their_frames(mcu_report: Report) -> None:
    html = mcu_report.to_html()
    for frame, body in re.findall(r'<svg viewBox="0 0 ([\d. ]+)"(.*?)</svg>', html, re.S):
        width, height = map(float, frame.split())
        for x, y, w, h in re.findall(r'<rect[^>]*x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', body):
            assert float(x) + float(w) <= width + 1
            assert float(y) + float(h) <= height + 1


def test_hostile_names_stay_text(mcu_report: Report) -> None:
    memory = mcu_report.memory
    assert memory is not None
    hostile = mcu_report.replace(
        model=HOSTILE,
        layers=tuple(
            replace(x, name=HOSTILE, op=HOSTILE, encoding=HOSTILE, notes=(HOSTILE,)) for x in mcu_report.layers
        ),
        memory=replace(
            memory,
            steps=(HOSTILE,) * len(memory.steps),
            tensors=tuple(replace(t, name=HOSTILE) for t in memory.tensors),
        ),
        passes=(PassTrace(HOSTILE, 1, (Declined(HOSTILE, HOSTILE),), (HOSTILE,)),),
        provenance={HOSTILE: HOSTILE},
    )
    html = hostile.to_html()
    page = Page(html)
    assert not {"script", "img"} & set(page.tags)
    assert "<script" not in html
    assert HOSTILE in page.text
    assert "onerror" not in {name for name, _ in page.attributes}
    assert "49" not in page.text.split("alert('x')")[1][:60]  # the template ran once, not on its own output


def test_hostile_names_stay_text_in_the_terminal(mcu_report: Report) -> None:
    table = mcu_report.replace(model="[bold red]x[/] :smile:").to_table()
    assert "[bold red]x[/] :smile:" in table


def test_the_fullest_resource_is_drawn_and_costs_are_summed(fpga_report: Report) -> None:
    layers = [
        replace(layer, figures={**layer.figures, "dsp": Figure(used, "estimated:analytic", 0, 999)})
        for layer, used in zip(fpga_report.layers, (0, 200, 20), strict=True)
    ]
    totals = {**fpga_report.totals, "lut": Figure(1, "estimated:analytic", 0, 9)}
    totals["dsp"] = Figure(220, "estimated:analytic", 0, 999)
    fit = fits(totals, targets.load("pynq-z2"), layers=layers)
    html = fpga_report.replace(layers=tuple(layers), totals=totals, fit=fit).to_html()
    bars = html.split("<h2>Where the DSP slices go</h2>")[1].split("</section>")[0]
    assert [name in bars for name in ("fc1", "fc2", "fc3")] == [False, True, True]
    assert "All layers" in html
    assert "<td>68,800</td>" in html
    assert "Where the LUTs go" in fpga_report.to_html()


def test_a_stage_that_only_loads_has_no_shape_and_no_bits(mcu_report: Report) -> None:
    load = replace(mcu_report.layers[0], name="load input", in_shape=(), out_shape=(), in_bits=0, out_bits=0)
    text = Page(mcu_report.replace(layers=(load,)).to_html()).text
    assert "0 bit" not in text


def test_bars_are_readable_on_a_phone(mcu_report: Report) -> None:
    """Rows of a table, not a drawing that shrinks with the page: names, shares, sums."""
    bars = mcu_report.to_html().split("<h2>Where the instructions go</h2>")[1].split("</section>")[0]
    assert "<svg" not in bars
    rows = re.findall(r"<th scope=\"row\">(.*?)</th>.*?width:([\d.]+)%.*?>([\d,]+)</td><td[^>]*>(\d+) %", bars, re.S)
    costs = {layer.name: int(layer.figures["instructions"].value) for layer in mcu_report.layers}
    assert [name.replace("<wbr>", "") for name, *_ in rows] == sorted(costs, key=lambda n: -costs[n])
    for name, width, text, _ in rows:
        cost = costs[name.replace("<wbr>", "")]
        assert (float(width), text) == (round(100 * cost / max(costs.values()), 1), f"{cost:,}")
    assert rows[-1][3] == "100"
