"""What `cardc.compile` returns: a model on a board, to emulate, verify, report and write."""

from __future__ import annotations

from ..compiler import Lowered
from ..targets.base import Target
from .base import Build


def build_for(lowered: Lowered, target: Target) -> Build:
    """The build of the backend that `target` asks for."""
    if target.backend == "c":
        from .mcu import McuBuild

        return McuBuild(lowered, target)
    from .fpga import FpgaBuild

    return FpgaBuild(lowered, target)


__all__ = ["Build", "build_for"]
