"""The library as one header: `<name>.h` with all of its code behind `#ifdef <NAME>_IMPLEMENTATION`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .runtime import FILE_OF

_LOCAL = re.compile(r'#include "([^"]+)"')
_STATIC = re.compile(r"^static [^;={}]*?\b(\w+)\(", re.MULTILINE)
_CONSTANT = re.compile(r"^static const (?:CARDC_ROM )?\w+ (\w+)(?:\[\w*\])* =", re.MULTILINE)
_TYPE = re.compile(r"^\} (\w+);|^typedef [^;{]*\(\*(\w+)\)", re.MULTILINE)
_DEFINE = re.compile(r"^#define (\w+)", re.MULTILINE)


def single_header(name: str, sources: Mapping[str, str]) -> str:
    """One file that is as good as `sources` (base name -> text: `<name>.h`, the other headers, all C files).

    Any file may include it for its declarations; one C or C++ file of a program defines <NAME>_IMPLEMENTATION first.
    Kernels keep their names and are guarded one by one, so that the headers of several networks go into one file.
    """
    up, public = name.upper(), f"{name}.h"
    code = sorted((file for file in sources if file.endswith(".c")), key=lambda file: (not _shared(file), file))
    headers: list[str] = []
    bodies = [_code(file, sources, headers) for file in code]
    parts = [
        f"/* {name} in one file. In exactly one C or C++ file of the program, write\n"
        f" *     #define {up}_IMPLEMENTATION\n"
        f' *     #include "{public}"\n'
        " * and include it without the first line wherever else it is used. */\n",
        sources[public],
        f"#if defined({up}_IMPLEMENTATION) && !defined({up}_IMPLEMENTED)\n#define {up}_IMPLEMENTED\n",
        *(f"/* ---- {file} ---- */\n{_without_includes(sources[file])}" for file in headers if file != public),
        *(f"/* ---- {file} ---- */\n{body}" for file, body in zip(code, bodies, strict=True)),
        "#endif\n",
    ]
    return "\n".join(parts)


def _code(file: str, sources: Mapping[str, str], headers: list[str]) -> str:
    """A C file without its headers, which join `headers` in the order in which they are needed. What is included under
    a condition stays where it is."""
    lines, depth = list[str](), 0
    for line in sources[file].splitlines(keepends=True):
        found = _LOCAL.match(line)
        depth += line.startswith("#if") - line.startswith("#endif")
        if found is None:
            lines.append(line)
        elif depth == 0:
            _need(found[1], sources, headers)
        else:
            for inner in _LOCAL.findall(sources[found[1]]):
                _need(inner, sources, headers)
            lines.append(_without_includes(sources[found[1]]))
    text = _renamed(file, "".join(lines))
    text += "".join(f"#undef {macro}\n" for macro in _DEFINE.findall(sources[file]))
    if not _shared(file):
        return text
    guard = re.sub(r"[^A-Za-z0-9]", "_", f"{file}_IN_ONE").upper()
    return f"#ifndef {guard}\n#define {guard}\n{text}#endif\n"


def _shared(file: str) -> bool:
    """Whether other networks bring the same file."""
    return file in FILE_OF.values()


def _need(header: str, sources: Mapping[str, str], headers: list[str]) -> None:
    if header not in headers:
        for inner in _LOCAL.findall(sources[header]):
            _need(inner, sources, headers)
        headers.append(header)


def _without_includes(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not _LOCAL.match(line))


def _renamed(file: str, text: str) -> str:
    """What a file keeps to itself gets the file's name in front: two kernels may each have a `store`, and two networks
    each have the constants of a first layer."""
    stem = re.sub(r"[^A-Za-z0-9]", "_", file.removesuffix(".c"))
    found = [(local, r"(?=\s*\()") for local in sorted(set(_STATIC.findall(text)))]
    found += [(local, "") for local in sorted(set(_CONSTANT.findall(text)))]
    found += [(local, "") for local in sorted({a or b for a, b in _TYPE.findall(text)})]
    for local, behind in found:
        if not local.startswith(stem):
            # not where it is a member: headers may have members of the same name
            text = re.sub(rf"(?<![.>])\b{local}\b{behind}", f"{stem}_{local}", text)
    return text
