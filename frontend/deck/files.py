"""Decks as folders: deck.toml, a QONNX file a card, and the gate's templates as a .npy array. Nothing is pickled."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx.external_data_helper import uses_external_data

from ...errors import CompileError, printable
from ..read import read_model
from .deck import Card, Deck
from .gate import Gate
from .spectrum import Spectrum

DECK_FILE, GATE_FILE = "deck.toml", "gate.npy"
VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MAX_TOML, _MAX_GATE = 1 << 20, 1 << 26

_TOP_KEYS = {"version": int, "name": str, "mode": str, "top": int, "card": list, "gate": dict}
_CARD_KEYS: dict[str, type] = {"name": str, "augmentation": str, "file": str}
_GATE_KEYS = {
    "file": str, "augmentations": list, "colour": str, "scale": str, "crop": int, "constant": bool, "pad": bool,
    "window": int, "goal_db": float,
}  # fmt: skip


def save_deck(deck: Deck, folder: str | Path) -> None:
    """Write `deck` to a new `folder`, whole or not at all. Same deck, same bytes.

    Raises CompileError where the folder exists, or a name is no plain word (it becomes a file's name).
    """
    where = Path(folder)
    for name in (deck.name, *(c.name for c in deck.cards), *(c.augmentation for c in deck.cards)):
        if not _NAME.fullmatch(name):
            raise CompileError(
                f"the name {printable(name)!r}", node=DECK_FILE, fix="use up to 64 letters, digits, '_' and '-'"
            )
    if where.exists():
        raise CompileError("the folder exists", node=str(where), fix="give a new one")
    where.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{where.name}-", dir=where.parent))
    try:
        for card in deck.cards:
            (temporary / f"{card.name}.onnx").write_bytes(card.model.SerializeToString(deterministic=True))
        if deck.gate is not None:
            np.save(temporary / GATE_FILE, deck.gate.templates, allow_pickle=False)
        (temporary / DECK_FILE).write_text(_toml(deck), encoding="utf-8")
        temporary.chmod(0o755)
        os.rename(temporary, where)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _toml(deck: Deck) -> str:
    lines = [
        f"version = {VERSION}",
        f"name = {_quoted(deck.name)}",
        f"mode = {_quoted(deck.mode)}",
        f"top = {deck.top}",
    ]
    for card in deck.cards:
        lines += ["", "[[card]]", f"name = {_quoted(card.name)}", f"augmentation = {_quoted(card.augmentation)}"]
        lines.append(f"file = {_quoted(f'{card.name}.onnx')}")
    gate = deck.gate
    if gate is not None:
        s = gate.spectrum
        lines += ["", "[gate]", f"file = {_quoted(GATE_FILE)}"]
        lines.append(f"augmentations = [{', '.join(map(_quoted, gate.names))}]")
        lines += [f"colour = {_quoted(s.colour)}", f"scale = {_quoted(s.scale)}"]
        lines += [] if s.crop is None else [f"crop = {s.crop}"]
        lines += [f"constant = {str(s.constant).lower()}", f"pad = {str(s.pad).lower()}", f"window = {gate.window}"]
        lines += [] if gate.goal_db is None else [f"goal_db = {float(gate.goal_db)!r}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text)  # for the plain words that names are, TOML's basic strings are JSON's


def load_deck(folder: str | Path) -> Deck:
    """Read the deck in `folder`. Raises CompileError for what is missing, unknown, of the wrong type, or outside it."""
    root = Path(folder)
    path = root / DECK_FILE
    data = _read_toml(path)
    _check(data, _TOP_KEYS, {"version", "name", "mode", "card"}, path)
    if data["version"] != VERSION:
        raise CompileError(f"deck version {data['version']}", node=str(path), fix=f"this cardc reads version {VERSION}")
    cards = []
    for entry in data["card"]:
        if not isinstance(entry, dict):
            raise CompileError("a card is no table", node=str(path), fix="write [[card]]")
        _check(entry, _CARD_KEYS, set(_CARD_KEYS), path)
        cards.append(Card(entry["name"], entry["augmentation"], _read_card(_inside(root, entry["file"]))))
    gate = _read_gate(root, data["gate"], path) if "gate" in data else None
    return Deck(data["name"], tuple(cards), data["mode"], gate, data.get("top", 1))


def _read_card(path: Path) -> onnx.ModelProto:
    """The file as it is, once it has been checked; with external data, as one that holds all of it."""
    checked = read_model(path)
    model = onnx.load(path, load_external_data=False)
    return ir.to_proto(checked) if any(map(uses_external_data, model.graph.initializer)) else model


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_TOML:
            raise CompileError("the file is larger than 1 MiB", node=str(path), fix="give a deck.toml")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        what = "no such model file, and no deck: the folder holds no deck.toml"
        raise CompileError(what, node=str(path.parent), fix="check the path") from error
    except OSError as error:
        raise CompileError(f"cannot read the deck: {error.strerror}", node=str(path), fix="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompileError(f"no valid TOML: {error}", node=str(path), fix="correct the file") from error


def _check(table: dict[str, Any], known: dict[str, type], needed: set[str], path: Path) -> None:
    for key in sorted(needed - set(table)):
        raise CompileError(f"the key {key!r} is missing", node=str(path), fix="add it")
    for key, value in table.items():
        if key not in known:
            fix = f"use only: {', '.join(sorted(known))}"
            raise CompileError(f"unknown key {printable(key)!r}", node=str(path), fix=fix)
        # bool is an int to Python, not to whoever wrote the file
        accepted, name = ((int, float), "number") if known[key] is float else (known[key], known[key].__name__)
        if not isinstance(value, accepted) or (isinstance(value, bool) and known[key] is not bool):
            raise CompileError(f"{key} is {printable(str(value))}", node=str(path), fix=f"give a {name}")


def _read_gate(root: Path, table: dict[str, Any], path: Path) -> Gate:
    _check(table, _GATE_KEYS, {"file", "augmentations", "colour", "scale"}, path)
    if not all(isinstance(name, str) for name in table["augmentations"]):
        raise CompileError("augmentations that are no names", node=str(path), fix="give strings")
    file = _inside(root, table["file"])
    try:
        if file.stat().st_size > _MAX_GATE:
            raise CompileError("the gate is larger than 64 MiB", node=str(file), fix="crop the spectrum")
        templates = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CompileError("this is no array of templates", node=str(file), fix="save the deck again") from error
    if not isinstance(templates, np.ndarray):
        raise CompileError("this is no array of templates", node=str(file), fix="save the deck again")
    flags = table.get("constant", True), table.get("pad", True)
    spectrum = Spectrum(table["colour"], table["scale"], table.get("crop"), *flags)
    return Gate(spectrum, tuple(table["augmentations"]), templates, table.get("window", 1), table.get("goal_db"))


def _inside(root: Path, name: str) -> Path:
    """The file of that name in the deck's folder, links followed."""
    path = root / name
    if "\0" in name or not path.resolve().is_relative_to(root.resolve()):
        raise CompileError(
            f"the file {printable(name)!r} lies outside the deck's folder", node=str(root / DECK_FILE),
            fix="keep all files of a deck in its folder",
        )  # fmt: skip
    return path
