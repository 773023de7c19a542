"""`zoo compare`: its verdicts, every mistake in one line, what stays after Ctrl-C, and the tutorial."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import commands
from tests.draws import DRAWS
from tests.frames import monthly
from zoo.cli import main
from zoo.comparison.compare import read_problem
from zoo.comparison.verdicts import BETTER, UNDECIDED, Difference, difference, verdicts
from zoo.errors import ZooError
from zoo.problems.series import Roles


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


def test_windows_that_overlap_are_no_new_observations() -> None:
    """Where nothing is better few tables say so, though windows of 12 steps share 11 of them with their neighbour."""
    wrong = 0
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=131)
        losses = np.convolve(noise, np.ones(12) / 12, "valid")  # 120 windows of 12 steps
        found = difference([losses], [np.zeros(120)], [np.arange(120)], overlap=12)
        wrong += found.p < 0.05
    assert wrong <= 20  # 5% of 200 is 10


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
    ("data.csv", "--target", "y", "--resume", "--out", "mistyped"): "mistyped holds no comparison to go on with",
    ("data.csv", "--target", "y", "--out", "."): "where the results would",
    ("data.csv", "--target", "y", "--dates", "day-first"): "--dates goes with --time",
    ("data.csv", "--target", "y", "--season", "500"): "a season of 500 rows does not fit",
    ("data.csv", "--label", "y", "--id", "month", "--horizon", "3"): "--horizon goes with --target",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_mistake_is_one_line_and_leaves_nothing(words: tuple[str, ...], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monthly().to_csv("data.csv", index=False)
    started = time.perf_counter()
    code, out, err = commands.run(main, "compare", *words)
    assert time.perf_counter() - started < 5  # a second, and what a busy machine adds
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert WRONG[words] in err
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


CELL = st.one_of(st.floats(width=32).map(str), st.sampled_from(["", "1e30", "x", "2020-01-01", "3", "3"]))


@settings(max_examples=DRAWS // 2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
            for worth in problem.baselines(fold).values():
                assert np.isfinite(list(worth.scores.values())).all()


@pytest.mark.slow
def test_what_is_done_stays_after_control_c_and_resume_goes_on(tmp_path: Path) -> None:
    monthly().to_csv(tmp_path / "data.csv", index=False)
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


@pytest.mark.slow  # some ten minutes
def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "your-own-data.md").read_text()
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=200).astype(str)
    shops = [
        pd.DataFrame({"day": days, "store": name, "sold": rng.poisson(20, 200), "visitors": rng.poisson(90, 200)})
        for name in ("north", "south")
    ]
    pd.concat(shops).assign(holiday=lambda f: f["day"].str.endswith("-01").astype(int)).to_csv(tmp_path / "sales.csv")
    moods = pd.DataFrame({"review": ["a fine film", "a dull film"] * 40, "sentiment": ["good", "bad"] * 40})
    moods.to_csv(tmp_path / "reviews.csv")
    steps = pd.DataFrame({"recording": np.repeat(np.arange(60), 8), "step": np.tile(np.arange(8), 60)})
    steps["gesture"] = np.where(steps["recording"] % 2, "wave", "nod")
    steps.assign(x=rng.normal(size=480)).to_csv(tmp_path / "gestures.csv", index=False)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST")}
    blocks = [["bash", "-e", "-c", block] for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)]
    blocks += [[sys.executable, "-c", block] for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    for block in blocks:
        done = subprocess.run(block, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, block[-1] + done.stdout + done.stderr
    assert len(pd.read_csv(tmp_path / "next.csv")) == 10
    assert (tmp_path / "past.png").exists()
