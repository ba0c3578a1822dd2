"""cardc: compact binary and pruned networks, compiled to small hardware, exact to the bit."""

from __future__ import annotations

from .errors import CompileError

__version__ = "0.1.0"
__all__ = ["CompileError", "__version__"]
