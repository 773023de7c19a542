"""The results table is written and read without loss, also after a writer was killed."""

from __future__ import annotations

import gzip
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.publish import publish
from tests.tables import FAILURE, SCORE, TIMING, quick_rows
from zoo import EXECUTIONS, ZooError
from zoo.execution import name_of
from zoo.measuring.rows import COLUMNS, Measurement, append, as_line, check_writable, read_rows
from zoo.statistics.folders import read_folder
from zoo.statistics.tables import as_table, read
from zoo.version import VERSION

NASTY = replace(FAILURE, reason='comma, "quote" and é', kernel_evidence="NA")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "measurements.csv"


def test_every_value_comes_back_as_it_was_written(path):
    rows = [TIMING, SCORE, NASTY, replace(TIMING, step_seconds=0.1 + 0.2, chunk=16, memory="recompute", jit=True)]
    append(path, rows[:1])
    append(path, rows[1:])
    table = read(path)
    rows_read = [tuple(None if pd.isna(value) else value for value in row) for row in table[COLUMNS].values.tolist()]
    assert rows_read == [astuple(row) for row in rows]
    assert read_rows(path) == rows
    assert table["execution"].tolist() == ["looped", "looped", "looped", "looped-16+jit+recompute"]


def test_columns_have_the_types_of_their_fields(path):
    append(path, [TIMING, SCORE, FAILURE])
    table = read(path)
    assert table["chunk"].dtype == "Int64"
    assert table["round"].dtype == "Int64"
    assert table["steps"].dtype == "int64"
    assert table["jit"].dtype == bool
    assert table["score"].dtype == float
    assert table["reason"].tolist() == ["", "", FAILURE.reason]


def test_rows_kept_in_memory_make_the_same_table_as_a_file(path):
    rows = quick_rows()
    append(path, rows)
    pd.testing.assert_frame_equal(as_table(rows), read(path))


def test_a_line_break_in_a_reason_does_not_break_the_row(path):
    append(path, [replace(FAILURE, reason="first\nsecond\r\nthird")])
    assert read(path)["reason"].tolist() == ["first second third"]


def test_the_label_of_an_execution_is_the_name_that_the_zoo_gives_it():
    for execution in EXECUTIONS:
        assert name_of("keras", execution.loop, execution.chunk, execution.jit, execution.memory) == str(execution)
    assert name_of("keras", "chunked", 16, True, "recompute") == "chunked-16+jit+recompute"
    assert name_of("legacy", "static", None, False, "store") == "legacy-static"


def test_an_append_after_half_a_line_starts_a_line_of_its_own(path):
    append(path, [TIMING])
    whole = path.read_bytes()
    append(path, [NASTY])
    path.write_bytes(path.read_bytes()[:-30])  # inside the quoted reason or after it, the line is not whole
    append(path, [SCORE])
    assert path.read_bytes().startswith(whole)
    pd.testing.assert_frame_equal(read(path), as_table([TIMING, SCORE]))


def test_an_append_after_half_a_header_writes_the_header_again(path):
    path.write_text("case_id,entry,ta")
    append(path, [TIMING])
    pd.testing.assert_frame_equal(read(path), as_table([TIMING]))


def test_half_a_line_at_the_end_is_left_out_and_the_log_names_the_file(path, caplog):
    append(path, [TIMING, SCORE])
    path.write_bytes(path.read_bytes()[:-5])
    pd.testing.assert_frame_equal(read(path), as_table([TIMING]))
    assert caplog.messages == [f"{path} ends in half a line; its writer was killed; that line is left out"]


def test_writers_at_the_same_time_lose_no_row(path):
    code = (
        "import sys; from pathlib import Path; from zoo.measuring.rows import append; from tests.tables import TIMING\n"
        "for _ in range(50): append(Path(sys.argv[1]), [TIMING] * 3)"
    )
    root = Path(__file__).parent.parent
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=root) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    pd.testing.assert_frame_equal(read(path), as_table([TIMING] * 300))


