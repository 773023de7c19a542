"""Files as they are: every dialect gives the same numbers, and a wrong one is an error of one line that names it."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from zoo.errors import ZooError
from zoo.frames.dialect import Dialect
from zoo.frames.table import numbers, open_table
from zoo.frames.times import parse_times

VALUES = [1.5, -2.25, 1000.0, 0.125]
DAYS = ["2020-01-31", "2020-02-01", "2020-02-02", "2020-02-03"]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def csv_text(separator: str = ",", decimal: str = ".", header: bool = True, quote: str = "") -> str:
    rows = [
        f"{quote}{day}{quote}{separator}{str(v).replace('.', decimal)}" for day, v in zip(DAYS, VALUES, strict=True)
    ]
    return "\n".join([*([f"{quote}Date{quote}{separator}{quote}Temp{quote}"] if header else []), *rows, ""])


def read_numbers(path: Path, column: str) -> list[float]:
    table = open_table(path)
    table.require([column])
    return numbers(table, table.read([column], []), column).tolist()


def error_of(read: Callable[[], object]) -> str:
    """The message of a mistake of the user's; empty where there is none. Any other exception is the test's failure."""
    try:
        read()
    except ZooError as error:
        return str(error)
    return ""


DIALECTS = {
    "comma": (csv_text(), "utf-8", ".csv"),
    "quoted": (csv_text(quote='"'), "utf-8", ".csv"),
    "semicolon and decimal comma": (csv_text(";", ","), "utf-8", ".csv"),
    "tab": (csv_text("\t"), "utf-8", ".tsv"),
    "bar": (csv_text("|"), "utf-8", ".txt"),
    "byte order mark": (csv_text(), "utf-8-sig", ".csv"),
    "UTF-16": (csv_text(";", ","), "utf-16", ".csv"),
    "Windows line ends": (csv_text().replace("\n", "\r\n"), "utf-8", ".csv"),
    "no last line end": (csv_text().rstrip("\n"), "utf-8", ".csv"),
    "blank lines at the end": (csv_text() + "\n\n", "utf-8", ".csv"),
    "spaces behind separators": (csv_text(", "), "utf-8", ".csv"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_file_gives_the_same_numbers_in_every_dialect(name: str, tmp_path: Path) -> None:
    text, encoding, ending = DIALECTS[name]
    table = open_table(written(tmp_path / f"data{ending}", text, encoding))
    assert table.columns == ("Date", "Temp")
    frame = table.read(["Temp", "Date"], ["Date"]).dropna(how="all")
    assert numbers(table, frame, "Temp").tolist() == VALUES
    assert frame["Date"].tolist() == DAYS


@pytest.mark.parametrize("kind", ["gzip", "parquet", "frame"])
def test_gzip_parquet_and_a_frame_give_the_same_numbers(kind: str, tmp_path: Path) -> None:
    source: Path | pd.DataFrame = pd.DataFrame({"Date": DAYS, "Temp": VALUES})
    if kind == "gzip":
        source = tmp_path / "packed"  # without an ending: it is known by its bytes
        source.write_bytes(gzip.compress(csv_text(";", ",").encode()))
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        source.to_parquet(tmp_path / "data.parquet")
        source = tmp_path / "data.parquet"
    table = open_table(source)
    assert numbers(table, table.read(["Temp"], []), "Temp").tolist() == VALUES


def test_a_file_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    table = open_table(written(tmp_path / "bare.csv", csv_text(header=False)))
    assert table.columns == ("1", "2")
    assert numbers(table, table.read(["2"], []), "2").tolist() == VALUES


def test_what_is_said_of_a_file_wins_over_what_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "data.csv", "a;b\n1.234,5;2\n2.000,25;3\n")
    table = open_table(path, Dialect(thousands="."))
    assert numbers(table, table.read(["a"], []), "a").tolist() == [1234.5, 2000.25]


def test_old_encodings_and_quoted_line_breaks(tmp_path: Path) -> None:
    text = 'name,score\n"Zoë\nof Köln",1\n"b, c",2\nplain,oops\n'
    table = open_table(written(tmp_path / "old.csv", text, "cp1252"))
    frame = table.read(["name", "score"], ["name"])
    assert frame["name"].tolist() == ["Zoë\nof Köln", "b, c", "plain"]
    with pytest.raises(ZooError, match="'oops' in line 5 is no number"):  # the first row takes two lines
        numbers(table, frame, "score")


@pytest.mark.parametrize(
    ("content", "column", "words"),
    [
        (b"", "Temp", "is empty"),
        (b"  \n\n", "Temp", "is empty"),
        (b"\x7fELF\x00\x01\x02", "Temp", "binary file"),
        (b"\x1f\x8b\x08broken", "Temp", "damaged gzip"),
        (b"PAR1broken", "Temp", "damaged Parquet"),
        (b"Date,Temp\n", "Temp", "has no row with a value in Temp"),
        (b"Date,Temp\n2020-01-01,1\n", "temp", "did you mean 'Temp'"),
        (b"Date,Temp\n2020-01-01,1\n2020-01-02,warm\n", "Temp", "'warm' in line 3 is no number"),
        (b"Date,Temp\n2020-01-01,inf\n", "Temp", "in line 2 is infinite"),
        (b"Date,Temp\n2020-01-01,1\n2020-01-02,1e30\n", "Temp", "in line 3 is beyond 1e+15"),
        (b"Date,Temp\n2020-01-01,\n2020-01-02,\n", "Temp", "has no row with a value in Temp"),
        (b'Date,Temp\n2020-01-01,1\n"2020,2\n', "Temp", "no table of columns"),
        (b"Date,Temp\n2020-01-01,1\n2020-01-02,1,2,3\n", "Temp", "no table of columns"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(content: bytes, column: str, words: str, tmp_path: Path) -> None:
    if b"PAR1" in content:
        pytest.importorskip("pyarrow")
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(ZooError) as caught:
        read_numbers(path, column)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "data.csv" in str(caught.value)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="is a folder"):
        open_table(tmp_path)
    with pytest.raises(ZooError, match="there is no file"):
        open_table(tmp_path / "none.csv")


def test_a_number_that_may_be_a_thousand_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "sales.csv", 'day,sold\n2020-01-01,"1,234"\n2020-01-02,987\n')
    assert "'1,234' may have three decimals or be over a thousand" in error_of(lambda: read_numbers(path, "sold"))
    for dialect, expected in ((Dialect(thousands=","), 1234.0), (Dialect(decimal=","), 1.234)):
        table = open_table(path, dialect)
        assert numbers(table, table.read(["sold"], []), "sold").tolist() == [expected, 987.0]


def test_a_number_with_a_point_that_may_be_a_thousand_is_asked_for(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.csv", "tag;verkauft\n2020-01-01;987\n2020-01-02;1.234\n")
    assert "'1.234' may have three decimals or be over a thousand" in error_of(lambda: read_numbers(whole, "verkauft"))
    for dialect, expected in ((Dialect(thousands="."), 1234.0), (Dialect(decimal="."), 1.234)):
        table = open_table(whole, dialect)
        assert numbers(table, table.read(["verkauft"], []), "verkauft").tolist() == [987.0, expected]
    priced = written(tmp_path / "priced.csv", "tag;preis;verkauft\n2020-01-01;1,50;987\n2020-01-02;1,60;1.234\n")
    words = "'1.234' in line 3 has a point, and the decimal mark is a comma: say --thousands ."
    assert words in error_of(lambda: read_numbers(priced, "verkauft"))
    assert read_numbers(priced, "preis") == [1.5, 1.6]
    exact = written(tmp_path / "exact.csv", "tag;mm\n2020-01-01;1.234\n2020-01-02;5.678\n")
    assert read_numbers(exact, "mm") == [1.234, 5.678]


def test_a_number_with_a_comma_that_may_be_a_thousand_is_asked_for_between_tabs(tmp_path: Path) -> None:
    path = written(tmp_path / "sales.txt", "day\tsold\n2020-01-01\t1,234\n2020-01-02\t987\n")
    assert "'1,234' may have three decimals or be over a thousand" in error_of(lambda: read_numbers(path, "sold"))
    known = written(tmp_path / "known.txt", "tag;preis;mm\n2020-01-01;1,5;1,234\n2020-01-02;1,6;2\n")
    assert read_numbers(known, "mm") == [1.234, 2.0]  # another column says what a comma is


def test_the_one_value_that_is_no_number_is_named_whatever_the_marks(tmp_path: Path) -> None:
    german = written(tmp_path / "german.csv", "tag;grad\n" + "2020-01-01;20,7\n" * 3 + "2020-01-02;-\n")
    assert "'-' in line 5 is no number" in error_of(lambda: read_numbers(german, "grad"))
    path = written(tmp_path / "sales.csv", 'day,sold\n2020-01-01,"1,234"\n2020-01-02,soon\n')
    table = open_table(path, Dialect(thousands=","))
    assert "'soon' in line 3 is no number" in error_of(lambda: numbers(table, table.read(["sold"], []), "sold"))


def test_a_row_with_too_many_fields_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path / "sales.csv", "day,sold\n" + "2020-01-01,5\n" * 50_000 + "2020-01-02,1,234\n")
    assert "line 50002 has 3 fields, and the first 2" in error_of(lambda: read_numbers(path, "sold"))


def test_a_field_may_be_as_long_as_a_document(tmp_path: Path) -> None:
    path = written(tmp_path / "texts.csv", f"text,y\n{'word ' * 40_000},1.5\nshort,2.5\n")
    assert read_numbers(path, "y") == [1.5, 2.5]
    wrong = written(tmp_path / "wrong.csv", f"text,y\nshort,2.5\n{'word ' * 80_000},soon\n")
    assert "'soon' in line 3 is no number" in error_of(lambda: read_numbers(wrong, "y"))


def test_na_is_a_text_where_texts_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "countries.csv", "country,y\nNA,1.5\nNone,NA\nDE,2.5\n")
    frame = open_table(path).read(["country", "y"], ["country"])
    assert frame["country"].tolist() == ["NA", "None", "DE"]
    assert frame["y"].isna().tolist() == [False, True, False]


def test_an_index_that_pandas_saved_is_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": VALUES}, index=pd.Index(pd.to_datetime(DAYS), name="day"))
    frame.to_parquet(tmp_path / "data.parquet")
    table = open_table(tmp_path / "data.parquet")
    assert table.columns == ("y", "day")
    read = table.read(["day", "y"], ["day"])
    assert parse_times(table, read["day"]).tolist() == frame.index.to_numpy("datetime64[ns]").tolist()


@pytest.mark.parametrize("named", [True, False])
def test_the_index_of_a_frame_is_read_where_it_is_asked_for(named: bool) -> None:
    days = pd.DatetimeIndex(DAYS, name="day" if named else None)
    table, name = open_table(pd.DataFrame({"y": VALUES}, index=days)), "day" if named else "index"
    assert (table.index, table.times) == ((name,), name)
    assert (parse_times(table, table.read([name], [name])[name]) == days.to_numpy()).all()
    assert open_table(pd.DataFrame({"y": VALUES}, index=[5, 3, 1, 0])).index == ()


def test_years_of_two_digits_are_of_this_century_or_the_last_but_never_far_ahead() -> None:
    for texts, first in ((["Jan-49", "Feb-49", "Mar-49"], "1949-01"), (["Nov-68", "Dec-68", "Jan-69"], "1968-11")):
        table = open_table(pd.DataFrame({"month": texts}))
        assert str(parse_times(table, table.read(["month"], ["month"])["month"])[0]).startswith(first)
    table = open_table(pd.DataFrame({"month": ["Dec-19", "Jan-20", "Feb-20"]}))
    assert str(parse_times(table, table.read(["month"], ["month"])["month"])[0]).startswith("2019-12")


READ = """
import resource, sys
from zoo.frames.table import numbers, open_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = open_table(sys.argv[1])
frame = table.read(["a"], [])
assert len(numbers(table, frame, "a")) == int(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_gigabyte_is_read_within_a_gigabyte_over_its_needed_column(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    line = ",".join(["1.2345"] + ["some text of a column that nobody asked for"] * 3) + "\n"
    count = (1 << 30) // len(line)
    with path.open("w") as file:
        file.write("a,b,c,d\n")
        for _ in range(count // 1000):
            file.write(line * 1000)
    rows = count // 1000 * 1000
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), str(rows)], capture_output=True, text=True, check=True
    )
    needed = 8 * rows
    assert int(done.stdout) * 1024 <= needed + (1 << 30)
