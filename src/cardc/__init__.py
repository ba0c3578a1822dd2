"""cardc: compact binary and pruned networks, compiled to small hardware, exact to the bit."""

from __future__ import annotations

from .api import compile, verify
from .backends.c.image import Pixels
from .builds import Build
from .errors import CompileError
from .explore import Exploration, explore

__version__ = "0.1.0"
__all__ = ["Build", "CompileError", "Exploration", "Pixels", "__version__", "compile", "explore", "verify"]
