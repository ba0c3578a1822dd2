"""What `cardc.compile` returns: a model on a board, to emulate, verify, report and write."""

from __future__ import annotations

from ..backends.c.image import Pixels
from ..compiler import Lowered
from ..errors import CompileError
from ..targets.base import Target
from .base import Build


def build_for(lowered: Lowered, target: Target, pixels: Pixels | None = None) -> Build:
    """The build of the backend that `target` asks for. CompileError for `pixels` where that is no C library."""
    if target.backend == "c":
        from .mcu import McuBuild

        return McuBuild(lowered, target, pixels)
    if pixels is not None:
        raise CompileError(
            f"{target.title} gets no C library that could take images", fix="leave out how pixels become numbers"
        )
    from .fpga import FpgaBuild

    return FpgaBuild(lowered, target)


__all__ = ["Build", "build_for"]
