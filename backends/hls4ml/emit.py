"""Integer graph and target to a complete hls4ml project, in memory."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import onnx_ir as ir

from ...project import Project
from ...targets.base import Target
from .generate import hls_model, write
from .layer import Plan
from .options import Options
from .plan import make_plan
from .readback import check
from .support import support_files

_STAMP = re.compile(r"(LIB_STAMP=|^Stamp: ).*$", re.MULTILINE)
_OUTPUT_DIR = re.compile(r"^OutputDir: .*$", re.MULTILINE)


def emit(model: ir.Model, target: Target, options: Options | None = None) -> Project:
    """The hls4ml project of `model` (integer level) for `target`, read back and compared before it returns.

    CompileError for what the backend cannot do exactly (operator, size, target), where hls4ml is missing or
    fails, and where what hls4ml wrote differs from the graph. Same model and target, same bytes.
    """
    options = options or Options()
    plan = make_plan(model, target, options)
    with tempfile.TemporaryDirectory(prefix="cardc-hls-") as folder:
        hls = hls_model(plan, target, Path(folder))
        write(hls, plan)
        files = collect(Path(folder))
    return assemble(files, model, plan, target, options)


def assemble(
    files: Mapping[PurePosixPath, bytes], model: ir.Model, plan: Plan, target: Target, options: Options
) -> Project:
    """hls4ml's `files`, read back and stripped of what differs from run to run, with our own beside them."""
    check(files, plan)
    return Project({**scrub(files), **support_files(model, plan, target, options)})


def collect(folder: Path) -> dict[PurePosixPath, bytes]:
    """All files below `folder` by relative path, sorted."""
    return {
        PurePosixPath(path.relative_to(folder).as_posix()): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def scrub(files: Mapping[PurePosixPath, bytes]) -> dict[PurePosixPath, bytes]:
    """`files` without the random library stamp and the folder they were written in."""
    clean = dict(files)
    for path in (PurePosixPath("build_lib.sh"), PurePosixPath("hls4ml_config.yml")):
        text = clean[path].decode("utf-8")
        text = _STAMP.sub(r"\1cardc", text)
        clean[path] = _OUTPUT_DIR.sub("OutputDir: .", text).encode("utf-8")
    return clean
