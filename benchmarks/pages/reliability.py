"""The figures of docs/reliability.md: what `tox -e faults` saw, and what a run costs as it grows."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from zoo.report.terminal import as_markdown

FAULTS = "faults.xml"
"""The report of pytest, as `tox -e faults` writes it to results/runs."""
DRAWN = "test_fuzz"
FIGURE = "figure"


def reliability_figures(folder: Path) -> dict[str, str]:
    """`drills`, `drawn`: each test and its figure; `draws`: how many; `nodes`, `cases`, `rows`: the growth.

    Empty where the rows of one of them are not there.
    """
    growth = {name: folder / "growth" / f"{name}.csv" for name in ("nodes", "cases", "rows")}
    if not (folder / FAULTS).exists() or not all(path.exists() for path in growth.values()):
        return {}
    tests = _tests(folder / FAULTS)
    is_drawn = tests["file"].str.contains(DRAWN)
    drawn = tests[is_drawn & tests[FIGURE].str.contains("draws")]
    number = drawn[FIGURE].str.extract(r"([\d,]+) draws")[0].str.replace(",", "").astype(int).sum()
    nodes, cases, rows = (pd.read_csv(path) for path in growth.values())
    first, last, whole = cases.iloc[0], cases.iloc[-1], rows.iloc[0]
    return {
        "drills": _table(tests[~is_drawn], "fault"),
        "drawn": _table(drawn, "drawn input"),
        "draws": f"{number:,}",
        "nodes": as_markdown(
            pd.DataFrame(
                {
                    "nodes": nodes["nodes"].astype(str),
                    "seconds": nodes["seconds"].map("{:.1f}".format),
                    "efficiency": nodes["efficiency"].map("{:.2f}".format),
                }
            )
        ),
        "cases": (
            f"{cases['cases'].sum():,} cases: {cases['ms_a_case'].median():.1f} ms a case, "
            f"{first['ms_a_case']:.1f} in the first tenth and {last['ms_a_case']:.1f} in the last; "
            f"{last['resident_mib'] - first['resident_mib']:.1f} MiB more at the end than after the first tenth"
        ),
        "rows": (
            f"{whole['rows']:,.0f} rows ({whole['mib_on_disk']:.0f} MiB): read in {whole['read_seconds']:.0f} s, "
            f"summed up after {whole['seconds']:.0f} s, {whole['most_mib'] / 1024:.2f} GiB at most"
        ),
    }


def _tests(path: Path) -> pd.DataFrame:
    """A row a test: its file, its name in words, its figure and how it ended, and its seconds."""
    rows = []
    for case in ElementTree.parse(path).iter("testcase"):
        figures = [each.get("value", "") for each in case.iter("property") if each.get("name") == FIGURE]
        endings = [kind for kind in ("skipped", "failure", "error") if case.find(kind) is not None]
        rows.append(
            {
                "file": case.get("classname", ""),
                "test": _in_words(case.get("name", "")),
                FIGURE: figures[0] if figures else "",
                "result": endings[0] if endings else "held",
                "seconds": float(case.get("time", "nan")),
            }
        )
    return pd.DataFrame(rows)


def _in_words(test: str) -> str:
    """ "test_a_signal_ends_it[SIGTERM]" as "a signal ends it: SIGTERM"."""
    name, _, parameters = test.removeprefix("test_").partition("[")
    name = name.replace("_", " ")
    return f"{name}: {parameters.removesuffix(']').replace('-', ', ')}" if parameters else name


def _table(tests: pd.DataFrame, what: str) -> str:
    texts = tests.assign(seconds=tests["seconds"].map("{:.1f}".format))
    return as_markdown(texts[["test", "result", FIGURE, "seconds"]].rename(columns={"test": what}))
