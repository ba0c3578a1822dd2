"""The fitted constants, as `benchmarks/estimates/fit.py` writes them, and how much to trust them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

QUANTITIES = ("lut", "ff", "dsp", "bram18", "latency_cycles", "ii")
# Bands of what no public result holds; post-route designs reach below.
STATED: Mapping[str, tuple[float, float]] = {
    "lut": (0.4, 2.0), "ff": (0.4, 2.5), "dsp": (0.0, 1.5), "bram18": (0.5, 2.0), "latency_cycles": (0.5, 2.0),
    "ii": (1.0, 1.25),
}  # fmt: skip
# Where a set of constants is missing, what comes nearest.
_NEAR: Mapping[str, tuple[str, ...]] = {
    "latency": ("unrolled",), "unrolled": ("latency",),
    "shared": ("latency", "unrolled"), "constant": ("unrolled", "latency"),
    "folded2": ("folded",), "tanh": ("sigmoid",), "prelu": ("relu",), "batchnorm": ("relu",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constants:
    """`sets[family.regime][quantity][term]` is what one unit of a term takes; `bands[family.regime][quantity]` the
    factors (low, high) between which designs that no fit had seen lay; `ranges[family.regime][feature]` what the
    data span; `origin` says where it all comes from.
    """

    sets: Mapping[str, Mapping[str, Mapping[str, float]]]
    bands: Mapping[str, Mapping[str, tuple[float, float]]]
    ranges: Mapping[str, Mapping[str, tuple[float, float]]]
    origin: Mapping[str, Any]

    def find(self, family: str, regime: str) -> str:
        """The set for a regime of a tool: its own, or where none was measured the nearest there is, or ''."""
        other = "vivado" if family == "vitis" else "vitis"
        names = [f"{tool}.{near}" for near in (regime, *_NEAR.get(regime, ())) for tool in (family, other)]
        return next((name for name in names if name in self.sets), "")


def read_constants(text: str) -> Constants:
    """The constants in a TOML document. KeyError or ValueError where it is no such document."""
    table = tomllib.loads(text)
    return Constants(
        sets=table["sets"],
        bands={key: {name: (b[0], b[1]) for name, b in bands.items()} for key, bands in table["bands"].items()},
        ranges={key: {name: (r[0], r[1]) for name, r in ranges.items()} for key, ranges in table["ranges"].items()},
        origin=table["origin"],
    )


@cache
def load_constants() -> Constants:
    """The constants that come with cardc."""
    return read_constants((Path(__file__).parent / "constants.toml").read_text("utf-8"))
