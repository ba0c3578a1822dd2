"""Reading linked files: sizes, symbols and what to load where (pyelftools)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ....errors import CompileError


@dataclass(frozen=True)
class Symbol:
    """A function or object: address without the Thumb bit, size in bytes. `file` is the source of a local one."""

    name: str
    address: int
    size: int
    is_function: bool
    section: str
    file: str = ""


@dataclass(frozen=True)
class Segment:
    """Bytes to place at `address` (run time) that are stored at `load` (in flash); `memory_size` counts
    zeros behind."""

    address: int
    load: int
    data: bytes
    memory_size: int
    writable: bool


@dataclass(frozen=True)
class Sizes:
    """Bytes, as a linker's map counts them. Flash holds the initial values of `data` too."""

    text: int
    rodata: int
    data: int
    bss: int

    @property
    def flash(self) -> int:
        return self.text + self.rodata + self.data

    @property
    def ram(self) -> int:
        return self.data + self.bss


class Elf:
    """A linked executable. `data` is the file; `symbols` holds every named function and object, local ones
    too.

    Two local symbols of one name: the one with the lower address wins in `symbols`; `all_symbols` has both.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        file = _elf_file(data)
        self.segments: tuple[Segment, ...] = tuple(_segments(file))
        self.all_symbols: tuple[Symbol, ...] = tuple(sorted(_symbols(file), key=lambda s: (s.address, s.name)))
        self.symbols: dict[str, Symbol] = {symbol.name: symbol for symbol in reversed(self.all_symbols)}
        self.sizes: Sizes = _sizes(file)

    def symbol(self, name: str) -> Symbol:
        """The function or object called `name`; ValueError where there is none."""
        if name not in self.symbols:
            raise ValueError(f"the program has no symbol {name!r} (inlined, unused or never defined)")
        return self.symbols[name]

    def address(self, name: str) -> int:
        """The address of `name`, without the Thumb bit."""
        return self.symbol(name).address

    def function_at(self, address: int) -> str:
        """The function that holds `address`, with the offset in it: `conv_row+0x12`; the bare number
        otherwise."""
        for symbol in self.all_symbols:
            if symbol.is_function and symbol.address <= address < symbol.address + max(symbol.size, 1):
                return f"{symbol.name}+{address - symbol.address:#x}"
        return f"{address:#010x}"


def _elf_file(data: bytes) -> Any:
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise CompileError("pyelftools is not installed", fix="pip install 'cardc[mcu]'") from error
    return ELFFile(io.BytesIO(data))


def _segments(file: Any) -> Iterator[Segment]:
    for segment in file.iter_segments():
        header = segment.header
        if header["p_type"] == "PT_LOAD" and header["p_memsz"]:
            writable = bool(header["p_flags"] & 2)
            yield Segment(header["p_vaddr"], header["p_paddr"], segment.data(), header["p_memsz"], writable)


def _symbols(file: Any) -> Iterator[Symbol]:
    table = file.get_section_by_name(".symtab")
    thumb = file.header["e_machine"] == "EM_ARM"
    source = ""  # in the table, local symbols follow the name of their file
    for symbol in table.iter_symbols() if table is not None else ():
        kind, index = symbol["st_info"]["type"], symbol["st_shndx"]
        source = symbol.name if kind == "STT_FILE" else source
        if (
            kind not in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE")
            or not symbol.name
            or symbol.name.startswith(("$", ".L"))
        ):
            continue
        if index == "SHN_UNDEF":
            continue
        section = file.get_section(index).name if isinstance(index, int) else ""
        function = kind == "STT_FUNC"
        address = symbol["st_value"] & ~1 if function and thumb else symbol["st_value"]
        own = source if symbol["st_info"]["bind"] == "STB_LOCAL" else ""
        yield Symbol(symbol.name, address, symbol["st_size"], function, section, own)


def _sizes(file: Any) -> Sizes:
    """By section flags, not by name: what is allocated counts."""
    text = rodata = data = bss = 0
    for section in file.iter_sections():
        flags, size = section["sh_flags"], section["sh_size"]
        if not flags & 2:  # SHF_ALLOC
            continue
        if section["sh_type"] == "SHT_NOBITS":
            bss += size
        elif flags & 1:  # SHF_WRITE
            data += size
        elif flags & 4:  # SHF_EXECINSTR
            text += size
        else:
            rodata += size
    return Sizes(text, rodata, data, bss)
