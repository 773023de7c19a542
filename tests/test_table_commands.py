"""`zoo charts`, `zoo report` and `python -m benchmarks`: from a table to pictures and answers, and what is refused."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.__main__ import charts_folder, find_results
from benchmarks.__main__ import main as benchmarks
from tests.commands import run
from tests.processor import seconds_of_children
from tests.tables import SCORE, TIMING, pair, quick_rows
from zoo import ZooError
from zoo.charts.gallery import CHARTS
from zoo.cli import main as zoo
from zoo.measuring.rows import COLUMNS, HEADER, append
from zoo.report.verdicts import verdict_lines
from zoo.statistics.folders import read_folder
from zoo.statistics.tables import as_table

ROOT = Path(__file__).parent.parent
WITHOUT_KERAS = """
import sys

class Blocked:
    def find_spec(name, *_):
        if name in ("keras", "tensorflow", "jax", "torch", "sklearn"):
            raise ImportError(f"{name} must not be imported here")

# Not by None in sys.modules: SciPy looks there to know whether an array can be one of torch's.
sys.meta_path.insert(0, Blocked)
from zoo.cli import main
main()
"""
COMMANDS = [(zoo, "charts"), (zoo, "report"), (benchmarks, "charts"), (benchmarks, "report"), (benchmarks, "coverage")]
NAMES = ["zoo charts", "zoo report", "benchmarks charts", "benchmarks report", "benchmarks coverage"]


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`zoo` in a process where no backend can be imported and every warning of Python's is an error."""
    command = [sys.executable, "-W", "error", "-c", WITHOUT_KERAS, *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)


def asked(main: object, command: str, path: Path) -> list[object]:
    """The arguments that ask for `command` of the table at `path`."""
    return [command, path] if main is zoo else [command, "--results", path]


# end to end


@pytest.mark.slow
def test_charts_are_drawn_in_ten_seconds_without_keras(tmp_path) -> None:
    append(tmp_path / "measurements.csv", quick_rows())
    before = seconds_of_children()
    done = process("charts", tmp_path)
    taken = seconds_of_children() - before
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == str(tmp_path / "charts" / "largest_steps.png")
    assert taken < 10


