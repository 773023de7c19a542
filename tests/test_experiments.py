"""The experiments on the method: what they measure, and what their tables make of rows with a known answer."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from benchmarks.experiments import aa, epoch, huge_pages, recipes, recommend, scan, turns
from benchmarks.pages.method import turns_texts
from tests.models import no_graphs
from zoo.measuring.race import Ratio
from zoo.measuring.recommendation import Candidate, Recommendation
from zoo.measuring.rows import Measurement
from zoo.statistics.tables import as_table

REFERENCE = Path(__file__).parent.parent / "results" / "reference"

RATIO = 0.8


def rows(bent: float, repeats: int = 12) -> list[Measurement]:
    """Two arms, of which one takes 0.8 × the other's time; in turns `bent` × that.

    The machine's pace is another in each run alone, and changes with each round for both arms that take turns.
    """
    random = np.random.default_rng(0)
    arm, baseline = turns.cases(turns.PAIRS[0])
    result = []
    for repeat, case in itertools.product(range(repeats), (arm, baseline)):
        factor = RATIO if case == arm else 1.0
        kind = turns.ALONE if case == arm else turns.BASE
        alone, noise = np.exp(random.normal(0, 0.1)), np.exp(random.normal(0, 0.01))
        for number in range(5):
            pace = np.exp(np.random.default_rng([repeat, number]).normal(0, 0.2))
            shared = {**case.identity(), "phase": "train", "repeat": repeat, "round": number, "calls": 1}
            in_turns = factor * noise * pace * (bent if case == arm else 1.0)
            result += [
                Measurement(**shared, group=turns.TURNS + arm.id, step_seconds=in_turns),
                Measurement(**shared, group=kind + arm.id, step_seconds=factor * alone),
            ]
    return result


@pytest.mark.parametrize("bent", [1.0, 1.1])
def test_taking_turns_is_held_against_running_alone(bent: float) -> None:
    (row,) = turns.compared(as_table(rows(bent))).to_dict("records")
    assert (row["entry"], row["arm"], row["phase"], row["repeats"]) == ("lstm", "unrolled", "train", 12)
    assert row["in_turns"] == pytest.approx(RATIO * bent, rel=0.02)
    assert row["alone"] == pytest.approx(RATIO, rel=0.15)
    assert row["turns_over_alone"] == pytest.approx(row["in_turns"] / row["alone"])
    assert row["low"] < row["turns_over_alone"] < row["high"]
    assert row["times_the_seconds"] == pytest.approx((row["sd_alone"] / row["sd_in_turns"]) ** 2)
    assert row["times_the_seconds"] > 20
    assert turns_texts(turns.compared(as_table(rows(bent)))).shape == (1, 9)


def test_equal_arms_differ_in_their_seed_alone() -> None:
    group = aa.group_of("torch", "lstm", "digits_rows", 7)
    assert len(group.arms) == aa.WORKERS
    assert set(group.arms.values()) == {group.least} == {7}
    assert len({case.id for case in group.arms}) == aa.WORKERS
    assert len({(case.entry, case.task, case.backend, str(case.execution)) for case in group.arms}) == 1


def test_a_ratio_over_the_scan_is_by_rounds() -> None:
    pace = np.array([1.0, 2.0, 5.0])  # of the machine, round by round
    arms = {scan.BY_HAND: 1.0, "chunked-1": 1.1}
    rows = pd.DataFrame(
        {
            **{"steps": 3, "units": 2, "batch": 1, "process": process, "round": number, "arm": arm},
            "step_seconds": factor * pace[number] / 1e3,
        }
        for arm, factor in arms.items()
        for number in range(3)
        for process in range(3)
    )
    result = scan.ratios(rows).set_index("arm")
    assert result["over the scan"].to_dict() == pytest.approx(arms)
    assert result.loc["chunked-1", "ms"] == pytest.approx(2.2)
    assert result.loc["chunked-1", ["low", "high"]].tolist() == pytest.approx([1.1, 1.1])


def test_the_loop_of_the_zoo_takes_as_long_as_a_scan_by_hand() -> None:
    """By the published rows: at most 1.05 of it, at each size."""
    found = scan.ratios(pd.read_csv(REFERENCE / "scan" / "scan.csv")).set_index("arm")
    assert len(found.loc["chunked-1"]) == len(scan.SIZES)
    assert (found.loc["chunked-1", "over the scan"] <= 1.05).all()


def test_a_recommendation_is_held_against_the_best_of_a_thorough_measurement() -> None:
    def found(times: dict[str, float]) -> Recommendation:
        rows = [
            Candidate(name, "jax", 1.0, None, {"train": time}, {"train": Ratio(time, time * 0.99, time * 1.01)})
            for name, time in times.items()
        ]
        return Recommendation("sizes", "cpu", rows, 60, 60)

    sizes = recommend.random_sizes(1)[0]
    measured = {
        recommend.CHOICE: {"stock": 1.0, "looped+jit": 0.8},
        recommend.THOROUGH: {"stock": 1.0, "looped+jit": 0.84, "unrolled+jit": 0.7, "chunked-4+jit": 0.6},
        "again 1": {"stock": 1.0, "looped+jit": 0.81, "unrolled+jit": 0.72, "chunked-4+jit": 0.9},
        "again 2": {"stock": 1.0, "looped+jit": 0.87, "unrolled+jit": 0.71, "chunked-4+jit": 0.9},
    }
    rows = pd.DataFrame(row for name, times in measured.items() for row in recommend.rows_of(sizes, name, found(times)))
    (row,) = recommend.compared(rows).to_dict("records")
    # By the mean of three processes: one in which chunks were lucky does not make them best.
    assert (row["choice"], row["best"]) == ("looped+jit on jax", "unrolled+jit on jax")
    assert row["over_best"] == pytest.approx(0.84 / 0.71, rel=0.005)
    assert recommend.worst(rows).tolist() == [row["over_best"]]
    assert recommend.compared(rows[rows["measurement"].isin([recommend.CHOICE, recommend.THOROUGH])]).empty
    assert recommend.chosen_and_best(rows) == []
    once = rows[(rows["name"] != "looped+jit") | rows["measurement"].isin([recommend.CHOICE, recommend.THOROUGH])]
    assert recommend.compared(once)["over_best"].tolist() == [np.inf]  # one lucky process is no proof
    assert [name for name, _ in recommend.chosen_and_best(once)] == ["stock", "looped+jit", "unrolled+jit"]
    assert recommend.random_sizes(5) == recommend.random_sizes(20)[:5]


def test_epochs_are_held_against_the_reference_of_their_backend() -> None:
    pace = np.exp(np.random.default_rng(0).normal(0, 0.3, 9))
    seconds = {("torch", "bare torch"): 1.0, ("torch", "stock"): 1.5, ("tensorflow", "stock"): 2.0}
    rows = [
        {"backend": backend, "round": number, "arm": arm, "step_seconds": factor * each / 1e3}
        for (backend, arm), factor in seconds.items()
        for number, each in enumerate(pace)
    ]
    table = epoch.ratios(pd.DataFrame(rows)).set_index(["backend", "arm"])
    assert table.loc[("torch", "stock"), "over"] == pytest.approx(1.5)
    assert table.loc[("torch", "bare torch"), "over"] == 1
    assert table.loc[("tensorflow", "stock"), "over"] == 1
    assert table.loc[("tensorflow", "stock"), "ms"] == pytest.approx(2 * np.median(pace))


@pytest.mark.parametrize("backend", epoch.FITS)
def test_every_arm_of_an_epoch_names_an_execution(backend: str) -> None:
    assert epoch.REFERENCES[backend] in {*epoch.FITS[backend], *epoch.BARE[backend]}
    for arm in epoch.FITS[backend]:
        assert not zoo.Execution.parse(arm).problem(backend)


def test_huge_pages_are_held_against_the_usual_step_of_the_same_repeat() -> None:
    factors = {"as usual": 1.0, "huge pages": 0.8, "huge pages, kept": 0.7}
    table = pd.DataFrame(
        {"backend": "jax", "entry": "lru", "task": "mnist_pixels", "repeat": repeat, "arm": arm}
        | {"step_seconds": pace * factor, "system_seconds": 0.25 * pace * factor, "page_faults": 1.0}
        for repeat, pace in enumerate((0.1, 0.2, 0.4))
        for arm, factor in factors.items()
    )
    line = huge_pages.ratios(table).iloc[0]
    assert (line["steps"], line["as usual"], line["kernel CPU over step"]) == ("784", "200 ms", "25%")
    assert line[["huge pages", "huge pages, kept"]].tolist() == ["0.80 [0.80, 0.80]", "0.70 [0.70, 0.70]"]


@pytest.mark.slow
def test_the_processes_of_each_arm_make_training_steps() -> None:
    table = pd.DataFrame(huge_pages.measure(keras.backend.backend(), "lstm", "digits_rows", repeat=0, rounds=1))
    assert table["arm"].tolist() == list(huge_pages.ARMS)
    assert (table[["step_seconds", "page_faults"]] >= 0).all(axis=None)
    assert (table["step_seconds"] > 0).all()


def test_a_search_halves_its_candidates_and_looks_at_validation_alone() -> None:
    """Of three recipes for real: each for an epoch, then the best one for two."""
    entry, task = zoo.get_entry("simple_rnn"), zoo.get_task("digits_rows")
    drawn = recipes.drawn_candidates(entry, 3, (1e-3, 1e-2))
    with no_graphs():
        rows = list(recipes.search(entry, task, drawn, [1, 2], batch=256, seed=0, backend="any"))
    assert [(row["rung"], row["epochs"]) for row in rows] == [(0, 1)] * 3 + [(1, 2)]
    assert len({row["learning_rate"] for row in rows}) == 3
    assert all(1e-3 <= row["learning_rate"] <= 1e-2 for row in rows)
    best = max(rows[:3], key=lambda row: row["score"])
    assert rows[3]["learning_rate"] == best["learning_rate"]
    assert {row["metric"] for row in rows} == {"val_accuracy"}
    assert all(0 <= row["score"] <= 1 and row["seconds"] > 0 for row in rows)


def test_candidates_are_the_same_each_time_and_have_the_options_of_their_entry() -> None:
    between = recipes.rates_of(recipes.LEARNING_RATES)
    drawn = recipes.drawn_candidates(zoo.get_entry("lru"), 20, between)
    assert drawn == recipes.drawn_candidates(zoo.get_entry("lru"), 20, between)
    assert all(len({each.options[name] for each in drawn}) > 1 for name in ("least", "phase"))
    assert {each.clip_norm for each in drawn} == {None, 1.0}
    assert recipes.drawn_candidates(zoo.get_entry("lstm"), 1, between)[0].options == {}


@pytest.mark.parametrize("text", ["", "1,", "2,1", "1,1", "0,1", "a,b", "1.5"])
def test_epochs_that_do_not_grow_are_one_line(text: str) -> None:
    with pytest.raises(zoo.ZooError, match=r"whole numbers that grow, as in 1,2,5, not"):
        recipes.epochs_of(text)


@pytest.mark.parametrize("text", ["", "1e-3", "a,b", "3e-2,1e-3", "0,1", "1e-3,inf", "1,2,3", "nan,1"])
def test_rates_that_are_no_range_are_one_line(text: str) -> None:
    with pytest.raises(zoo.ZooError, match=r"the least and the greatest learning rate, as in 1e-3,3e-2, not"):
        recipes.rates_of(text)


def test_what_is_near_the_best_is_measured_again_and_what_was_chosen() -> None:
    common = {**vars(recommend.random_sizes(1)[0]), "backend": "jax", "seconds": 1, "chosen": False, "phase": "train"}
    thorough = {"stock": 1.0, "looped+jit": 0.8, "unrolled+jit": 0.5, "fused": 0.6}
    rows = [{**common, "measurement": recommend.THOROUGH, "name": name, "ratio": r} for name, r in thorough.items()]
    rows.append({**common, "measurement": recommend.CHOICE, "name": "looped+jit", "ratio": 0.4, "chosen": True})
    arms = recommend.contenders(pd.DataFrame(rows))
    assert arms[0] == ("stock", "jax")
    assert {name for name, _ in arms} == {"stock", "looped+jit", "unrolled+jit", "fused"}
    rows[-1]["name"] = "stock"
    assert {name for name, _ in recommend.contenders(pd.DataFrame(rows))} == {"stock", "unrolled+jit", "fused"}
