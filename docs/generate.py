#!/usr/bin/env python3
"""Writes docs/operators.md, docs/pipeline.md and docs/boards.md from the definitions themselves.

    python docs/generate.py            # write them
    python docs/generate.py --check    # exit 1 where they differ from what would be written

A test does the latter, so that these pages cannot be wrong.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import onnx_ir as ir

from cardc.compiler import steps_for
from cardc.errors import CompileError
from cardc.frontend.rules import names
from cardc.ops import ops
from cardc.ops.base import CARDC, OpDef
from cardc.passes.base import Step
from cardc.targets import Target, listing
from cardc.targets.schema import FEATURES

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py: change what it reads, then run it again. -->"
OPERATORS = """\
What a model may hold, and what it becomes. Quantisers of `onnx.brevitas` and `finn.custom_op.general` count as
those of `qonnx.custom_op.general`. Any other operator is refused with its node, the nearest name and a remedy. The
meaning of an operator is its `execute` in numpy (`src/cardc/ops/`); every backend is tested against that.
"""
COLUMNS = """\
The domain `cardc` is the compiler's own: integer operators, which you meet in `cardc inspect --graph` and behind
`--stop-after`. *Before a quantiser*: whether the operator may stand between a layer and the next quantiser, and so
become part of the thresholds. `yes`: always; `tried whole`: it may turn, so it is run over the accumulator's whole
range first; empty: it may not.
"""
REWRITTEN = """\
These are taken too, all of them or in the uses that have an exact equivalent, and import makes them into the operators
above (`frontend/`):
"""
PIPELINE = """\
What a model goes through between import and a backend, in order. A pass rewrites the graph in place, and a checker
looks at the graph behind each. `cardc compile --print-after PASS` shows it, `--stop-after PASS` writes it as an
`.onnx` file that can be compiled further. Where a pass could have fired and did not, the report says why.
"""
BOARDS = """\
The source of every number stands beside it in the board's file. A board of your own is one such file: `--target
path/to/board.toml`.
"""


def operators() -> str:
    """Every operator, by the module that defines it."""
    modules: dict[str, list[OpDef]] = {}
    for op in ops().values():
        modules.setdefault(_home(op), []).append(op)
    domains = sorted({op.domain for op in ops().values()}, key=lambda d: (d == CARDC, d))
    rows = [[_domain(d), ", ".join(_links(modules, d))] for d in domains]
    parts = ["# Operators", NOTE, OPERATORS, _table(["domain", "operators"], rows), COLUMNS]
    parts += [REWRITTEN, _table(["domain", "operators"], _rewritten())]
    for module in sorted(modules):
        short = module.rsplit(".", 1)[1]
        rows = [[f"`{op.name}`", _domain(op.domain), _inputs(op), _before(op)] for op in modules[module]]
        parts += [
            f"## {short}",
            _markdown(inspect.getdoc(sys.modules[module]) or ""),
            _table(["operator", "domain", "inputs", "before a quantiser"], rows),
            f"Source: [ops/{short}.py](../src/cardc/ops/{short}.py)",
        ]
    return _page(parts)


def pipeline() -> str:
    """Every pass in order: what all targets share, then what each backend adds."""
    samples: dict[str, Target] = {}
    for target in listing():
        samples.setdefault(target.backend, target)
    steps = {backend: steps_for(target) for backend, target in sorted(samples.items())}
    shared = _common([[step.transform.name for step in of] for of in steps.values()])
    first = next(iter(steps.values()))
    parts = ["# The pipeline", NOTE, PIPELINE, "## For every target", *_steps(first[:shared], 1)]
    for backend, of in steps.items():
        own = _steps(of[shared:], shared + 1)
        parts += [f"## For backend `{backend}`", *(own or ["Nothing more: it starts from the integer graph above."])]
    checks = {step.check.__name__: step.check for of in steps.values() for step in of}
    rows = [[f"`{name}`", _markdown(inspect.getdoc(check) or "")] for name, check in checks.items()]
    return _page([*parts, "## The checkers", _table(["checker", "what holds behind it"], rows)])


def boards() -> str:
    """Every board that comes with cardc."""
    mcu = [(t, t.cpi) for t in listing() if t.cpi is not None]
    fpga = [t for t in listing() if t.cpi is None]
    cores = [
        [_board(t), t.title, f"`{t.core}`", _clock(t), _kibi(t.flash_bytes), _kibi(t.ram_bytes), _code(t.features),
         f"{cpi.typical:g} ({cpi.low:g} to {cpi.high:g})"]
        for t, cpi in mcu
    ]  # fmt: skip
    parts = [
        [_board(t), t.title, f"`{t.part}`", _clock(t), *(f"{n:,}" for n in t.limits().values()), t.hls4ml_backend,
         _code(t.io_types)]
        for t in fpga
    ]  # fmt: skip
    core_columns = ["board", "", "core", "clock", "flash", "RAM", "features", "cycles per instruction"]
    part_columns = ["board", "", "part", "clock", "LUT", "FF", "DSP", "BRAM18", "URAM", "hls4ml backend", "io types"]
    return _page(
        [
            *("# Boards", NOTE, BOARDS),
            *("## Microcontrollers (C)", _table(core_columns, cores)),
            *("Cycles per instruction, with the band of the estimate:", _list((t.name, cpi.source) for t, cpi in mcu)),
            *("Features, which passes ask for in place of names:", _list(sorted(FEATURES.items()))),
            *("## FPGAs (hls4ml)", _table(part_columns, parts)),
        ]
    )


PAGES = {"operators.md": operators, "pipeline.md": pipeline, "boards.md": boards}


def _home(op: OpDef) -> str:
    """The module whose OPS holds `op`."""
    return next(n for n, m in sorted(sys.modules.items()) if n.startswith("cardc.ops.") and op in getattr(m, "OPS", ()))


def _links(modules: dict[str, list[OpDef]], domain: str) -> list[str]:
    found = [(op.name, module.rsplit(".", 1)[1]) for module, of in modules.items() for op in of if op.domain == domain]
    return [f"[{name}](#{module})" for name, module in sorted(found)]


def _rewritten() -> list[list[str]]:
    """What import knows beyond the operators that have a meaning of their own."""
    found: dict[str, list[str]] = {}
    for domain, name in names():
        if (domain, name) not in ops():
            found.setdefault(domain, []).append(f"`{name}`")
    return [[_domain(domain), ", ".join(of)] for domain, of in found.items()]


def _domain(domain: str) -> str:
    return f"`{domain}`" if domain else "ONNX"


def _inputs(op: OpDef) -> str:
    """How many inputs the operator takes: what its own rule says when it is given none."""
    try:
        op.verify(ir.node(op.name, [], domain=op.domain))
    except CompileError as error:
        found = re.search(r" takes (.+) inputs, not 0$", error.what)
        if found:
            return found[1]
    raise AssertionError(f"{op.domain}::{op.name}: its `verify` does not begin with `arity`")


def _before(op: OpDef) -> str:
    return ("yes" if op.monotone else "tried whole") if op.elementwise else ""


def _common(names: Sequence[Sequence[str]]) -> int:
    """How many leading names all lists share."""
    same = [len(set(row)) == 1 for row in zip(*names, strict=False)]
    return same.index(False) if False in same else len(same)


def _steps(steps: Iterable[Step], number: int) -> list[str]:
    parts = []
    for index, step in enumerate(steps, number):
        cls, name = type(step.transform), step.transform.name
        path = cls.__module__.removeprefix("cardc.").replace(".", "/") + ".py"
        doc = inspect.getdoc(sys.modules[cls.__module__]) or ""
        parts += [
            f"### {index}. {name}",
            f"*Why here:* {step.reason}. *Checked by* `{step.check.__name__}`. Source: [{path}](../{path})",
            _markdown(doc.removeprefix(f"{name}: ")),
        ]
        options = [f"`{f.name}` (default `{f.default!r}`)" for f in dataclasses.fields(step.transform)]  # type: ignore[arg-type]
        if options:
            # A dataclass without a docstring is given its signature for one.
            said = " ".join((cls.__dict__.get("__doc__") or "").split())
            parts.append(f"Options: {', '.join(options)}. " + (_markdown(said) if "`" in said else ""))
    return [part.rstrip() for part in parts]


