"""Names, options, tables and files that hypothesis draws: each is read, or refused in one line.

A test draws ZOO_DRAWS times (300 by default), a slow one a part of that; `tox -e faults` draws over 50,000 in all.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import keras  # noqa: F401  (here, so that no draw is what takes its memory)
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from benchmarks.profiles import PROFILES
from tests import commands
from tests.draws import DRAWS
from tests.tables import TIMING, pair
from zoo.bench.plan import Selection, in_order, timed_cases, trained_cases
from zoo.cli import main
from zoo.execution import BACKENDS, LOOPS, MEMORIES, NAMED, Execution
from zoo.forecasts.kept import read_kept
from zoo.frames.table import numbers, open_table
from zoo.frames.times import parse_times
from zoo.measuring.case import DEVICES, Case, skip_reason
from zoo.measuring.enough import LEAST_REPEATS
from zoo.measuring.group import groups
from zoo.measuring.machine import peak_bytes, reset_peak
from zoo.measuring.rows import HEADER, TABLE, append, as_line, read_rows
from zoo.report.verdicts import verdict_lines
from zoo.statistics.summary import summary
from zoo.statistics.tables import as_table, read
from zoo.tasks import mnist_rows, reviews, temperatures, translation
from zoo.tasks._files import read_npz
from zoo.training.folder import CARD, read_run

MIB = 2**20
MOST_GROWTH = 600 * MIB
"""What a process may come to hold in all draws of a test: the libraries that a reader imports, and no more."""


def drawn(share: float = 1.0) -> settings:
    """So many draws. None hangs: a draw takes milliseconds, and the machine may be busy."""
    return settings(
        max_examples=max(1, round(share * DRAWS)),
        deadline=timedelta(seconds=20),
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def memory_stays_bounded(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Any:
    reset_peak()
    before = peak_bytes() or 0
    yield
    grown = (peak_bytes() or 0) - before
    assert grown < MOST_GROWTH
    if of_test := getattr(request.function, "_hypothesis_internal_use_settings", None):
        record_property("figure", f"{of_test.max_examples:,} draws, memory grew by {grown // MIB} MiB")


def refused_in_a_line(call: Callable[[], Any]) -> Any:
    """What the call gives; None where it refuses with an error of one line. Anything else is a failure."""
    message = ""
    try:
        return call()
    except zoo.ZooError as error:
        message = str(error)
    assert "\n" not in message
    return None


def near(names: list[str]) -> st.SearchStrategy[str]:
    """Names, and texts like them."""
    name = st.sampled_from(names)
    spoiled = st.tuples(name, st.integers(0, 30), st.text(max_size=3)).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :])
    return st.one_of(name, spoiled, st.text(max_size=20), st.sampled_from(["", "*", "[", "\0", "-1", "9" * 5000]))


PARTS = [*NAMED, "chunked-4", "chunked-0", "+jit", "+recompute", "+offload", "+calls-16", "+calls-0", "auto"]


@drawn()
@given(st.one_of(near(PARTS), st.lists(st.sampled_from(PARTS), max_size=9).map("".join)))
def test_a_text_is_an_execution_or_none(text: str) -> None:
    execution = refused_in_a_line(lambda: Execution.parse(text))
    if execution:
        assert Execution.parse(str(execution)) == execution
        for backend in BACKENDS:
            assert "\n" not in execution.problem(backend)


LOOP = st.sampled_from([loop for loops in LOOPS.values() for loop in loops] + ["spiral"])


@drawn()
@given(
    entry=st.sampled_from(zoo.list_models()),
    task=st.sampled_from(zoo.list_tasks()),
    execution=st.builds(
        dict,
        loop=LOOP,
        jit=st.booleans(),
        memory=st.sampled_from(["store", *MEMORIES, "tape"]),
        chunk=st.one_of(st.none(), st.integers(-1, 99), st.just("auto"), st.booleans()),
        runner=st.sampled_from([*LOOPS, "bicycle"]),
        calls=st.integers(-1, 4),
    ),
    backend=st.sampled_from(BACKENDS),
    device=st.sampled_from(DEVICES),
    sizes=st.tuples(*[st.integers(1, 2**40)] * 4),
)
def test_a_case_can_run_or_says_why_not(entry, task, execution, backend, device, sizes) -> None:
    how = refused_in_a_line(lambda: Execution(**execution))
    if how is None:
        return
    case = Case(entry, task, how, backend, device, *sizes)
    assert "\n" not in skip_reason(case)
    identity = case.identity()
    assert set(identity) <= set(TIMING.__dataclass_fields__)
    (group,) = groups({case: 3})
    assert case in group.arms
    assert all(reference.task == task for reference in group.references)


names = st.one_of(st.none(), st.lists(near([*zoo.list_models(), *zoo.list_tasks(), *NAMED, *BACKENDS]), max_size=3))


@drawn()
@given(
    profile=st.sampled_from(list(PROFILES.values())),
    entries=names,
    tasks=names,
    executions=names,
    backends=names,
    devices=st.one_of(st.none(), st.lists(near(list(DEVICES)), max_size=2)),
    repeats=st.one_of(st.none(), st.integers(-2, 12)),
    seeds=st.one_of(st.none(), st.integers(-2, 3)),
)
def test_the_options_of_a_run_give_a_grid_or_a_line(profile, repeats, seeds, **asked) -> None:
    selection = refused_in_a_line(lambda: Selection.of_names(**asked, repeats=repeats, seeds=seeds))
    if selection is None:
        return
    timed = refused_in_a_line(lambda: timed_cases(profile, selection))
    if timed:
        together, ordered = in_order(timed, profile.mixed, LEAST_REPEATS, profile.effort)
        assert set(ordered) == set(timed)
        assert set(timed) <= {case for group in together for case in group.arms}
    refused_in_a_line(lambda: trained_cases(profile, selection))


LISTED = {
    "list": [*zoo.list_models(), "--task", "--backend"],
    "show": zoo.list_models(),
    "tasks": ["--help"],
    "charts": ["table.csv", "--out", "nowhere/charts"],
    "report": ["table.csv", "table.csv.gz", "--out", "nowhere/report.html"],
    "compare-runs": ["table.csv", "--fail-slower", "10%", "-5", "1e9%"],
    "train": ["--task", "--units", "--epochs", "--execution", "x"],
    "export": ["none.keras", "--to", "none.onnx", "--task"],
    "recommend": ["--units", "0", "--steps", "-3", "--budget", "0s"],
    "bench": ["none.py", "--budget", "--seeds", "--tasks"],
    "check": ["none.py", "none"],
    "compare": ["none.csv", "--target", "--window", "--folds", "0"],
    "forecast": ["none", "none.csv", "--horizon", "--level"],
    "generate": ["waves", "dates", "translations", "--beam", "0", "--label", "--steps"],
}
"""Commands and words behind them: none is a whole command that would train or measure."""


@drawn(0.1)
@given(st.sampled_from(list(LISTED)).flatmap(lambda c: st.tuples(st.just(c), st.lists(near(LISTED[c]), max_size=4))))
def test_a_command_line_ends_with_a_code_and_without_a_traceback(tmp_path_factory, line) -> None:
    command, words = line
    with contextlib.chdir(tmp_path_factory.getbasetemp()):
        ended = commands.run(main, command, *(word.replace("\0", "") for word in words))
    assert ended.code in (0, 1, 2), ended.errors
    assert "Traceback" not in ended.errors
    if ended.code and "Usage: " not in ended.out:  # a group of commands shows its help
        assert ended.errors.startswith("error: ")
        assert ended.errors.count("\n") == 1


WHOLE = HEADER + b"\n" + "".join(map(as_line, pair(20, [0.8, 0.81, 0.79]))).encode() + b"\n"


@st.composite
def spoiled(draw: st.DrawFn, whole: bytes = WHOLE) -> bytes:
    """A file with bytes cut out, put in, or exchanged."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        data[place : place + length] = draw(st.one_of(st.binary(max_size=40), st.sampled_from(TOKENS)))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


