"""The few things that must be understood of the C++ that hls4ml writes: types, configurations, calls of layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import CompileError

_INTEGER = re.compile(r"(?:ap|ac)_(u?)int<\s*(\d+)\s*(?:,\s*\w+\s*)?>")
_FIXED = re.compile(r"(?:ap|ac)_(u?)fixed<\s*(\d+)\s*,\s*(-?\d+)\s*((?:,[^<>]*)?)>")
_ARRAY = re.compile(r"nnet::array<(.+),\s*(\d+)\s*\*\s*(\d+)\s*>", re.DOTALL)
_TYPEDEF = re.compile(r"^\s*typedef\s+(.+?)\s+(\w+)\s*;", re.MULTILINE)
_USING = re.compile(r"^\s*using\s+(\w+)\s*=\s*([^;]+);", re.MULTILINE)
_STRUCT = re.compile(r"^struct\s+(\w+)\s*:\s*(?:public\s+)?nnet::(\w+)\s*\{(.*?)^\};", re.MULTILINE | re.DOTALL)
_CONSTANT = re.compile(r"^\s*static\s+const(?:expr)?\s+[\w:<>\s]+?\s(\w+)\s*=\s*([^;]+);", re.MULTILINE)
_STREAM = re.compile(r"#pragma\s+HLS\s+STREAM\s+variable=(\w+)\s+depth=(\d{1,9})\b", re.IGNORECASE)
_CALL = re.compile(r"^\s*nnet::(\w+)<([^;()]*)>\(([^;()]*)\)\s*;(?:\s*//\s*(\S+))?", re.MULTILINE)
_MOST_BITS = 1024


@dataclass(frozen=True, slots=True)
class Number:
    """A fixed-point type: `bits` in all, `fraction` of them behind the point (negative: none, and zeros follow).

    `rounds` is whether values that do not fit are rounded rather than cut off.
    """

    bits: int
    fraction: int
    signed: bool
    rounds: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """`nnet::function<types>(arguments); // name` in the top function."""

    function: str
    types: tuple[str, ...]
    arguments: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Config:
    """A layer's configuration: its kind, whole numbers and words by name, types by name."""

    name: str
    kind: str
    constants: Mapping[str, str]
    types: Mapping[str, str]

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number of the configuration. CompileError where it has none and there is no default."""
        text = self.constants.get(key)
        found = re.fullmatch(r"(\d{1,9})(?:U|L|UL|LL|ULL)?", text) if text is not None else None
        if found:
            return int(found[1])
        if default is None:
            what = f"parameters.h: {self.name} has no number {key!r}" + (f" but {text[:40]!r}" if text else "")
            raise CompileError(what, node=self.name, fix="let hls4ml write the project again")
        return default


def typedefs(text: str) -> dict[str, str]:
    """Type names and what they stand for."""
    found = {name: meaning.strip() for meaning, name in _TYPEDEF.findall(text)}
    return found | {name: meaning.strip() for name, meaning in _USING.findall(text)}


def configs(text: str) -> dict[str, Config]:
    """The configurations in parameters.h by name."""
    found = {}
    for name, kind, body in _STRUCT.findall(text):
        constants = {key: value.strip() for key, value in _CONSTANT.findall(body)}
        found[name] = Config(name, kind, MappingProxyType(constants), MappingProxyType(typedefs(body)))
    return found


def calls(text: str) -> list[Call]:
    """The layers of the top function in order; loading of weights is none of them."""
    return [
        Call(function, _split(types), _split(arguments), name)
        for function, types, arguments, name in _CALL.findall(text)
        if not function.startswith("load_weights")
    ]


def stream_depths(text: str) -> dict[str, int]:
    """How many packets each stream of the top function holds, where the code says so."""
    return {name: int(depth) for name, depth in _STREAM.findall(text)}


def number(name: str, known: Mapping[str, str]) -> Number:
    """The number type behind `name`, through typedefs and streams' packets.

    CompileError for types that are neither integers nor fixed-point numbers.
    """
    text = name.strip()
    for _ in range(16):
        packet = _ARRAY.fullmatch(text)
        text = packet[1].strip() if packet else known.get(text, text)
        if found := _INTEGER.fullmatch(text):
            return _checked(Number(int(found[2]), 0, found[1] == ""), name)
        if found := _FIXED.fullmatch(text):
            bits, whole = int(found[2]), int(found[3])
            return _checked(Number(bits, bits - whole, found[1] == "", "RND" in found[4]), name)
    raise CompileError(
        f"the type {name[:60]!r} is not a fixed-point number" + (f" but {text[:60]!r}" if text != name else ""),
        fix="use ap_fixed or ap_int in the hls4ml configuration",
    )


def _checked(found: Number, name: str) -> Number:
    if not 1 <= found.bits <= _MOST_BITS or abs(found.fraction) > _MOST_BITS:
        raise CompileError(f"the type {name[:60]!r} has {found.bits} bits", fix="use types of 1 to 1,024 bits")
    return found


def _split(text: str) -> tuple[str, ...]:
    """The parts of a list with commas, which may stand in angle brackets too."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(part.strip() for part in parts if part.strip())
