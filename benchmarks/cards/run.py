"""Every recipe and a deck, clean and corrupted: `python benchmarks/cards/run.py [--dataset cifar10] [--json]`.

Trains with one thread a network, on a GPU where there is one. What the work folder holds already is not computed
again, so a run that was stopped goes on where it was. Same seed, same thread count: same networks, to the bit.
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
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.cards.compare import Line, lines
from benchmarks.cards.data import source
from benchmarks.cards.decks import DeckResult, evaluate
from benchmarks.cards.fit import BOARD, Fit, examples, fit
from benchmarks.cards.plan import PLANS, SMOKE, TITLES
from benchmarks.cards.records import records
from benchmarks.cards.study import How, Study, study
from benchmarks.cards.table import (
    claims_table,
    corruption_table,
    fits_table,
    gains_table,
    gates_table,
    recipes_table,
    settings_table,
)  # fmt: skip

from cardc.errors import CompileError
from cardc.frontend.deck import save_deck


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    plan = (SMOKE if options.smoke else PLANS)[options.dataset]
    seeds = options.seeds or plan.seeds
    try:
        begin = perf_counter()
        where = source(options.dataset, options.data, Path(options.work or f"build/cards/{options.dataset}"))
        how = How(options.workers, options.on, _device(options.device))
        done = study(plan, where, seeds, how, _say)
        cpu_begin = process_time()
        result, found = evaluate(done), lines(done)
        fits = fit(examples(done.main), where, plan.exam)
        if options.export:
            save_deck(result.deck, options.export)
    except CompileError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    # Networks tell what they cost when they were trained, which may have been in another run.
    spent = done.cpu_seconds + process_time() - cpu_begin
    _say(f"{perf_counter() - begin:.0f} s now; {spent:.0f} s of CPU for all of it")
    text, figures = page(done, found, result, fits, how, spent), records(done, found, result, fits)
    (where.work / "results.md").write_text(text, encoding="utf-8")
    (where.work / "results.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1) if options.json else text)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="mnist", choices=tuple(PLANS))
    parser.add_argument("--data", help="folder with train.parquet and test.parquet; else CARDC_DATA/<dataset>")
    parser.add_argument("--work", help="folder for networks, corrupted images and results; else build/cards/<dataset>")
    parser.add_argument("--seeds", type=int, help="networks for each recipe and sparsity")
    parser.add_argument("--workers", type=int, default=2, help="networks trained at a time")
    parser.add_argument("--on", default="here", choices=("here", "ray"), help="where to train")
    parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu or cuda")
    parser.add_argument("--export", help="write the deck to this new folder")
    parser.add_argument("--smoke", action="store_true", help="a few images and epochs, to see that it runs")
    parser.add_argument("--json", action="store_true", help="print figures as JSON instead of tables")
    return parser.parse_args(arguments)


def _device(asked: str) -> str:
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not torch.cuda.is_available():
        raise CompileError("there is no GPU", fix="--device cpu")
    if asked not in ("cpu", "cuda"):
        raise CompileError(f"device {asked!r}", fix="auto, cpu or cuda")
    return asked


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def page(done: Study, found: Sequence[Line], result: DeckResult, fits: Sequence[Fit], how: How, spent: float) -> str:
    """The tables in Markdown, with date and hardware; `spent` are CPU seconds."""
    p = done.plan
    head = (
        f"Measured on {datetime.datetime.now(datetime.UTC).date()}, {_hardware(how)}, one thread a network: "
        f"{spent:.0f} CPU seconds in all, {spent / 120:.0f} minutes on two idle cores. {p.dataset}: {p.size.train} "
        f"training images, {p.size.epochs} epochs for every recipe; deck: {p.deck_size.train} images, "
        f"{p.deck_size.epochs} epochs, {TITLES[done.deck[0].job.recipe]}. Tested on {p.exam.test} clean images and "
        f"{p.exam.a_cell} for each of 15 corruptions and 5 severities; settings and gate chosen on {p.exam.validation} "
        "other training images. All in percent."
    )
    parts = [
        head, "## Recipes", recipes_table(found), "## The paper's claim", claims_table(found),
        "## Deck", corruption_table(result.rows), "## Gain of the deck, and picks of its gate", gains_table(result),
        "## Gates tried", gates_table(result), "## Settings tried", settings_table(done.choices), f"## On {BOARD}",
        fits_table(fits), "## Recipes by corruption, mean of seeds", corruption_table([n.mean_row() for n in found]),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _hardware(how: How) -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    cpu = f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"
    if how.device == "cpu":
        return cpu
    import torch

    return f"{torch.cuda.get_device_name()}, {cpu}"


if __name__ == "__main__":
    sys.exit(main())
