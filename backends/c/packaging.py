"""The files around the library: CMake, Arduino, PlatformIO, Zephyr, ESP-IDF, Pico SDK, a page to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from ...ops.base import shape_of
from ...ops.qtype import qtype
from .image import in_place
from .in_place import input_offset
from .products import elements
from .program import Program
from .writer import comment_text

TEMPLATES = {
    "CMakeLists.txt": "CMakeLists.txt.j2",
    "README.md": "README.md.j2",
    "idf_component.yml": "idf_component.yml.j2",
    "library.properties": "library.properties.j2",
    "library.json": "library.json.j2",
    "examples/{name}_example/{name}_example.ino": "sketch.ino.j2",
    "examples/pico/CMakeLists.txt": "pico_CMakeLists.txt.j2",
    "examples/pico/main.c": "pico_main.c.j2",
    "zephyr/CMakeLists.txt": "zephyr_CMakeLists.txt.j2",
    "zephyr/Kconfig": "zephyr_Kconfig.j2",
    "zephyr/module.yml": "zephyr_module.yml.j2",
}


def packaging(
    name: str, program: Program, target: str, library: list[str], selftest: str, optimise: str, *, images: bool = False
) -> dict[str, str]:
    """Path -> text. `library` and `selftest` are paths of C files from the project's root; `target` a board's title;
    `images`: whether the library takes the bytes of an image."""
    plan = program.schedule
    qi, qo = qtype(plan.source), qtype(plan.output)
    facts = {
        "name": name, "optimise": optimise, "upper": name.upper(), "library": library, "selftest": selftest,
        "target": comment_text(target), "arena": max(1, program.arena),
        "in_type": program.in_type, "out_type": program.out_type,
        "in_size": elements(plan.source), "out_size": elements(plan.output),
        "in_lo": qi.lo, "in_hi": qi.hi, "out_lo": qo.lo, "out_hi": qo.hi,
        "in_shape": f"shape {list(shape_of(plan.source)[1:])}, last axis fastest",
        "in_place": input_offset(program) is not None, "images": images, "bytes_in_place": in_place(program),
    }  # fmt: skip
    return render(TEMPLATES, facts)


def render(templates: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, str]:
    """Path -> text of `templates` (path -> file), `{name}` in a path being the network's name."""
    env = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    folder = Path(__file__).parent / "templates"
    return {
        path.replace("{name}", facts["name"]): env.from_string((folder / template).read_text("utf-8")).render(facts)
        for path, template in templates.items()
    }
