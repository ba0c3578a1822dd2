"""What stands in the C++ that hls4ml wrote: types, configurations, calls, weights. Reads text, judges nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from .types import HlsInt, parse_type

_TYPEDEF = re.compile(r"^\s*typedef (.+?) (\w+);$", re.MULTILINE)
_PACKET = re.compile(r"nnet::array<(.+), (\d+)\*1>")
_STRUCT = re.compile(r"^struct (\w+)(?: : [\w:]+)? \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
_CONSTANT = re.compile(r"static const [\w ]+? (\w+) = ([^;]+);")
_CALL = re.compile(r"^    nnet::(\w+)<([^;]*)>\(([^;]*)\); // (\w+)$", re.MULTILINE)
_ALIAS = re.compile(r"^    auto& (\w+) = (\w+);$", re.MULTILINE)
_PRODUCT = re.compile(r"nnet::dense_da_(?:wrapper_)?(\d+)")
_DEPTH = re.compile(r"^\s*#pragma HLS STREAM variable=(\w+) depth=(\d+)$", re.MULTILINE)
_ARRAY = re.compile(r"^(\w+) (\w+)\[(\d+)\] = \{([^}]*)\};", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Struct:
    """A configuration: its numbers and its type names, all as text; `product` is the number in the name of the
    generated function that multiplies, '' where there is none."""

    constants: Mapping[str, str]
    types: Mapping[str, str]
    product: str = ""

    def number(self, name: str) -> int | None:
        text = self.constants.get(name, "").removesuffix("LL")
        return int(text) if re.fullmatch(r"-?\d+", text) else None


@dataclass(frozen=True, slots=True)
class Call:
    """`nnet::function<types...>(arguments...); // layer`."""

    function: str
    types: tuple[str, ...]
    arguments: tuple[str, ...]
    layer: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A weight array: the name of its element type, its declared length, its numbers in both files."""

    type: str
    length: int
    header: tuple[str, ...]
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The parts of a written project that decide what it computes."""

    types: Mapping[str, str]
    structs: Mapping[str, Struct]
    calls: tuple[Call, ...]
    aliases: Mapping[str, str]
    depths: Mapping[str, int]
    files: Mapping[PurePosixPath, bytes]

    def element(self, name: str) -> HlsInt | None:
        """The integer type behind a type name, its own or that of a stream packet's elements."""
        text = self.types.get(name, name)
        packet = _PACKET.fullmatch(text)
        return parse_type(packet[1] if packet else text)

    def packet(self, name: str) -> int:
        """Elements in a packet of the stream type `name`; 1 for any other type."""
        packet = _PACKET.fullmatch(self.types.get(name, name))
        return int(packet[2]) if packet else 1

    def resolve(self, variable: str) -> str:
        """A variable's name behind all `auto&` aliases."""
        while variable in self.aliases:
            variable = self.aliases[variable]
        return variable

    def constant(self, name: str) -> Constant | None:
        """The weights called `name`, or None where a file is missing or not of the known form."""
        folder = PurePosixPath("firmware/weights")
        header, text = self.files.get(folder / f"{name}.h"), self.files.get(folder / f"{name}.txt")
        if header is None or text is None:
            return None
        found = _ARRAY.search(header.decode("utf-8"))
        if found is None or found[2] != name:
            return None
        numbers = tuple(part.strip() for part in found[4].split(","))
        return Constant(found[1], int(found[3]), numbers, tuple(p.strip() for p in text.decode().split(",")))


def read(files: Mapping[PurePosixPath, bytes], project: str) -> Written:
    """The parts of the project in `files`; KeyError where a source file is missing."""
    firmware = PurePosixPath("firmware")
    defines, parameters, top = (
        files[firmware / name].decode("utf-8") for name in ("defines.h", "parameters.h", f"{project}.cpp")
    )
    structs = {
        name: Struct(
            dict(_CONSTANT.findall(body)),
            {n: t for t, n in _TYPEDEF.findall(body)},
            " ".join(sorted(set(_PRODUCT.findall(body)))),
        )
        for name, body in _STRUCT.findall(parameters)
    }
    calls = tuple(
        Call(function, _config_last(_split(types)), _split(arguments), layer)
        for function, types, arguments, layer in _CALL.findall(top)
    )
    types = {name: text for text, name in _TYPEDEF.findall(defines)}
    depths = {name: int(depth) for name, depth in _DEPTH.findall(top)}
    return Written(types, structs, calls, dict(_ALIAS.findall(top)), depths, files)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _config_last(types: tuple[str, ...]) -> tuple[str, ...]:
    """Types of a call with the configuration behind those of the tensors, where hls4ml sometimes has it in front."""
    return (*types[1:], types[0]) if types[0].startswith("config") else types
