"""The files of a project that hls4ml wrote: its settings and its weights, as untrusted input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import CompileError, printable
from .hls_source import Number

_MOST_BYTES = 1 << 30
_SETTING = re.compile(r"^(\w+):[ \t]*([^\n#]*?)[ \t]*$", re.MULTILINE)
_AGAIN = "let hls4ml write the project again (hls_model.write())"


@dataclass(frozen=True, slots=True)
class HlsFolder:
    """A project folder: `settings` are the plain values at the top level of hls4ml_config.yml."""

    path: Path
    settings: dict[str, str]
    parameters: str
    defines: str
    top: str

    @property
    def project(self) -> str:
        return self.settings["ProjectName"]


def open_folder(path: Path) -> HlsFolder:
    """Read a project's settings and sources. CompileError where it is none."""
    if not path.is_dir():
        raise CompileError(f"no such folder: {str(path)!r}", fix="give the folder that hls4ml wrote (its OutputDir)")
    if not (path / "hls4ml_config.yml").is_file():
        raise CompileError(
            f"no hls4ml project at {str(path)!r}: it has no hls4ml_config.yml",
            fix="give the folder that hls4ml wrote (its OutputDir)",
        )
    settings = dict(_SETTING.findall(_text(path / "hls4ml_config.yml")))
    settings = {key: value.strip("'\"") for key, value in settings.items()}
    for key in ("Backend", "ClockPeriod", "IOType", "ProjectName"):
        if not settings.get(key):
            raise CompileError(f"hls4ml_config.yml has no {key}", node=str(path), fix=_AGAIN)
    if not re.fullmatch(r"[A-Za-z_]\w{0,127}", settings["ProjectName"]):
        name = printable(settings["ProjectName"])[:60]
        raise CompileError(f"the project's name {name!r} is no identifier", node=str(path), fix=_AGAIN)
    firmware = path / "firmware"
    return HlsFolder(
        path,
        settings,
        _text(firmware / "parameters.h"),
        _text(firmware / "defines.h"),
        _text(firmware / f"{settings['ProjectName']}.cpp"),
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CompileError(f"{path.name} is larger than {_MOST_BYTES >> 30} GiB", node=str(path), fix=_AGAIN)
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise CompileError(f"the project has no {path.name}", node=str(path), fix=_AGAIN) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CompileError(f"{path.name} cannot be read", node=str(path), fix=_AGAIN) from error


def read_weights(folder: HlsFolder, name: str, count: int, kind: Number) -> NDArray[np.int64]:
    """The `count` numbers of the array `name`, in units of the last place of `kind`, as the hardware holds them.

    From weights/NAME.txt, or from weights/NAME.h. CompileError for anything but that many finite numbers.
    """
    if not re.fullmatch(r"[A-Za-z_]\w{0,127}", name):
        raise CompileError(f"{printable(name)[:60]!r} is no name of weights", node=str(folder.path), fix=_AGAIN)
    place = folder.path / "firmware" / "weights"
    path = place / f"{name}.txt"
    if path.is_file():
        text = _text(path)
    else:
        path = place / f"{name}.h"
        found = re.search(r"=\s*\{([^{}]*)\}\s*;", _text(path))
        if found is None:
            raise CompileError(f"{path.name} holds no numbers", node=str(path), fix=_AGAIN)
        text = found[1]
    try:
        # Written by hls4ml with commas; a trailing one is no number.
        values = np.array([float(x) for x in text.replace(",", " ").split()], np.float64)
    except ValueError as error:
        raise CompileError(f"{path.name} holds something that is no number", node=str(path), fix=_AGAIN) from error
    if values.size != count:
        what = f"{path.name} holds {values.size:,} numbers, and its layer has {count:,} weights"
        raise CompileError(what, node=str(path), fix=_AGAIN)
    if not np.isfinite(values).all():
        raise CompileError(f"{path.name} holds numbers that are not finite", node=str(path), fix=_AGAIN)
    return _stored(values, kind)


def _stored(values: NDArray[np.float64], kind: Number) -> NDArray[np.int64]:
    """Cut off or rounded to the type, wrapped around its ends (its defaults, AP_TRN and AP_WRAP)."""
    # Files have ten decimals; what stands a hair below a step is that step.
    steps = np.floor(values * 2.0**kind.fraction + (0.5 if kind.rounds else 1e-5))
    bits = min(kind.bits, 62)
    wrapped = np.mod(np.clip(steps, -(2.0**62), 2.0**62).astype(np.int64), 1 << bits)
    return np.where(kind.signed & (wrapped >> (bits - 1) == 1), wrapped - (1 << bits), wrapped)
