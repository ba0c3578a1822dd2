"""What hls4ml wrote for one model, moved into a namespace, so that several models can be parts of one design."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from ...errors import CompileError

_OWN = ("defines.h", "parameters.h")
_INCLUDE = re.compile(r"(?m)^#include [^\n]*\n")
_GUARD = re.compile(r"(?m)^#(ifndef|define) (\w+_H_)$")
_LOAD = re.compile(r'(nnet::load_\w+<[^;]*?\(\w+, ")(\w+\.txt"\))')
_INTERFACE = re.compile(r"(?m)^ *#pragma HLS INTERFACE [^\n]*\n")


def in_namespace(name: str, files: Mapping[PurePosixPath, bytes]) -> dict[PurePosixPath, bytes]:
    """The sources of the model `name`, for folder firmware/cards/<name>, everything they define in namespace `name`;
    its weights as text for firmware/weights/<name>. Headers that all models share are left out.

    CompileError where a file is not as hls4ml writes it.
    """
    home, weights = PurePosixPath("firmware/cards") / name, PurePosixPath("firmware/weights") / name
    found: dict[PurePosixPath, bytes] = {}
    for path, content in files.items():
        if path.parts[:2] == ("firmware", "weights"):
            found[(weights if path.suffix == ".txt" else home / "weights") / path.name] = content
    for file in (*_OWN, f"{name}.h", f"{name}.cpp"):
        path = PurePosixPath("firmware") / file
        if path not in files:
            fix = "leave out --one-project, or use the backends Vitis or Vivado"
            raise CompileError(f"hls4ml wrote no {file} for {name}", node=name, fix=fix)
        text = files[path].decode("utf-8")
        text = _source(name, text) if file.endswith(".cpp") else _header(name, text, file)
        found[home / file] = text.encode("utf-8")
    return found


def _header(name: str, text: str, file: str) -> str:
    """`text` with a guard of its own, its definitions in the namespace: weights, too, which it includes."""
    text = _GUARD.sub(lambda m: f"#{m[1]} {name.upper()}_{m[2]}", text)
    end = text.rstrip().rfind("#endif")
    includes = [m for m in _INCLUDE.finditer(text) if '"weights/' not in m[0]]
    if not includes or end < includes[-1].end() or text.count(f"{name.upper()}_") < 2:
        raise _unknown(name, file)
    at = includes[-1].end()
    return f"{text[:at]}\nnamespace {name} {{\n{text[at:end]}}} // namespace {name}\n\n{text[end:]}"


def _source(name: str, text: str) -> str:
    includes = list(_INCLUDE.finditer(text))
    loads = text.count("nnet::load_")
    text, moved = _LOAD.subn(rf"\g<1>{name}/\g<2>", _INTERFACE.sub("", text))
    if not includes or moved != loads:
        raise _unknown(name, f"{name}.cpp")
    at = includes[-1].end()
    return f"{text[:at]}\nnamespace {name} {{\n{text[at:]}\n}} // namespace {name}\n"


def _unknown(name: str, file: str) -> CompileError:
    fix = "leave out --one-project, and report this message"
    return CompileError(f"hls4ml wrote {file} of {name} otherwise than expected", node=name, fix=fix, exit_code=1)
