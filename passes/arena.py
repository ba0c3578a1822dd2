"""Offsets in one arena for buffers with lifetimes, no two of which share a byte while both live.

Interval colouring with sizes is NP-hard, so a few orders of first-fit are tried and the smallest arena is kept; the
largest live set is the lower bound that no plan can beat. Source: Pisarchyk and Lee, "Efficient Memory Management for
Deep Neural Net Inference" (2020), section 5 (greedy by size, by breadth). That bytes of a buffer live one after the
other is an addition: two buffers keep apart by what lives of both at the same time, not by their sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

ALIGN = 4
_STARTS, _TRIES, _MANY = 6, 900, 100  # orders to begin with; others that are tried; of fewer buffers than that

Spans = tuple[tuple[int, int], ...]
Apart = list[tuple[int, int]]
"""Distances of one buffer from another that are too near: between the two numbers, ends left out."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """`size` bytes that live from the start of step `first` to the end of step `last`.

    `spans`: for each step from where to where in them there is something, multiples of ALIGN; none: everywhere. `over`:
    buffers whose elements it takes one by one to make its own, so that it may lie exactly so many bytes behind one of
    them; for those two count the spans of `early` (of an element that is read and the one made of it, one lives)."""

    name: str
    size: int
    first: int
    last: int
    spans: Spans = ()
    early: Spans = ()
    over: tuple[tuple[str, int], ...] = ()

    @property
    def moves(self) -> bool:
        """Whether other bytes of it live at other times."""
        return len({span for span in self.spans if span[0] < span[1]}) > 1

    def windows(self, *, early: bool = False) -> NDArray[np.int64]:
        """[steps, 2]: its spans."""
        spans = (self.early if early else ()) or self.spans
        if spans:
            return np.array(spans, np.int64).reshape(-1, 2)
        return np.tile(np.array([0, aligned(self.size)], np.int64), (self.last - self.first + 1, 1))


@dataclass(frozen=True, slots=True)
class Placement:
    """Offset of each buffer by name, the arena's size, and the size of the largest live set (all in bytes)."""

    offsets: dict[str, int]
    arena: int
    lower_bound: int


def aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def live_bytes(buffers: Sequence[Buffer]) -> NDArray[np.int64]:
    """How many bytes live in each step, from the first one of all on."""
    begin = min(b.first for b in buffers)
    live = np.zeros(max(b.last for b in buffers) - begin + 1, np.int64)
    for b in buffers:
        windows = b.windows(early=True)
        live[b.first - begin : b.last - begin + 1] += windows[:, 1] - windows[:, 0]
    return live


def place(buffers: Sequence[Buffer]) -> Placement:
    """An offset for each of `buffers`, multiples of ALIGN; deterministic."""
    if not buffers:
        return Placement({}, 0, 0)
    graph, live, begin = interference(buffers), live_bytes(buffers), min(b.first for b in buffers)
    bound = int(live.max())
    breadth = {b.name: int(live[b.first - begin : b.last - begin + 1].max()) for b in buffers}
    keys: list[Callable[[Buffer], tuple[int, ...]]] = [
        lambda b: (-b.size, b.first),
        lambda b: (b.first, -b.size),
        lambda b: (-breadth[b.name], -b.size, b.first),
        lambda b: (-(b.last - b.first + 1) * b.size, b.first),
        # What is there as a whole at the bottom, and above it what comes and goes.
        lambda b: (int(b.moves), -b.size, b.first),
        lambda b: (int(b.moves), -b.first, -b.size),
    ]
    orders = [(sorted(buffers, key=key), over) for key in keys for over in (True, False)]
    found = [(*_first_fit(order, graph, over), order, over) for order, over in orders]
    found = sorted(found, key=lambda one: one[1])[:_STARTS]
    for k, changed in enumerate(_changes(len(buffers)) if found[0][1] > bound else ()):
        _, size, order, over = found[k % len(found)]
        order = [order[i] for i in changed]
        offsets, total = _first_fit(order, graph, over)
        if total <= size:
            found[k % len(found)] = offsets, total, order, over
        if total <= bound:
            break
    offsets, size, _, _ = min(found, key=lambda one: one[1])
    return Placement({b.name: offsets[b.name] for b in buffers}, size, bound)


def interference(buffers: Sequence[Buffer]) -> nx.DiGraph[str]:
    """Buffers as nodes; where two live at a time, an edge each way whose `apart` says how far the first one must not be
    behind the second, and `exact`, where it may be, how far exactly."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for i, b in enumerate(buffers):
        graph.add_node(b.name)
        for o in buffers[:i]:
            apart = _apart(b, o, early=False)
            if apart:
                exact = [d for name, d in b.over if name == o.name] + [-d for name, d in o.over if name == b.name]
                near = _apart(b, o, early=True) if exact else []
                exact = [d for d in exact if not any(low < d < high for low, high in near)]
                graph.add_edge(b.name, o.name, apart=apart, exact=exact)
                graph.add_edge(o.name, b.name, apart=[(-high, -low) for low, high in apart], exact=[-d for d in exact])
    return graph


def _apart(b: Buffer, o: Buffer, *, early: bool) -> Apart:
    """Which distances of `b` behind `o` are too near."""
    first, last = max(b.first, o.first), min(b.last, o.last)
    if first > last:
        return []
    if not (b.spans or o.spans):
        return [(-aligned(b.size), aligned(o.size))]
    mine = b.windows(early=early)[first - b.first : last - b.first + 1]
    other = o.windows(early=early)[first - o.first : last - o.first + 1]
    both = (mine[:, 0] < mine[:, 1]) & (other[:, 0] < other[:, 1])
    found: Apart = []
    for low, high in np.unique(
        np.stack([other[both, 0] - mine[both, 1], other[both, 1] - mine[both, 0]], axis=1), axis=0
    ):
        if found and low < found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], int(high))
        else:
            found.append((int(low), int(high)))
    return found


def _changes(count: int) -> Iterator[list[int]]:
    """Orders of so many: each takes some from their places and puts them elsewhere."""
    # For graphs on which no greedy order meets the bound; a fixed seed keeps the output the same each time.
    rng = np.random.default_rng(0)
    for _ in range(_TRIES if count < _MANY else 0):
        changed = list(range(count))
        for _ in range(int(rng.integers(1, 4))):
            changed.insert(int(rng.integers(count)), changed.pop(int(rng.integers(count))))
        yield changed


def _first_fit(order: Sequence[Buffer], graph: nx.DiGraph[str], over: bool) -> tuple[dict[str, int], int]:
    """Each buffer in turn at the lowest offset that keeps clear of its placed neighbours; with `over`, where it can be
    exactly over one of them, there."""
    found: dict[str, int] = {}
    end = 0
    for b in order:
        near = [(found[n], edge) for n, edge in graph[b.name].items() if n in found]
        taken = sorted((start + low, start + high) for start, edge in near for low, high in edge["apart"])
        at = 0
        for low, high in taken:
            if at <= low:
                break
            at = max(at, aligned(high))  # what lies exactly over another may end anywhere
        exact = [start + d for start, edge in near for d in edge["exact"]]
        at = min([place for place in exact if over and place >= 0 and _is_free(place, near)], default=at)
        found[b.name] = at
        end = max(end, at + aligned(b.size))
    return found, end


def _is_free(at: int, near: Sequence[tuple[int, Mapping[str, Any]]]) -> bool:
    """Whether a buffer may lie at `at`, exactly over some of its neighbours."""
    return all(
        at - start in edge["exact"] or not any(low < at - start < high for low, high in edge["apart"])
        for start, edge in near
    )
