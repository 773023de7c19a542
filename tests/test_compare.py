"""`zoo compare` and `zoo forecast`: whole runs on small tables, and every mistake in one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from tests import commands
from zoo.cli import main
from zoo.comparison.compare import read_problem
from zoo.comparison.outcome import Outcome
from zoo.comparison.verdicts import BETTER, UNDECIDED, Difference, difference, verdicts
from zoo.errors import ZooError
from zoo.problems.series import Roles

BACKEND = keras.backend.backend()
SMALL = {"folds": 2, "seeds": 1, "units": 4, "execution": "looped", "entries": ("gru", "simple_rnn")}


def series(rows: int = 260) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(rows) * 2 * np.pi / 12) + 0.2 * rng.normal(size=rows) + 20
    return pd.DataFrame({"month": pd.date_range("2000-01-01", periods=rows, freq="MS").astype(str), "y": values})


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """A comparison of two shops, in a folder, and the table that it was made from."""
    folder = tmp_path_factory.mktemp("compared")
    frame = pd.concat([series().assign(shop="a"), (series().assign(y=lambda f: 3 * f["y"])).assign(shop="b")])
    frame.to_csv(folder / "shops.csv", index=False)
    outcome = zoo.compare(
        folder / "shops.csv",
        target="y",
        time="month",
        id="shop",
        window=12,
        horizon=2,
        out=folder / "out",
        backend=BACKEND,
        **SMALL,
    )
    return outcome, folder


def test_a_comparison_tells_a_verdict_and_keeps_a_table_a_report_and_a_model(compared) -> None:
    outcome, folder = compared
    assert set(outcome.table["name"]) >= {"gru", "simple_rnn", "last value", "seasonal naive", "linear autoregression"}
    assert (outcome.table.loc[outcome.table["kind"] == "entry", "predict_ms"] > 0).all()
    assert outcome.table["MASE"].is_monotonic_increasing
    assert outcome.best_line in outcome.verdict
    page = (folder / "out" / "report.html").read_text()
    assert outcome.verdict in page.replace("&#39;", "'")
    assert pd.read_csv(folder / "out" / "table.csv")["name"].tolist() == outcome.table["name"].tolist()
    card = json.loads((folder / "out" / "model" / "card.json").read_text())
    assert card["entry"] == outcome.best_entry
    assert card["series"] == ["a", "b"]


def test_the_scores_are_those_of_the_answers_that_were_kept(compared) -> None:
    outcome, folder = compared
    problem = read_problem(folder / "shops.csv", Roles("y", "month", "shop"), None, "", "", (12, 2, 0, 2))
    for score in outcome.scores:
        answers = np.load(folder / "out" / "trainings" / f"{score.entry}-fold{score.fold + 1}-seed{score.seed}.npy")
        assert problem.worth(score.fold, answers).scores == score.worth.scores


def test_the_kept_model_forecasts_every_series_with_an_interval(compared) -> None:
    _, folder = compared
    made = zoo.forecast(folder / "out", folder / "shops.csv", horizon=4)
    assert made.rows.groupby("shop").size().to_dict() == {"a": 4, "b": 4}
    assert made.rows["month"].iloc[0] == pd.Timestamp("2021-09-01")
    assert ((made.rows["low"] < made.rows["forecast"]) & (made.rows["forecast"] < made.rows["high"])).all()
    ratio = made.rows.loc[made.rows["shop"] == "b", "forecast"].mean() / made.rows["forecast"].iloc[:4].mean()
    assert ratio == pytest.approx(3, rel=0.05)  # the same series, three times as high: scaled by series
    assert set(made.backtest["shop"]) == {"a", "b"}
    assert 0.6 <= made.held <= 1


def test_a_new_series_is_scaled_by_its_own_rows_and_said(compared) -> None:
    _, folder = compared
    frame = series().assign(shop="c", y=lambda f: 100 * f["y"])
    made = zoo.forecast(folder / "out" / "model", frame)
    assert len(made.rows) == 2
    assert made.rows["forecast"].between(1500, 2500).all()
    assert any("not among the series of the training: c" in note for note in made.notes)


def test_the_kept_model_loads_without_the_zoo(compared) -> None:
    _, folder = compared
    code = "import sys, keras; sys.modules['zoo'] = None; keras.models.load_model(sys.argv[1]).summary()"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(folder / "out" / "model" / "model.keras")],
        check=True,
        capture_output=True,
    )


def test_a_comparison_that_is_resumed_trains_nothing_again(compared) -> None:
    outcome, folder = compared
    before = (folder / "out" / "trainings.csv").read_bytes()
    again = zoo.compare(
        folder / "shops.csv",
        target="y",
        time="month",
        id="shop",
        window=12,
        horizon=2,
        out=folder / "out",
        backend=BACKEND,
        resume=True,
        **SMALL,
    )
    assert (folder / "out" / "trainings.csv").read_bytes() == before
    assert again.verdict == outcome.verdict
    with pytest.raises(ZooError, match="was begun with"):
        zoo.compare(folder / "shops.csv", target="y", out=folder / "out", backend=BACKEND, resume=True, **SMALL)
    with pytest.raises(ZooError, match="holds a comparison already"):
        zoo.compare(folder / "shops.csv", target="y", out=folder / "out", backend=BACKEND, **SMALL)


def test_texts_with_a_label_are_compared(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fillers = ["film", "plot", "scene", "music", "actor"]
    labels = ["good", "bad"] * 60
    rows = [
        " ".join([*rng.choice(fillers, rng.integers(1, 6)), {"good": "great", "bad": "awful"}[label]])
        for label in labels
    ]
    frame = pd.DataFrame({"review": rows, "mood": labels})
    sizes = {**SMALL, "entries": ("gru",), "units": 8}
    outcome = zoo.compare(frame, text="review", label="mood", out=tmp_path / "out", backend=BACKEND, **sizes)
    scores = dict(zip(outcome.table["name"], outcome.table["accuracy"], strict=True))
    assert scores["linear model"] > 0.95
    assert scores["majority class"] == pytest.approx(0.5, abs=0.05)
    assert scores["gru"] > 0.6
    card = json.loads((tmp_path / "out" / "model" / "card.json").read_text())
    assert card["labels"] == ["bad", "good"]
    assert "great" in card["words"]


def test_a_difference_is_that_of_its_formula_and_neighbours_count_as_one() -> None:
    rng = np.random.default_rng(0)
    line, better = rng.normal(5, 1, 400), rng.normal(-0.3, 0.1, 400)
    found = difference([line + better], [line], [np.arange(400)], overlap=1)
    assert found.mean == pytest.approx(better.mean())
    assert found.low < found.mean < found.high < 0
    assert found.high - found.low == pytest.approx(4 * 0.1 / 20, rel=0.4)
    repeated = difference([np.repeat(line + better, 5)], [np.repeat(line, 5)], [np.repeat(np.arange(400), 5)], 1)
    assert repeated.low == pytest.approx(found.low)
    alike = difference([line], [line], [np.arange(400)], 1)
    assert alike.p == 1


def test_verdicts_are_corrected_for_the_number_of_entries() -> None:
    sure, weak = Difference(-1, -2, -0.5, 1e-6), Difference(-1, -2, -0.01, 0.04)
    assert verdicts({"a": sure, "b": weak})["b"] == BETTER
    many = verdicts({"a": sure, **{f"b{i}": weak for i in range(9)}})
    assert many["a"] == BETTER
    assert many["b0"] == UNDECIDED


WRONG = {
    ("data.csv",): "say what is asked",
    ("none.csv", "--target", "y"): "there is no file none.csv",
    ("data.csv", "--target", "yy"): "unknown column 'yy'",
    ("data.csv", "--target", "y", "--label", "y"): "say what is asked",
    ("data.csv", "--target", "y", "--entries", "gruu"): "did you mean 'gru'",
    ("data.csv", "--target", "y", "--entries", ""): "no entry is named",
    ("data.csv", "--target", "y", "--execution", "lopped"): "unknown execution",
    ("data.csv", "--target", "y", "--execution", "parallel"): "is not linear",
    ("data.csv", "--target", "y", "--window", "300"): "rows are too few",
    ("data.csv", "--target", "y", "--backend", "theano"): "unknown backend",
    ("data.csv", "--target", "y", "--time", "y"): "given twice",
    ("data.csv", "--target", "month"): "is no number",
    ("data.csv", "--target", "y", "--text", "month"): "--text goes with --label",
    ("data.csv", "--label", "y"): "say what the sequences are",
    ("data.csv", "--target", "y", "--separator", ";;"): "one character",
    ("data.csv", "--target", "y", "--resume"): "no comparison to go on with",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_mistake_is_one_line_and_leaves_nothing(words: tuple[str, ...], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    series().to_csv("data.csv", index=False)
    started = time.perf_counter()
    code, out, err = commands.run(main, "compare", *words)
    assert time.perf_counter() - started < 5  # a second, and what a busy machine adds
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert WRONG[words] in err
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_wrong_models_and_tables_of_a_forecast_are_one_line(compared, tmp_path: Path, monkeypatch) -> None:
    _, folder = compared
    monkeypatch.chdir(tmp_path)
    series().to_csv("data.csv", index=False)
    table, kept = str(folder / "shops.csv"), str(folder / "out")
    for words, text in {
        ("none", table): "holds no model of zoo compare",
        (kept, "none.csv"): "there is no file",
        (kept, "data.csv"): "unknown column 'shop'",
        (kept, table, "--level", "120%"): "--level",
        (kept, table, "--to", "rows.xlsx"): "unknown kind of file",
        ("hf://one", table): "is no repository",
    }.items():
        code, out, err = commands.run(main, "forecast", *words)
        assert (code, out) == (2, ""), err
        assert text in err
        assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


CELL = st.one_of(st.floats(width=32).map(str), st.sampled_from(["", "1e30", "x", "2020-01-01", "3", "3"]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), max_size=90),
    roles=st.sampled_from(
        [
            Roles("a"),
            Roles("a", "b"),
            Roles("a", "b", "c"),
            Roles("a", features=("b",), known=("c",)),
            Roles("a", id="c"),
        ]
    ),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(0, 5), st.integers(1, 3)),
    label=st.booleans(),
)
def test_no_table_gives_a_traceback(rows, roles: Roles, sizes, label: bool, tmp_path: Path) -> None:
    path = tmp_path / "drawn.csv"
    path.write_text("a,b,c\n" + "".join(f"{','.join(row)}\n" for row in rows))
    asked = Roles("", "", roles.id or "b") if label else roles
    text = ""
    try:
        problem = read_problem(path, asked, None, "a" if label else "", "", sizes)
    except ZooError as error:
        text = str(error)
    assert "\n" not in text
    if not text:
        for fold in range(problem.folds):
            problem.examples(fold)
            for worth in problem.lines(fold).values():
                assert np.isfinite(list(worth.scores.values())).all()


@pytest.mark.slow
def test_what_is_done_stays_after_control_c_and_resume_goes_on(tmp_path: Path) -> None:
    series().to_csv(tmp_path / "data.csv", index=False)
    words = [
        "data.csv",
        "--target",
        "y",
        "--time",
        "month",
        "--execution",
        "looped",
        "--entries",
        "gru,lstm,simple_rnn",
    ]
    start = [sys.executable, "-c", "from zoo.cli import main; main()", "compare", *words, "--out", "out"]
    process = subprocess.Popen(
        start, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    table = tmp_path / "out" / "trainings.csv"
    while not (table.exists() and table.read_text().count(",ok,") >= 3):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume --out out" in err
    before = table.read_text()
    done = subprocess.run([*start, "--resume"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert table.read_text().startswith(before)
    assert "report: out/report.html" in done.stdout
