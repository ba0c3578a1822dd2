"""`cardc report`: read what a build reported, as a table, JSON or HTML, and what changed between two builds."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

from ..errors import CompileError
from ..report import Report, compare, print_report
from .common import console, json_option


@click.command("report")
@click.argument("build", type=click.Path(path_type=Path), required=False)
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as one HTML file.")
@click.option(
    "--compare",
    "pair",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="BEFORE AFTER",
    help="Print what changed between two builds, as Markdown (or JSON with --json), for a comment in CI.",
)
@json_option
def report_command(build: Path | None, html: Path | None, pair: tuple[Path, Path] | None, as_json: bool) -> None:
    """Show the report of BUILD, a folder that `cardc compile` wrote or its report.json.

    Exits with 1 where the model does not fit its board; with --compare, where AFTER does not fit or is not exact.
    """
    if pair is not None:
        _print_changes(pair, build, html, as_json)
    if build is None:
        raise click.UsageError("Missing argument 'BUILD' (or --compare BEFORE AFTER).")
    report = read_report(build)
    if html is not None:
        try:
            html.write_text(report.to_html(), "utf-8")
        except OSError as error:
            raise CompileError(f"cannot write {html}: {error.strerror}", fix="choose another --html") from error
        click.echo(f"written to {html}", err=as_json)
    if as_json:
        click.echo(report.to_json(), nl=False)
    elif html is None:
        print_report(report, console())
    raise SystemExit(0 if report.fits else 1)


def _print_changes(pair: tuple[Path, Path], build: Path | None, html: Path | None, as_json: bool) -> NoReturn:
    if build is not None or html is not None:
        raise CompileError("--compare takes two builds and nothing else", fix="leave out the third build and --html")
    found = compare(*(read_report(path) for path in pair))
    click.echo(found.to_json() if as_json else found.to_markdown(), nl=False)
    raise SystemExit(1 if found.worse else 0)


def read_report(build: Path) -> Report:
    """The report in a build's folder, or in the JSON file itself."""
    path = build / "report.json" if build.is_dir() else build
    try:
        return Report.from_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CompileError(
            f"no report at {str(build)!r}", fix="give the folder that `cardc compile` wrote, or its report.json"
        ) from error
