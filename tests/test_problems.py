"""Problems: folds by time, windows that cross nothing, scaling that sees the past alone, and baselines."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from zoo.errors import ZooError
from zoo.forecasts.rolling import last_rows
from zoo.frames.table import open_table
from zoo.problems.baselines import LAST, LINEAR, MEAN, SEASONAL, seasonal_naive
from zoo.problems.forecasting import Forecasting
from zoo.problems.season import find_season
from zoo.problems.series import Roles, read_panel
from zoo.problems.windows import gathered, target_times

RNG = np.random.default_rng(0)


def panel_of(frame: pd.DataFrame, **roles: object):
    return read_panel(open_table(frame), Roles(**roles))


def daily(values: np.ndarray, start: str = "2020-01-01") -> pd.DataFrame:
    return pd.DataFrame({"day": pd.date_range(start, periods=len(values)).astype(str), "y": values})


def wave(rows: int = 400) -> np.ndarray:
    return np.sin(np.arange(rows) * 2 * np.pi / 7) + 0.1 * np.random.default_rng(0).normal(size=rows)


def test_times_of_several_distances_from_utc_are_said_to_be_utc() -> None:
    hours = pd.date_range("2024-03-08", periods=100, freq="h", tz="America/New_York")
    for values in (hours, hours.map(lambda hour: hour.isoformat())):
        panel = panel_of(pd.DataFrame({"when": values, "y": wave(100)}), target="y", time="when")
        assert "times are of several distances from UTC: all are read as UTC" in panel.notes
    before = panel_of(pd.DataFrame({"when": hours[:40], "y": wave(40)}), target="y", time="when")
    assert str(before.series[0].times[0])[:16] == "2024-03-08T00:00"
    assert not any("UTC" in note for note in before.notes)


def test_fewer_windows_hold_the_last_one_of_each_series() -> None:
    frame = pd.concat([daily(wave(100 + i)).assign(shop=str(i)) for i in range(20)], ignore_index=True)
    windows = Forecasting(panel_of(frame, target="y", time="day", id="shop"), 10, 3)._windows(0, "train")
    few = windows.thinned(50)
    assert len(few) <= 50 + 20
    for number in range(20):
        assert few.first[few.series == number].max() == windows.first[windows.series == number].max()


def test_no_window_crosses_a_gap_a_missing_value_a_series_or_a_border() -> None:
    frame = pd.concat([daily(wave()).assign(shop="a"), daily(wave(300), "2020-02-01").assign(shop="b")])
    frame.iloc[50, 1] = np.nan
    frame = frame.drop(frame.index[200]).reset_index(drop=True)  # a day of each shop is missing
    problem = Forecasting(panel_of(frame, target="y", time="day", id="shop"), 10, 3)
    series = problem.panel.series
    parts: dict[tuple[int, str], set[tuple[int, int]]] = {}
    for fold in range(problem.folds):
        for part in ("train", "validation", "test"):
            windows = problem._windows(fold, part)
            assert len(windows)
            for number, first in zip(windows.series, windows.first, strict=True):
                rows = slice(first, first + 13)
                assert np.isfinite(series[number].values[rows]).all()
                assert (np.diff(series[number].times[rows]) == np.timedelta64(1, "D")).all()
            targets = {
                (int(n), int(f) + k) for n, f in zip(windows.series, windows.first, strict=True) for k in range(13)
            }
            parts[fold, part] = targets
        assert not parts[fold, "train"] & parts[fold, "validation"]
        assert not parts[fold, "train"] & parts[fold, "test"]
        assert not parts[fold, "validation"] & parts[fold, "test"]
    tests = [parts[fold, "test"] for fold in range(problem.folds)]
    assert not tests[0] & tests[1]
    assert not tests[1] & tests[2]


def test_training_lies_before_validation_and_validation_before_test() -> None:
    problem = Forecasting(panel_of(daily(wave()), target="y", time="day"), 10, 2)
    for fold in range(problem.folds):
        ends = [target_times(problem._windows(fold, part), problem.panel.series) for part in ("train", "validation")]
        tests = target_times(problem._windows(fold, "test"), problem.panel.series)
        assert ends[0].max() < ends[1].min() < ends[1].max() < tests.min()


def test_a_planted_future_moves_no_score_before_it() -> None:
    """Values behind a fold's test part change neither what it trains on, nor its baselines, nor its scores."""
    values = wave()
    planted = values.copy()
    problem = Forecasting(panel_of(daily(values), target="y", time="day"), 10, 1, season=7)
    end = problem._folds[0].end[0]
    planted[end:] = 1e6
    other = Forecasting(panel_of(daily(planted), target="y", time="day"), 10, 1, season=7)
    for before, after in zip(_arrays(problem, 0), _arrays(other, 0), strict=True):
        assert np.array_equal(before, after)
    for name, worth in problem.baselines(0).items():
        assert worth.scores == other.baselines(0)[name].scores


