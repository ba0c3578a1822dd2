"""Cycle bands beside boards: `python benchmarks/mcu/published.py [--json]`.

Reports turn an emulator's instructions into cycles by a band that stands in each board's file. Here the band is asked
about runs that were measured on boards: the four int8 networks of MLPerf Tiny by CMSIS-NN, whose instructions are known
(`mlperf.csv`: CMSIS-NN 99f736a6, GCC -O3, counted under QEMU) and whose speed submitters measured (`published.csv`:
median inferences a second in the closed division of MLPerf Tiny v0.7 to v1.1, results.txt of each submission). The
measured cycles are clock / speed. The band is that of the core in a board file of cardc's, which knows nothing of
these runs; the Cortex-M33 runs the M4's code (its kernels' counts differ by 0.1 %).

Submitters that call CMSIS-NN layer by layer do the counted work. ONNC compiles the network into its own calls of
CMSIS: the work is not quite the counted one, and its rows are shown and not judged.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cardc.report.cycles import mcu_cycles
from cardc.targets.base import load

HERE = Path(__file__).parent
BOARDS = {"cortex-m4": "nucleo-f446re", "cortex-m33": "nucleo-u575"}  # whose band goes for a core
COUNTED = {"cortex-m33": "cortex-m4"}
_JUDGED = ("microTVM", "TensorFlow Lite Micro")


def table(name: str) -> list[dict[str, str]]:
    """The rows of a table beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def results(published: Sequence[dict[str, str]], counts: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """A row for each published run: `value` cycles a board took, `low` to `high` the band of the counted work."""
    instructions = {(row["model"], row["core"]): int(row["instructions"]) for row in counts}
    found = []
    for row in published:
        count = instructions[row["model"], COUNTED.get(row["core"], row["core"])]
        band = mcu_cycles(count, load(BOARDS[row["core"]]))
        cycles = round(float(row["clock_hz"]) / float(row["inferences_per_s"]))
        found.append(
            {
                "work": row["model"], "core": row["core"], "board": row["board"],
                "software": f"{row['software']} ({row['submitter']}, {row['round']})", "value": cycles,
                "unit": "cycles", "instructions": count, "cpi": round(cycles / count, 3), "low": band.low,
                "high": band.high, "inside": (band.low or 0) <= cycles <= band.most,
                "judged": row["software"].startswith(_JUDGED),
            }
        )  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = results(table("published.csv"), table("mlperf.csv"))
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'network':<15} {'board':<15} {'measured':>11} {'band of the count':>25} {'CPI':>6}  software")
    for r in found:
        band = f"{r['low']:,} to {r['high']:,}"
        word = "" if r["inside"] else "  outside" if r["judged"] else "  outside, not judged"
        print(f"{r['work']:<15} {r['board']:<15} {r['value']:>11,} {band:>25} {r['cpi']:>6.2f}  {r['software']}{word}")
    for judged, word in ((True, "CMSIS-NN layer by layer"), (False, "ONNC, for comparison")):
        rows = [r for r in found if r["judged"] is judged]
        print(f"{word}: {sum(r['inside'] for r in rows)} of {len(rows)} inside the band")


if __name__ == "__main__":
    main()