def test_a_table_of_other_columns_is_refused_and_left_alone(path):
    path.write_text("a,b\n1,2\n3")
    with pytest.raises(ZooError) as error:
        append(path, [TIMING])
    assert str(error.value) == f"{path} is not a results table: it has none of the columns"
    assert path.read_text() == "a,b\n1,2\n3"


HEADER = ",".join(COLUMNS)
OLD = ",".join(name for name in COLUMNS if name not in ("zoo_version", "node"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "{path} is not a results table: it has none of the columns"),
        ("", "{path} is not a results table: it has none of the columns"),
        (
            HEADER.replace("entry,", "model,") + "\n",
            "{path} was written by another version of rnn-zoo, and this is {version}: it lacks entry and it has the "
            "unknown model; use that version, or another folder",
        ),
        (
            OLD + "\n",
            "{path} was written by a version of rnn-zoo before 0.2.0, and this is {version}: it lacks zoo_version, "
            "node; use that version, or another folder",
        ),
        (
            HEADER + ",colour\n" + as_line(replace(TIMING, zoo_version="9.1.0")).strip() + ",red\n",
            "{path} was written by rnn-zoo 9.1.0, and this is {version}: it has the unknown colour; use that version, "
            "or another folder",
        ),
        (
            HEADER.replace("case_id,entry", "entry,case_id") + "\n",
            "{path} was written by another version of rnn-zoo, and this is {version}: its columns are in another "
            "order; use that version, or another folder",
        ),
        (None, "there is no results table {path}"),
    ],
)
def test_a_missing_or_foreign_file_is_one_line(path, content, message):
    if content is not None:
        path.write_text(content)
    with pytest.raises(ZooError) as error:
        read(path)
    assert str(error.value) == message.format(path=path, version=VERSION)


def test_a_damaged_value_is_one_line(path):
    append(path, [TIMING])
    path.write_text(path.read_text().replace(",32,20,1,", ",32,twenty,1,"))
    with pytest.raises(ZooError, match=r"measurements.csv is damaged: .*twenty") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "results"
    with pytest.raises(ZooError) as error:
        check_writable(folder)
    message = f"cannot write to the folder {folder}: Not a directory; choose another folder"
    assert str(error.value) == message
    with pytest.raises(ZooError) as error:
        append(folder / "measurements.csv", [TIMING])
    assert str(error.value) == f"cannot write {folder / 'measurements.csv'}: Not a directory"


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    check_writable(tmp_path / "new" / "results")
    assert list((tmp_path / "new" / "results").iterdir()) == []


def test_a_reference_folder_is_read_as_one_table(tmp_path):
    append(tmp_path / "one-speed.csv", [TIMING])
    append(tmp_path / "one-accuracy.csv", [SCORE])
    (tmp_path / "two-accuracy.csv.gz").write_bytes(gzip.compress((tmp_path / "one-accuracy.csv").read_bytes()))
    pd.testing.assert_frame_equal(read_folder(tmp_path), as_table([SCORE, TIMING, SCORE]))


def test_a_folder_without_tables_is_one_line(tmp_path):
    with pytest.raises(ZooError) as error:
        read_folder(tmp_path)
    assert str(error.value) == f"no results in {tmp_path}: it holds neither measurements.csv nor another table"
    with pytest.raises(ZooError) as error:
        read_folder(tmp_path / "none")
    assert str(error.value) == f"there is no folder {tmp_path / 'none'}"


def test_a_published_run_reads_as_it_was_measured(tmp_path: Path) -> None:
    table = as_table(quick_rows())
    paths = publish(table, tmp_path)
    assert [path.name for path in paths] == [
        "example-cpu-2-50ghz-2-cpus-speed.csv.gz",
        "example-cpu-2-50ghz-2-cpus-run-accuracy.csv.gz",
    ]
    again = [path.read_bytes() for path in publish(table, tmp_path)]
    assert again == [path.read_bytes() for path in paths]
    trained = table["phase"] == "accuracy"
    rows_read = read_folder(tmp_path)
    # read by file name: accuracy comes before speed
    pd.testing.assert_frame_equal(rows_read, pd.concat([table[trained], table[~trained]], ignore_index=True))


