"""The tables of docs/cards.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.cards.compare import Line, claims
from benchmarks.cards.decks import WINDOWS, DeckResult, Row
from benchmarks.cards.fit import FIGURES, Fit
from benchmarks.cards.gates import describe
from benchmarks.cards.plan import PEERS, SETTINGS, TICKETS, TITLES
from benchmarks.cards.study import Choice

from cardc.frontend.train.corruptions import CORRUPTIONS


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def spread(shares: Sequence[float]) -> str:
    """Mean and range over seeds, in percent."""
    mean = percent(float(np.mean(shares)))
    return mean if len(shares) == 1 else f"{mean} ({percent(min(shares))} ... {percent(max(shares))})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def recipes_table(lines: Sequence[Line]) -> str:
    """One line a network and sparsity: clean, corrupted, what its training cost."""
    heads = ("network", "recipe", "sparsity", "clean", "corrupted", "drop", "epochs", "CPU seconds")
    rows = [
        (n.arch, TITLES[n.recipe], percent(n.sparsity), spread(n.clean), spread(n.corrupted),
         percent(float(np.mean(n.clean) - np.mean(n.corrupted))), str(n.epochs), f"{n.cpu_seconds:.0f}")
        for n in lines
    ]  # fmt: skip
    return _table(heads, rows)


def claims_table(lines: Sequence[Line]) -> str:
    """Lottery-ticket style against the other two, seed by seed."""
    heads = (
        "network", "sparsity", f"corrupted: {', '.join(TITLES[r] for r in TICKETS)}",
        f"corrupted: {', '.join(TITLES[r] for r in PEERS)}", "difference by seed", "the paper's claim",
    )  # fmt: skip
    rows = [
        (c.arch, percent(c.sparsity), spread(c.tickets), spread(c.peers),
         ", ".join(f"{100 * (t - p):+.1f}" for t, p in zip(c.tickets, c.peers, strict=True)), c.verdict)
        for c in claims(lines)
    ]  # fmt: skip
    return _table(heads, rows)


def corruption_table(rows: Sequence[Row]) -> str:
    """One line a corruption, one column a network or deck."""
    body = [[f"*{'clean'}*", *(percent(r.clean) for r in rows)]]
    body += [[name.replace("_", " "), *(percent(r.corrupted[i]) for r in rows)] for i, name in enumerate(CORRUPTIONS)]
    body.append(["**mean of corruptions**", *(percent(r.mean) for r in rows)])
    return _table(["corruption", *(r.name for r in rows)], body)


def gains_table(result: DeckResult) -> str:
    """The adaptive deck, M = 1, less the single card that validation chose and less the best in hindsight."""
    cards = result.rows[: len(result.deck.cards)]
    chosen, best = cards[result.chosen_single], max(cards, key=lambda r: r.mean)
    deck = next(r for r in result.rows if r.name == "deck, adaptive, M = 1")
    second = result.deck.gate.names[1] if result.deck.gate else ""
    heads = [f"gain over {chosen.name} (chosen by validation)", f"gain over {best.name} (best when tested)"]
    heads += [f"{second} picked, M = {m}" for m in WINDOWS]

    def line(name: str, value: float, peers: Sequence[float], picks: Sequence[float]) -> list[str]:
        return [name, *(f"{100 * (value - p):+.1f}" for p in peers), *map(percent, picks)]

    body = [line("*clean*", deck.clean, (chosen.clean, best.clean), [result.clean_picks[m] for m in WINDOWS])]
    for i, name in enumerate(CORRUPTIONS):
        peers = chosen.corrupted[i], best.corrupted[i]
        body.append(line(name.replace("_", " "), deck.corrupted[i], peers, [result.picks[m][i] for m in WINDOWS]))
    means = [float(np.mean(result.picks[m])) for m in WINDOWS]
    body.append(line("**mean of corruptions**", deck.mean, (chosen.mean, best.mean), means))
    return _table(["corruption", *heads], body)


def gates_table(result: DeckResult) -> str:
    """The best of the gates tried, by what they were chosen by."""
    heads = ("spectrum", "validation images, held-out corruptions", "augmentations told apart", "the 15 corruptions")
    rows = [
        (describe(c), percent(c.adaptive), percent(c.told_apart), percent(tested))
        for c, tested in zip(result.candidates, result.tested, strict=False)
    ]
    return _table(heads, rows)


def settings_table(choices: Sequence[Choice]) -> str:
    """Validation accuracy of every setting; the one taken is bold."""
    rows = []
    for c in choices:
        texts = [f"{_setting(s)}: {percent(a)}" for s, a in zip(SETTINGS[c.recipe], c.accuracies, strict=True)]
        rows.append([TITLES[c.recipe], *(f"**{t}**" if i == c.taken else t for i, t in enumerate(texts))])
    return _table(["recipe", "first", "second", "third"], rows)


def _setting(setting: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in setting.items())


def fits_table(fits: Sequence[Fit]) -> str:
    """What the compiler makes of the networks, and what had been estimated before training."""
    rows = []
    for f in fits:
        made = [f"{f.compiled[n]:,} ({f.estimated[n]:,})" for n in FIGURES] if f.compiled else [f.why, "", ""]
        rows.append([f.name, "yes" if f.fits else "no", *made])
    return _table(["network", "fits", *(f"{n.replace('_', ' ')} (estimate)" for n in FIGURES)], rows)
