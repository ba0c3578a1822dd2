"""FPGA estimates beside synthesis results: `python benchmarks/estimates/run.py --data DIR [--json] [--rows]`.

Fits nothing: predicts every row of a folder (layers.csv, networks.csv, weights.npz) with the constants that come with
cardc, from the weights or the counts of their digits, never from names, and prints rank correlation, R2 of the
logarithms, median and 90th percentile of the absolute error, and how many results lie in their band, by part of the
data and quantity. Beside it, in the same run, FINN's formula, a fit that does not look at the weights (its constants
were fitted on the calibration data beforehand), and rule4ml where it is installed and takes the design.

A row that cannot be read or predicted is left out, and the reason is printed: on standard error, and in JSON as an
entry with a `note`. The exit code is 2 where nothing can be.

Errors are relative to the result (to 1 where the result is 0). Post-synthesis and post-route rows have a table of
their own: there the second step from csynth is judged.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baselines import agnostic, finn, load_agnostic
from peer_rule4ml import rule4ml
from routed_rows import after_csynth
from rows import checked, designs
from score import Prediction, predict, print_table, summarise
from table import DataError, read_folder


def results(folder: Path) -> tuple[list[dict[str, Any]], list[Prediction], list[str]]:
    """All scores, the estimator's predictions row by row, and what could not be done."""
    notes: list[str] = []
    rows = designs(read_folder(folder), notes)
    if not rows:
        raise DataError(f"no row can be predicted: {'; '.join(notes[:5])}")
    tried = [(row, checked(predict, notes, row)) for row in rows]
    rows, own = [row for row, found in tried if found], [found for _, found in tried if found]
    notes += [
        f"{p.design.id}: describes no layers that are known"
        for p in own
        if not p.values and p.design.adder_bits is None
    ]
    found = summarise(own) + after_csynth(rows)
    found += [{"work": "cardc estimate", "part": "not predicted", "note": note} for note in notes]
    peer, reason = rule4ml(rows)
    if reason:
        notes.append(f"rule4ml: {reason}")
        found.append({"work": "rule4ml", "part": "not predicted", "note": reason})
    found += summarise(agnostic(rows, load_agnostic()), "weight-agnostic fit")
    found += summarise(finn(rows), "FINN formula") + summarise(peer, "rule4ml")
    return found, own, notes


def row_list(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Every row with its prediction, band and result."""
    return [
        {
            "id": p.design.id, "quantity": name, "actual": p.design.actual[name], "predicted": value,
            "low": p.bands[name][0], "high": p.bands[name][1],
        }
        for p in predictions
        for name, value in p.values.items()
        if name in p.design.actual
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with layers.csv, networks.csv, weights.npz")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output, and nothing else")
    parser.add_argument("--rows", action="store_true", help="print every row instead of the scores")
    arguments = parser.parse_args()
    try:
        found, own, notes = results(arguments.data)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(row_list(own) if arguments.rows else found, indent=2))
    elif arguments.rows:
        for row in row_list(own):
            print(f"{row['id']:<64} {row['quantity']:<15} {row['actual']:>10g} {row['predicted']:>10g}", end="")
            print(f"  ({row['low']:g} to {row['high']:g})")
    else:
        print_table(found)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
