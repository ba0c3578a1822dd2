"""Every recipe and a deck on MNIST, clean and corrupted: `python benchmarks/cards/run.py --data FOLDER [--json]`.

Trains on the CPU with one thread a network; what a work folder holds already is not computed again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.cards.data import FULL, SMOKE, Size, corrupted_test, folder, testing
from benchmarks.cards.decks import DeckResult, Row, evaluate, score
from benchmarks.cards.jobs import TITLES, Outcome, jobs, train
from benchmarks.cards.table import corruption_table, picks_table, recipes_table, spectra_table

from cardc.errors import CompileError
from cardc.frontend.deck import save_deck
from cardc.frontend.train.sweep import sweep

ORDER = tuple(TITLES)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        data, size, work = folder(options.data), SMOKE if options.smoke else FULL, Path(options.work)
        begin = perf_counter()
        corrupted_test(data, size, work)
        todo = jobs(size, data, work)
        outcomes = sweep(train, todo, where=options.on, workers=options.workers, done=lambda i, _: _say(todo[i].name))
        result = evaluate([o for o in outcomes if o.job.augmentation != "clean"], size)
    except CompileError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    singles = sorted(
        (o for o in outcomes if o.job.augmentation == "clean"),
        key=lambda o: (ORDER.index(o.job.recipe), o.job.sparsity),
    )
    y, (_, y_cells) = testing(data, size)[1], corrupted_test(data, size, work)
    rows = [score(o.job.name, o.clean, y, o.cells, y_cells) for o in singles]
    if options.deck:
        save_deck(result.deck, options.deck)
    print(json.dumps(records(rows, result), indent=1) if options.json else page(singles, rows, result, size))
    _say(f"{perf_counter() - begin:.0f} s in all")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with MNIST's train.parquet and test.parquet; else CARDC_DATA/mnist")
    parser.add_argument("--work", default="build/cards", help="folder for trained cards and corrupted images")
    parser.add_argument("--workers", type=int, default=2, help="networks trained at a time")
    parser.add_argument("--on", default="here", choices=("here", "ray"), help="where to train")
    parser.add_argument("--deck", help="write the deck to this new folder")
    parser.add_argument("--smoke", action="store_true", help="a few images and epochs, to see that it runs")
    parser.add_argument("--json", action="store_true", help="print figures as JSON instead of tables")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def page(singles: Sequence[Outcome], rows: Sequence[Row], result: DeckResult, size: Size) -> str:
    """The tables in Markdown, with date and hardware."""
    today = datetime.datetime.now(datetime.UTC).date()
    head = (
        f"Measured on {today}, {_cpu()}, {os.cpu_count()} cores, one thread a network. Trained on {size.train} images, "
        f"tested on {size.test} clean ones and {size.a_cell} for each corruption and severity. All in percent."
    )
    parts = [
        head, "### Recipes", recipes_table(singles, rows), "### Recipes by corruption", corruption_table(rows),
        "### Deck", corruption_table(result.rows), "### Picks of the gate", picks_table(result), "### Spectra",
        spectra_table(result),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []  # fmt: skip
    return names[0] if names else platform.processor()


def records(rows: Sequence[Row], result: DeckResult) -> list[dict[str, Any]]:
    """Accuracies as a list of figures; a deck's peer is its best single card."""
    best = max(result.rows[:4], key=lambda r: r.mean)
    found = []
    for row in (*rows, *result.rows):
        peer = best if row.name.startswith("deck") else rows[0]
        for work, value, peer_value in (("clean", row.clean, peer.clean), ("corrupted", row.mean, peer.mean)):
            found.append({
                "work": f"MNIST, {work}", "tool": row.name, "value": value, "unit": "accuracy", "peer": peer.name,
                "peer_value": peer_value, "ratio": value / peer_value,
            })  # fmt: skip
    return found


if __name__ == "__main__":
    sys.exit(main())
