"""What `cardc.compile` returns: a model on a board, to emulate, verify, report and write."""

from __future__ import annotations

from typing import NoReturn

from ..backends.c.image import Pixels
from ..backends.hls4ml import Options
from ..compiler import Lowered
from ..errors import CompileError
from ..targets.base import Target
from .base import Build


def build_for(lowered: Lowered, target: Target, pixels: Pixels | None = None, hls: Options | None = None) -> Build:
    """The build of the backend that `target` asks for.

    CompileError for `pixels` where that is no C library, and for `hls` where it is no hls4ml project.
    """
    if target.backend == "c":
        if hls is not None:
            raise CompileError(
                f"{target.title} gets no hls4ml project", fix="leave out reuse factors, strategies, io_type and backend"
            )
        from .mcu import McuBuild

        return McuBuild(lowered, target, pixels)
    if pixels is not None:
        refuse_pixels(target)
    from .fpga import FpgaBuild

    return FpgaBuild(lowered, target, hls)


def refuse_pixels(target: Target) -> NoReturn:
    """CompileError: `target` is no microcontroller."""
    fix = "leave out how pixels become numbers"
    raise CompileError(f"{target.title} gets no C library that could take images", fix=fix)


__all__ = ["Build", "build_for", "refuse_pixels"]
