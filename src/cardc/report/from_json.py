"""Reports from JSON: read with types, checked against themselves."""

from __future__ import annotations

import json
from typing import Any

from ..errors import CompileError
from ..passes.base import Declined, PassTrace
from .deck_json import read_agreement, read_deck, read_figure
from .exact import Exact
from .figure import TOTALS
from .fit import Check, Fit
from .layers import Layer, MemoryMap, MemoryTensor
from .model import SCHEMA, Board, Report
from .reader import Reader
from .search import SearchStep
from .to_json import LAYER_COUNTS


def report_from_json(text: str) -> Report:
    """The report in `text`; CompileError names the first key that is missing, mistyped or impossible."""
    try:
        root = Reader(json.loads(text), "report")
    except ValueError as error:
        raise CompileError(f"this is no JSON: {error}", fix="give a report.json that cardc wrote") from error
    schema = root.text("schema")
    if schema != SCHEMA:
        raise CompileError(f"report schema {schema!r} is not known", node="report.schema", fix=f"need {SCHEMA!r}")
    try:
        return _read_report(root)
    except (ValueError, TypeError) as error:
        raise CompileError(f"the report contradicts itself: {error}", fix="let cardc write it anew") from error


def _read_report(root: Reader) -> Report:
    board, fit = root.sub("board"), root.sub("fit")
    report = Report(
        model=root.text("model"),
        board=Board(
            name=root.text("target"),
            title=board.text("title"),
            summary=board.text("summary"),
            backend=board.text("backend"),
            clock_hz=board.count("clock_hz"),
            limits={key: board.sub("limits").count(key) for key in board.sub("limits").names()},
        ),
        fit=Fit(
            checks=tuple(
                Check(c.text("resource"), read_figure(c.sub("used")), c.count("available"), c.text("detail"))
                for c in fit.subs("checks")
            ),
            advice=fit.texts("advice"),
        ),
        totals={key: read_figure(root.sub("totals").sub(key)) for key in root.sub("totals").names()},
        layers=tuple(_read_layer(layer) for layer in root.subs("layers")),
        exact=_read_exact(root.sub("exact")) if root.holds("exact") else None,
        memory=_read_memory(root.sub("memory")) if root.holds("memory") else None,
        deck=read_deck(root.sub("deck")) if root.holds("deck") else None,
        search=tuple(_read_step(step) for step in root.subs("search")) if root.holds("search") else (),
        passes=tuple(_read_trace(trace) for trace in root.subs("passes")),
        provenance={key: root.sub("provenance").text(key) for key in root.sub("provenance").names()},
    )
    if not report.fit.checks or report.fits != root.flag("fits"):
        raise ValueError("'fits' does not follow from the checks")
    return report


def _read_exact(table: Reader) -> Exact:
    return Exact(
        equal=table.flag("equal"),
        inputs=table.count("inputs"),
        tensors=table.count("tensors"),
        float_boundary_cases=table.count("float_boundary_cases"),
        stages=table.texts("stages"),
        stage_inputs=_map(table, "stage_inputs", Reader.count),
        accuracy=_map(table, "accuracy", Reader.number),
        first_difference=table.text("first_difference") if table.holds("first_difference") else "",
        gate=read_agreement(table.sub("gate")) if table.holds("gate") else None,
    )


def _map(table: Reader, key: str, read: Any) -> dict[str, Any]:
    return {k: read(table.sub(key), k) for k in table.sub(key).names()} if table.holds(key) else {}


def _read_layer(table: Reader) -> Layer:
    return Layer(
        name=table.text("name"),
        op=table.text("op"),
        encoding=table.text("encoding"),
        in_shape=table.counts("in_shape"),
        out_shape=table.counts("out_shape"),
        requantise=table.text("requantise"),
        notes=table.texts("notes"),
        figures={name: read_figure(table.sub(name)) for name in TOTALS if table.holds(name)},
        **{key: table.count(key) for key in LAYER_COUNTS},
    )


def _read_step(table: Reader) -> SearchStep:
    totals = table.sub("totals")
    return SearchStep(
        layer=table.text("layer"),
        strategy=table.text("strategy"),
        reuse_factor=table.count("reuse_factor"),
        totals={name: totals.number(name) for name in totals.names()},
        fits=table.flag("fits"),
    )


def _read_memory(table: Reader) -> MemoryMap:
    return MemoryMap(
        arena_bytes=table.count("arena_bytes"),
        lower_bound_bytes=table.count("lower_bound_bytes"),
        steps=table.texts("steps"),
        tensors=tuple(
            MemoryTensor(t.text("name"), t.count("offset"), t.count("bytes"), t.count("first"), t.count("last"))
            for t in table.subs("tensors")
        ),
    )


def _read_trace(table: Reader) -> PassTrace:
    declined = tuple(Declined(d.text("node"), d.text("reason")) for d in table.subs("declined"))
    return PassTrace(table.text("name"), table.count("rewrites"), declined, table.texts("notes"))
