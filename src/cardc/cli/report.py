"""`cardc report`: read what a build reported, as a table, JSON or HTML."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import CompileError
from ..report import Report, print_report
from .common import console, json_option


@click.command("report")
@click.argument("build", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as one HTML file.")
@json_option
def report_command(build: Path, html: Path | None, as_json: bool) -> None:
    """Show the report of BUILD, a folder that `cardc compile` wrote or its report.json.

    Exits with 1 where the model does not fit its board.
    """
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


def read_report(build: Path) -> Report:
    """The report in a build's folder, or in the JSON file itself."""
    path = build / "report.json" if build.is_dir() else build
    try:
        return Report.from_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CompileError(
            f"no report at {str(build)!r}", fix="give the folder that `cardc compile` wrote, or its report.json"
        ) from error
