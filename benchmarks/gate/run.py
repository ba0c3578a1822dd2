"""The gate: how exact, how often it decides as in float, what it costs: `python benchmarks/gate/run.py [--json]`.

On real images, clean and with Gaussian noise, between which the gate is fitted to decide. Exactness compares every
intermediate word of the compiled gate with the integer model; images that the integer gate decides otherwise than the
float gate are listed with their margin, as a share of the margins' standard deviation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from benchmarks.gate.data import SETS, adversarial, folder, noisy

from cardc.backends.c.gate import emit_gate
from cardc.backends.c.gate_run import GateOn
from cardc.backends.c.gate_trace import trace_words
from cardc.backends.hls4ml.gate_csim import GateCsim, component_words
from cardc.errors import CompileError
from cardc.frontend.deck import Gate, Spectrum, fit_gate
from cardc.frontend.deck.integer_gate import fit_integer_gate
from cardc.ops.base import Array
from cardc.ops.spectral import IntegerGate
from cardc.ops.spectral.noise import goal_for, measured_db, predicted_db, signal

CORES = ("host", "cortex-m0plus", "cortex-m4", "cortex-m55", "rv32imc")
SPECTRA = {
    "log": Spectrum(scale="log"), "amplitude": Spectrum(), "power": Spectrum(scale="power"),
    "log, channels": Spectrum("channels", "log"),
}  # fmt: skip
PEER = "CMSIS-DSP arm_cfft_q15, 32 + 17 transforms of 32 points alone"
PEER_INSTRUCTIONS = {"cortex-m0plus": 49 * 3924, "cortex-m4": 49 * 1377, "cortex-m55": 49 * 470}
"""One transform of 32 points takes 3,924, 1,377 and 470 instructions on Cortex-M0, M4 and M55."""
CHUNK = 500
WINDOWS = (1, 100)


class Row(TypedDict):
    """One line of a benchmark; `tool` says what was run."""

    work: str
    tool: str
    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None


def row(work: str, tool: str, value: float, unit: str, peer: float | None = None) -> Row:
    ratio = None if peer is None else round(peer / value, 2)
    return Row(
        work=work, tool=tool, value=value, unit=unit, peer=None if peer is None else PEER, peer_value=peer, ratio=ratio
    )


def gates(q: Array, hi: int, spectrum: Spectrum, window: int) -> tuple[Gate, IntegerGate]:
    """Clean against noisy, fitted to all images, calibrated with a thousand of them; words as the window asks for."""
    views = {"clean": q, "gaussian": noisy(q, hi)}
    gate = fit_gate({name: (x / hi).astype(np.float32) for name, x in views.items()}, spectrum, window)
    shape = (q.shape[1], q.shape[2], q.shape[3])
    images = np.concatenate([x[:500] for x in views.values()])
    return gate, fit_integer_gate(gate, shape, 0, hi, 1 / hi, images)


def accuracy(name: str, q: Array, integer: IntegerGate) -> Iterator[Row]:
    plan = integer.plan
    yield row(f"{name}: goal", "stated", round(goal_for(integer.window), 2), "dB")
    for what, bits in (("data", plan.data_bits), ("twiddles", plan.twiddle_bits)):
        yield row(f"{name}: {what}", "chosen", bits, "bits")
    yield row(f"{name}: SNR", "measured", round(measured_db(integer.plan, q[:2000]), 2), "dB")
    yield row(f"{name}: SNR", "predicted", round(predicted_db(integer.plan, signal(integer.plan, q[:2000])), 2), "dB")


def decisions(name: str, q: Array, hi: int, gate: Gate, integer: IntegerGate) -> Iterator[Row]:
    """Image by image, half of them noisy; a window of several over all clean and over all noisy ones."""
    loud, window = noisy(q, hi), gate.window
    mixed = np.where((np.arange(len(q)) % 2 == 0)[:, None, None, None], q, loud)
    runs = [("M = 1", mixed)] if window == 1 else [(f"M = {window}, clean", q), (f"M = {window}, noisy", loud)]
    for title, images in runs:
        margins = gate.margins((images * integer.scale).astype(np.float32))
        ahead = margins[:, 1] - margins[:, 0]
        left = np.flatnonzero(integer.picks(images) != margins.argmax(1))
        yield row(f"{name}, {title}: decided as in float", "integer", 100 * (1 - len(left) / len(q)), "% of images")
        for i in sorted(left.tolist(), key=lambda i: abs(ahead[i])):
            share = float(abs(ahead[i]) / ahead.std())
            yield row(f"{name}, {title}: image {i} differs", "integer", share, "margin / standard deviation")


def exactness(name: str, q: Array, gate: IntegerGate, cores: Sequence[str]) -> Iterator[Row]:
    """Images whose every word is equal, and what the slowest took as it is shipped."""
    for core in cores:
        on = GateOn(gate, core, traced=True)
        for kind, images in (("images", q), ("adversarial images", hostile(gate))):
            equal = sum(same(gate, part, on.run(part), trace_words) for part in chunks(images))
            words = trace_words(gate, images[:1]).shape[1]
            yield row(f"{name}: {kind} of {len(images)} with all {words} words equal", core, equal, "images")
        if core != "host":
            shipped = GateOn(gate, core)
            shipped.run(q[:10])
            peer = PEER_INSTRUCTIONS.get(core) if (gate.plan.rows, gate.plan.columns) == (32, 32) else None
            yield row(name, core, max(shipped.instructions), "instructions", peer)


def simulated(name: str, q: Array, gate: IntegerGate) -> Iterator[Row]:
    simulation = GateCsim(gate, traced=True)
    for kind, images in (("images", q), ("adversarial images", hostile(gate))):
        equal = sum(same(gate, part, simulation.run(part), component_words) for part in chunks(images))
        yield row(f"{name}: {kind} of {len(images)} with all words equal", "hls csim", equal, "images")


def hostile(gate: IntegerGate) -> Array:
    plan = gate.plan
    return adversarial((plan.channels, plan.height, plan.width), plan.lo, plan.hi)


def chunks(images: Array) -> Iterator[Array]:
    return (images[begin : begin + CHUNK] for begin in range(0, len(images), CHUNK))


def same(
    gate: IntegerGate, images: Array, found: tuple[Array, Array], words: Callable[[IntegerGate, Array], Array]
) -> int:
    """How many of `images` have the picks and words of the model."""
    picks, seen = found
    return int((np.equal(seen, words(gate, images)).all(1) & (picks == gate.picks(images))).sum())


def measure(limit: int, root: Path | None, cores: Sequence[str], sets: Sequence[str], hls: bool) -> Iterator[Row]:
    for title in sets:
        hi, load = SETS[title]
        q = load(limit, root)
        for kind, spectrum in SPECTRA.items():
            if spectrum.colour == "channels" and q.shape[1] == 1:
                continue
            for window in WINDOWS:
                gate, integer = gates(q, hi, spectrum, window)
                if kind == "log":
                    yield from accuracy(f"{title}, M = {window}", q, integer)
                yield from decisions(f"{title} {kind}", q, hi, gate, integer)
        for window in WINDOWS:
            integer = gates(q, hi, SPECTRA["log"], window)[1]
            plan = integer.plan
            name = f"{title} grey {plan.rows}x{plan.columns}, {plan.data_bits} bits"
            code = emit_gate(integer, "gate")
            for what, value in (("arena", code.arena), ("constants", code.constants), ("state", code.state)):
                yield row(f"{name}, M = {window}: {what}", "c", value, "bytes")
            yield from exactness(name, q, integer, cores)
            if hls:
                yield from simulated(name, q, integer)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--data", help="folder with mnist/ and cifar10/; else CARDC_DATA")
    parser.add_argument("--images", type=int, default=10_000, help="at most so many of each set")
    parser.add_argument("--core", action="append", choices=CORES, help="only this one (may be given again)")
    parser.add_argument("--set", action="append", choices=list(SETS), help="only this one (may be given again)")
    parser.add_argument("--no-hls", action="store_true", help="leave out C simulation of the HLS component")
    given = parser.parse_args()
    found = measure(given.images, folder(given.data), given.core or CORES, given.set or list(SETS), not given.no_hls)
    rows: list[Row] = []
    try:
        for line in found:
            rows.append(line)
            if not given.json:
                peer = "" if line["ratio"] is None else f"  {line['ratio']:g} x fewer than {line['peer']}"
                print(f"{line['work']:62} {line['tool']:14} {line['value']:12,.6g} {line['unit']}{peer}", flush=True)
    except CompileError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if given.json:
        print(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
