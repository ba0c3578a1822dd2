"""What follows the sums of a layer in its stage, as the cost models see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the sums: `levels` thresholds, a requantisation, or nothing but a factor and an offset."""

    kind: Literal["thresholds", "scaled", "plain"]
    levels: int = 0
