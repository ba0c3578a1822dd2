"""The Tcl script of a component that is written without hls4ml: the gate, the joining of a deck's answers."""

from __future__ import annotations


def vitis_script(top: str, part: str, clock_ns: float) -> str:
    """`vitis_hls -f` of it synthesises firmware/TOP.cpp for `part` at `clock_ns` and exports the IP core."""
    return f"""\
open_project -reset {top}_prj
set_top {top}
add_files firmware/{top}.cpp -cflags "-std=c++0x -Ifirmware"
open_solution -reset solution1
set_part {part}
create_clock -period {clock_ns:g} -name default
csynth_design
export_design -format ip_catalog
exit
"""
