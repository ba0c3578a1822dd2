"""The benchmark's own judgement: widths, exact rows, the words of a failed flow."""

from __future__ import annotations

import numpy as np
from benchmarks.hls4ml.ranges import bits
from benchmarks.hls4ml.run import _judge, _last_words, _rows, _table
from hypothesis import given
from hypothesis import strategies as st

from cardc.backends.hls4ml.types import narrowest


@given(st.integers(-(2**40), 2**40), st.integers(0, 2**40))
def test_widths_agree_with_the_backend(lo: int, span: int) -> None:
    assert bits(lo, lo + span) == narrowest(lo, lo + span).width


def test_a_row_is_exact_only_with_every_output() -> None:
    want = np.array([[0.5, 1.0], [1.5, -0.5], [2.0, 0.0]])
    found = {"outputs": want + np.array([[0.1, 0.0], [0.0, 0.3], [0.0, 0.0]]), "accumulators": {"a": 5, "b": 7}}
    judged = _judge(found | {"convert_s": 1.0, "compile_s": 2.0}, want, np.array([0.5, 0.5, 0.0]), np.array([1, 0, 0]))
    assert (judged["exact rows"], judged["same class"], judged["accuracy"]) == (2, 3, 100.0)
    assert (judged["accumulator bits"], judged["widest accumulator"]) == (12, 7)
    failed = _judge({"error": "no", "convert_s": 1.0, "compile_s": 2.0}, want, np.array([0.5, 0.5, 0.0]), None)
    assert failed == {"error": "no", "conversion": 1.0, "g++": 2.0}
    rows = _rows("m", 3, judged, failed)
    assert [r["ratio"] for r in rows if r["tool"] == "cardc: g++"] == [1.0]
    assert "| m | hls4ml | fails: no |" in _table(rows)


def test_last_words_name_no_machine() -> None:
    said = '  File "/home/me/hls4ml/model/types.py", line 7\nRuntimeError: odd <X object at 0x7fb171adf490>\n'
    assert _last_words(said, 1) == "RuntimeError: odd <X> (hls4ml/model/types.py)"
    crash = "python: firmware/nnet_utils/nnet_pooling_stream.h:102: void f(): Assertion `a == b' failed.\n"
    assert _last_words(crash, -6) == "Assertion `a == b' failed (firmware/nnet_utils/nnet_pooling_stream.h)"
    assert _last_words("", -11) == "exit code -11"
