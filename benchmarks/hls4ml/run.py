"""The stock hls4ml flow beside cardc on the same models: `python benchmarks/hls4ml/run.py [--json] [--only TEXT]`.

A row is exact where every output, read in the model's own output units, is the integer that qonnx's output is. The
stock flow is hls4ml's importer with the configuration that it recommends itself (`config_from_onnx_model`, granularity
'name', backend Vitis), same inputs, same io_type. Each flow runs in a process of its own, one after the other; g++ is
measured by its processor time, so that other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.hls4ml.works import Work, works

from cardc.ops.base import Array

_LIMIT = 900  # seconds for one flow on one model


class Row(TypedDict):
    """One line of a benchmark; `ratio` is ours to the peer's where a small one is better, None where one lacks."""

    work: str
    tool: str
    value: float | str | None
    unit: str
    peer: str
    peer_value: float | str | None
    ratio: float | None


def one_flow(flow: str, work: Work, rows: int, io_type: str, out: Path) -> None:
    """Run one flow in this process; its numbers go to `out`/result.json, its outputs to `out`/outputs.npy."""
    from benchmarks.hls4ml import flows

    x, _ = work.inputs(rows)
    if flow == "qonnx":
        np.save(out / "outputs.npy", flows.qonnx(work, x))
        return
    folder = out / "project"
    results = flows.ours(work, x, folder) if flow == "cardc" else flows.stock(work, x, io_type, folder)
    first = next(results)
    (out / "result.json").write_text(json.dumps(first.numbers()))  # the simulation may end this process
    *_, result = (first, *results)
    np.save(out / "outputs.npy", result.outputs)
    np.save(out / "unit.npy", np.append(result.unit, result.offset))


def _apart(flow: str, name: str, rows: int, io_type: str, folder: Path, demo: Path) -> dict[str, Any]:
    """One flow in a process of its own: its numbers and outputs, or how it failed."""
    out = folder / flow
    out.mkdir()
    command = [sys.executable, __file__, "--flow", flow, "--only", name, "--rows", str(rows), "--demo", str(demo)]
    try:
        done = subprocess.run(
            [*command, "--io", io_type, "--out", str(out)], capture_output=True, text=True, timeout=_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {_LIMIT} s"}
    numbers = json.loads((out / "result.json").read_text()) if (out / "result.json").exists() else {}
    if done.returncode:
        return numbers | {"error": _last_words(done.stderr, done.returncode)}
    return numbers | {"outputs": np.load(out / "outputs.npy"), "folder": out}


def _last_words(said: str, code: int) -> str:
    """The error that ended a process, and where in hls4ml: no path or address of this machine."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [f"exit code {code}"]
    places = re.findall(r"(?:hls4ml/|firmware/)[\w/]+\.(?:py|h)(?=[\":])", said)
    last = next((line for line in lines if "error: " in line), lines[-1])
    assertion = re.search(r"Assertion `.*?' failed", said)
    words = assertion[0] if assertion else re.sub(r" (object )?at 0x[0-9a-f]+", "", last)[:120]
    return f"{words} ({places[-1]})" if places else words


def _classes(y: Array) -> Array:
    return np.asarray(y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0] > 0)


def _judge(found: dict[str, Any], want: Array, unit: Array, labels: Array | None) -> dict[str, Any]:
    """What the benchmark says of one flow."""
    if "error" in found:
        made = {"conversion": found["convert_s"], "g++": found["compile_s"]} if "compile_s" in found else {}
        return {"error": found["error"]} | made
    y, offset = found["outputs"].astype(np.float64), unit[-1]
    same = np.rint((y - offset) / unit[:-1]) == np.rint((want - offset) / unit[:-1])
    accuracy = None if labels is None else round(100 * float((_classes(y) == labels).mean()), 2)
    return {
        "accuracy": accuracy,
        "exact rows": int(same.all(axis=1).sum()),
        "same class": int((_classes(y) == _classes(want)).sum()),
        "accumulator bits": sum(found["accumulators"].values()),
        "widest accumulator": max(found["accumulators"].values()),
        "conversion": found["convert_s"],
        "g++": found["compile_s"],
    }


_UNITS = {"accuracy": "%", "conversion": "s", "g++": "s of processor time", "error": "message"}


def _rows(name: str, count: int, ours: dict[str, Any], stock: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for key in dict.fromkeys([*ours, *stock]):
        a, b = ours.get(key), stock.get(key)
        numbers = isinstance(a, (int, float)) and isinstance(b, (int, float)) and b
        ratio = round(float(a) / float(b), 2) if numbers and key not in ("error",) else None  # type: ignore[arg-type]
        unit = _UNITS.get(key, f"of {count}" if "exact" in key or "class" in key else "bits")
        rows.append(
            Row(work=name, tool=f"cardc: {key}", value=a, unit=unit, peer="hls4ml 1.3.0", peer_value=b, ratio=ratio)
        )
    return rows


def compare(name: str, work: Work, demo: Path) -> list[Row]:
    """Both flows on one work. Raises AssertionError where ours is not exact, or an accumulator is too wide."""
    from benchmarks.hls4ml.ranges import widths

    with tempfile.TemporaryDirectory(prefix="hls4ml-bench-") as temporary:
        folder = Path(temporary)
        x, labels = work.inputs(work.rows)
        count = len(x)
        want = _apart("qonnx", name, count, "", folder, demo)
        ours = _apart("cardc", name, count, "", folder, demo)
        if "error" in want or "error" in ours:
            raise AssertionError(f"{name}: {want.get('error') or ours.get('error')}")
        stock = _apart("stock", name, count, ours["io_type"], folder, demo)
        unit = np.load(ours["folder"] / "unit.npy")
        judged = [_judge(found, want["outputs"], unit, labels) for found in (ours, stock)]
        needed = widths(work)
        assert list(ours["accumulators"].values()) == needed, (name, ours["accumulators"], needed)
    return _rows(name, count, *judged)


def _table(rows: list[Row]) -> str:
    """The rows as a Markdown table, one line a work and tool."""
    names = ["accuracy", "exact rows", "same class", "accumulator bits", "widest accumulator", "conversion", "g++"]
    lines = ["| model | flow | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for work in dict.fromkeys(row["work"] for row in rows):
        found = {row["tool"].removeprefix("cardc: "): row for row in rows if row["work"] == work}
        for flow, key in (("hls4ml", "peer_value"), ("cardc", "value")):
            failed = found["error"][key] if "error" in found else None  # type: ignore[literal-required]
            cells = [found[n][key] if n in found else None for n in names]  # type: ignore[literal-required]
            text = ["" if c is None else str(c) for c in cells]
            text[0] = f"fails: {failed}" if failed else text[0]
            lines.append(f"| {work} | {flow} | " + " | ".join(text) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--only", default="", help="only works whose name holds this text")
    parser.add_argument("--demo", type=Path, default=Path("demo-out"), help="the folder that `cardc demo` wrote")
    parser.add_argument("--flow", choices=["qonnx", "cardc", "stock"], help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--io", default="io_parallel", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    known = works(given.demo.resolve())
    if given.flow is not None:
        one_flow(given.flow, known[given.only], given.rows, given.io, given.out)
        return
    rows: list[Row] = []
    for name, work in known.items():
        if given.only in name:
            rows += compare(name, work, given.demo.resolve())
    print(json.dumps(rows, indent=1) if given.json else _table(rows))


if __name__ == "__main__":
    main()
