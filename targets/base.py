"""A target is data: one TOML file a board, read into a frozen record for passes, backends and reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import CompileError, did_you_mean
from .schema import read_board

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpi:
    """Cycles per instruction of integer code on this core and memory: a band, since it is an estimate.

    `source` says where the band comes from; it is printed in every report that uses it.
    """

    low: float
    typical: float
    high: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One board. The upper half is what a microcontroller has (`backend` 'c'), the lower what an FPGA has
    ('hls4ml').

    What a board does not have is 0, empty or None; `schema.py` makes sure that what its backend needs is
    there. Passes ask for capabilities (`has`), never for the name.
    """

    name: str
    title: str
    backend: str
    clock_hz: int

    core: str = ""
    features: tuple[str, ...] = ()
    flash_bytes: int = 0
    ram_bytes: int = 0
    cpi: Cpi | None = None

    part: str = ""
    family: str = ""
    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram18: int = 0
    uram: int = 0
    hls4ml_backend: str = ""
    hls4ml_board: str = ""
    io_types: tuple[str, ...] = ()

    def has(self, feature: str) -> bool:
        """Whether the core has `feature`, one of `schema.FEATURES`."""
        return feature in self.features

    @property
    def clock_period_ns(self) -> float:
        """The clock period in nanoseconds, as HLS tools want it."""
        return 1e9 / self.clock_hz

    def limits(self) -> dict[str, int]:
        """How much of each resource the board has, by the names that reports use."""
        if self.backend == "c":
            return {"flash_bytes": self.flash_bytes, "ram_bytes": self.ram_bytes}
        return {"lut": self.lut, "ff": self.ff, "dsp": self.dsp, "bram18": self.bram18, "uram": self.uram}

    def summary(self) -> str:
        """One line for people: `cortex-m4, 180 MHz, 512 KiB flash, 128 KiB RAM`."""
        clock = f"{self.clock_hz / 1e6:g} MHz"
        if self.backend == "c":
            flash, ram = self.flash_bytes / 1024, self.ram_bytes / 1024
            return f"{self.core}, {clock}, {flash:g} KiB flash, {ram:g} KiB RAM"
        fabric = f"{self.lut:,} LUT, {self.ff:,} FF, {self.dsp:,} DSP, {self.bram18:,} BRAM18"
        return f"{self.part}, {clock}, {fabric}"


def names() -> list[str]:
    """The boards that come with cardc, sorted."""
    return sorted(path.stem for path in _HERE.glob("*.toml"))


def load(name_or_path: str | Path) -> Target:
    """The board of that name, or the one described by the TOML file at that path.

    Anything that ends in `.toml` or has a folder in it is a path. CompileError for a name or file that is not
    there and for every fault in the file (unknown, missing, mistyped or impossible keys), all of them at
    once.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(name_or_path)
        return _build(path.name.removesuffix(".toml"), _read(path), str(path))
    if text not in names():
        raise CompileError(
            f"no target {text!r}",
            fix=f"{did_you_mean(text, names())} (`cardc targets` lists all; a path to a .toml works too)",
        )
    return _build(text, (_HERE / f"{text}.toml").read_bytes(), f"targets/{text}.toml")


def listing() -> list[Target]:
    """Every board that comes with cardc, in the order of their names, for `cardc targets`."""
    return [load(name) for name in names()]


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > 65536:  # a board file is a page; do not read a disk image by mistake
            raise CompileError("this is too big for a board file", node=str(path), fix="give a TOML file")
        return path.read_bytes()
    except OSError as error:
        raise CompileError(
            f"the board file cannot be read: {error.strerror or error}",
            node=str(path),
            fix=f"give a TOML file, or the name of a board: {', '.join(names())}",
        ) from error


def _build(name: str, content: bytes, where: str) -> Target:
    table = read_board(content, where)
    cpi = table.pop("cpi", None)
    return Target(name=name, cpi=Cpi(**cpi) if cpi is not None else None, **table)
