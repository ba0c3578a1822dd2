"""A recipe and all its settings from a TOML file, so that a training can be written down and run again.

    recipe = "biprop"
    sparsity = 0.9
    score_lr = 0.1

    [schedule]
    epochs = 60

    [schedule.augment]
    name = "augmix"

Keys are the fields of the recipe's dataclass; what is left out has its default.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import CompileError, did_you_mean, printable
from .augment import AUGMENTATIONS
from .biprop import Biprop
from .dense import Dense
from .lottery import LearningRateRewinding, LotteryTicket
from .magnitude import FineTune, Gradual
from .popup import EdgePopup
from .recipe import Recipe, Schedule
from .weights import ReSte, Ste

RECIPES: dict[str, type] = {
    "dense": Dense, "finetune": FineTune, "gradual": Gradual, "lottery": LotteryTicket,
    "rewinding": LearningRateRewinding, "edge-popup": EdgePopup, "biprop": Biprop,
}  # fmt: skip
_ESTIMATORS: dict[str, type] = {"ste": Ste, "reste": ReSte}
_AUGMENTATIONS: dict[str, type] = {name: type(a) for name, a in AUGMENTATIONS.items()}
_LARGEST = 1 << 20


def read_recipe(path: str | Path) -> Recipe:
    """The recipe in the TOML file `path`. Raises CompileError for what is no TOML, unknown, or out of range."""
    file = Path(path)
    try:
        if file.stat().st_size > _LARGEST:
            raise CompileError("the file is larger than 1 MiB", node=str(file), fix="give a recipe")
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CompileError(f"cannot read: {error.strerror}", node=str(file), fix="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompileError(f"no valid TOML: {error}", node=str(file), fix="correct the file") from error
    return recipe_from(table, str(file))


def recipe_from(table: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """The recipe that `table` describes; `where` names it in errors."""
    found: Recipe = _chosen(table, "recipe", RECIPES, where)
    return found


def _chosen(table: Mapping[str, Any], key: str, classes: Mapping[str, type], where: str) -> Any:
    """One of `classes` by the name under `key`, with the table's other entries as its fields."""
    name = table.get(key)
    if not isinstance(name, str) or name not in classes:
        said = "is missing" if name is None else f"is {printable(str(name))!r}"
        fix = f"use one of: {', '.join(classes)}" if name is None else did_you_mean(str(name), list(classes))
        raise CompileError(f"{key!r} {said}", node=where, fix=fix)
    return _filled(classes[name], {k: v for k, v in table.items() if k != key}, where)


def _filled(cls: type, table: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `cls`, all of whose fields have defaults."""
    default = cls()
    fields = {f.name: getattr(default, f.name) for f in dataclasses.fields(default)}
    for key in table:
        if key not in fields:
            raise CompileError(f"unknown key {printable(key)!r}", node=where, fix=did_you_mean(key, list(fields)))
    values = {key: _value(key, value, fields[key], f"{where}: {key}") for key, value in table.items()}
    try:
        return cls(**values)
    except CompileError as error:
        raise CompileError(error.what, node=where, fix=error.fix) from error


def _value(key: str, value: Any, default: Any, where: str) -> Any:
    """`value` as what `default` is."""
    if dataclasses.is_dataclass(default):
        if not isinstance(value, dict):
            raise CompileError(f"{key} is {printable(str(value))}", node=where, fix=f"write a table [{key}]")
        match key:
            case "schedule":
                return _filled(Schedule, value, where)
            case "estimator":
                return _chosen(value, "name", _ESTIMATORS, where)
            case _:
                return _chosen(value, "name", _AUGMENTATIONS, where)
    wanted = type(default)
    # a whole number will do for a float; bool is an int to Python, not to whoever wrote the file
    fits = isinstance(value, (int, float) if wanted is float else wanted)
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise CompileError(f"{key} is {printable(str(value))}", node=where, fix=f"give a {wanted.__name__}")
    return float(value) if wanted is float else value