def rows_of_reference(count: int) -> pd.DataFrame:
    """So many rows of the committed tables, whole arms; those of several copies where they are not enough."""
    table = read_folder(ROOT / "results" / "reference")
    copies = [table.assign(run=table["run"] + f"-{i}") for i in range(-(-count // len(table)))]
    return pd.concat(copies, ignore_index=True)[COLUMNS].head(count)


@pytest.mark.slow  # by the clock
@pytest.mark.parametrize(("command", "rows", "seconds"), [("report", 20_000, 20), ("charts", 100_000, 20)])
def test_a_large_table_takes_seconds_and_little_memory(command, rows, seconds, tmp_path) -> None:
    rows_of_reference(rows).to_csv(tmp_path / "measurements.csv", index=False)
    before = seconds_of_children()
    done = process(command, tmp_path)
    taken = seconds_of_children() - before
    assert (done.returncode, done.stderr) == (0, "")
    assert taken < seconds, taken
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2**20  # KiB
    if command == "report":
        assert (tmp_path / "report.html").stat().st_size < 8e6


@pytest.mark.slow  # by the clock
def test_the_charts_are_imported_in_two_seconds() -> None:
    before = seconds_of_children()
    subprocess.run([sys.executable, "-c", "import zoo.charts.gallery"], check=True, cwd=ROOT)
    assert seconds_of_children() - before < 2


def test_half_a_line_at_the_end_is_one_plain_line_on_stderr_and_the_rest_is_drawn(tmp_path) -> None:
    table = tmp_path / "measurements.csv"
    append(table, [SCORE])
    append(table, [replace(SCORE, seed=1)])
    table.write_bytes(table.read_bytes()[:-5])
    done = process("charts", table)
    assert done.returncode == 0
    assert done.stderr == f"{table} ends in half a line; its writer was killed; that line is left out\n"
    assert done.stdout.splitlines()[0] == f"1 rows from {table}"
    assert done.stdout.splitlines()[-1] == str(tmp_path / "charts" / f"{list(CHARTS)[-1]}.png")


# in this process


@pytest.mark.parametrize("kind", ["folder", "file", "compressed file"])
def test_zoo_charts_draws_every_chart_of_a_table_beside_it(kind: str, tmp_path) -> None:
    table = tmp_path / "measurements.csv"
    append(table, [SCORE])
    if kind == "compressed file":
        (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    path = {"folder": tmp_path, "file": table, "compressed file": tmp_path / "mine.csv.gz"}[kind]
    done = run(zoo, "charts", path)
    assert (done.code, done.errors) == (0, "")
    rows, *lines = done.out.splitlines()
    assert rows == f"1 rows from {path}"
    assert sum("nothing to draw" in line for line in lines) == len(CHARTS)
    pictures = lines[len(CHARTS) :]
    assert pictures == [str(tmp_path / "charts" / f"{name}.png") for name in CHARTS]
    assert all(Path(picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_the_pictures_go_where_they_are_asked_for(tmp_path) -> None:
    append(tmp_path / "measurements.csv", [SCORE])
    assert run(zoo, "charts", tmp_path, "--out", tmp_path / "here").code == 0
    assert {path.stem for path in (tmp_path / "here").iterdir()} == set(CHARTS)
    assert not (tmp_path / "charts").exists()


def test_the_report_is_a_page_beside_the_table_and_its_verdicts_are_printed(tmp_path) -> None:
    rows = pair(20, [0.8] * 3)
    append(tmp_path / "one-speed.csv", rows)
    append(tmp_path / "one-accuracy.csv", [SCORE])
    done = run(zoo, "report", tmp_path)
    assert (done.code, done.errors) == (0, "")
    assert f"report: {tmp_path / 'report.html'}" in done.out.splitlines()
    assert done.out.splitlines()[-1] == verdict_lines(as_table(rows))[-1]
    assert "0.80 [0.80, 0.80]" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("name", ["", "measurements.csv"], ids=["folder", "file"])
def test_the_report_of_a_checkout_is_that_of_zoo_report(name: str, tmp_path, monkeypatch) -> None:
    append(tmp_path / "measurements.csv", [SCORE])
    written: list[tuple[list[Path], Path]] = []
    monkeypatch.setattr("benchmarks.__main__.write", lambda *arguments: written.append(arguments))
    assert run(benchmarks, *asked(benchmarks, "report", tmp_path / name)).code == 0
    assert written == [([tmp_path / name], tmp_path / "report.html")]


def test_tables_of_two_machines_become_one_report(tmp_path) -> None:
    for name in ("laptop", "server"):
        append(tmp_path / f"{name}.csv", [replace(row, device_name=name) for row in pair(20, [0.8] * 3)])
    done = run(zoo, "report", tmp_path / "laptop.csv", tmp_path / "server.csv", "--out", tmp_path / "both.html")
    assert done.code == 0
    page = (tmp_path / "both.html").read_text()
    assert "laptop, 2 CPUs" in page
    assert "server, 2 CPUs" in page


# what is refused: in one line, with exit code 2, and nothing is drawn


@pytest.mark.parametrize(("main", "command"), COMMANDS, ids=NAMES)
def test_a_path_without_a_table_is_refused_in_one_line(main, command, tmp_path) -> None:
    done = run(main, *asked(main, command, tmp_path / "none"))
    assert (done.code, done.out) == (2, "")
    assert done.errors == f"error: there is no table and no folder {tmp_path / 'none'}\n"


@pytest.mark.parametrize(("main", "command"), COMMANDS[:4], ids=NAMES[:4])
@pytest.mark.parametrize(("content", "rows"), [(HEADER, 0), (HEADER + b"lstm,half a li", 0)], ids=["none", "half"])
def test_a_table_of_no_whole_row_is_refused_and_nothing_is_drawn(main, command, content, rows, tmp_path) -> None:
    table = tmp_path / "measurements.csv"
    table.write_bytes(content)
    done = run(main, *asked(main, command, table))
    assert (done.code, done.out) == (2, "")
    assert done.errors == f"error: {table} has no whole row: there is nothing to show\n"
    assert list(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(("main", "command"), COMMANDS, ids=NAMES)
@pytest.mark.parametrize("name", ["notes.txt", "notes.csv.gz"])
def test_a_file_that_is_no_table_is_refused_in_one_line(main, command, name, tmp_path) -> None:
    (tmp_path / name).write_text("hello\n")
    done = run(main, *asked(main, command, tmp_path / name))
    assert (done.code, done.out) == (2, "")
    assert done.errors.startswith("error: ")
    assert done.errors.count("\n") == 1
    assert str(tmp_path / name) in done.errors
    assert "folder" not in done.errors


def test_a_folder_without_a_table_is_refused_in_one_line(tmp_path) -> None:
    done = run(zoo, "charts", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.errors.startswith(f"error: no results in {tmp_path}: ")
    assert done.errors.count("\n") == 1


def test_a_folder_for_charts_that_cannot_be_written_is_told_in_one_line(tmp_path) -> None:
    append(tmp_path / "measurements.csv", [SCORE])
    (tmp_path / "out").write_text("")
    done, first = run(zoo, "charts", tmp_path, "--out", tmp_path / "out"), f"{next(iter(CHARTS))}.png"
    assert (done.code, done.errors) == (2, f"error: cannot write {tmp_path / 'out' / first}: File exists\n")


def test_a_report_that_cannot_be_written_is_told_in_one_line_before_it_is_worked_out(tmp_path, monkeypatch) -> None:
    append(tmp_path / "measurements.csv", [SCORE])
    monkeypatch.setattr("zoo.report.html.report_html", None)
    done = run(zoo, "report", tmp_path, "--out", tmp_path)
    assert (done.code, done.errors) == (2, f"error: cannot write {tmp_path}: Is a directory\n")


@pytest.mark.parametrize(("main", "command"), COMMANDS, ids=NAMES)
def test_help_has_examples(main, command) -> None:
    done = run(main, command, "--help")
    assert done.code == 0
    assert f"Examples: {'zoo' if main is zoo else 'python -m benchmarks'} {command}" in done.out


# where results lie


def test_the_newest_run_is_taken_and_else_the_reference(tmp_path) -> None:
    reference = tmp_path / "reference"
    with pytest.raises(ZooError) as error:
        find_results(tmp_path)
    message = f"no results yet: neither {tmp_path / 'runs'} nor {reference} holds a table; run pytest --benchmark"
    assert str(error.value) == message
    reference.mkdir()
    append(reference / "machine-speed.csv", [TIMING])
    assert find_results(tmp_path) == reference
    assert charts_folder(reference) == tmp_path / "charts"
    for i, name in enumerate(("b", "a")):  # by age, not by name
        (tmp_path / "runs" / name).mkdir(parents=True)
        append(tmp_path / "runs" / name / "measurements.csv", [TIMING])
        os.utime(tmp_path / "runs" / name / "measurements.csv", (i, i))
    assert find_results(tmp_path) == tmp_path / "runs" / "a"
    for path in (tmp_path / "runs" / "a", tmp_path / "runs" / "a" / "measurements.csv"):
        assert charts_folder(path) == tmp_path / "runs" / "a" / "charts"
