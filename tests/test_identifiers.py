"""Identifiers: whatever a model calls its tensors, C, C++, Tcl and make get a plain, unique name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardc.identifiers import _RESERVED
from cardc.project import identifier

PLAIN = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
NASTY = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="aA_1 /.:$;", max_size=40),
    st.sampled_from(sorted(_RESERVED)),
    st.sampled_from(["", "1", "_", "__x", "a__b", "int", "Int", "x" * 200, "\ud800", "é", "a;rm -rf /", '"]\nexit']),
)


@given(NASTY)
def test_every_name_is_plain(name: str) -> None:
    made = identifier(name)
    assert PLAIN.fullmatch(made)
    assert len(made) <= 31
    assert made.lower() not in _RESERVED
    assert identifier(name) == made


@given(st.lists(NASTY, max_size=30))
def test_names_never_collide(names: list[str]) -> None:
    taken: set[str] = set()
    made = [identifier(name, taken) for name in names]
    assert len({name.upper() for name in made}) == len(names)
    assert all(PLAIN.fullmatch(name) and len(name) <= 31 and name.lower() not in _RESERVED for name in made)
    again: set[str] = set()
    assert [identifier(name, again) for name in names] == made


@given(st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True).filter(lambda name: name not in _RESERVED))
def test_a_plain_name_stays(name: str) -> None:
    assert identifier(name) == name


def test_upper_and_lower_case_do_not_tell_names_apart() -> None:
    taken: set[str] = set()
    assert [identifier(name, taken) for name in ("ab", "AB", "ab", "int", "Int")] == [
        "ab",
        "AB_2",
        "ab_3",
        "int_x",
        "Int_x_2",
    ]


def test_long_names_differ_by_their_ends() -> None:
    assert identifier("layer" * 20 + "a") != identifier("layer" * 20 + "b")


@pytest.mark.parametrize(
    ("name", "made"), [("int", "int_x"), ("/conv1/Conv_output_0", "conv1_Conv_output_0"), ("0", "n0"), ("??", "x")]
)
def test_examples(name: str, made: str) -> None:
    assert identifier(name) == made