def repeats(row: Measurement, number: int) -> pd.DataFrame:
    return as_table([replace(row, repeat=repeat) for repeat in range(number)])


def test_a_run_takes_the_place_of_rows_of_its_sizes_and_backends_and_leaves_the_others(tmp_path: Path) -> None:
    for backend in ("tensorflow", "jax", "torch"):
        publish(repeats(replace(TIMING, backend=backend), 3), tmp_path)
    publish(repeats(replace(TIMING, backend="jax", run="new", group="finished"), 3), tmp_path)
    publish(repeats(replace(TIMING, backend="torch", steps=50, run="new"), 3), tmp_path)
    publish(repeats(replace(TIMING, backend="tensorflow", run="new", group="stopped"), 2), tmp_path)
    rows = read_folder(tmp_path)[["backend", "steps", "run"]].drop_duplicates().sort_values(["backend", "steps"])
    assert rows.to_numpy().tolist() == [
        *(["jax", 20, "new"], ["tensorflow", 20, "run-1"]),
        *(["torch", 20, "run-1"], ["torch", 50, "new"]),
    ]


def test_a_group_that_ends_badly_or_never_had_more_repeats_is_replaced_too(tmp_path: Path) -> None:
    publish(repeats(TIMING, 3), tmp_path)
    publish(as_table([replace(TIMING, status="out_of_memory", step_seconds=None, run="new", group="full")]), tmp_path)
    publish(repeats(replace(TIMING, steps=50, group="once"), 1), tmp_path)
    publish(repeats(replace(TIMING, steps=50, group="once", run="new"), 1), tmp_path)
    assert set(read_folder(tmp_path)["run"]) == {"new"}


def test_no_case_is_lost_unless_it_is_said(tmp_path: Path) -> None:
    other = replace(TIMING, entry="gru", case_id="gru")
    (path,) = publish(pd.concat([repeats(TIMING, 3), repeats(other, 3)]), tmp_path)
    before = path.read_bytes()
    new = repeats(replace(TIMING, run="new"), 3)
    with pytest.raises(ZooError, match="the run lacks a case that the reference has at its sizes: gru; measure"):
        publish(new, tmp_path)
    assert path.read_bytes() == before
    skipped = replace(other, run="new", status="skipped", step_seconds=None, reason="not installed")
    with pytest.raises(ZooError, match="the run lacks a case"):
        publish(pd.concat([new, as_table([skipped])]), tmp_path)
    publish(new, tmp_path, drop=True)
    assert set(read_folder(tmp_path)["run"]) == {"new"}


def test_each_machine_has_a_file(tmp_path: Path) -> None:
    card = replace(TIMING, device="gpu", device_name="card", cpu_count=16)
    paths = publish(as_table([TIMING, card]), tmp_path)
    assert [path.name for path in paths] == ["example-cpu-2-50ghz-2-cpus-speed.csv.gz", "card-16-cpus-speed.csv.gz"]


def test_a_table_of_another_version_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "measurements.csv").write_text("case_id,entry\n")
    with pytest.raises(ZooError) as error:
        check_writable(tmp_path)
    path = tmp_path / "measurements.csv"
    assert str(error.value).startswith(f"{path} was written by a version of rnn-zoo before 0.2.0")


def test_a_row_that_is_damaged_is_one_line(path: Path) -> None:
    append(path, [TIMING])
    path.write_text(path.read_text().replace(",False,", ",perhaps,"))
    with pytest.raises(ZooError, match=r"^.*measurements.csv is damaged: "):
        read_rows(path)
