"""How many times as fast one side is as another, each side the fastest of several arms, in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zoo.statistics.columns import PAIR, REPEAT, SETTING, SIZES
from zoo.statistics.intervals import geometric_mean
from zoo.statistics.ratios import medians, medians_and_blocks
from zoo.statistics.remembered import once_a_table
from zoo.statistics.rounds import round_ratios
from zoo.statistics.stock import STOCK_LOOPS, stands_for
from zoo.statistics.verdicts import ratio_test, with_verdicts

Side = Callable[[pd.DataFrame], pd.Series]
"""Which rows of `medians` belong to a side: a mask."""
SIZE = ["entry", "task", *SIZES]
PLACE = ["device_name", "cpu_count", "device"]
SIDES = ("ours", "theirs")
LEAST_GAINS = 2
"""Under so many repeats no arm can be chosen from the others."""
BELOW_FLOOR = "below the floor"
TOO_FEW = f"fewer than {LEAST_GAINS} repeats"
COLUMNS = {"step_seconds": "step_seconds", "floor_seconds": "trainer_floor_seconds"}
TIMES = [f"{side}_{what}" for side in SIDES for what in COLUMNS]
GAIN = ["comparison", "phase", *SIDES, "gain", "low", "high", "repeats", "verdict", *TIMES, "problem"]
TESTED = ["log_sd", "degrees", "p_value", "p_equal"]


def arms_of(backend: str, *executions: str) -> Side:
    """The rows of these executions on a backend."""
    return lambda rows: rows["backend"].eq(backend) & rows["execution"].isin(executions)


def stock_on(backend: str) -> Side:
    """The rows of the stock layer on a backend."""
    return lambda rows: rows["backend"].eq(backend) & stands_for(rows, STOCK_LOOPS[0])


def any_stock(rows: pd.DataFrame) -> pd.Series:
    """The rows of the stock layer on any backend; none where one backend alone took turns, or one lacks the layer."""
    backends = set(rows["backend"][rows["runner"].eq("keras")])
    if len(backends) < 2:
        return pd.Series(False, index=rows.index)
    stock = stands_for(rows, STOCK_LOOPS[0]) | stands_for(rows, STOCK_LOOPS[1])
    return stock & (backends == set(rows.loc[stock, "backend"]))


def of_the_zoo(rows: pd.DataFrame) -> pd.Series:
    """The rows of every execution of Keras' but the stock layers."""
    return rows["runner"].eq("keras") & ~rows["loop"].isin(STOCK_LOOPS)


@dataclass(frozen=True)
class Comparison:
    """Two sides of a comparison: of several arms the fastest at a size counts."""

    what: str
    ours: Side  #: a row alone says whether it is ours
    theirs: Side  #: this one sees the rows of a group together
    phases: tuple[str, ...]
    net: bool = False  #: whether the floor of each trainer, a one-Dense model on the same path, is taken off


FUSED = arms_of("torch", "fused")
KERAS_TF = arms_of("tensorflow", "looped", "unrolled", "looped+jit", "unrolled+jit", *STOCK_LOOPS)
BOTH = ("train", "predict")
OVER_STOCK = Comparison("the zoo's best against the best of stock", of_the_zoo, any_stock, BOTH)
COMPARISONS = (
    Comparison("fused against stock Keras on torch", FUSED, stock_on("torch"), BOTH),
    OVER_STOCK,
    Comparison(
        "fused kernel against bare torch, floors off", FUSED, arms_of("torch", "torch-native"), ("train",), net=True
    ),
    Comparison(
        "ONNX Runtime against the fastest Keras on TensorFlow",
        arms_of("tensorflow", "onnxruntime-native"),
        KERAS_TF,
        ("predict",),
    ),
)


@once_a_table
def gains(table: pd.DataFrame, comparisons: Sequence[Comparison] = COMPARISONS) -> pd.DataFrame:
    """One row a comparison, phase and size: how many times as fast ours is, with its 95% interval over repeats.

    In each repeat the fastest arm of a side is chosen by its median over the *other* repeats, and the gain is read in
    the repeat left out: to choose by the time that is then reported would favour whatever was lucky in it. An arm that
    is theirs is never ours as well. `ours` and `theirs` name the arms chosen, the most frequent first. Arms are of one
    group, whose arms took turns: of several at a size the one with the most arms counts. The gain is read from the
    rounds that both share, or, where floors are taken off or no turns were taken, from their medians. A floor is taken
    as it is: the interval leaves out its own error.
    `ours_step_seconds` is the median of the arms chosen, `ours_floor_seconds` that of the floors of their trainers.

    `verdict` says whether ours is decidedly faster or slower, corrected over the sizes of a comparison, phase, task and
    place.

    `gain` is missing where `problem` says why: a time of 0 or less once the floor of the trainer is taken off, or
    fewer than 2 repeats.
    """
    times, blocks = medians_and_blocks(table)
    times = times.assign(case=times.index, net=times["step_seconds"] - times["trainer_floor_seconds"])
    times = times[times["masked"] == "none"]
    times["arm"] = times["backend"] + " " + times["execution"]
    ours = {each.what: each.ours(times) & times["phase"].isin(each.phases) for each in comparisons}
    times = times.assign(**ours)
    keys = [*SIZE, *PLACE]
    rows = []
    for key, part in times.groupby([*keys, "phase", "group"], sort=False, dropna=False):
        *size, phase, _ = key
        for comparison in comparisons:
            if part[comparison.what].any() and (gain := _gain(comparison, part, blocks)):
                count = part["arm"].nunique()
                rows.append({**dict(zip(keys, size, strict=True)), "phase": phase, **gain, "arms": count})
    found = pd.DataFrame(rows, columns=[*keys, *GAIN, *TESTED, "arms"])
    found = found.sort_values("arms", ascending=False, kind="stable")
    found = found.drop_duplicates([*keys, "phase", "comparison"]).sort_index().reset_index(drop=True)
    judged = with_verdicts(
        found.assign(ratio=1 / found["gain"].astype("float64")), ["comparison", "phase", "task", *PLACE]
    )
    return judged[[*keys, *GAIN]]


