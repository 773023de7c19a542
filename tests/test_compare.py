"""`zoo compare` and `zoo forecast`: whole runs on small tables."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from tests import commands
from tests.frames import monthly
from tests.hidden import no_zoo
from zoo.cli import main
from zoo.comparison.chart import score_against_cost
from zoo.comparison.compare import read_problem
from zoo.comparison.outcome import Outcome
from zoo.comparison.places import Here
from zoo.comparison.run import Comparison
from zoo.comparison.settings import Settings
from zoo.errors import ZooError
from zoo.forecasts.picture import draw_forecast
from zoo.measuring import launcher as measuring
from zoo.problems.series import Roles

BACKEND = keras.backend.backend()
SMALL = {"folds": 2, "seeds": 1, "units": 4, "execution": "looped", "entries": ("gru", "simple_rnn")}
SHOPS = {**SMALL, "target": "y", "time": "month", "id": "shop", "window": 12, "horizon": 2, "backend": BACKEND}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """A comparison of two shops, in a folder, and the table that it was made from."""
    folder = tmp_path_factory.mktemp("compared")
    frame = pd.concat([monthly().assign(shop="a"), (monthly().assign(y=lambda f: 3 * f["y"])).assign(shop="b")])
    frame.to_csv(folder / "shops.csv", index=False)
    outcome = zoo.compare(
        folder / "shops.csv",
        out=folder / "out",
        **SHOPS,
    )
    return outcome, folder


def test_a_comparison_tells_a_verdict_and_keeps_a_table_a_report_and_a_model(compared) -> None:
    outcome, folder = compared
    assert set(outcome.table["name"]) >= {"gru", "simple_rnn", "last value", "seasonal naive", "linear autoregression"}
    assert (outcome.table.loc[outcome.table["kind"] == "entry", "predict_ms"] > 0).all()
    assert outcome.table["MASE"].is_monotonic_increasing
    assert outcome.best_baseline in outcome.verdict
    page = (folder / "out" / "report.html").read_text()
    assert outcome.verdict in page.replace("&#39;", "'")
    assert pd.read_csv(folder / "out" / "table.csv")["name"].tolist() == outcome.table["name"].tolist()
    card = json.loads((folder / "out" / "model" / "card.json").read_text())
    assert card["entry"] == outcome.chosen_entry
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


def test_a_forecast_reads_dates_as_it_is_told_and_says_what_the_model_learnt_from(compared) -> None:
    _, folder = compared
    frame = pd.read_csv(folder / "shops.csv", parse_dates=["month"])
    until = json.loads((folder / "out" / "model" / "card.json").read_text())["trained_until"][:10]
    expected = zoo.forecast(folder / "out", frame)
    assert f"trained on rows up to {until}" in expected.notes
    written = frame.assign(month=frame["month"].dt.strftime("%d/%m/%Y"))
    with pytest.raises(zoo.ZooError, match="can be read in two ways"):
        zoo.forecast(folder / "out", written)
    assert zoo.forecast(folder / "out", written, dates="day-first").rows.equals(expected.rows)


def test_a_forecast_has_the_times_behind_its_last_value_where_rows_without_one_stand_behind_a_gap(compared) -> None:
    _, folder = compared
    later = pd.DataFrame({"month": ["2022-05-01", "2022-06-01"], "y": [np.nan] * 2})
    table = pd.concat([pd.read_csv(folder / "shops.csv"), *(later.assign(shop=shop) for shop in "ab")])
    made = zoo.forecast(folder / "out", table, horizon=2)
    assert made.rows["month"].astype("str").str[:7].tolist() == ["2021-09", "2021-10"] * 2


def test_a_dollar_in_a_name_is_a_dollar(compared, tmp_path: Path) -> None:
    outcome, folder = compared
    notes = ("2 labels: <$50K 60%, >$50K 40%",)
    score_against_cost(replace(outcome, notes=notes)).savefig(tmp_path / "scores.png")
    made = zoo.forecast(folder / "out", folder / "shops.csv")
    draw_forecast(replace(made, target="open_$, close_$", notes=notes)).savefig(tmp_path / "forecast.png")


def test_validation_alone_chooses_the_entry_that_is_kept(compared) -> None:
    outcome, _ = compared
    for chosen in SMALL["entries"]:
        losses = [replace(score, validation_loss=float(score.entry != chosen)) for score in outcome.scores]
        assert replace(outcome, scores=losses).chosen_entry == chosen
    unknown = [replace(s, validation_loss=np.nan if s.entry == "gru" else 9.0) for s in outcome.scores]
    assert replace(outcome, scores=unknown).chosen_entry == "simple_rnn"


def test_a_new_series_is_scaled_by_its_own_rows_and_said(compared) -> None:
    _, folder = compared
    frame = monthly().assign(shop="c", y=lambda f: 100 * f["y"])
    made = zoo.forecast(folder / "out" / "model", frame)
    assert len(made.rows) == 2
    assert made.rows["forecast"].between(1500, 2500).all()
    assert any("not among the series of the training: c" in note for note in made.notes)


def test_a_series_that_is_too_short_leaves_the_others_forecast_and_is_named(compared) -> None:
    _, folder = compared
    frame = pd.concat([monthly().assign(shop="a"), monthly()[:5].assign(shop="new")])
    made = zoo.forecast(folder / "out", frame)
    assert set(made.rows["shop"]) == set(made.history) == {"a"}
    assert "not forecast: series 'new' has 5 rows with a value, and the model reads 12" in made.notes
    with pytest.raises(zoo.ZooError, match="series 'new' has 5 rows"):
        zoo.forecast(folder / "out", frame[frame["shop"] == "new"])


def test_the_page_of_a_kept_model_gives_a_horizon_that_it_has(compared) -> None:
    _, folder = compared
    assert "zoo forecast . data.csv --horizon 2`" in (folder / "out" / "model" / "README.md").read_text()


def test_the_kept_model_loads_without_the_zoo(compared) -> None:
    _, folder = compared
    with no_zoo():
        assert keras.models.load_model(folder / "out" / "model" / "model.keras").built


def test_a_comparison_that_is_resumed_trains_nothing_again(compared, tmp_path: Path) -> None:
    outcome, folder = compared
    kept = shutil.copytree(folder / "out", tmp_path / "out")
    problem = read_problem(folder / "shops.csv", Roles("y", "month", "shop"), None, "", "", (12, 2, 0, 2))
    settings = Settings(SMALL["entries"], SMALL["seeds"], SMALL["units"], SMALL["execution"], BACKEND)
    again = Comparison(problem, settings, kept).measure(timed=False)
    assert (kept / "trainings.csv").read_bytes() == (folder / "out" / "trainings.csv").read_bytes()
    assert again.verdict == outcome.verdict


@pytest.mark.slow  # it times every entry again, and keeps the model again
def test_resume_ends_as_the_comparison_did(compared, tmp_path: Path) -> None:
    outcome, folder = compared
    kept = shutil.copytree(folder / "out", tmp_path / "out")
    assert zoo.compare(folder / "shops.csv", out=kept, resume=True, **SHOPS).verdict == outcome.verdict
    assert (kept / "trainings.csv").read_bytes() == (folder / "out" / "trainings.csv").read_bytes()


def test_a_folder_that_holds_another_comparison_is_refused(compared) -> None:
    _, folder = compared
    with pytest.raises(ZooError, match="was begun with"):
        zoo.compare(folder / "shops.csv", target="y", out=folder / "out", backend=BACKEND, resume=True, **SMALL)
    with pytest.raises(ZooError, match="holds a comparison already"):
        zoo.compare(folder / "shops.csv", target="y", out=folder / "out", backend=BACKEND, **SMALL)


class Late(Here):
    """Trains nothing in time."""

    def begin(self, *_: object) -> None:
        pass

    def result(self, _: object) -> measuring.Outcome:
        return measuring.Outcome("timeout", "ran past its limit")


def test_an_entry_that_failed_on_a_fold_has_no_rank_and_the_others_have(compared, tmp_path: Path, monkeypatch) -> None:
    outcome, folder = compared
    kept = shutil.copytree(folder / "out", tmp_path / "out")
    (kept / "trainings" / "gru-fold2-seed0.npy").unlink()
    monkeypatch.setattr("zoo.comparison.run.Here", Late)
    problem = read_problem(folder / "shops.csv", Roles("y", "month", "shop"), None, "", "", (12, 2, 0, 2))
    settings = Settings(SMALL["entries"], SMALL["seeds"], SMALL["units"], SMALL["execution"], BACKEND)
    again = Comparison(problem, settings, kept).measure(timed=False)
    assert again.table.loc[again.table["kind"] == "entry", "name"].tolist() == ["simple_rnn"]
    assert again.failures == ["A training failed: gru, fold 2, seed 0: ran past its limit; the entry has no rank."]
    mine = outcome.table.set_index("name").loc["simple_rnn", ["MASE", "over_baseline"]]
    assert again.table.set_index("name").loc["simple_rnn", ["MASE", "over_baseline"]].tolist() == mine.tolist()


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


def test_wrong_models_and_tables_of_a_forecast_are_one_line(compared, tmp_path: Path, monkeypatch) -> None:
    _, folder = compared
    monkeypatch.chdir(tmp_path)
    monthly().to_csv("data.csv", index=False)
    table, kept = str(folder / "shops.csv"), str(folder / "out")
    for words, text in {
        ("none", table): "holds no model of zoo compare",
        (kept, "none.csv"): "there is no file",
        (kept, "data.csv"): "unknown column 'shop'",
        (kept, table, "--level", "90"): "such as 90% or 0.9",
        (kept, "data.csv", "--to", "data.csv"): "is the table itself",
        (kept, table, "--to", "rows.xlsx"): "unknown kind of file",
        ("hf://one", table): "is no repository",
    }.items():
        code, out, err = commands.run(main, "forecast", *words)
        assert (code, out) == (2, ""), err
        assert text in err
        assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


class Hub(http.server.BaseHTTPRequestHandler):
    """What the library of a model hub asks for: the files of one repository, and their contents."""

    folder: Path
    commit = "0" * 40

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        names = sorted(file.name for file in self.folder.iterdir())
        if path.startswith("/api/models/anna/shops/tree"):
            files = [{"type": "file", "path": name, "oid": name, "size": 1} for name in names]
            content, kind = json.dumps(files).encode(), "application/json"
        elif path.startswith("/api/models/anna/shops"):
            told = {"id": "anna/shops", "sha": self.commit, "siblings": [{"rfilename": name} for name in names]}
            content, kind = json.dumps(told).encode(), "application/json"
        elif (name := path.rpartition("/")[2]) in names and "/resolve/" in path:
            content, kind = (self.folder / name).read_bytes(), "application/octet-stream"
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def test_a_model_of_a_hub_forecasts_and_a_network_that_fails_is_one_line(compared, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    _, folder = compared
    shared = tmp_path / "shared"
    shutil.copytree(folder / "out" / "model", shared)
    (shared / "evil.pkl").write_bytes(b"not to be taken")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Shops", (Hub,), {"folder": shared}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    start = [sys.executable, "-W", "ignore", "-c", "from zoo.cli import main; main()", "forecast"]
    words = [*start, "hf://anna/shops", str(folder / "shops.csv"), "--to", "rows.csv"]
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_XET": "1"}
    try:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "rows.csv")) == 4
    assert not list((tmp_path / "cache").rglob("evil.pkl"))
    environment["HF_HOME"] = str(tmp_path / "empty")
    failed = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "hf://anna/shops could not be downloaded" in failed.stderr.splitlines()[-1]
