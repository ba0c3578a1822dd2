"""The report as one self-contained HTML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from .deck_plots import template_pictures
from .figure import TOTALS, Figure, number, show
from .fit import Check
from .model import Report
from .plots import WIDTH, cost_bars, memory_plot
from .table import deck_sum

_HERE = Path(__file__).parent

# What each kind of board pays for a layer: a column each, with its heading. Only the sums of `_ADD_UP` mean something.
_COSTS = {
    "c": {"instructions": "Instructions"},
    "hls4ml": {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM", "latency_cycles": "Cycles"},
}
_ADD_UP = {
    "instructions": "Where the instructions go",
    "lut": "Where the LUTs go",
    "ff": "Where the flip-flops go",
    "dsp": "Where the DSP slices go",
    "bram18": "Where the block RAM goes",
}
_STAGES = {
    "measured:elf": "read from the compiled and linked library",
    "measured:emulated": "counted while the library ran on an emulated CPU",
    "measured:csim": "counted in the C simulation of the HLS project",
    "estimated:analytic": "computed from the weights and shapes, with its error band",
    "estimated:csynth": "what C synthesis would report, from the weights, with the band of held-out designs",
    "estimated:routed": "what may be left after placing and routing: csynth's estimate times the one public ratio",
    "estimated:cpi": "instructions times a cycles-per-instruction band of this core and memory",
}


def report_to_html(report: Report) -> str:
    """One page: verdicts, totals, layers, memory map, passes, provenance. Same report, same bytes.

    Every text is escaped, and a content policy in the page forbids scripts and requests.
    """
    page = environment().get_template("report.html.j2")
    columns = _COSTS[report.board.backend]
    costs = {name: title for name, title in columns.items() if any(name in x.figures for x in report.layers)}
    drawn = _drawn(report, costs)
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
        sums={name: _sum(report, name) for name in costs if name in _ADD_UP},
        most_bytes=max((layer.weight_bytes for layer in report.layers), default=0),
        memory=memory_plot(report.memory) if report.memory else None,
        pictures=template_pictures(report.deck.gate) if report.deck and report.deck.gate else [],
        deck_sum=deck_sum(report.deck) if report.deck and report.deck.shared else "",
        deck_costs=[n for n in TOTALS if report.deck and any(n in card.figures for card in report.deck.cards)],
        bars=cost_bars(report.layers, drawn) if drawn else (),
        bars_title=_ADD_UP.get(drawn, ""),
        weighted=[layer for layer in report.layers if layer.weights],
        stages={stage: _STAGES[stage] for stage in sorted(_used_stages(report))},
        width=WIDTH,
    )


def environment(*folders: Path) -> jinja2.Environment:
    """What all pages are rendered with: templates of this folder, then of `folders`; every text is escaped."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_HERE, *folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(number=number, percent=_percent, shape=_shape, breaks=_breaks)
    env.globals.update(show=show)
    return env


def _check(report: Report, name: str) -> Check | None:
    return next((check for check in report.fit.checks if check.resource == name), None)


def _drawn(report: Report, costs: Mapping[str, str]) -> str:
    """The cost to draw by layer: that of the fullest resource, or the first."""
    fullest = report.fit.limiting.resource
    return fullest if fullest in costs and _sum(report, fullest) else next(iter(costs), "")


def _sum(report: Report, name: str) -> float:
    return sum(layer.figures[name].value for layer in report.layers if name in layer.figures)


def _most(report: Report, name: str) -> float:
    return max(layer.figures[name].value for layer in report.layers if name in layer.figures)


def _used_stages(report: Report) -> set[str]:
    figures: list[Figure] = list(report.totals.values())
    for layer in report.layers:
        figures += layer.figures.values()
    return {figure.stage for figure in figures}


def _percent(share: float) -> str:
    """`1.7 %`; `<0.1 %` rather than a zero that is none."""
    if 0 < share < 0.001:
        return "<0.1\u00a0%"
    return f"{100 * share:.1f}\u00a0%" if share < 1000 else "none there"


def _breaks(name: str) -> Markup:
    """`name`, escaped, with leave to break the line behind a dot, slash or underscore."""
    return Markup(re.sub(r"(?<=[./_])(?=\w)", "<wbr>", str(escape(name))))


def _shape(shape: tuple[int, ...]) -> str:
    return "\u00d7".join(str(size) for size in shape) or "\u2014"
