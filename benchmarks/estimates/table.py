"""A folder of synthesis results: layers.csv, networks.csv, weights.npz, checked as it is read."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NEEDED = ("op", "tool")
TARGETS = {
    "lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM18", "latency_cycles": "latency_max", "ii": "ii",
}  # fmt: skip
_MOST_ROWS, _MOST_BYTES = 200_000, 1 << 30


class DataError(Exception):
    """A folder, or a row, is not in the format; the message says where."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a table; `where` names it in messages."""

    where: str
    cells: Mapping[str, str]

    def text(self, name: str) -> str:
        return (self.cells.get(name) or "").strip()

    def number(self, name: str) -> float | None:
        """The number in a cell, None where it is empty or the column is missing. DataError for anything else."""
        text = self.text(name)
        if text.lower() in ("", "nan", "na", "none"):
            return None
        try:
            value = float(text)
        except ValueError:
            raise DataError(f"{self.where}: {name} is {text[:40]!r}, not a number") from None
        if not np.isfinite(value) or value < 0:
            raise DataError(f"{self.where}: {name} is {text[:40]}, not a count")
        return value

    def whole_bits(self, name: str, default: int) -> int:
        """Bits in front of the point, which may be fewer than none."""
        text = self.text(name).lstrip("-")
        sign = -1 if self.text(name).startswith("-") else 1
        found = Record(self.where, {name: text}).number(name)
        return default if found is None else sign * int(found)

    def of(self, name: str, default: float) -> float:
        found = self.number(name)
        return default if found is None else found

    def targets(self) -> dict[str, float]:
        """What synthesis reported, by quantity; what is not given is left out."""
        found = {name: self.number(column) for name, column in TARGETS.items()}
        if found["latency_cycles"] is None:
            found["latency_cycles"] = self.number("latency_min")
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Folder:
    """The tables of a folder; `weights` by key; `faults` says what could not be read of it."""

    layers: tuple[Record, ...]
    networks: tuple[Record, ...]
    weights: Mapping[str, NDArray[np.integer]]
    faults: tuple[str, ...] = ()


def read_folder(folder: Path) -> Folder:
    """Everything in `folder`; one table may be missing, and the weights. DataError where nothing can be read."""
    if not folder.is_dir():
        raise DataError(f"no such folder: {folder}")
    faults: list[str] = []
    layers, networks = (_read_table(folder / name, faults) for name in ("layers.csv", "networks.csv"))
    if not layers and not networks:
        raise DataError(f"{folder} has neither layers.csv nor networks.csv with any rows{'; '.join(['', *faults])}")
    weights = _read_weights(folder / "weights.npz", faults)
    return Folder(layers, networks, weights, tuple(faults))


def _read_table(path: Path, faults: list[str]) -> tuple[Record, ...]:
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            missing = [name for name in NEEDED if name not in columns]
            if missing:
                raise DataError(f"{path.name} lacks the columns {', '.join(missing)}")
            records = []
            for line, cells in enumerate(reader, 2):
                if len(records) >= _MOST_ROWS:
                    raise DataError(f"{path.name} has more than {_MOST_ROWS:,} rows")
                if None in cells or None in cells.values():
                    faults.append(f"{path.name} line {line}: not as many cells as columns")
                    continue
                records.append(Record(f"{path.name} line {line}", cells))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error
    return tuple(records)


def _read_weights(path: Path, faults: list[str]) -> dict[str, NDArray[np.integer]]:
    if not path.is_file():
        return {}
    if path.stat().st_size > _MOST_BYTES:
        raise DataError(f"{path.name} is larger than {_MOST_BYTES >> 30} GiB")
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                try:
                    array = archive[key]
                except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
                    faults.append(f"{path.name}: {key!r} cannot be read: {error}")
                    continue
                if not np.issubdtype(array.dtype, np.integer) or array.ndim != 2:
                    faults.append(f"{path.name}: {key!r} is no integer matrix but {array.dtype} {list(array.shape)}")
                    continue
                arrays[key] = array
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        faults.append(f"{path.name} cannot be read: {error}")
    return arrays
