"""Templates of a gate as squares to draw: a picture an augmentation, strong where the spectrum is large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .deck import GateFacts

CELL = 6  # SVG units
_LETTER, _GAP = 6.6, 24


@dataclass(frozen=True, slots=True)
class Square:
    x: float
    y: float
    shade: float


@dataclass(frozen=True, slots=True)
class Picture:
    """`squares` of a spectrum, CELL wide; `shade` from 0 (smallest) to 1 (largest). `less` is what was taken away."""

    title: str
    less: str
    width: float
    height: float
    squares: tuple[Square, ...]

    @property
    def room(self) -> float:
        """How wide it is with its words and the gap to the next."""
        return max(self.width, _LETTER * max(len(self.title), len(self.less))) + _GAP


def template_pictures(gate: GateFacts) -> list[Picture]:
    """Each template, and how far it lies above the first one; low frequencies in the middle."""
    found = [_picture(gate, name, "", row) for name, row in zip(gate.augmentations, gate.templates, strict=True)]
    for name, row in list(zip(gate.augmentations, gate.templates, strict=True))[1:]:
        away = [a - b for a, b in zip(row, gate.templates[0], strict=True)]
        found.append(_picture(gate, name, f"less {gate.augmentations[0]}", away))
    return found


def _picture(gate: GateFacts, title: str, less: str, row: Sequence[float]) -> Picture:
    planes, rows, columns = gate.shape
    missing = rows * columns - len(row) // planes  # frequency 0, where the gate does not look at it
    low, high = min(row, default=0.0), max(row, default=0.0)
    squares = []
    for plane in range(planes):
        part = row[plane * (rows * columns - missing) : (plane + 1) * (rows * columns - missing)]
        for at, value in enumerate(part, start=missing):
            y, x = divmod(at, columns)
            up = (y + rows // 2) % rows
            shade = (value - low) / (high - low) if high > low else 0.5
            squares.append(Square((x + plane * (columns + 1)) * CELL, up * CELL, round(shade, 2)))
    return Picture(title, less, (planes * (columns + 1) - 1) * CELL, rows * CELL, tuple(squares))
