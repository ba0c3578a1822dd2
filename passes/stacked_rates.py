"""Instructions that each term of stacked_costs takes.

Non-negative least squares of relative errors over 180 random layers a core, run on emulated cores (zig -O2; -Os on
RV32EC). Nothing stands for 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Core = Literal["few", "many", "adds", "none"]
"""Of few registers; of many, where three neighbouring weights share their pixels; of those one that multiplies and adds
at once; one that does not multiply."""

RATES: Mapping[Core, Mapping[str, float]] = {
    "few": {  # Cortex-M0+
        "blank": 4.63, "call": 56.9, "channel": 40.5, "copy": 200, "copy_find": 1.37, "copy_lane": 4.12,
        "copy_row": 25.9, "layer": 424, "looked": 6.26, "looked_run": 69.1, "other_run": 73.6, "place": 7.88,
        "plain": 26.8, "product": 3.02, "rescaled": 12.2, "scaled": 14.4, "scaled_run": 92.8, "step": 14.1,
        "tap": 2.72, "term": 3.66, "tile": 25.3, "weight": 7.88,
    },
    "many": {  # RV32IMC
        "blank": 5.47, "call": 60.1, "channel": 44.7, "chunk": 6.72, "copy": 124, "copy_find": 4.26,
        "copy_lane": 3.85, "copy_row": 19.9, "layer": 448, "looked": 7.91, "looked_run": 47, "other_run": 78.1,
        "plain": 20.8, "product": 3.11, "product_3": 6.85, "rescaled": 6.41, "scaled": 17, "scaled_run": 60.5,
        "step": 6.47, "tap": 4.26, "tap_3": 9.13, "term": 4.99, "tile": 12.7, "weight": 6.64, "weight_3": 12.4,
    },
    "adds": {  # Cortex-M4
        "blank": 4.13, "call": 51, "channel": 62.2, "copy": 147, "copy_find": 9.1, "copy_lane": 2.34,
        "copy_row": 27.1, "layer": 375, "looked": 6.42, "looked_run": 57.9, "other_run": 34.3, "place": 3.12,
        "plain": 19.1, "product": 2.28, "product_3": 5.37, "rescaled": 9.1, "scaled": 15.9, "scaled_run": 68.2,
        "step": 9.98, "tap": 2.97, "tap_3": 3.73, "tile": 13.8, "weight": 6.07, "weight_3": 9.14,
    },
    "none": {  # RV32EC, for size
        "blank": 7.66, "call": 75.7, "channel": 153, "copy": 156, "copy_lane": 3.82, "copy_row": 20.1, "layer":
        851, "looked": 8.51, "looked_run": 76.5, "other_run": 119, "plain": 50.1, "plane": 8.78, "product":
        2.78, "rescaled": 25, "scaled": 37.4, "scaled_run": 139, "scan": 11.7, "step": 15.4, "tap": 2.84,
        "term": 8.34, "tile": 11.3, "turn": 7.78, "twice": 0.478, "weight": 20.6,
    },
}  # fmt: skip
"""By the kind of core."""
