"""`cardc demo`: the whole road on real data, from training to two boards, in a few minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..errors import CompileError
from ..report import TOTALS, Exact, exact_in_words, show
from .common import console, progress_bars

if TYPE_CHECKING:
    from ..builds import Build

BOARDS = ("nucleo-f446re", "pynq-z2")
"""What the demo compiles for and reports on."""
ALSO = ("rp2040-pico", "esp32-c3")
"""Whose cores the equality chain also runs on: Cortex-M0+ and RV32IMC."""


@click.command("demo")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("demo-out"), show_default=True, help="Folder to write."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the training.")
def demo_command(out: Path, seed: int) -> None:
    """Train a binary card on scikit-learn's digits, compile it for two boards, prove it exact on all test images."""
    from ..api import compile as compile_model
    from ..api import verify

    screen = console()
    start = time.monotonic()
    module, data = _train(screen, seed)
    x, y = data.split.x_test, data.split.y_test
    screen.print(
        f"trained in {time.monotonic() - start:.0f} s: {data.sparsity:.1%} of the weights pruned, "
        f"test accuracy {data.test_accuracy:.2%} in Brevitas"
    )
    screen.print("\n[bold]2 Compile[/bold] for " + " and ".join(BOARDS))
    builds = [compile_model(module, board, sample=x[:1], name="digits_card") for board in BOARDS]
    screen.print(f"\n[bold]3 Verify[/bold] every quantised tensor on all {len(x)} test images")
    with progress_bars(screen) as watch:
        verdict = verify(module, [*BOARDS, *ALSO], x, y, sample=x[:1], progress=watch)
    screen.print(exact_in_words(verdict), markup=False)
    screen.print(_accuracy(verdict))
    for build in builds:
        build.exact = verdict
        build.write(out / build.target.name)
        screen.print(_figures(build))
    _save(out, builds[0], x, y)
    screen.print(f"\n[bold]4 Look[/bold] at {' and '.join(str(out / b / 'report.html') for b in BOARDS)}")
    screen.print(
        f"   model and data: {out / 'card.onnx'}, x_test.npy, y_test.npy; {time.monotonic() - start:.0f} s in all"
    )
    raise SystemExit(verdict.exit_code)


def _train(screen: Console, seed: int) -> tuple[Any, Any]:
    try:
        from ..frontend.train.demo import train_demo_card
        from ..frontend.train.recipe import Progress as Epoch
    except ImportError as error:
        raise CompileError(
            f"the demo trains a model and needs {error.name}", fix="pip install 'cardc[train]'"
        ) from error
    screen.print("[bold]1 Train[/bold] a convolutional binary card by biprop on scikit-learn's digits")
    columns = [
        TextColumn("  epoch {task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=screen) as bars:
        task = bars.add_task("", total=None)

        def watch(epoch: Epoch) -> None:
            text = f"loss {epoch.loss:.3f}, training accuracy {epoch.accuracy:.1%}"
            bars.update(task, total=epoch.epochs, completed=epoch.epoch, description=text)
            if not screen.is_terminal and epoch.epoch % 10 == 0:
                screen.print(f"  epoch {epoch.epoch}/{epoch.epochs}: {text}")

        return train_demo_card(seed, watch)


def _accuracy(verdict: Exact) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    table.add_column("test accuracy", justify="right")
    for stage in verdict.stages:
        if stage in verdict.accuracy:
            table.add_row(stage, f"{verdict.accuracy[stage]:.4%}")
    return table


def _figures(build: Build) -> Table:
    report = build.report
    verdict = "fits" if report.fits else "DOES NOT FIT"
    table = Table(title=f"\n{report.board.title}: {verdict}", title_justify="left", box=None, pad_edge=False)
    for column in ("figure", "value", "known by"):
        table.add_column(column)
    for name, (title, unit) in TOTALS.items():
        if name in report.totals:
            table.add_row(title, show(report.totals[name], unit), report.totals[name].stage)
    return table


def _save(out: Path, build: Build, x: Any, y: Any) -> None:
    import onnx

    onnx.save(build.lowered.proto, str(out / "card.onnx"))
    np.save(out / "x_test.npy", x)
    np.save(out / "y_test.npy", y)
