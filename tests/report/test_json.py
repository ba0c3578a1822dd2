"""The JSON contract: keys as promised, stable bytes, a faithful way back, and faults named by their path."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cardc.errors import CompileError
from cardc.report import Exact, Figure, Report, exact_to_json


def test_contract_keys(mcu_report: Report) -> None:
    table = json.loads(mcu_report.to_json())
    assert table["schema"] == "cardc.report/1"
    assert (table["model"], table["target"], table["fits"]) == ("digits-card", "nucleo-f446re", True)
    exact = table["exact"]
    assert (exact["equal"], exact["inputs"], exact["tensors"]) == (True, 360, 11)
    assert exact["float_boundary_cases"] == 2
    assert exact["stages"][:3] == ["brevitas", "qonnx", "integer"]
    assert table["totals"]["flash_bytes"] == {"value": 13_816, "stage": "measured:elf"}
    assert set(table["totals"]["cycles"]) == {"value", "low", "high", "stage"}
    assert table["totals"]["cycles"]["stage"] == "estimated:cpi"
    layer = table["layers"][2]
    assert {"name", "op", "encoding", "macs", "nonzeros", "weight_bytes"} <= set(layer)
    assert layer["instructions"] == {"value": 88_031, "stage": "measured:emulated"}
    assert layer["sparsity"] == pytest.approx(1 - 921 / 9216)
    assert table["layers"][0]["sparsity"] is None


def test_fpga_contract_keys(fpga_report: Report) -> None:
    table = json.loads(fpga_report.to_json())
    assert {"lut", "ff", "dsp", "bram18", "latency_cycles", "ii", "latency_s"} == set(table["totals"])
    assert table["fits"] is False
    assert table["exact"]["equal"] is False
    assert "fc2_out" in table["exact"]["first_difference"]
    assert table["memory"] is None


def test_round_trip_is_faithful(mcu_report: Report, fpga_report: Report) -> None:
    for report in (mcu_report, fpga_report, mcu_report.replace(exact=None, passes=())):
        text = report.to_json()
        assert Report.from_json(text) == report
        assert Report.from_json(text).to_json() == text


def test_keys_are_sorted_and_hashes_do_not_matter(mcu_report: Report) -> None:
    text = mcu_report.to_json()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    turned = mcu_report.replace(totals=dict(reversed(mcu_report.totals.items())))
    assert turned.to_json() == text


def test_numpy_numbers_are_written_as_numbers() -> None:
    assert json.loads(exact_to_json(Exact(True, np.int64(3), 2, 0, ("a", "b"))))["inputs"] == 3  # type: ignore[arg-type]
    figure = Figure(np.int64(3), "measured:elf")  # type: ignore[arg-type]
    assert type(figure.value) is int


def test_exact_object_alone(mcu_report: Report) -> None:
    assert mcu_report.exact is not None
    assert json.loads(exact_to_json(mcu_report.exact)) == json.loads(mcu_report.to_json())["exact"]
    plain = json.loads(exact_to_json(Exact(True, 1, 1, 0, ("integer", "c:cortex-m4"))))
    assert set(plain) == {"equal", "inputs", "tensors", "float_boundary_cases", "stages"}


def test_a_verdict_must_make_sense() -> None:
    assert Exact(True, 1, 1, 0, ("a", "b")).exit_code == 0
    assert Exact(False, 1, 1, 0, ("a", "b"), first_difference="x").exit_code == 1
    for arguments in ((True, 0, 1, 0, ("a", "b")), (True, 1, 0, 0, ("a", "b")), (True, 1, 1, 0, ("a",))):
        with pytest.raises(ValueError, match="nothing was compared"):
            Exact(*arguments)
    with pytest.raises(ValueError, match="first difference"):
        Exact(False, 1, 1, 0, ("a", "b"))


def set_at(table: Any, path: str, value: Any) -> None:
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in parents:
        table = table[key]
    if value is KeyError:
        del table[last]
    else:
        table[last] = value


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("model", 3, "report.model"),
        ("model", KeyError, "report.model"),
        ("schema", "cardc.report/2", "report.schema"),
        ("fits", "yes", "report.fits"),
        ("totals", [], "report.totals"),
        ("totals.flash_bytes.value", "9", "report.totals.flash_bytes.value"),
        ("totals.flash_bytes.value", True, "report.totals.flash_bytes.value"),
        ("totals.flash_bytes", 9, "report.totals.flash_bytes"),
        ("layers.1.macs", -1, "report.layers[1].macs"),
        ("layers.1.macs", 1.5, "report.layers[1].macs"),
        ("layers.1.in_shape", [1, "8"], "report.layers[1].in_shape[1]"),
        ("layers", {}, "report.layers"),
        ("exact.stages", "brevitas", "report.exact.stages"),
        ("exact.stages", [1, 2], "report.exact.stages[0]"),
        ("memory.tensors.0", None, "report.memory.tensors[0]"),
        ("passes.1.declined.0.reason", KeyError, "report.passes[1].declined[0].reason"),
        ("provenance.cardc", None, "report.provenance.cardc"),
    ],
)
def test_faults_are_named_by_their_path(mcu_report: Report, path: str, value: Any, where: str) -> None:
    table = json.loads(mcu_report.to_json())
    set_at(table, path, value)
    with pytest.raises(CompileError) as caught:
        Report.from_json(json.dumps(table))
    assert f"where {where}\n" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("fits", False),
        ("totals.flash_bytes.stage", "measured:hearsay"),
        ("totals.cycles.low", 1e12),
        ("totals.gold", {"value": 1, "stage": "measured:elf"}),
        ("layers.1.nonzeros", 10**9),
        ("memory.tensors.0.offset", 10**9),
        ("memory.tensors.0.last", 99),
        ("exact.equal", False),
        ("fit.checks", []),
    ],
)
def test_contradictions_are_refused(mcu_report: Report, path: str, value: Any) -> None:
    table = json.loads(mcu_report.to_json())
    set_at(table, path, value)
    with pytest.raises(CompileError, match="contradicts itself"):
        Report.from_json(json.dumps(table))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"x"', "\x00"])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(CompileError):
        Report.from_json(text)
