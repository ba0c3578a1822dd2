"""Fit the estimator's constants: `python benchmarks/estimates/fit.py --data DIR [--held-out] [--write]`.

`--held-out` prints the table of `run.py` with every row predicted by a fit that did not see its group (a network in
all its settings, or a shape), which is also where the bands come from. `--write` writes the constants.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from baselines import AGNOSTIC, fit_agnostic
from model import fit, key_of
from rows import Design, designs
from score import Prediction, predict, print_table, summarise
from table import DataError, read_folder

from cardc.estimate import Constants
from cardc.estimate.band import features
from cardc.estimate.design import network_key

ROOT = Path(__file__).resolve().parents[2]
CONSTANTS = ROOT / "src" / "cardc" / "estimate" / "constants.toml"
_TAIL = 0.03  # of the held-out designs on either side of a band
_FEW = 5  # groups below which a band is widened
Bands = dict[str, dict[str, tuple[float, float]]]


def held_out(rows: Sequence[Design], known: Sequence[Prediction] = ()) -> list[Prediction]:
    """Each row predicted without its group, in the order of `rows`; bands from the errors on other groups (`known`)."""
    found: dict[str, Prediction] = {}
    spans = ranges(rows)
    for group in sorted({row.group for row in rows}):
        bands = bands_of([p for p in known if p.design.group != group])
        constants = fit(rows, group, bands, spans)
        for row in rows:
            if row.group == group:
                found[row.id] = predict(row, constants)
    return [found[row.id] for row in rows]


def ranges(rows: Sequence[Design]) -> dict[str, dict[str, tuple[float, float]]]:
    """What the measured layers of each set span."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for row in rows:
        for layer in row.layers if row.stage == "csynth" else ():
            span = found.setdefault(key_of(layer, row.tool), {})
            for name, value in features(layer, row.tool).items():
                low, high = span.get(name, (value, value))
                span[name] = (min(low, value), max(high, value))
    return {key: found[key] for key in sorted(found)}


def bands_of(predictions: Sequence[Prediction]) -> Bands:
    """Factors between which the held-out designs lay, by set and quantity; whole networks have sets of their own."""
    ratios: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for p in predictions:
        if p.design.stage != "csynth" or not p.values:
            continue
        one = len(p.design.layers) == 1
        key = key_of(p.design.layers[0], p.design.tool) if one else network_key(p.design.layers, p.design.tool)
        for name, actual in p.design.actual.items():
            if name in p.values:
                ratio = max(actual, 0.5) / max(p.values[name], 0.5)
                ratios.setdefault((key, name), []).append((p.design.group, ratio))
    found: Bands = {}
    for (key, name), pairs in sorted(ratios.items()):
        values = np.array([ratio for _, ratio in pairs])
        few = len({group for group, _ in pairs}) < _FEW
        low, high = np.quantile(values, [_TAIL, 1 - _TAIL]) if not few else (values.min(), values.max())
        # A hand's breadth more than was seen: twice that where few groups speak.
        wider = 1.1 if few else 1.03
        low, high = (min(1.0, low) / wider, max(1.0, high) * wider) if low < 1 or high > 1 else (1.0, 1.0)
        found.setdefault(key, {})[name] = (float(f"{low:.3g}"), float(f"{high:.3g}"))
    return found


def write(constants: Constants, origin: Mapping[str, object]) -> str:
    """The constants as TOML, in one order."""
    lines = ["# Written by benchmarks/estimates/fit.py; do not edit.", "", "[origin]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in sorted(origin.items())]
    for key in sorted(constants.sets):
        for quantity in sorted(constants.sets[key]):
            lines += ["", f"[sets.{_dotted(key)}.{quantity}]"]
            lines += [f"{name} = {value!r}" for name, value in sorted(constants.sets[key][quantity].items())]
    for title, table in (("bands", constants.bands), ("ranges", constants.ranges)):
        for key in sorted(table):
            lines += ["", f"[{title}.{_dotted(key)}]"]
            lines += [f"{json.dumps(name)} = [{low!r}, {high!r}]" for name, (low, high) in sorted(table[key].items())]
    return "\n".join(lines) + "\n"


def _dotted(key: str) -> str:
    return json.dumps(key)


def origin(data: Path, rows: Sequence[Design]) -> dict[str, object]:
    """Where the constants come from."""
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.iterdir())
        if path.suffix in (".csv", ".npz")
    }
    tools = Counter(row.label for row in rows)
    return {
        "data": [f"{name} sha256 {digest}" for name, digest in digests.items()],
        "rows": [f"{tool}: {count}" for tool, count in sorted(tools.items())],
        "sources": ["wa-hls4ml-search 8e70542", "hls4ml_MLP_estimator 72e2e22", "hls4ml pytest baselines ef92ebd"],
        "stage": "csynth",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with layers.csv, networks.csv, weights.npz")
    parser.add_argument("--held-out", action="store_true", help="print held-out errors")
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    parser.add_argument("--write", action="store_true", help="write the constants")
    arguments = parser.parse_args()
    try:
        rows = designs(read_folder(arguments.data))
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    errors = held_out(rows)
    if arguments.held_out:
        results = summarise(held_out(rows, errors))
        if arguments.json:
            print(json.dumps(results, indent=2))
        else:
            print_table(results)
    if arguments.write:
        constants = fit(rows, None, bands_of(errors), ranges(rows))
        CONSTANTS.write_text(write(constants, origin(arguments.data, rows)), "utf-8")
        AGNOSTIC.write_text(json.dumps(fit_agnostic(rows), indent=1) + "\n", "utf-8")
        print(f"written to {CONSTANTS.relative_to(ROOT)} and {AGNOSTIC.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
