"""What follows the sums of a layer in its stage, as the cost models see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the sums: `levels` thresholds, a requantisation, or nothing but a factor and an offset. `wide`:
    thresholds beyond 16 bits, or products beyond 32."""

    kind: Literal["thresholds", "scaled", "plain"]
    levels: int = 0
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Turns:
    """Of a loop that multiplies, in the mean: of a product with an input; of a sum's product with its scale; of the
    same product where sums are lifted above zero, as lanes and counts are."""

    inputs: float = 0.0
    sums: float = 0.0
    lifted: float = 0.0
