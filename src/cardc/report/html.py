"""The report as one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

import jinja2

from .figure import TOTALS, Figure, number, show
from .fit import Check
from .layers import Layer
from .model import Report
from .plots import WIDTH, cost_bars, memory_plot

_HERE = Path(__file__).parent

# What each kind of board pays for a layer, in the order of the columns; the first is the one that is drawn.
_COSTS = {"c": ("instructions",), "hls4ml": ("lut", "ff", "bram18", "latency_cycles")}
_STAGES = {
    "measured:elf": "read from the compiled and linked library",
    "measured:emulated": "counted while the library ran on an emulated CPU",
    "measured:csim": "counted in the C simulation of the HLS project",
    "estimated:analytic": "computed from the weights and shapes, with its error band",
    "estimated:cpi": "instructions times a cycles-per-instruction band of this core and memory",
}


def report_to_html(report: Report) -> str:
    """One page: verdicts, totals, layers, memory map, passes, provenance. Same report, same bytes.

    Every text is escaped, and a content policy in the page forbids scripts and requests.
    """
    env = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_HERE / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(number=number, percent=_percent, shape=_shape)
    env.globals.update(show=_show)
    page = env.get_template("report.html.j2")
    costs = [name for name in _COSTS[report.board.backend] if any(name in x.figures for x in report.layers)]
    return page.render(
        report=report,
        limiting=report.fit.limiting,
        latency=report.totals.get("latency_s"),
        totals=[
            (name, title, unit, report.totals[name], _check(report, name))
            for name, (title, unit) in TOTALS.items()
            if name in report.totals
        ],
        titles={name: title for name, (title, _) in TOTALS.items()},
        costs=costs,
        most={name: _most(report, name) for name in costs},
        most_bytes=max((layer.weight_bytes for layer in report.layers), default=0),
        memory=memory_plot(report.memory) if report.memory else None,
        bars=cost_bars(report.layers, costs[0]) if costs else (),
        weighted=[layer for layer in report.layers if layer.weights],
        stages={stage: _STAGES[stage] for stage in sorted(_used_stages(report))},
        width=WIDTH,
    )


def _check(report: Report, name: str) -> Check | None:
    return next((check for check in report.fit.checks if check.resource == name), None)


def _most(report: Report, name: str) -> float:
    return max(layer.figures[name].value for layer in report.layers if name in layer.figures)


def _used_stages(report: Report) -> set[str]:
    figures: list[Figure] = list(report.totals.values())
    for layer in report.layers:
        figures += _figures(layer)
    return {figure.stage for figure in figures}


def _figures(layer: Layer) -> list[Figure]:
    return list(layer.figures.values())


def _show(figure: Figure, unit: str) -> str:
    return show(figure, unit)


def _percent(share: float) -> str:
    """`1.7 %`; `<0.1 %` rather than a zero that is none."""
    if 0 < share < 0.001:
        return "<0.1\u00a0%"
    return f"{100 * share:.1f}\u00a0%" if share < 1000 else "none there"


def _shape(shape: tuple[int, ...]) -> str:
    return "\u00d7".join(str(size) for size in shape) or "\u2014"
