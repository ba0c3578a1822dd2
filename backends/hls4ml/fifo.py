"""How deep the streams between the layers must be, found by running the layers' rhythms against each other.

A chain of layers cannot wait for itself: any depth does, and one row of the image keeps its layers from stalling each
other at the borders. Where a tensor takes two roads that meet again, the short road must hold what the long one still
keeps in its line buffers. That is found by simulation: all functions run with streams of one row; where none can go on,
the smallest full stream is made deeper, until one input is through.

Why the depths are safe on hardware, whatever its timing: the functions read and write in a fixed order and wait for
each other, a Kahn process network, and with bounded streams still one; if one order of events ends, so does each
(Parks, "Bounded scheduling of process networks", 1995). A pipeline may hold finished packets until it is given more to
read: the simulation delays each packet by `IN_FLIGHT` iterations, and `IN_FLIGHT` more places take what a
shorter pipeline would have written by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from .layer import Plan
from .rhythm import Rhythm, rhythm
from .written import Call, Written

# More iterations than any pipeline of these layers has stages.
IN_FLIGHT = 32
# Above so many iterations the simulation would take seconds; streams then hold their whole tensors.
_LIMIT = 1 << 20


@dataclass(slots=True)
class Stream:
    """A stream of the top function: how many packets an input makes, how many it holds, and how many are in it."""

    total: int
    depth: int
    filled: int = 0


@dataclass(slots=True)
class _Process:
    """A function at work: its next iteration, and the streams that it reads and writes."""

    rhythm: Rhythm
    inputs: list[Stream]
    outputs: list[Stream]
    reads: list[list[int]] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        self.reads = self.rhythm.reads.tolist()
        self.writes = self.rhythm.writes.tolist()

    @property
    def done(self) -> bool:
        return self.at >= len(self.writes) + IN_FLIGHT

    def waits_to_write(self) -> bool:
        return any(s.filled >= s.depth for s in self.outputs) if self._due() else False

    def _due(self) -> int:
        late = self.at - IN_FLIGHT
        return self.writes[late] if 0 <= late < len(self.writes) else 0

    def run(self) -> bool:
        """As many iterations as the streams allow; whether there was one."""
        start, steps = self.at, len(self.writes)
        while not self.done:
            reads = self.reads[self.at] if self.at < steps else ()
            if any(s.filled < n for s, n in zip(self.inputs, reads, strict=False)) or self.waits_to_write():
                break
            if self._due():
                for s in self.outputs:
                    s.filled += 1
            for s, n in zip(self.inputs, reads, strict=False):
                s.filled -= n
            self.at += 1
        return self.at > start


def needed_depths(written: Written, plan: Plan) -> dict[str, int]:
    """Depth by the variable's name for every stream inside the top function."""
    streams, processes = _network(written, plan)
    if not _branches(written):
        return {name: s.depth for name, s in streams.items()}
    whole = {name: s.total for name, s in streams.items()}
    if processes is None or sum(p.rhythm.steps for p in processes) > _LIMIT:
        return whole
    while not all(p.done for p in processes):
        if not any([p.run() for p in processes]):
            full = [s for p in processes if not p.done and p.waits_to_write() for s in p.outputs if s.filled >= s.depth]
            narrow = min(full, key=lambda s: s.depth)
            narrow.depth += max(1, narrow.depth // 4)
    return {name: min(s.depth + IN_FLIGHT, whole[name]) for name, s in streams.items()}


def flows(written: Written, plan: Plan, depths: Mapping[str, int]) -> bool:
    """Whether one input passes through streams of `depths`; where tensors branch, `IN_FLIGHT` places stay free."""
    streams, processes = _network(written, plan)
    if not _branches(written):
        return all(depths.get(name, 0) >= 1 for name in streams)
    for name, s in streams.items():
        s.depth = min(depths.get(name, 0), s.total)
        s.depth -= IN_FLIGHT if s.depth < s.total else 0
    if processes is None or sum(p.rhythm.steps for p in processes) > _LIMIT:
        return needed_depths(written, plan) == dict(depths)
    while any([p.run() for p in processes]):
        pass
    return all(p.done for p in processes)


def _branches(written: Written) -> bool:
    return any(call.function == "clone_stream" for call in written.calls)


def _network(written: Written, plan: Plan) -> tuple[dict[str, Stream], list[_Process] | None]:
    """Streams of one row and the functions between them; None where one has a rhythm that is not known."""
    streams: dict[str, Stream] = {}
    ends: dict[str, Stream] = {}
    processes: list[_Process] | None = []
    layouts = {layer.name: layer.layout for layer in plan.layers}
    for call, count, made in _calls(written):
        names = [written.resolve(name) for name in call.arguments[:count]]
        kinds = (*call.types[:count], call.types[count])
        layout = layouts.get(call.layer)
        sizes = tuple(written.packet(kind) for kind in kinds)
        found = rhythm(call, count, sizes, written)
        if names[0] == plan.first.name:  # the project's input is there from the start
            given = plan.first.layout.order.size // sizes[0]
            ends.setdefault(names[0], Stream(given, given, given))
        total = int(found.writes.sum()) if found is not None else (layout.order.size if layout else 0) // sizes[-1]
        row = layout.hls_shape[1] if layout is not None and len(layout.hls_shape) == 3 else 1
        if found is not None and layout is None:
            row = _row(call, written, total)
        fresh = {written.resolve(name): Stream(total, min(max(2, row), total)) for name in made}
        ends |= fresh
        streams |= {name: s for name, s in fresh.items() if call.types[count] != "result_t"}
        for s in fresh.values():
            if call.types[count] == "result_t":
                s.depth = total
        if found is None or processes is None:
            processes = None
            continue
        processes.append(_Process(found, [ends[name] for name in names], list(fresh.values())))
    return streams, processes


def _calls(written: Written) -> Iterator[tuple[Call, int, tuple[str, ...]]]:
    """Each call with the number of its inputs and the variables that it makes."""
    for call in written.calls:
        count = 2 if call.function in ("cardc_add", "cardc_concat") else 1
        made = call.arguments[count:] if call.function == "clone_stream" else call.arguments[count : count + 1]
        yield call, count, made


def _row(call: Call, written: Written, total: int) -> int:
    """The width of the image that a function of hls4ml's own writes."""
    config = written.structs.get(call.types[2]) if len(call.types) > 2 else None
    width = config.number("out_width") if config is not None else None
    return width or max(1, int(np.sqrt(total)))
