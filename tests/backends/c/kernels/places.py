"""Where the kernels are tested: on this machine, as it is and without unaligned loads, and on emulated cores."""

from __future__ import annotations

import functools
import inspect
import os
import zlib
from collections.abc import Callable, Sequence

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.tools import need_avr, need_qemu

from cardc.backends.c.runtime.call import SLACK, Emulated, EmulatedAvr, EmulatedByQemu, Host, Place
from cardc.backends.c.runtime.structs import Map

# Under test_kernels_sanitized.py the process has the sanitizers' library loaded.
_SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if os.environ.get("CARDC_SAN") else ()


def _avr() -> Place:
    need_avr()
    return EmulatedAvr("avr5")


def _by_qemu(core: str) -> Callable[[], Place]:
    def made() -> Place:
        need_qemu(core)
        return EmulatedByQemu(core)

    return made


PLACES: dict[str, Callable[[], Place]] = {
    "host": lambda: Host(flags=_SANITIZE),
    "host-aligned": lambda: Host(flags=("-DCARDC_UNALIGNED=0", *_SANITIZE)),
    "cortex-m0plus": lambda: Emulated("cortex-m0plus"),
    "cortex-m4": lambda: Emulated("cortex-m4"),
    "rv32imc": lambda: Emulated("rv32imc"),
    "cortex-m55": _by_qemu("cortex-m55"),
    "avr5": _avr,
}
ROOMY = [name for name in PLACES if name != "avr5"]  # whose RAM is the 16 KiB of the largest part

FURTHER: dict[str, Callable[[], Place]] = {
    "cortex-m0": lambda: Emulated("cortex-m0"),
    "cortex-m3": lambda: Emulated("cortex-m3"),
    "cortex-m7": lambda: Emulated("cortex-m7"),
    "cortex-m33": lambda: Emulated("cortex-m33"),
    "rv32ec": lambda: Emulated("rv32ec"),
    "rv32imac_zbb": _by_qemu("rv32imac_zbb"),
}
"""The boards' other cores: the kernels are the same text, of which the compiler makes little else."""
EVERYWHERE = {**PLACES, **FURTHER}

DRAWN: dict[str, set[str]] = {}
"""Where each kernel is called with random arguments and compared with its meaning, by `drawn`."""

_EXAMPLES, _FEW = 30, 6


class _Watched:
    """`place`, and the kernels that were called on it."""

    def __init__(self, place: Place, called: set[str]) -> None:
        self._place, self._called, self.pointer = place, called, place.pointer
        self.put, self.read = place.put, place.read

    def call(self, kernel: str, *args: int) -> int:
        self._called.add(kernel)
        return self._place.call(kernel, *args)


def drawn(
    kernels: str, *strategies: st.SearchStrategy, avr: bool = True
) -> Callable[[Callable[..., object]], Callable[..., None]]:
    """Make `test(place, ...)` a test on every core, of `_EXAMPLES` draws of `strategies` on PLACES and `_FEW` on the
    others, different ones on each. It fails unless all of `kernels` (names, by spaces) were called. Without `avr`: not
    on that one."""
    names, where = kernels.split(), [name for name in EVERYWHERE if avr or name != "avr5"]
    for kernel in names:
        DRAWN.setdefault(kernel, set()).update(where)

    def made(test: Callable[..., object]) -> Callable[..., None]:
        @functools.wraps(test)
        def everywhere(name: str) -> None:
            called: set[str] = set()

            @hypothesis.seed(zlib.crc32(f"{test.__name__} on {name}".encode()))
            @hypothesis.settings(max_examples=_EXAMPLES if name in PLACES else _FEW, deadline=None, database=None)
            @hypothesis.given(st.tuples(*strategies))
            def draw(values: Sequence[object]) -> None:
                test(_Watched(EVERYWHERE[name](), called), *values)

            draw()
            assert called >= set(names)

        # What pytest is to see of it.
        everywhere.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
        )
        return pytest.mark.parametrize("name", where)(everywhere)

    return made


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
