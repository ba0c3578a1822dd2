"""The Tcl script of what is synthesised without hls4ml's own: the gate, the join of a deck's answers, a whole deck."""

from __future__ import annotations

from collections.abc import Sequence


def vitis_script(top: str, sources: Sequence[str], part: str, clock_ns: float, bench: str = "") -> str:
    """`vitis_hls -f` of it synthesises `sources` for `part` at `clock_ns` and exports the IP core; `bench` is what its
    simulation reads."""
    files = "".join(f'add_files {path} -cflags "-std=c++0x -Ifirmware"\n' for path in sources)
    files += f"add_files -tb {bench}\n" if bench else ""
    return f"""\
open_project -reset {top}_prj
set_top {top}
{files}open_solution -reset solution1
set_part {part}
create_clock -period {clock_ns:g} -name default
csynth_design
export_design -format ip_catalog
exit
"""
