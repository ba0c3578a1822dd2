"""What changed between two builds: found, told apart from what may be the band's, written as Markdown and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Cardc, cardc  # noqa: F401

from cardc.report import Figure, Fit, Report, compare


def test_a_build_and_itself(mcu_report: Report, fpga_report: Report) -> None:
    for report in (mcu_report, fpga_report):
        found = compare(report, report)
        assert (found.totals, found.layers, found.added, found.removed) == ((), (), (), ())
        assert "Nothing else changed." in found.to_markdown()


def test_totals_and_layers(mcu_report: Report) -> None:
    first, *others = mcu_report.layers
    smaller = replace(first, weights=max(first.weights, 10), nonzeros=3, encoding="runs")
    flash = mcu_report.totals["flash_bytes"].value
    totals = {**mcu_report.totals, "flash_bytes": Figure(flash * 2, "measured:elf")}
    found = compare(mcu_report, mcu_report.replace(totals=totals, layers=(smaller, *others)))
    (change,) = found.totals
    assert (change.name, change.relative, change.certain) == ("flash_bytes", 1.0, True)
    assert [layer.name for layer in found.layers] == [first.name]
    assert ("encoding", first.encoding, "runs") in found.layers[0].facts
    text = found.to_markdown()
    assert f"| Flash | {flash:,} bytes | {flash * 2:,} bytes | +100.0 % |" in text
    assert "| encoding |" in text


def test_layers_that_come_and_go(mcu_report: Report) -> None:
    first, *others = mcu_report.layers
    found = compare(mcu_report, mcu_report.replace(layers=(*others, replace(first, name="new"))))
    assert (found.added, found.removed) == (("new",), (first.name,))
    assert "| new | layer | | new | |" in found.to_markdown()


def test_estimates_that_overlap_are_not_certain(fpga_report: Report) -> None:
    def with_lut(value: int) -> Report:
        figure = Figure(value, "estimated:csynth", value // 2, value * 2)
        return fpga_report.replace(totals={**fpga_report.totals, "lut": figure})

    near, far = (compare(with_lut(1000), with_lut(value)) for value in (1500, 9000))
    assert not near.totals[0].certain
    assert "+50.0 % (bands overlap)" in near.to_markdown()
    assert far.totals[0].certain
    assert "overlap" not in far.to_markdown()


def test_a_band_alone_is_no_change(fpga_report: Report) -> None:
    lut = fpga_report.totals["lut"]
    wider = Figure(lut.value, lut.stage, 0, lut.most * 2)
    assert compare(fpga_report, fpga_report.replace(totals={**fpga_report.totals, "lut": wider})).totals == ()


def test_verdicts(mcu_report: Report) -> None:
    assert mcu_report.exact is not None
    wrong = mcu_report.replace(exact=replace(mcu_report.exact, equal=False, first_difference="c:host: ..."))
    found = compare(mcu_report, wrong)
    assert found.worse
    assert "→ **not equal**" in found.to_markdown()
    assert not compare(wrong, mcu_report).worse
    full = mcu_report.replace(fit=Fit(tuple(replace(c, available=1) for c in mcu_report.fit.checks), ("prune more",)))
    found = compare(mcu_report, full)
    assert found.worse
    assert "- fits: yes → **no**" in found.to_markdown()
    assert "- prune more" in found.to_markdown()


def test_names_are_text_and_not_markup(mcu_report: Report) -> None:
    first, *others = mcu_report.layers
    named = replace(first, name="a|b\n# <img src=x> `c`")
    text = compare(mcu_report.replace(layers=tuple(others)), mcu_report.replace(layers=(named, *others))).to_markdown()
    (row,) = [line for line in text.splitlines() if "img" in line]
    assert row.startswith(r"| a\|b")
    assert r"\<img src=x\> \`c\`" in row


def test_json_is_the_same_in_numbers(mcu_report: Report, fpga_report: Report) -> None:
    found = compare(mcu_report, fpga_report)
    table = json.loads(found.to_json())
    assert table["schema"] == "cardc.compare/1"
    assert table["before"]["target"] == mcu_report.target
    lut = next(change for change in table["totals"] if change["name"] == "lut")
    assert lut["before"] is None
    assert lut["after"] == fpga_report.totals["lut"].value
    assert found.to_json() == compare(mcu_report, fpga_report).to_json()


def test_the_command(tmp_path: Path, mcu_report: Report, cardc: Cardc) -> None:  # noqa: F811
    for name, report in (("a", mcu_report), ("b", mcu_report.replace(model="other"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(report.to_json())
    a, b = str(tmp_path / "a"), str(tmp_path / "b" / "report.json")
    ran = cardc("report", "--compare", a, b)
    assert (ran.code, ran.err) == (0 if mcu_report.fits else 1, "")
    assert "→ **other**" in ran.out
    assert json.loads(cardc("report", "--compare", a, b, "--json").out)["after"]["model"] == "other"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument 'BUILD'"),
        (("--compare", "nowhere", "nothing"), "no report at 'nowhere'"),
        (("third", "--compare", "a", "b"), "--compare takes two builds and nothing else"),
    ],
)
def test_bad_commands(tmp_path: Path, arguments: tuple[str, ...], says: str, cardc: Cardc) -> None:  # noqa: F811
    ran = cardc("report", *arguments)
    assert ran.code == 2
    assert says in ran.err
