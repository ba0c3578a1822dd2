"""JSON from outside, read with types: every fault names the key by its path."""

from __future__ import annotations

import math
from typing import Any

from ..errors import CompileError


class Reader:
    """One JSON object and its path, e.g. `report.layers[2]`; getters raise CompileError with that path."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _fault(path, "an object", value)
        self._table: dict[str, Any] = value
        self._path = path

    def names(self) -> list[str]:
        return sorted(self._table)

    def holds(self, key: str) -> bool:
        """Whether `key` is there and not null."""
        return self._table.get(key) is not None

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str):
            raise _fault(self._at(key), "a text", value)
        return value

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            raise _fault(self._at(key), "true or false", value)
        return value

    def count(self, key: str) -> int:
        return _count(self._get(key), self._at(key))

    def number(self, key: str) -> float:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _fault(self._at(key), "a finite number", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        for index, value in enumerate(self._list(key)):
            if not isinstance(value, str):
                raise _fault(f"{self._at(key)}[{index}]", "a text", value)
        return tuple(self._list(key))

    def counts(self, key: str) -> tuple[int, ...]:
        return tuple(_count(value, f"{self._at(key)}[{i}]") for i, value in enumerate(self._list(key)))

    def rows(self, key: str) -> tuple[tuple[float, ...], ...]:
        """A list of lists of finite numbers."""
        found = []
        for i, row in enumerate(self._list(key)):
            holder = Reader({"row": row}, f"{self._at(key)}[{i}]")
            found.append(tuple(Reader({"at": v}, f"{self._at(key)}[{i}]").number("at") for v in holder._list("row")))
        return tuple(found)

    def sub(self, key: str) -> Reader:
        return Reader(self._get(key), self._at(key))

    def subs(self, key: str) -> list[Reader]:
        return [Reader(value, f"{self._at(key)}[{index}]") for index, value in enumerate(self._list(key))]

    def _list(self, key: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list):
            raise _fault(self._at(key), "a list", value)
        return value

    def _get(self, key: str) -> Any:
        if key not in self._table:
            raise CompileError("a key is missing", node=self._at(key), fix="give a report.json that cardc wrote")
        return self._table[key]

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}"


def _count(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _fault(path, "a whole number, zero or more", value)
    return value


def _fault(path: str, wanted: str, value: Any) -> CompileError:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    return CompileError(f"{shown} stands where {wanted} must", node=path, fix="give a report.json that cardc wrote")
