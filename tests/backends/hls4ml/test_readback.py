"""A fault in what hls4ml wrote is refused, whatever it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from cardc.backends.hls4ml import Options, emit
from cardc.backends.hls4ml import emit as package_emit
from cardc.backends.hls4ml.layer import Plan
from cardc.backends.hls4ml.plan import make_plan
from cardc.backends.hls4ml.readback import check
from cardc.errors import CompileError, CompileErrors

from .helpers import PYNQ, card, folded

Files = dict[PurePosixPath, bytes]


@pytest.fixture(scope="module")
def written() -> tuple[Files, Plan]:
    model = card().model()
    return dict(emit(model, PYNQ).files), make_plan(model, PYNQ, Options())


def _flip(text: str) -> str:
    """One weight changes its sign."""
    return text.replace(", -1", ", 1", 1)


def _replace(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def _last_number(text: str) -> str:
    return re.sub(r"\d+\s*$", "5", text)


def _without_call(text: str) -> str:
    assert "// n6_maxpool" in text
    return "\n".join(line for line in text.splitlines() if "// n6_maxpool" not in line)


FAULTS = [
    ("firmware/weights/w4.txt", _flip, "n4_conv's weight: 1 numbers differ in the text file"),
    ("firmware/weights/w4.h", _flip, "n4_conv's weight: 1 numbers differ in the header file"),
    ("firmware/weights/w11.txt", _replace("0, ", ""), "numbers in the text file, not 1280"),
    ("firmware/weights/threshold5.txt", _last_number, "n5_threshold's threshold: 1 numbers differ"),
    ("firmware/weights/falling5.h", _replace(", 0", ", 1"), "n5_threshold's falling"),
    ("firmware/weights/multiplier3.txt", _replace("-", ""), "n3_requantize's multiplier"),
    (
        "firmware/defines.h",
        _replace("typedef ap_int<10> n4_conv_accum_t", "typedef ap_int<16> n4_conv_accum_t"),
        r"n4_conv's accumulator has type ap_int<16>, not ap_int<10>",
    ),
    (
        "firmware/defines.h",
        _replace("typedef ap_int<2> n4_conv_weight_t", "typedef ap_uint<1> n4_conv_weight_t"),
        "n4_conv's weight has type ap_uint<1>, not ap_int<2>",
    ),
    (
        "firmware/defines.h",
        _replace("typedef nnet::array<ap_uint<4>, 32*1> layer6_t", "typedef nnet::array<ap_uint<5>, 32*1> layer6_t"),
        "n6_maxpool's result has type ap_uint<5>, not ap_uint<4>",
    ),
    (
        "firmware/defines.h",
        _replace("typedef nnet::array<ap_uint<4>, 16*1> layer13_t", "typedef ap_fixed<16,6> layer13_t"),
        "zp2d_n4_conv has type unknown, not ap_uint<4>",
    ),
    ("firmware/defines.h", _replace("ap_int<10>, 10*1> result_t", "ap_int<9>, 10*1> result_t"), "n11_matmul's result"),
    (
        "firmware/parameters.h",
        _replace("stride_height = 1;", "stride_height = 2;"),
        "stride_height is 2, not 1",
    ),
    ("firmware/parameters.h", _replace("shift = 12", "shift = 11"), "shift is 11LL, not 12|shift is 11, not 12"),
    ("firmware/parameters.h", _replace("reuse_factor = 1;", "reuse_factor = 2;"), "reuse factor 2, not 1"),
    ("firmware/parameters.h", _replace("nnet::latency", "nnet::resource"), "strategy nnet::resource"),
    ("firmware/parameters.h", _replace("compare_t", "other_t"), "compare_t is None"),
    ("firmware/test.cpp", _without_call, "hls4ml changed the layers"),
    (
        "firmware/test.cpp",
        _replace("(layer5_out, layer6_out)", "(layer4_out, layer6_out)"),
        "n6_maxpool reads layer4_out",
    ),
    ("firmware/test.cpp", _replace("w11, b11", "w7, b11"), "n11_matmul's weight"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "edit", "message"), FAULTS, ids=[f"{p}-{m[:20]}" for p, _, m in FAULTS])
def test_planted_fault_is_refused(
    written: tuple[Files, Plan], path: str, edit: Callable[[str], str], message: str
) -> None:
    files, plan = written
    check(files, plan)
    before = files[PurePosixPath(path)].decode()
    after = edit(before)
    assert after != before
    with pytest.raises(CompileError) as caught:
        check({**files, PurePosixPath(path): after.encode()}, plan)
    errors = caught.value.errors if isinstance(caught.value, CompileErrors) else (caught.value,)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert all(e.exit_code == 1 and e.fix for e in errors)


@pytest.mark.parametrize("name", ["firmware/defines.h", "firmware/weights/w4.txt", "firmware/weights/b4.h"])
def test_missing_file_is_refused(written: tuple[Files, Plan], name: str) -> None:
    files, plan = written
    with pytest.raises(CompileError, match=r"missing|wrote no file"):
        check({path: content for path, content in files.items() if str(path) != name}, plan)


def test_nothing_is_left_when_hls4ml_changes_a_weight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As `bn_quant` does: the weights that hls4ml holds are not the graph's any more when it writes them."""
    write = package_emit.__globals__["write"]

    def binarise(hls: object, plan: Plan) -> None:
        for weight in hls.get_weight_variables():  # type: ignore[attr-defined]
            weight.data = abs(weight.data)
        write(hls, plan)

    monkeypatch.setitem(package_emit.__globals__, "write", binarise)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(CompileError, match="numbers differ") as caught:
        emit(folded().model(), PYNQ)
    assert "Conv 'n2_conv'" in str(caught.value)
    assert not list(tmp_path.iterdir())
