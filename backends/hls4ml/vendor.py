"""The one door to hls4ml: imported late, and kept quiet."""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

from ...errors import CompileError

VERSION = "1.3.0"


def hls4ml() -> Any:
    """The hls4ml package with our layers registered.

    CompileError where it is missing or of a version whose output was never compared with ours.
    """
    try:
        with quiet():
            import hls4ml as package
    except ImportError as error:
        raise CompileError(f"hls4ml cannot be imported: {error}", fix="run `pip install 'cardc[fpga]'`") from error
    if package.__version__ != VERSION:
        raise CompileError(
            f"hls4ml {package.__version__} was never tested against the integer graph",
            fix=f"run `pip install hls4ml=={VERSION}`",
        )
    from .extension import register

    register()
    return package


def need_da4ml() -> None:
    """CompileError where da4ml is missing, which hls4ml generates distributed arithmetic with."""
    try:
        importlib.import_module("da4ml.trace")
    except ImportError as error:
        raise CompileError(f"da4ml cannot be imported: {error}", fix="run `pip install 'cardc[fpga]'`") from error


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Collects what hls4ml prints; its warnings are not ours to show, its files are read back instead."""
    said = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        warnings.simplefilter("ignore")
        yield said