def test_a_planted_test_value_moves_nothing_that_is_learnt() -> None:
    values = wave()
    problem = Forecasting(panel_of(daily(values), target="y", time="day"), 10, 1, season=7)
    start = problem._folds[2].test[0]
    planted = values.copy()
    planted[start:] = 1e6
    other = Forecasting(panel_of(daily(planted), target="y", time="day"), 10, 1, season=7)
    for before, after in zip(_arrays(problem, 2)[:4], _arrays(other, 2)[:4], strict=True):
        assert np.array_equal(before, after)
    assert problem.scaling(2).card() == other.scaling(2).card()
    assert np.array_equal(problem._naive_errors(2), other._naive_errors(2))


def _arrays(problem: Forecasting, fold: int) -> list[np.ndarray]:
    given = problem.examples(fold)
    return [*given.train, *given.validation, given.test]


def test_known_columns_are_read_ahead_and_features_are_not() -> None:
    frame = daily(wave(200)).assign(f=np.arange(200.0), k=np.arange(200.0) * 10)
    problem = Forecasting(panel_of(frame, target="y", time="day", features=("f",), known=("k",)), 5, 2)
    windows, scaling = problem._windows(0, "train"), problem.scaling(0)
    x = scaling.inputs(windows, problem.panel.series)
    assert x.shape[2] == problem.task.features == 2 + 3
    back = x[:, :, 1] * scaling.deviations[0, 1] + scaling.means[0, 1]
    first = windows.first[:, None] + np.arange(5)
    assert np.allclose(back, first, atol=1e-3)
    for lead in range(3):
        ahead = x[:, :, 2 + lead] * scaling.deviations[0, 2] + scaling.means[0, 2]
        assert np.allclose(ahead, 10 * (first + lead), atol=1e-2)


def test_a_model_that_gives_zero_repeats_the_last_value_and_targets_give_the_truth() -> None:
    problem = Forecasting(panel_of(daily(wave()), target="y", time="day"), 10, 3)
    windows = problem._windows(1, "test")
    zero = problem.worth(1, np.zeros((len(windows), 3)))
    assert zero.scores == pytest.approx(problem.baselines(1)[LAST].scores)
    right = problem.scaling(1).targets(windows, problem.panel.series)
    assert problem.worth(1, right).scores["RMSE"] == pytest.approx(0, abs=1e-5)


def test_scores_and_lines_are_those_of_their_formulas() -> None:
    values = wave()
    problem = Forecasting(panel_of(daily(values), target="y", time="day"), 10, 2, season=7)
    fold = problem._folds[0]
    windows = problem._windows(0, "test")
    _, asked = gathered(windows, problem.panel.series)
    truth = asked[:, :, 0]
    train = values[: fold.validation[0]]
    scale = np.abs(train[7:] - train[:-7]).mean()
    rows = windows.first[:, None] + 10 + np.arange(2)
    guesses = {
        LAST: np.repeat(values[windows.first + 9][:, None], 2, axis=1),
        MEAN: np.full(truth.shape, train.mean()),
        SEASONAL: values[rows - 7],
    }
    for name, guess in guesses.items():
        scores = problem.baselines(0)[name].scores
        assert scores["MASE"] == pytest.approx(np.abs(guess - truth).mean() / scale, rel=1e-5)
        assert scores["RMSE"] == pytest.approx(np.sqrt(((guess - truth) ** 2).mean()), rel=1e-5)
    assert problem.baselines(0)[LINEAR].scores["MASE"] < problem.baselines(0)[LAST].scores["MASE"]


@pytest.mark.parametrize(("period", "freq"), [(7, "D"), (12, "MS"), (24, "h"), (11, "YS")])
def test_the_season_is_found(period: int, freq: str) -> None:
    rng = np.random.default_rng(1)
    values = np.sin(np.arange(550) * 2 * np.pi / period) + 0.3 * rng.normal(size=550) + 0.01 * np.arange(550)
    frame = pd.DataFrame({"t": pd.date_range("1700-01-01", periods=550, freq=freq, unit="s"), "y": values})
    panel = panel_of(frame, target="y", time="t")
    assert find_season(panel.series[0], 550, panel.step) == period


def test_noise_and_a_straight_line_have_no_season() -> None:
    for values in (np.random.default_rng(0).normal(size=500), np.arange(500.0)):
        panel = panel_of(pd.DataFrame({"y": values}), target="y")
        assert find_season(panel.series[0], 500, panel.step) == 1


def test_rows_of_the_future_are_not_among_those_without_a_value() -> None:
    frame = daily(wave(120))
    frame.loc[110:, "y"] = np.nan
    assert not any("without a value" in note for note in panel_of(frame, target="y", time="day").notes)
    frame.loc[50, "y"] = np.nan
    assert any("1 row without a value" in note for note in panel_of(frame, target="y", time="day").notes)


def test_the_last_call_of_a_forecast_reads_the_known_columns_that_the_table_holds() -> None:
    kept = SimpleNamespace(window=3, horizon=7, roles=Roles("y", "day", known=("k",)))
    frame = daily(wave(107)).assign(k=np.arange(107.0))
    frame.loc[100:, "y"] = np.nan
    for rows, expected in ((107, np.arange(100, 107)), (102, [100, 101, 101, 101, 101, 101, 101])):
        (series,) = panel_of(frame[:rows], target="y", time="day", known=("k",)).series
        assert last_rows(kept, series, 1)[1][:, -1].tolist() == list(expected)
    with pytest.raises(ZooError, match="k must be known for the next 3 rows"):
        last_rows(kept, series, 3)