def _board(target: Target) -> str:
    return f"[{target.name}](../targets/{target.name}.toml)"


def _clock(target: Target) -> str:
    return f"{target.clock_hz / 1e6:g} MHz"


def _kibi(count: int) -> str:
    return f"{count / 1024:g} KiB"


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


_MARKUP = re.compile(r"^[#>+-]|(?<=\S)\*|\*(?=\S)|<(?=[a-zA-Z/!?])|\](?=\()")


def _markdown(text: str) -> str:
    """A docstring as Markdown: indented lines are code already, elsewhere what would be markup is escaped."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        if not line.startswith("    "):
            spans = re.split(r"(`[^`]*`)", line)
            line = "".join(s if s.startswith("`") else _MARKUP.sub(r"\\\g<0>", s) for s in spans)
        lines.append(line[:1].upper() + line[1:] if number == 0 and re.match(r"[a-z]+ [a-z]", line) else line)
    return "\n".join(lines)


def _list(items: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- `{name}`: {text}" for name, text in items)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(columns), ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in line) + " |" for line in lines)


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check say which differ."""
    pages = {HERE / name: page() for name, page in PAGES.items()}
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_bytes() != text.encode()]
    for path in stale:
        if "--check" in arguments:
            print(f"docs/{path.name} is out of date: run `python docs/generate.py`")
        else:
            path.write_text(pages[path], encoding="utf-8", newline="\n")
            print(f"docs/{path.name} written")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
