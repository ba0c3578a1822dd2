"""Where the kernels are tested: on this machine, as it is and without unaligned loads, and on emulated cores."""

from __future__ import annotations

import os
from collections.abc import Callable

import hypothesis
import numpy as np
from numpy.typing import NDArray
from tests.tools import need_avr, need_qemu

from cardc.backends.c.runtime.call import SLACK, Emulated, EmulatedAvr, EmulatedByQemu, Host, Place
from cardc.backends.c.runtime.structs import Map

# Under test_kernels_sanitized.py the process has the sanitizers' library loaded.
_SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if os.environ.get("CARDC_SAN") else ()


def _avr() -> Place:
    need_avr()
    return EmulatedAvr("avr5")


def _m55() -> Place:
    need_qemu("cortex-m55")
    return EmulatedByQemu("cortex-m55")


PLACES: dict[str, Callable[[], Place]] = {
    "host": lambda: Host(flags=_SANITIZE),
    "host-aligned": lambda: Host(flags=("-DCARDC_UNALIGNED=0", *_SANITIZE)),
    "cortex-m0plus": lambda: Emulated("cortex-m0plus"),
    "cortex-m4": lambda: Emulated("cortex-m4"),
    "rv32imc": lambda: Emulated("rv32imc"),
    "cortex-m55": _m55,
    "avr5": _avr,
}
ROOMY = [name for name in PLACES if name != "avr5"]  # whose RAM is the 16 KiB of the largest part

some = hypothesis.settings(max_examples=30, deadline=None, derandomize=True, database=None)

Ints = NDArray[np.int64]


def chw(storage: NDArray[np.generic], to: Map, interior: int = 0) -> Ints:
    """The elements [channels, height, width] that `to` lays out in `storage`."""
    c, y, x = np.ogrid[: to.channels, : to.height, : to.width]
    return np.asarray(storage[interior + c * to.plane + y * to.row + x], np.int64)


def stored(x: Ints, to: Map, interior: int, size: int, border: int, rng: np.random.Generator) -> bytes:
    """`x` laid out by `to` in `size` bytes that hold `border` elsewhere, and slack of any content behind."""
    raw = np.full(size, border, np.uint8)
    c, y, i = np.ogrid[: to.channels, : to.height, : to.width]
    raw[interior + c * to.plane + y * to.row + i] = x
    return raw.tobytes() + rng.integers(0, 256, SLACK, np.uint8).tobytes()


def outside_is(storage: NDArray[np.generic], to: Map, value: int) -> bool:
    """Whether all that is no element still holds `value`."""
    c, y, x = np.ogrid[: to.channels, : to.height, : to.width]
    rest = np.ones(storage.size, np.bool_)
    rest[(c * to.plane + y * to.row + x).ravel()] = False
    return bool((storage[rest] == value).all())
