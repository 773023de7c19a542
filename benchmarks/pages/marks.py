"""A page is written by hand; its tables and figures stand between marks: `<!-- name -->` … `<!-- /name -->`.

A figure of several lines stands on lines of its own, one of a few words within a line that begins with text: Markdown
takes a line that begins with a comment as HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from zoo.errors import ZooError

MARKED = re.compile(r"<!-- (?P<name>[\w-]+) -->(?P<figure>.*?)<!-- /(?P=name) -->", re.DOTALL)


def read_figures(text: str) -> dict[str, str]:
    """The figures of a page by name."""
    return {match["name"]: match["figure"].strip() for match in MARKED.finditer(text)}


def prose(text: str) -> str:
    """What is written by hand: the page without its figures."""
    return MARKED.sub("", text)


def fill(path: Path, figures: Mapping[str, str]) -> Path:
    """Write every figure into the page at `path`, between its marks.

    Raises:
        ZooError: there is no such page, it has no place for a figure, or it has a place for one that there is not.
    """
    if not path.is_file():
        raise ZooError(f"there is no page {path}; write its text, with <!-- name --> <!-- /name --> for each figure")
    text = path.read_text()
    places = read_figures(text)
    lacking = [name for name in figures if name not in places]
    if lacking:
        raise ZooError(f"{path} has no place for {', '.join(lacking)}: <!-- {lacking[0]} --> <!-- /{lacking[0]} -->")
    foreign = [name for name in places if name not in figures]
    if foreign:
        raise ZooError(f"{path} has a place for {', '.join(foreign)}, and the tables give no such figure")
    path.write_text(MARKED.sub(lambda match: _marked(match["name"], figures[match["name"]]), text))
    return path


def _marked(name: str, figure: str) -> str:
    figure = figure.strip()
    around = "\n" if "\n" in figure or figure.startswith(("**", "- ")) else ""
    return f"<!-- {name} -->{around}{figure}{around}<!-- /{name} -->"
