"""The report of a table: one HTML file with answers, charts and tables, which works without a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import itables
import jinja2
import pandas as pd
from itables.javascript import generate_init_offline_itables_html
from matplotlib.figure import Figure

from zoo.charts.gallery import draw_each
from zoo.drawings import check_writable, write_bytes, write_png
from zoo.report.answers import answers
from zoo.report.tables import FILTERS, ReportTable, report_tables
from zoo.report.verdicts import verdict_lines
from zoo.statistics.texts import number

ROWS_SHOWN = 25
LONG = ("kernel_path", "reason", "failed_reason", "problem")
DATA_TABLES = Path(itables.__file__).parent / "html" / "dt_bundle.js"
"""The library that sorts, searches and filters, as itables bundles it."""


def _silent(text: str) -> None:
    return None


@dataclass(frozen=True)
class Picture:
    """A chart within the page."""

    alt: str
    base64: str
    width: int
    height: int


def report_html(
    table: pd.DataFrame, title: str, say: Callable[[str], None] = _silent, charts: Path | None = None
) -> str:
    """The whole page.

    Args:
        table: rows of one run or of several machines.
        title: of the page.
        say: takes what is worked out now, in words.
        charts: a folder to which its pictures are written too, if there is one.
    """
    say("answers")
    known = answers(table)
    pictures = [picture_of(name, figure, charts) for name, figure in _figures(table, say)]
    say("tables")
    tables = report_tables(table)
    say("page")
    return page_html(
        title=title,
        where=list(_where(table)),
        answers=[(answer.question, answer.lines) for answer in known if answer.lines],
        without=[answer.question for answer in known if not answer.lines],
        explained="A ratio is a time over the time that it is compared with: 0.80 takes a fifth less. In brackets its "
        "95% interval.",
        verdicts=verdict_lines(table),
        pictures=pictures,
        tables=tables,
    )


def page_html(
    *,
    title: str,
    where: Sequence[str],
    answers: Sequence[tuple[str, Sequence[str]]],
    pictures: Sequence[Picture],
    tables: Sequence[ReportTable],
    without: Sequence[str] = (),
    explained: str = "",
    verdicts: Iterable[str] = (),
) -> str:
    """A page of answers, pictures and tables, which works without a network.

    Args:
        title: of the page.
        where: lines on what was measured, and where.
        answers: questions, and the lines of each answer.
        pictures: the charts.
        tables: to be sorted, searched and filtered.
        without: questions that nothing is known on.
        explained: how to read the answers.
        verdicts: all of them in short, a line each.
    """
    environment = jinja2.Environment(loader=jinja2.PackageLoader("zoo.report"), autoescape=True, trim_blocks=True)
    return environment.get_template("report.html.j2").render(
        title=title,
        where=where,
        answers=answers,
        without=without,
        explained=explained,
        verdicts=list(verdicts),
        pictures=pictures,
        scripts=generate_init_offline_itables_html(DATA_TABLES),
        tables=[{"name": each.name, "title": each.title, "note": each.note, "html": _table(each)} for each in tables],
    )


def write_report(
    table: pd.DataFrame,
    path: Path,
    title: str,
    say: Callable[[str], None] = _silent,
    charts: Path | None = None,
) -> Path:
    """Write the page to `path`, and its pictures to the folder `charts` too, if there is one.

    Raises:
        ZooError: one of them cannot be written.
    """
    check_writable(path)
    write_bytes(path, report_html(table, title, say, charts).encode())
    return path


def _where(table: pd.DataFrame) -> Iterator[str]:
    """A line a machine: what was measured, on what, with which versions and when."""
    for (device, cpus), rows in table.groupby(["device_name", "cpu_count"], dropna=False, sort=True):
        backends = rows[["backend", "backend_version"]].drop_duplicates().sort_values(["backend", "backend_version"])
        versions = ", ".join(f"{name} {version}" for name, version in backends.itertuples(index=False))
        days = sorted({str(start)[:10] for start in rows["started_at"]})
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        keras = ", ".join(sorted(rows["keras_version"].unique()))
        yield f"{device or 'unknown device'}, {cpus} CPUs; Keras {keras}, {versions}; {when}; {len(rows):,} rows"


def _figures(table: pd.DataFrame, say: Callable[[str], None]) -> Iterator[tuple[str, Figure]]:
    for name, figure in draw_each(table, lambda each: say(f"chart {each}")):
        if figure.axes:  # else it says in words that there is nothing to draw
            yield name, figure


def picture_of(name: str, figure: Figure, charts: Path | None) -> Picture:
    """A figure as a picture of the page; written to the folder `charts` too, if there is one."""
    data = io.BytesIO()
    write_png(figure, data)
    if charts:
        write_bytes(charts / f"{name}.png", data.getvalue())
    width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
    title = " ".join(figure.get_suptitle().split())
    return Picture(title, base64.b64encode(data.getvalue()).decode("ascii"), width, height)


def _table(table: ReportTable) -> str:
    """One table: every column can be sorted by, those of FILTERS be filtered by their values."""
    rows = table.rows
    filters = [i for i, name in enumerate(rows.columns) if name in FILTERS or rows[name].nunique() <= 1]
    others = [i for i in range(len(rows.columns)) if i not in filters]
    options: dict[str, Any] = {
        "columnDefs": [
            {"targets": filters, "columnControl": ["order", ["searchList"]]},
            {"targets": others, "columnControl": ["order"]},
        ],
        "ordering": {"indicators": False, "handler": True},
        "order": [],
        "layout": {"topStart": "search", "topEnd": "pageLength"},  # of a short table too
        "pageLength": ROWS_SHOWN,
        "lengthMenu": [ROWS_SHOWN, 100, 1000],
        "language": {"entries": {"_": "rows", "1": "row"}},
    }
    named = rows.rename(columns=lambda name: str(name).replace("_", " "))
    with pd.option_context("display.float_format", number):
        return itables.to_html_datatable(
            named,
            table_id=f"table-{table.name}",
            showIndex=False,
            connected=False,
            maxBytes=0,
            display_logo_when_loading=False,
            **options,
        )
