"""What a board file may hold: the keys, their types, and the faults that a hand-written file can have."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from ..errors import CompileError, did_you_mean, raise_all

FEATURES: Mapping[str, str] = {
    "dsp": "SMLAD and other packed 16-bit multiply-adds (Armv7E-M, Armv8-M with DSP)",
    "eight_bit": "registers of 8 bits (AVR)",
    "many_registers": "31 registers of 32 bits (RV32I; RV32E and Thumb have 15 or fewer)",
    "mve": "128-bit vectors (Armv8.1-M M-profile Vector Extension, Helium)",
    "popcount": "one instruction counts bits (RISC-V Zbb)",
    "single_cycle_multiply": "a 32-bit multiply takes one cycle",
    "software_multiply": "no instruction multiplies words (RV32E without M)",
    "unaligned": "word loads need no alignment",
}
CORES = (
    "avr5",
    "cortex-m0",
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m23",
    "cortex-m33",
    "cortex-m55",
    "rv32ec",
    "rv32imac_zbb",
    "rv32imc",
)

_TEXT, _COUNT, _NUMBER, _TEXTS, _TABLE = "a text", "a whole number", "a number", "a list of texts", "a table"
_EXAMPLES: Mapping[str, str] = {
    _TEXT: '"..."',
    _COUNT: "1_000",
    _NUMBER: "1.0",
    _TEXTS: '["..."]',
    _TABLE: "{ low = 1.0, typical = 1.3, high = 1.8, source = '...' }",
}
_COMMON = {"title": _TEXT, "backend": _TEXT, "clock_hz": _COUNT}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "c": {
        **_COMMON,
        "core": _TEXT,
        "features": _TEXTS,
        "flash_bytes": _COUNT,
        "ram_bytes": _COUNT,
        "cpi": _TABLE,
    },
    "hls4ml": {
        **_COMMON,
        "part": _TEXT,
        "family": _TEXT,
        "lut": _COUNT,
        "ff": _COUNT,
        "dsp": _COUNT,
        "bram18": _COUNT,
        "uram": _COUNT,
        "hls4ml_backend": _TEXT,
        "hls4ml_board": _TEXT,
        "io_types": _TEXTS,
    },
}
_CPI = {"low": _NUMBER, "typical": _NUMBER, "high": _NUMBER, "source": _TEXT}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "backend": tuple(_KEYS),
    "core": CORES,
    "features": tuple(FEATURES),
    # Every backend of hls4ml; backends/hls4ml says which it supports, and why it does not support the others.
    "hls4ml_backend": (
        "Vitis",
        "Vivado",
        "VivadoAccelerator",
        "VitisAccelerator",
        "Catapult",
        "Quartus",
        "oneAPI",
        "Libero",
        "SymbolicExpression",
    ),
    "io_types": ("io_parallel", "io_stream"),
}
_MAY_BE_ZERO = ("uram", "dsp", "bram18")
_MAY_BE_EMPTY = ("features", "hls4ml_board")


def read_board(content: bytes, where: str) -> dict[str, Any]:
    """The checked keys of a board file, lists as tuples; `where` names the file in errors.

    CompileError (all faults at once) unless every key that the file's backend needs is there, no other is,
    and each has its type and a possible value.
    """
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        what = f"this is not TOML: {error}"
        raise CompileError(what, node=where, fix="write one `key = value` a line") from error
    backend = table.get("backend")
    if not isinstance(backend, str) or backend not in _KEYS:
        problem = "key 'backend' is missing" if backend is None else f"backend {backend!r} is not known"
        fix = did_you_mean(backend if isinstance(backend, str) else "", _KEYS)
        raise CompileError(problem, node=where, fix=f'{fix} (`backend = "c"` or `backend = "hls4ml"`)')
    errors = _check_keys(table, _KEYS[backend], where, "")
    if isinstance(table.get("cpi"), dict) and "cpi" in _KEYS[backend]:
        nested = _check_keys(table["cpi"], _CPI, where, "cpi.")
        errors += nested or _check_band(table["cpi"], where)
    raise_all(errors)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _check_keys(table: Mapping[str, Any], known: Mapping[str, str], where: str, prefix: str) -> list[CompileError]:
    errors = [
        CompileError(f"unknown key '{prefix}{key}'", node=where, fix=did_you_mean(key, known))
        for key in sorted(table.keys() - known.keys())
    ]
    for key in sorted(known.keys() - table.keys()):
        example = _EXAMPLES[known[key]]
        errors.append(
            CompileError(f"key '{prefix}{key}' is missing", node=where, fix=f"add `{prefix}{key} = {example}`")
        )
    for key in sorted(known.keys() & table.keys()):
        errors += _check_value(key, table[key], known[key], where, prefix)
    return errors


def _check_value(key: str, value: Any, kind: str, where: str, prefix: str) -> list[CompileError]:
    if not _is(value, kind):
        what = f"key '{prefix}{key}' must be {kind}, not {value!r}"
        return [CompileError(what, node=where, fix=f"write it as `{prefix}{key} = {_EXAMPLES[kind]}`")]
    if kind in (_COUNT, _NUMBER) and (value < 0 or (value == 0 and key not in _MAY_BE_ZERO)):
        return [CompileError(f"key '{prefix}{key}' is {value}", node=where, fix="give a number above zero")]
    if kind in (_TEXT, _TEXTS) and not value and key not in _MAY_BE_EMPTY:
        return [CompileError(f"key '{prefix}{key}' is empty", node=where, fix="fill it in")]
    words = value if isinstance(value, list) else [value]
    if key in _CHOICES:
        return [
            CompileError(f"{key} {word!r} is not known", node=where, fix=did_you_mean(word, _CHOICES[key]))
            for word in words
            if word not in _CHOICES[key]
        ]
    return []


def _is(value: Any, kind: str) -> bool:
    if kind == _TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    kinds = {_TEXT: (str,), _COUNT: (int,), _NUMBER: (int, float), _TABLE: (dict,)}
    return isinstance(value, kinds[kind]) and not isinstance(value, bool)  # bool is an int in Python


def _check_band(cpi: Mapping[str, Any], where: str) -> list[CompileError]:
    if cpi["low"] <= cpi["typical"] <= cpi["high"] < float("inf"):
        return []
    return [CompileError("cpi is no band", node=where, fix="make low <= typical <= high, all finite")]
