"""How numbers, headers and dates are written: what is meant is read, and what may be two things is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zoo.errors import ZooError
from zoo.frames.dialect import Dialect
from zoo.frames.table import Table, numbers, open_table
from zoo.frames.times import DAY_FIRST, MONTH_FIRST, YEAR_FIRST, parse_ordered, parse_times


def opened(folder: Path, text: str, **asked: str | bool) -> Table:
    path = folder / "data.csv"
    path.write_text(text)
    return open_table(path, Dialect(**asked))


def column(table: Table, name: str) -> list[float]:
    return numbers(table, table.read([name], []), name).tolist()


def dates(values: list[str], order: str = "") -> list[str]:
    series = pd.Series(values, name="t")
    return parse_times(open_table(series.to_frame()), series, order).astype("datetime64[D]").astype(str).tolist()


def test_a_mark_between_thousands_stays_in_dates(tmp_path: Path) -> None:
    table = opened(tmp_path, "Datum;Wert\n31.12.2020;1.234,5\n01.01.2021;12.345.678\n", thousands=".")
    days = parse_times(table, table.read(["Datum"], ["Datum"])["Datum"])
    assert days.astype("datetime64[D]").astype(str).tolist() == ["2020-12-31", "2021-01-01"]
    assert column(table, "Wert") == [1234.5, 12345678.0]


def test_a_mark_between_thousands_stands_before_three_digits(tmp_path: Path) -> None:
    table = opened(tmp_path, "tag;mm\n2020-01-01;1.500\n2020-01-02;1.5\n", thousands=".")
    with pytest.raises(ZooError, match=r"'1\.5' in line 3 has a point"):
        column(table, "mm")
    assert column(opened(tmp_path, 'a,b\n"12,34,567",1\n89,2\n', thousands=","), "a") == [1234567.0, 89.0]  # in India


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "tag;preis;menge;mm\n1;1,50;2,5;1.5\n2;2,50;3,5;2.25\n",
            "'1.5' in line 2 has a point, and the decimal mark is a comma: --decim",
        ),
        ("tag;preis;mm\n1;1,50;n.a.\n2;2,50;3\n", "'n.a.' in line 2 is no number"),
        (
            "tag;breite;laenge;mm\n1;1.5;2.5;1,5\n2;3.5;4.5;7,5\n",
            "'1,5' in line 2 has a comma, and the decimal mark is a p",
        ),
    ],
)
def test_a_number_with_another_mark_is_told_with_what_would_read_it(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ZooError) as caught:
        column(opened(tmp_path, text), "mm")
    assert words in str(caught.value)


def test_months_in_digits_say_nothing_of_the_decimal_mark(tmp_path: Path) -> None:
    table = opened(tmp_path, "Monat;Wert\n01.2020;5,3\n02.2020;5,4\n")
    assert column(table, "Wert") == [5.3, 5.4]
    assert str(parse_times(table, table.read(["Monat"], ["Monat"])["Monat"])[1])[:7] == "2020-02"


def test_what_may_be_thousands_between_semicolons_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"'1,234' may have three decimals or be over a thousand"):
        opened(tmp_path, "day;sold\n2020-01-01;1,234\n2020-01-02;5,678\n")


def test_the_numbers_that_pandas_gives_to_columns_are_a_header(tmp_path: Path) -> None:
    array = pd.DataFrame(np.arange(6.0).reshape(2, 3) + 0.5)
    assert column(opened(tmp_path, array.to_csv(index=False)), "0") == [0.5, 3.5]
    assert column(opened(tmp_path, array[[0, 1]].to_csv()), "1") == [1.5, 4.5]
    table = opened(tmp_path, "country,2019,2020\nDE,1,2\nFR,3,4\n")
    with pytest.raises(ZooError, match=r"unknown column '2020'.*The first line was taken for data: --header"):
        table.require(["2020"])
    assert column(opened(tmp_path, "country,2019,2020\nDE,1,2\nFR,3,4\n", header=True), "2020") == [2.0, 4.0]


def test_the_order_of_dates_with_points_is_that_which_is_asked_for() -> None:
    assert dates(["03.04.2020", "04.04.2020"]) == ["2020-04-03", "2020-04-04"]
    assert dates(["03.04.2020", "04.04.2020"], MONTH_FIRST) == ["2020-03-04", "2020-04-04"]
    assert dates(["20.01.05", "20.01.06"], YEAR_FIRST) == ["2020-01-05", "2020-01-06"]
    with pytest.raises(ZooError, match="can be read in two ways"):
        dates(["20.01.05", "20.01.06"])
    days = pd.date_range("2020-01-01", periods=40)
    assert dates(days.strftime("%d.%m.%y").tolist()) == days.strftime("%Y-%m-%d").tolist()


def test_the_order_in_which_dates_were_read_is_known() -> None:
    def order(values: list[str]) -> str:
        series = pd.Series(values, name="t")
        return parse_ordered(open_table(series.to_frame()), series)[1]

    assert order(["31/12/2020", "01/01/2021"]) == DAY_FIRST
    assert order(["12/31/2020", "01/01/2021"]) == MONTH_FIRST
    assert order(["2020-12-31", "2021-01-01"]) == ""


def test_blank_lines_before_the_first_row_are_left_out_and_counted(tmp_path: Path) -> None:
    for text, name in (("\n\nday;mm\n1;1,5\n2;x\n", "mm"), ("\n\n\n1;1,5\n2;x\n", "2")):
        with pytest.raises(ZooError, match=r"'x' in line 5 is no number"):
            column(opened(tmp_path, text), name)
