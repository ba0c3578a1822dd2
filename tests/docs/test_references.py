"""What the hand-written pages point at is there: files, names in files, headings, commands and their options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cardc.cli import cardc

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that a renderer makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_in_backticks_exist(page: Path) -> None:
    named = re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|toml|c|h|json))`", prose(page))
    missing = [name for name in named if not (ROOT / name).exists() and "path/to/" not in name]
    assert missing == []


def test_names_behind_where_are_defined_in_the_file() -> None:
    text = prose(ROOT / "docs" / "exactness.md")
    references = 0
    for where in re.findall(r"^Where: (.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL):
        for path, names in re.findall(r"\]\(\.\./([^)]+)\)((?:[,\s]+`\w+`)+)", where):
            source = (ROOT / path).read_text(encoding="utf-8")
            for name in re.findall(r"`(\w+)`", names):
                references += 1
                assert re.search(rf"^\s*(?:def|class) {name}\b|^(?:\w+, )*{name}\b", source, re.MULTILINE), (
                    f"{path}: no {name}"
                )
    assert references > 20
    assert text.count("\n## ") == text.count("\nWhere: ")


def commands(page: Path) -> list[str]:
    """Every `cardc ...` command line of a page: in code blocks, and in backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^    cardc (.+)$", text, re.MULTILINE)
    return [line.split("#")[0].strip() for line in (*blocks, *re.findall(r"`cardc ([a-z][^`]*)`", text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line)
        command = cardc.commands.get(words[0])
        assert command is not None, f"{page.name}: no command `cardc {words[0]}`"
        known = {name for p in command.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)}
        unknown = [word for word in words if word.startswith("-") and word not in known]
        assert unknown == [], f"{page.name}: `cardc {line}`"


def test_the_readme_shows_every_command() -> None:
    shown = {line.split()[0] for line in commands(ROOT / "README.md")}
    assert shown == set(cardc.commands)