TOKENS = [b"", b",", b"\n", b"\n\n", b'"', b"nan", b"inf", b"-1", b"1e999", b"\xff\xfe", b"\0", b"<script>", b"9" * 30]


@drawn(0.2)
@given(spoiled())
def test_a_spoiled_table_is_read_or_refused_and_an_append_loses_no_whole_block(tmp_path_factory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "tables"
    folder.mkdir(exist_ok=True)
    path = folder / TABLE
    path.write_bytes(data)
    table = refused_in_a_line(lambda: read(path))
    if table is not None:
        assert all(isinstance(line, str) and "\n" not in line for line in verdict_lines(table))
        summary(table)
    rows = refused_in_a_line(lambda: read_rows(path))
    appended = refused_in_a_line(lambda: append(path, [TIMING]) or True)
    if rows is not None and appended:
        assert read_rows(path) == [*rows, TIMING]


CARDS = [
    *({"entry": "gru", "task": "wave", "vocabularies": []}, {"kind": "forecast"}),
    {"kind": "forecast", "target": "y", "window": 3, "horizon": 1, "series": [], "scaling": {}, "trained_until": "x"},
]
CARDS[2]["calibrated_from"] = "x"
CARD_KEYS = ["sha256", "window", "horizon", "series", "scaling", "features", "known", "calibrated_from"]
json_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


@drawn()
@given(
    card=st.one_of(json_value, st.tuples(st.sampled_from(CARDS), st.sampled_from(CARD_KEYS), json_value)),
    model=st.one_of(st.none(), st.binary(max_size=60)),
    cut=st.integers(0, 400),
)
def test_a_folder_of_a_model_is_read_or_refused(tmp_path_factory, card, model, cut: int) -> None:
    folder = tmp_path_factory.getbasetemp() / "models"
    folder.mkdir(exist_ok=True)
    if isinstance(card, tuple):
        card = {**card[0], card[1]: card[2]}
    (folder / CARD).write_text(json.dumps(card)[:cut])
    (folder / "model.keras").unlink(missing_ok=True)
    if model is not None:
        (folder / "model.keras").write_bytes(model)
    refused_in_a_line(lambda: read_run(folder))
    refused_in_a_line(lambda: read_kept(folder))


READERS: dict[str, Callable[[Path], Any]] = {
    temperatures.FILE: temperatures.read,
    translation.FILE: translation.read,
    reviews.FILE: reviews.read,
    "mnist.npz": lambda path: read_npz(path, mnist_rows.ARRAYS, mnist_rows.REMEDY),
}
ZIP = b"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0\x9a\x8b\xb6\xa9\x0b\0\0\0\x09\0\0\0\x07\0\0\0fra.txt" + bytes(9)


@drawn()
@given(name=st.sampled_from(list(READERS)), data=st.one_of(st.binary(max_size=80), spoiled(ZIP)))
def test_a_data_file_is_read_or_refused(tmp_path_factory, name: str, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    refused_in_a_line(lambda: READERS[name](path))


def read_columns(path: Path) -> None:
    """The first column as times, the others as numbers."""
    table = open_table(path)
    frame = table.read(table.columns, table.columns[:1])
    parse_times(table, frame[table.columns[0]])
    for column in table.columns[1:]:
        numbers(table, frame, column)


CELLS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(["", "NA", "1,5", "1.5", "2020-01-01", "01/02/03", '"', "'", "\x00", "é", "<script>", "=1+1"]),
    st.text(max_size=8),
)


@drawn(1 / 6)
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=12),
    separator=st.sampled_from([",", ";", "\t", "|", " "]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    cut=st.integers(0, 200),
)
def test_a_file_of_columns_is_read_or_refused(tmp_path_factory, rows, separator: str, encoding: str, cut: int) -> None:
    text = "\n".join(["a,b"[: cut % 4], *(separator.join(row) for row in rows)])
    path = tmp_path_factory.getbasetemp() / "drawn.csv"
    path.write_bytes(text.encode(encoding, errors="replace")[: cut or None])
    refused_in_a_line(lambda: read_columns(path))


@drawn(1 / 4)
@given(data=st.binary(max_size=400))
def test_bytes_are_read_as_columns_or_refused(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn"
    path.write_bytes(data)
    refused_in_a_line(lambda: read_columns(path))


def test_the_table_that_is_spoiled_is_whole(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(WHOLE)
    assert len(read_rows(tmp_path / TABLE)) == len(as_table(pair(20, [0.8, 0.81, 0.79])))
