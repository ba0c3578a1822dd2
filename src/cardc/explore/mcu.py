"""What there is to choose on a microcontroller: the encoding of each layer's weights, and what the library is optimised
for; measured by the emulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice, product

import onnx_ir as ir

from ..builds.mcu import McuBuild
from ..compiler import Lowered
from ..ops.graph import is_cardc
from ..passes.choose_encodings import CONV, DENSE, OPTIMIZE, by_runs, costs
from ..passes.kernel_costs import Cost
from ..targets.base import Target
from .point import Candidate, Point

_KEPT = 64  # of the fronts that estimates of single layers add up to
_ALL = 4096  # combinations that are listed whole

_Picked = tuple[float, float, tuple[tuple[str, str], ...]]


def candidates(model: ir.Model, target: Target) -> list[Candidate]:
    """Choices for the integer graph `model`, the most telling first: what cardc itself takes for each of OPTIMIZE, one
    encoding wherever it can hold the weights, what estimates put on the front, then all others in the order of their
    estimated cost (where there are too many, those that differ in one layer)."""
    features = frozenset(target.features)
    layers = {node.name or "": costs(node, features) for node in model.graph if is_cardc(node, "Conv", "MatMul")}
    best = {
        name: min(found, key=lambda e: (found[e].instructions, found[e].bytes, e)) for name, found in layers.items()
    }
    # What compile takes looks at the whole network, its memory too: it is asked, and the point names what it took.
    listed: list[tuple[str, dict[str, str]]] = [("cardc's own choice", {})]
    for word in dict.fromkeys((*CONV, *DENSE)):
        if any(word in found for found in layers.values()):
            listed.append((f"{word} where it can be", {n: word if word in layers[n] else best[n] for n in layers}))
    runs = {node.name or "" for node in model.graph if is_cardc(node, "Conv") and by_runs(node)}
    if runs:  # quick, for memory; the costs of kernels do not list it
        listed.append(("runs where it can be", {n: "runs" if n in runs else best[n] for n in layers}))
    listed += [(_label(choice, best), choice) for choice in (*_front(layers), *_others(layers, best))]
    seen: dict[tuple[tuple[str, str], ...], Candidate] = {}
    for label, choice in listed:
        seen.setdefault(tuple(sorted(choice.items())), Candidate(label, encodings=choice))
    own, *others = seen.values()
    return [own, *(Candidate(f"optimize {word}", optimize=word) for word in OPTIMIZE if word != "speed"), *others]


def measure(lowered: Lowered, target: Target, candidate: Candidate) -> Point:
    """The measured figures of `lowered`, which has the encodings of `candidate`; it had its own way with the rest."""
    report = McuBuild(lowered, target).report
    limiting = report.fit.limiting
    taken = {layer.name: layer.encoding for layer in report.layers if layer.op in ("Conv", "MatMul")}
    return Point(replace(candidate, encodings=taken), report.totals, report.fits, limiting.share, limiting.resource)


def _label(choice: Mapping[str, str], best: Mapping[str, str]) -> str:
    changed = ", ".join(f"{name}: {word}" for name, word in choice.items() if word != best[name])
    return changed or "the fewest instructions layer by layer"


def _front(layers: Mapping[str, Mapping[str, Cost]]) -> Iterable[dict[str, str]]:
    """Choices that no other beats in both estimated instructions and bytes, fastest first: layer by layer, since
    costs add up, thinned where there are too many."""
    partial: list[_Picked] = [(0.0, 0.0, ())]
    for name, found in layers.items():
        longer = sorted(
            (time + cost.instructions, size + cost.bytes, (*picked, (name, word)))
            for time, size, picked in partial
            for word, cost in found.items()
        )
        kept: list[_Picked] = []
        for entry in longer:
            if not kept or entry[1] < kept[-1][1]:
                kept.append(entry)
        step = max(1, -(-len(kept) // _KEPT))
        partial = [*kept[:-1:step], kept[-1]]
    return [dict(picked) for _, _, picked in partial]


def _others(layers: Mapping[str, Mapping[str, Cost]], best: Mapping[str, str]) -> list[dict[str, str]]:
    every = list(islice(product(*(sorted(found) for found in layers.values())), _ALL + 1))
    if len(every) > _ALL:
        return [{**best, name: word} for name, found in layers.items() for word in sorted(found) if word != best[name]]
    choices = [dict(zip(layers, words, strict=True)) for words in every]
    return sorted(choices, key=lambda choice: sum(layers[name][word].instructions for name, word in choice.items()))
