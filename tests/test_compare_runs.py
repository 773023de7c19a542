"""`zoo compare-runs`: what a change made slower, on a machine whose pace differs from run to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.commands import run
from tests.tables import FAILURE, SCORE, TIMING, arm
from zoo.cli import main as zoo
from zoo.measuring.rows import HEADER, Measurement, append
from zoo.statistics.runs import changes
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")

GRU = replace(TIMING, entry="gru")


def one_run(factors: list[float], pace: float = 1.0, name: str = "run-1", seed: int = 0) -> list[Measurement]:
    """lstm, and gru that takes so many times as long as lstm in each repeat; a machine of that pace, 2% of noise."""
    random = np.random.default_rng(seed)
    rows = []
    for entry, times in (("lstm", [1.0] * len(factors)), ("gru", factors)):
        noise = np.exp(random.normal(0, 0.02, len(factors)))
        base = replace(TIMING, entry=entry, run=name)
        made = arm("looped", np.array(times) * noise * pace, base)
        rows += [replace(row, case_id=f"{entry}-looped") for row in made]
    return rows


def write(folder: Path, rows: list[Measurement]) -> Path:
    folder.mkdir(exist_ok=True)
    append(folder / "measurements.csv", rows)
    return folder


def test_the_ratio_is_that_of_the_ratios_to_the_reference_arm_by_welch() -> None:
    before, after = one_run([0.8] * 4), one_run([1.0] * 5, pace=3.0, name="run-2", seed=1)
    found = changes(as_table(before), as_table(after))
    row = found.rows.set_index("case_id").loc["gru-looped"]
    logs = [
        np.log([_median(rows, "gru", i) / _median(rows, "lstm", i) for i in range(count)])
        for rows, count in ((before, 4), (after, 5))
    ]
    test = stats.ttest_ind(logs[1], logs[0], equal_var=False)
    ends = test.confidence_interval(0.95)
    assert row["ratio"] == pytest.approx(np.exp(np.mean(logs[1]) - np.mean(logs[0])))
    assert (row["low"], row["high"]) == pytest.approx((np.exp(ends.low), np.exp(ends.high)))
    assert (row["verdict"], row["repeats_before"], row["repeats_after"]) == ("slower", 4, 5)
    assert found.pace == pytest.approx(3.0, rel=0.05)


def _median(rows: list[Measurement], entry: str, repeat: int) -> float:
    return float(np.median([row.step_seconds for row in rows if row.entry == entry and row.repeat == repeat]))


@pytest.mark.parametrize(
    ("factor", "verdict", "sure"),
    [(1.5, "slower", True), (1.1, "slower", False), (0.6, "faster", False), (1.0, "equal within 5%", False)],
)
def test_a_slow_down_is_sure_only_beyond_the_threshold(factor, verdict, sure) -> None:
    before, after = one_run([0.8] * 10), one_run([0.8 * factor] * 10, pace=2.0, seed=1)
    (row,) = changes(as_table(before), as_table(after), slower=0.2).rows.to_dict("records")
    assert (row["verdict"], row["slower_for_sure"]) == (verdict, sure)


def test_absolute_times_are_compared_as_they_are() -> None:
    tables = as_table(one_run([0.8] * 5)), as_table(one_run([0.8] * 5, pace=2.0, seed=1))
    ratios = changes(*tables, absolute=True).rows.set_index("case_id")["ratio"]
    assert ratios.to_dict() == pytest.approx({"lstm-looped": 2.0, "gru-looped": 2.0}, rel=0.05)


@pytest.mark.slow  # 200 pairs of runs
def test_equal_runs_are_called_different_in_few_of_200_pairs() -> None:
    wrong = 0
    for seed in range(200):
        tables = (as_table(one_run([0.8] * 3, pace, seed=2 * seed + i)) for i, pace in enumerate((1.0, 1.7)))
        (row,) = changes(*tables).rows.to_dict("records")
        wrong += row["verdict"] in ("faster", "slower")
    assert wrong <= 20  # 10 are expected of tests at 5%; more than 20 have a chance of 1 in 500


# the command


@pytest.mark.parametrize(("factor", "code"), [(1.5, 1), (1.0, 0), (0.7, 0)])
def test_the_exit_code_is_1_when_a_slow_down_is_sure(factor, code, tmp_path) -> None:
    before = write(tmp_path / "a", one_run([0.8] * 6))
    after = write(tmp_path / "b", one_run([0.8 * factor] * 6, pace=2.5, seed=1))
    done = run(zoo, "compare-runs", before, after, "--fail-slower", "10%")
    assert (done.code, done.errors) == (code, "")
    assert done.out.splitlines()[0].startswith("the reference arms take 2.")
    assert f"{code} of 1 are slower by more than 10% for sure" in done.out
    assert run(zoo, "compare-runs", before, after).code == 0


def test_what_one_run_alone_has_is_counted(tmp_path) -> None:
    more = [replace(row, case_id="irnn-looped", entry="irnn") for row in one_run([0.5] * 3) if row.entry == "gru"]
    done = run(
        zoo,
        "compare-runs",
        write(tmp_path / "a", one_run([0.8] * 3)),
        write(tmp_path / "b", [*one_run([0.8] * 3), *more]),
    )
    assert done.out.splitlines()[-1] == "1 timed in the second run alone"


@pytest.mark.parametrize("status", ["timeout", "out_of_memory", "crashed", "unequal"])
def test_what_ended_well_before_and_fails_now_is_named_and_ends_with_1(status, tmp_path) -> None:
    failure = replace(FAILURE, entry="gru", case_id="gru-looped", status=status, reason="ran past its limit")
    before = write(tmp_path / "a", one_run([0.8] * 3))
    after = write(tmp_path / "b", [*(row for row in one_run([0.8] * 3) if row.entry == "lstm"), failure])
    done = run(zoo, "compare-runs", before, after, "--fail-slower", "10%")
    assert (done.code, done.errors) == (1, "")
    assert f"{status} in the second run alone: gru-looped (ran past its limit)" in done.out
    assert "1 case ended well in the first run and failed in the second" in done.out
    flaky = write(tmp_path / "c", [*one_run([0.8] * 3), failure])  # it fails in a repeat of either run
    done = run(zoo, "compare-runs", flaky, flaky, "--fail-slower", "10%")
    assert (done.code, "second run alone" in done.out) == (0, False)


def test_a_gate_that_could_never_close_is_refused(tmp_path) -> None:
    before = write(tmp_path, one_run([0.8] * 2))
    done = run(zoo, "compare-runs", before, before, "--fail-slower", "10%")
    assert (done.code, done.out) == (2, "")
    assert done.errors == "error: --fail-slower needs a case with 3 repeats in each run, and there is none\n"
    assert run(zoo, "compare-runs", before, before).code == 0


@pytest.mark.parametrize("share", ["10", "a", "-5%", "10 percent", ""])
def test_a_threshold_that_is_no_percentage_is_refused_in_one_line(share, tmp_path) -> None:
    before = write(tmp_path, one_run([0.8] * 3))
    done = run(zoo, "compare-runs", before, before, f"--fail-slower={share}")
    assert (done.code, done.out) == (2, "")
    assert done.errors == f"error: --fail-slower is a percentage such as 10%, not {share!r}\n"


@pytest.mark.parametrize("rows", [[], [SCORE]], ids=["empty", "scores"])
def test_runs_with_nothing_in_common_are_refused_in_one_line(rows, tmp_path) -> None:
    before = write(tmp_path / "a", one_run([0.8] * 3))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "measurements.csv").write_bytes(HEADER)
    after = write(tmp_path / "b", rows) if rows else tmp_path / "b"
    done = run(zoo, "compare-runs", before, after)
    assert (done.code, done.out) == (2, "")
    assert done.errors == f"error: {before} and {after} have no timed case in common\n"
