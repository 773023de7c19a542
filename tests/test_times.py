"""Dates as people write them: common forms are read, and what can be read in two ways is asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from zoo.errors import ZooError
from zoo.frames.table import open_table
from zoo.frames.times import DAY_FIRST, MONTH_FIRST, YEAR_FIRST, parse_times

FRAME = open_table(pd.DataFrame({"t": [0]}))
FORMS = {
    "2020-01-31": ["2020-01-31", "2020-02-01"],
    "2020-01-31 13:05": ["2020-01-31 13:05", "2020-02-01 14:05"],
    "2020-01-31T13:05:00+02:00": ["2020-01-31T13:05:00+02:00", "2020-02-01T13:05:00+02:00"],
    "31.01.2020": ["31.01.2020", "01.02.2020"],
    "31/01/2020": ["31/01/2020", "01/02/2020"],
    "01/31/2020": ["01/31/2020", "02/01/2020"],
    "31 Jan 2020": ["31 Jan 2020", "01 Feb 2020"],
    "January 31, 2020": ["January 31, 2020", "February 1, 2020"],
    "20200131": ["20200131", "20200201"],
    "2020/01/31": ["2020/01/31", "2020/02/01"],
}


@pytest.mark.parametrize("name", FORMS)
def test_dates_of_common_forms(name: str) -> None:
    values = pd.Series(FORMS[name], name="when")
    times = parse_times(open_table(values.to_frame()), values)
    assert times.astype("datetime64[D]").astype(str).tolist() == ["2020-01-31", "2020-02-01"]


def test_months_and_years_alone() -> None:
    for text in (["1958-03", "1958-04"], ["Mar 1958", "Apr 1958"], ["03/1958", "04/1958"]):
        values = pd.Series(text, name="when")
        times = parse_times(open_table(values.to_frame()), values)
        assert times.astype("datetime64[M]").astype(str).tolist() == ["1958-03", "1958-04"]
    years = pd.Series(["1700", "1701"], name="when")
    assert parse_times(open_table(years.to_frame()), years).tolist() == [1700.0, 1701.0]


def test_months_in_digits_are_months() -> None:
    for values in (["201911", "201912", "202001"], ["11.2019", "12.2019", "01.2020"]):
        found = parse_times(FRAME, pd.Series(values, name="t"))
        assert found.astype("datetime64[D]").astype(str).tolist() == ["2019-11-01", "2019-12-01", "2020-01-01"]


def test_a_clock_far_from_utc_keeps_its_days() -> None:
    days = pd.date_range("2024-03-28", periods=5)  # summer time begins on the 31st
    in_berlin = pd.Series(days.tz_localize("Europe/Berlin"), name="t")
    for values in (in_berlin, in_berlin.map(lambda day: day.isoformat())):
        assert parse_times(FRAME, values).tolist() == days.to_numpy("datetime64[ns]").tolist()
    hours = pd.Series(pd.date_range("2024-10-27", periods=5, freq="h", tz="Europe/Berlin"), name="t")
    assert (np.diff(parse_times(FRAME, hours)) == np.timedelta64(1, "h")).all()  # the clock shows 2:00 twice


def test_a_date_that_can_be_read_in_two_ways_is_asked_for() -> None:
    values = pd.Series(["03/03/2020", "03/04/2020"], name="when")
    table = open_table(values.to_frame())
    with pytest.raises(ZooError, match=r"'03/04/2020' in row 1 can be read in two ways: say which by --dates day-"):
        parse_times(table, values)
    assert str(parse_times(table, values, DAY_FIRST)[1])[:10] == "2020-04-03"
    assert str(parse_times(table, values, MONTH_FIRST)[1])[:10] == "2020-03-04"
    alike = pd.Series(["03/03/2020", "04/04/2020"], name="when")
    assert str(parse_times(table, alike)[1])[:10] == "2020-04-04"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["2020-01-01", "soon"], "'soon' in row 1 is no date"),
        (["2020-01-01", None], "no time in row 1"),
        (["31/02/2020", "01/03/2020"], "is no date"),
    ],
)
def test_a_wrong_date_is_named(values: list[str | None], words: str) -> None:
    series = pd.Series(values, name="when")
    with pytest.raises(ZooError, match=words):
        parse_times(open_table(series.to_frame()), series)


def test_years_of_two_digits_may_come_first() -> None:
    january = pd.Series([f"20-01-{day:02d} 13:00" for day in (5, 6, 7)], name="t")
    with pytest.raises(ZooError, match="can be read in two ways"):
        parse_times(FRAME, january)
    found = parse_times(FRAME, january, YEAR_FIRST)
    assert found.astype("datetime64[D]").astype(str).tolist() == ["2020-01-05", "2020-01-06", "2020-01-07"]
    spring = pd.Series(pd.date_range("2020-01-20", periods=40).strftime("%d-%m-%y"), name="t")  # 20-01-20: no year 20
    assert str(parse_times(FRAME, spring)[-1])[:10] == "2020-02-28"
