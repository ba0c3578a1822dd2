"""Offsets in one arena for buffers with lifetimes, no two of which share a byte while both live.

Interval colouring with sizes is NP-hard, so a few orders of first-fit are tried and the smallest arena is kept; the
largest live set is the lower bound that no plan can beat. Source: Pisarchyk and Lee, "Efficient Memory Management for
Deep Neural Net Inference" (2020), section 5 (greedy by size, by breadth).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

ALIGN = 4


@dataclass(frozen=True, slots=True)
class Buffer:
    """`size` bytes that live from the start of step `first` to the end of step `last`."""

    name: str
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Offset of each buffer by name, the arena's size, and the size of the largest live set (all in bytes)."""

    offsets: dict[str, int]
    arena: int
    lower_bound: int


def aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def place(buffers: Sequence[Buffer]) -> Placement:
    """An offset for each of `buffers`, multiples of ALIGN; deterministic."""
    if not buffers:
        return Placement({}, 0, 0)
    graph = interference(buffers)
    steps = range(min(b.first for b in buffers), max(b.last for b in buffers) + 1)
    live = {s: sum(aligned(b.size) for b in buffers if b.first <= s <= b.last) for s in steps}
    bound = max(live.values())
    breadth = {b.name: max(live[s] for s in range(b.first, b.last + 1)) for b in buffers}
    keys: list[Callable[[Buffer], tuple[int, ...]]] = [
        lambda b: (-b.size, b.first),
        lambda b: (b.first, -b.size),
        lambda b: (-breadth[b.name], -b.size, b.first),
        lambda b: (-(b.last - b.first + 1) * b.size, b.first),
    ]
    best: dict[str, int] | None = None
    size = 0
    for order in (*(sorted(buffers, key=k) for k in keys), *_shuffles(buffers)):
        offsets, total = _first_fit(order, graph)
        if best is None or total < size:
            best, size = offsets, total
        if size == bound:
            break
    return Placement({b.name: (best or {})[b.name] for b in buffers}, size, bound)


def interference(buffers: Sequence[Buffer]) -> nx.Graph[str]:
    """Buffers as nodes, an edge where two lifetimes meet."""
    graph: nx.Graph[str] = nx.Graph()
    for i, b in enumerate(buffers):
        graph.add_node(b.name)
        graph.add_edges_from((b.name, o.name) for o in buffers[:i] if b.first <= o.last and o.first <= b.last)
    return graph


def _shuffles(buffers: Sequence[Buffer]) -> list[list[Buffer]]:
    # For the rare graph on which no greedy order meets the bound; a fixed seed keeps the output the same each time.
    rng = np.random.default_rng(0)
    return [[buffers[i] for i in rng.permutation(len(buffers))] for _ in range(200 if len(buffers) < 100 else 0)]


def _first_fit(order: Sequence[Buffer], graph: nx.Graph[str]) -> tuple[dict[str, int], int]:
    """Each buffer in turn at the lowest offset that keeps clear of its placed neighbours."""
    spans: dict[str, tuple[int, int]] = {}
    for b in order:
        at = 0
        for start, end in sorted(spans[n] for n in graph[b.name] if n in spans):
            if at + aligned(b.size) <= start:
                break
            at = max(at, end)
        spans[b.name] = (at, at + aligned(b.size))
    return {n: s for n, (s, _) in spans.items()}, max(e for _, e in spans.values())