def _gain(comparison: Comparison, part: pd.DataFrame, blocks: pd.DataFrame) -> dict[str, Any]:
    """The columns of one comparison at one size; empty where a side was not measured."""
    theirs = comparison.theirs(part)
    if not theirs.any():  # most groups hold neither a fused kernel nor a peer
        return {}
    ours = part[comparison.what] & ~theirs
    value = "net" if comparison.net else "step_seconds"
    part = part.assign(seconds=part[value])
    part = part[[*PAIR, "arm", "case", "seconds", *COLUMNS.values()]]
    sides = [part[side & part["seconds"].notna()] for side in (ours, theirs)]
    if any(side.empty for side in sides):
        return {}
    both = _together([_left_out(side) for side in sides])
    row = {"comparison": comparison.what, "gain": np.nan, "low": np.nan, "high": np.nan, "problem": ""}
    row |= dict.fromkeys(TESTED, np.nan)
    repeats = both[REPEAT].drop_duplicates()
    if len(repeats) < LEAST_GAINS:
        made = sides[0][REPEAT].drop_duplicates().merge(sides[1][REPEAT].drop_duplicates())
        names = {name: " or ".join(sorted(set(side["arm"]))) for name, side in zip(SIDES, sides, strict=True)}
        return {**row, **names, "repeats": len(made), "problem": TOO_FEW}
    row |= {name: " or ".join(both[f"arm_{name}"].value_counts().index) for name in SIDES}
    row["repeats"] = len(repeats)
    row |= {f"{name}_{what}": both[f"{column}_{name}"].median() for name in SIDES for what, column in COLUMNS.items()}
    if (both[[f"seconds_{name}" for name in SIDES]] <= 0).any(axis=None):
        return {**row, "problem": BELOW_FLOOR}
    gained = both["seconds_theirs"] / both["seconds_ours"]
    if not comparison.net:
        couples = both.rename(columns={"case_theirs": "case", "case_ours": "base_case"})
        gained = round_ratios(couples, blocks)
    by_repeat = gained.groupby([both[name] for name in REPEAT]).agg(geometric_mean)
    test = ratio_test(by_repeat)
    return {**row, "gain": test["ratio"], **{name: test[name] for name in ("low", "high", *TESTED)}}


def _left_out(side: pd.DataFrame) -> pd.DataFrame:
    """For each repeat the rows of the arm that was fastest in the others, one for each group it stood in."""
    by_repeat = side.pivot_table(index=REPEAT, columns="arm", values="seconds", aggfunc="median")
    seconds, chosen = by_repeat.to_numpy(float), {}
    for place, repeat in enumerate(by_repeat.index):
        others = np.delete(seconds, place, axis=0)
        known = np.flatnonzero(~np.isnan(seconds[place]) & ~np.isnan(others).all(axis=0))
        if len(known):
            chosen[repeat] = by_repeat.columns[known[np.nanmedian(others[:, known], axis=0).argmin()]]
    repeats = pd.MultiIndex.from_frame(side[REPEAT])
    return side[side["arm"].to_numpy() == repeats.map(chosen)]


def _together(chosen: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of both sides that stood in one group of a repeat."""
    ours, theirs = chosen
    return ours.merge(theirs, on=PAIR, suffixes=[f"_{name}" for name in SIDES])


def arms(table: pd.DataFrame) -> pd.DataFrame:
    """One row a setting, phase and arm, fastest first.

    Seconds a call, the same less the floor of its trainer, and the fraction of both limits that each reaches; a time of
    0 or less once the floor is taken off has no such fraction.
    """
    times = medians(table, REPEAT)
    times["net_seconds"] = times["step_seconds"] - times["trainer_floor_seconds"]
    keys = [*SETTING, "execution"]
    costs = ["step_seconds", "net_seconds", "limit_seconds", "chain_limit_seconds", "first_call_seconds"]
    result = times.groupby(keys, sort=False, dropna=False)[costs].median().reset_index()
    net = result["net_seconds"].where(result["net_seconds"] > 0)
    for limit in ("limit", "chain_limit"):
        result[f"of_{limit}"] = result[f"{limit}_seconds"] / result["step_seconds"]
        result[f"net_of_{limit}"] = result[f"{limit}_seconds"] / net
    return result.sort_values([*SIZE, "phase", "step_seconds"], kind="stable", ignore_index=True)