def test_known_columns_behind_a_gap_are_not_those_of_the_next_rows() -> None:
    kept = SimpleNamespace(window=3, horizon=2, roles=Roles("y", "day", known=("k",)))
    frame = daily(wave(107)).assign(k=np.arange(107.0))
    frame.loc[100:, "y"] = np.nan
    (series,) = panel_of(frame.drop(index=[100, 101]), target="y", time="day", known=("k",)).series
    with pytest.raises(ZooError, match="begin behind a gap"):
        last_rows(kept, series, 2)


def test_another_value_or_name_is_another_digest() -> None:
    frame = daily(wave(200)).assign(shop="a")
    changed = frame.assign(y=frame["y"].where(frame.index != 150, 0.5))
    digests = [
        Forecasting(panel_of(each, target="y", time="day", id="shop"), 5, 1).digest()
        for each in (frame, frame.copy(), changed, frame.assign(shop="b"))
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_rows_of_the_future_are_in_no_fold() -> None:
    frame = daily(wave(200)).assign(holiday=0.0)
    future = daily(np.full(60, np.nan), "2020-07-19").assign(holiday=0.0)
    roles = {"target": "y", "time": "day", "known": ("holiday",)}
    before, after = (
        Forecasting(panel_of(each, **roles), 10, 2) for each in (frame, pd.concat([frame, future], ignore_index=True))
    )
    assert before._folds == after._folds


def test_the_season_before_is_that_of_the_time_beyond_a_gap() -> None:
    values = np.tile([1.0, 5.0, 2.0, 8.0, 3.0, 9.0, 4.0], 60)
    values += np.repeat(np.arange(60) % 2, 7) * 1e-3  # not constant over the season
    frame = daily(values).drop(range(200, 203)).drop(range(330, 334))
    problem = Forecasting(panel_of(frame, target="y", time="day"), 5, 2, 2, season=7)
    for fold in range(2):
        windows = problem._windows(fold, "test")
        made = seasonal_naive(windows, problem.panel.series, 7, problem.panel.step)
        _, asked = gathered(windows, problem.panel.series)
        assert np.abs(made - asked[:, :, 0]).max() < 0.01
        assert problem._naive_errors(fold)[0] == pytest.approx(1e-3, rel=0.01)


def test_two_holidays_in_a_row_are_no_gap_between_working_days_and_a_week_is() -> None:
    days = pd.bdate_range("2020-01-01", "2020-12-31")
    without = days.drop(pd.to_datetime(["2020-04-10", "2020-04-13", *pd.bdate_range("2020-07-06", "2020-07-10")]))
    frame = pd.DataFrame({"day": without.astype(str), "y": wave(len(without))})
    follows = panel_of(frame, target="y", time="day").series[0].follows
    assert without[1:][~follows[1:]].tolist() == [pd.Timestamp("2020-07-13")]


def test_irregular_times_are_taken_as_steps_and_said() -> None:
    times = np.cumsum(np.random.default_rng(0).exponential(size=100))
    panel = panel_of(pd.DataFrame({"t": times, "y": RNG.normal(size=100)}), target="y", time="t")
    assert panel.series[0].follows[1:].all()
    assert any("irregular" in note for note in panel.notes)


def test_mase_leaves_out_a_constant_series_and_says_so() -> None:
    frame = pd.concat([daily(wave(200)).assign(shop="a"), daily(np.ones(200)).assign(shop="flat")])
    problem = Forecasting(panel_of(frame, target="y", time="day", id="shop"), 5, 1)
    for worth in problem.baselines(0).values():
        assert np.isfinite(worth.scores["MASE"])
    assert any("flat" in note for note in problem.notes)


@pytest.mark.parametrize(
    ("frame", "roles", "words"),
    [
        (daily(np.ones(100)), {}, "is constant, 1"),
        (daily(wave(20)), {}, "20 rows are too few"),
        (daily(wave(100)).iloc[::-1], {}, "in row 1 goes backwards: sort the rows"),
        (pd.concat([daily(wave(100))] * 2), {}, "goes backwards"),
        (daily(wave(100)).loc[lambda f: f.index.repeat(2)], {}, "'2020-01-01' in row 1 stands twice"),
        (daily(wave(100)), {"features": ("y",)}, "given twice"),
        (daily(wave(100)), {"features": ("z",)}, "unknown column 'z'"),
        (daily(np.where(np.arange(100) % 5, wave(100), np.nan)), {}, "without a gap"),
        (
            daily(wave(100)).assign(rain=np.where(np.arange(100) % 5, 1.0, np.nan)),
            {"features": ("rain",)},
            "'rain' has no value in 20 of 100 rows",
        ),
    ],
)
def test_a_table_that_does_not_serve_is_one_line(frame: pd.DataFrame, roles: dict, words: str) -> None:
    with pytest.raises(ZooError) as caught:
        Forecasting(panel_of(frame, target="y", time="day", **roles), 10, 1)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
