"""The tables of docs/cards.md."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.cards.decks import WINDOWS, DeckResult, Row
from benchmarks.cards.jobs import TITLES, Outcome

from cardc.frontend.train.corruptions import CORRUPTIONS


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def recipes_table(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> str:
    """One line a network: clean, corrupted, what its training cost."""
    lines = ["| recipe | sparsity | clean | corrupted | drop | epochs | seconds |", "|---|---|---|---|---|---|---|"]
    for o, row in zip(outcomes, rows, strict=True):
        lines.append(
            f"| {TITLES[o.job.recipe]} | {percent(o.sparsity)} | {percent(row.clean)} | {percent(row.mean)} "
            f"| {percent(row.clean - row.mean)} | {o.epochs} | {o.seconds:.0f} |"
        )
    return "\n".join(lines)


def corruption_table(rows: Sequence[Row]) -> str:
    """One line a corruption, one column a network or deck."""
    lines = [f"| corruption | {' | '.join(r.name for r in rows)} |", "|---" * (len(rows) + 1) + "|"]
    lines.append(f"| *clean* | {' | '.join(percent(r.clean) for r in rows)} |")
    for i, name in enumerate(CORRUPTIONS):
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(percent(r.corrupted[i]) for r in rows)} |")
    lines.append(f"| **mean of corruptions** | {' | '.join(percent(r.mean) for r in rows)} |")
    return "\n".join(lines)


def picks_table(result: DeckResult) -> str:
    """How often the gate picks the second augmentation, in percent."""
    second = result.deck.gate.names[1] if result.deck.gate else ""
    heads = [f"{second}, M = {m}" for m in WINDOWS]
    lines = [f"| corruption | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    lines.append(f"| *clean* | {' | '.join(percent(result.clean_picks[m]) for m in WINDOWS)} |")
    for i, name in enumerate(CORRUPTIONS):
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(percent(result.picks[m][i]) for m in WINDOWS)} |")
    return "\n".join(lines)


def spectra_table(result: DeckResult) -> str:
    """How well each spectrum tells the augmentations apart on training images."""
    lines = ["| spectrum | right picks |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {percent(share)} |" for name, share in result.spectra)])
