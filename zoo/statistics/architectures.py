"""Entries of a task beside each other: what each earns, and what it costs."""

from __future__ import annotations

import math

import pandas as pd

from zoo.statistics.columns import MIB, REPEAT
from zoo.statistics.entries import REFERENCE, against_reference, plain_loops
from zoo.statistics.ratios import medians
from zoo.statistics.remembered import once_a_table
from zoo.statistics.scores import MOST, better, score_interval, scores

ROUNDING = 1e-9
"""The width of an interval of scores that are all the same may be so much."""
MACHINE = ["device_name", "cpu_count"]
TIMED_ON = ["backend", "device", *MACHINE]
PLACE = ["task", *TIMED_ON, "steps", "features"]
"""Where entries are compared."""
SIZE = [*PLACE, "entry", "units"]
SAME = [*SIZE, "parameters"]
"""What a score and a cost must share to stand in one row: an option of an entry may make another model of it."""
EARNED = ["recipe", "score", "score_low", "score_high", "seeds", "naive_score", "train_seconds", "seconds_to_target"]
COST = ["ratio", "low", "high", "verdict"]
COSTS = [*(f"{phase}_{name}" for phase in ("train", "predict") for name in COST), "step_peak_mib", "reference"]
RANKED = ["best_rank", "worst_rank", "on_front"]
COMPARED = [*PLACE, "split", "metric", "entry", "model", "units", "parameters", *EARNED, *COSTS, *RANKED]


def as_good_as_the_best(ranked: pd.DataFrame) -> pd.DataFrame:
    """The best entry and those behind it that are not decidedly worse, up to the first one that is.

    What comes after that is tied by a wide interval alone: nobody would take it.

    Args:
        ranked: rows of `architectures` that have a rank, of one place, split and metric.
    """
    worse = ranked["best_rank"].gt(1).astype("bool")
    return ranked[~worse.cummax()]


def fastest_of_the_best(ranked: pd.DataFrame) -> pd.DataFrame:
    """Of the entries that are as good as the best those that train fastest: the first, and what its interval meets.

    No row where one of them was not timed, or where all of them train as fast.

    Args:
        ranked: rows of `architectures` that have a rank, of one place, split and metric.
    """
    tied = as_good_as_the_best(ranked).sort_values("train_ratio", kind="stable")
    if tied.empty or tied["train_ratio"].isna().any():
        return tied.iloc[:0]
    low, high = _ends(tied, "train_low", "train_high", "train_ratio")
    fastest = tied[low <= high.iloc[0]]
    return fastest if len(fastest) < len(tied) else tied.iloc[:0]


@once_a_table
def architectures(table: pd.DataFrame) -> pd.DataFrame:
    """What every entry of a task earns and costs: one row an entry, numbers of units and parameters, split and metric.

    Of several recipes of an entry the one with the best mean validation score counts (`with_validation`), or the first
    where none is known; recipes with other numbers of parameters are of other models. A score is of the weights, which
    no backend changes: it stands beside the costs of each one, and of each machine; the seconds of its training stand
    beside the costs of their own backend and machine.
    `model` is the entry, with the recipe or the units where it has several models: "min_gru (blocks)",
    "lstm (128 units)".
    `score_low` to `score_high` is the 95% interval over seeds (`score_interval`, none under 3; `_widened` where all
    score the same). `train_ratio` is the time of a training step over that of the reference entry at this size,
    `reference`, both looped, with `train_low` and `train_high`, and so for `predict_ratio`; it is 1 for the reference.
    `step_peak_mib` is the peak of memory of training over that of a one-Dense model.

    Rows without a score or without a cost stand there too, at the numbers of units that were trained.

    Best first: `best_rank` is 1 more than the number of entries whose interval is wholly better, `worst_rank` the
    number of those whose interval is not wholly worse. `on_front` marks the Pareto front of score and training time: no
    other entry is decidedly better in one of them (their intervals are apart) and has a mean in the other that this
    one's interval reaches. What was not timed cannot be on it.
    """
    costs = _costs(table)
    earned = _earned(table, costs)
    scored = earned[[*PLACE, "units", "split", "metric"]].drop_duplicates()
    costs = costs.merge(scored, on=[*PLACE, "units"], how="inner")
    rows = earned.merge(costs, on=[*SAME, "split", "metric"], how="outer")
    parts = [_ranked(part) for _, part in rows.groupby([*PLACE, "split", "metric"], sort=True, dropna=False)]
    return pd.concat(parts, ignore_index=True)[COMPARED] if parts else pd.DataFrame(columns=COMPARED)


def _earned(table: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """The score of each model by the recipe that validation chose.

    A training that did not count parameters has those of the cost.
    """
    size = [name for name in SIZE if name not in TIMED_ON]
    counted = costs[[*size, "parameters"]].drop_duplicates(size).rename(columns={"parameters": "of_cost"})
    rows = scores(table).merge(counted, on=size, how="left")
    if "validation" not in rows:
        rows["validation"] = float("nan")
    rows["parameters"] = rows["parameters"].astype("float64").fillna(rows["of_cost"])
    keys = [name for name in [*SAME, "split", "metric", "recipe"] if name not in MACHINE]
    seconds = _seconds(rows, [*keys, *MACHINE])
    rows = rows.drop_duplicates([*keys, "seed"], keep="last")  # trained on two machines it is one training still
    result = []
    for key, seeds in rows.groupby(keys, sort=False, dropna=False):
        low, high = score_interval(seeds["score"], str(seeds["metric"].iloc[0]))
        figures = {"score": seeds["score"].mean(), "score_low": low, "score_high": high, "seeds": len(seeds)}
        figures |= {name: seeds[name].mean() for name in ("naive_score", "validation")}
        result.append({**dict(zip(keys, key, strict=True)), **figures})
    columns = [*keys, "score", "score_low", "score_high", "seeds", "naive_score", "validation"]
    frame = _widened(pd.DataFrame(result, columns=columns).astype({"parameters": "float64"}))
    frame = _where_timed(frame, seconds, costs, keys).sort_values("validation", kind="stable")
    return frame.drop_duplicates([*SAME, "split", "metric"]).drop(columns="validation")


def _seconds(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The mean seconds of the trainings of one machine.

    To the target there are none unless all of its seeds got there: those that did are the lucky ones.
    """
    trainings = rows.drop_duplicates([*keys, "seed"], keep="last").groupby(keys, sort=False, dropna=False)
    to_target = trainings["seconds_to_target"].agg(lambda seconds: seconds.mean(skipna=False))
    return pd.concat([trainings["train_seconds"].mean(), to_target], axis=1).reset_index()


def _widened(earned: pd.DataFrame) -> pd.DataFrame:
    """Intervals of no width, where all seeds score the same, become as wide as the task's median one of as many seeds.

    Three accuracies on few examples may be the same by chance: the spread of the seeds is small then, and not nothing.
    """
    width = earned["score_high"] - earned["score_low"]
    alike = [earned[name] for name in ("task", "steps", "features", "split", "metric", "seeds")]
    flat = width < ROUNDING
    usual = width.mask(flat).groupby(alike, dropna=False).transform("median")
    half = (usual / 2).where(flat).fillna(0.0)
    most = earned["metric"].map(MOST).fillna(math.inf)
    high = (earned["score_high"] + half).clip(upper=most)
    return earned.assign(score_low=earned["score_low"] - half, score_high=high)


def _where_timed(earned: pd.DataFrame, seconds: pd.DataFrame, costs: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The scores of a task wherever it was timed: of its own backend, or else of the one with most seeds.

    Beside them stand the `seconds` of the trainings that were made there. Where a task was never timed its scores stand
    where most of its entries were trained.
    """
    task = [name for name in PLACE if name not in TIMED_ON]
    busiest = seconds.groupby(PLACE, sort=False, dropna=False).size().sort_values(ascending=False, kind="stable")
    trained_on = busiest.reset_index()[PLACE].drop_duplicates(task)
    timed_on = costs[PLACE].drop_duplicates()
    never_timed = trained_on.merge(timed_on[task].drop_duplicates(), on=task, how="left", indicator=True)
    never_timed = never_timed.loc[never_timed["_merge"] == "left_only", PLACE]
    rows = pd.concat([timed_on, never_timed]).merge(earned, on=task, suffixes=("", "_of_score"))
    own = rows["backend"].eq(rows["backend_of_score"]) & rows["device"].eq(rows["device_of_score"])
    rows = rows.assign(own=own).sort_values(["own", "seeds"], ascending=False, kind="stable")
    rows = rows.drop_duplicates([*keys, *MACHINE])[[*earned, *MACHINE]]
    return rows.merge(seconds, on=[*keys, *MACHINE], how="left")


def _order(rows: pd.DataFrame) -> pd.Series:
    """The scores so that less is better."""
    higher = rows["metric"].map(lambda metric: better(str(metric)).startswith("higher")).astype(bool)
    return rows["score"].mask(higher, -rows["score"])


def _costs(table: pd.DataFrame) -> pd.DataFrame:
    """What the looped arm of each entry costs over the reference entry; of several batches the one of most entries."""
    times = plain_loops(medians(table, REPEAT))
    times = times[(times["masked"] == "none") & (times["phase"] == "train")]
    entries = times.groupby([*PLACE, "units", "batch"], dropna=False)["entry"].nunique().rename("entries").reset_index()
    usual = entries.sort_values("entries", ascending=False, kind="stable").drop_duplicates([*PLACE, "units"])
    usual = usual[[*PLACE, "units", "batch"]]
    shared = [*SIZE, "batch"]
    own = (
        times.merge(usual)
        .groupby(shared, dropna=False)
        .agg(parameters=("parameters", "median"), step_peak_bytes=("step_over_floor_bytes", "median"))
    )
    result = own.reset_index().assign(step_peak_mib=lambda rows: rows["step_peak_bytes"] / MIB)
    ratios = against_reference(table).query("masked == 'none'").merge(usual)
    references = ratios[[*PLACE, "reference"]].drop_duplicates(PLACE)
    result["reference"] = result.merge(references, on=PLACE, how="left")["reference"].fillna(REFERENCE).to_numpy()
    is_reference = result["entry"] == result["reference"]
    for phase in ("train", "predict"):
        mine = ratios.loc[ratios["phase"] == phase, [*shared, *COST]].drop_duplicates(shared)
        result = result.merge(mine.rename(columns={name: f"{phase}_{name}" for name in COST}), on=shared, how="left")
        result.loc[is_reference, f"{phase}_ratio"] = 1.0
    return result[[*SAME, *COSTS]].astype({"parameters": "float64"})


def _ranked(part: pd.DataFrame) -> pd.DataFrame:
    """The entries of one task and metric, best first, with their ranks and the front."""
    part = part.assign(order=_order(part)).sort_values("order", kind="stable", na_position="last")
    higher = better(str(part["metric"].iloc[0])).startswith("higher")
    low, high = ("score_high", "score_low") if higher else ("score_low", "score_high")
    sign = -1 if higher else 1
    best, worst = sign * part[low], sign * part[high]  # the best and the worst that the mean may be: less is better
    known = best.notna()
    part["best_rank"] = [
        1 + int((worst[known] < each).sum()) if ok else pd.NA for each, ok in zip(best, known, strict=True)
    ]
    part["worst_rank"] = [
        int((best[known] <= each).sum()) if ok else pd.NA for each, ok in zip(worst, known, strict=True)
    ]
    part["model"] = _names(part)
    part["on_front"] = _on_front(part, best, worst)
    return part.astype({"best_rank": "Int64", "worst_rank": "Int64"})


def _names(part: pd.DataFrame) -> pd.Series:
    """The entries; of those with several models with their units, where these differ, or else their recipe."""
    by_recipe = part.duplicated(["entry", "units"], keep=False) & part["recipe"].notna()
    by_units = (part.groupby("entry")["units"].transform("nunique") > 1) & ~by_recipe
    names = part["entry"].mask(by_recipe, part["entry"] + " (" + part["recipe"].astype("str") + ")")
    return names.mask(by_units, part["entry"] + " (" + part["units"].astype("str") + " units)")


def _on_front(part: pd.DataFrame, best: pd.Series, worst: pd.Series) -> list[bool]:
    """Whether no other entry is decidedly better in one of score and training time and as good in the other.

    Args:
        part: rows of one task and metric, with `order`, the score so that less is better.
        best: the better end of the interval of `order`.
        worst: the other end.
    """
    order, ratio = part["order"], part["train_ratio"]
    best, worst = best.fillna(order), worst.fillna(order)
    fast, slow = _ends(part, "train_low", "train_high", "train_ratio")
    result = []
    for row in part.index:
        better_score, faster = worst < best[row], slow < fast[row]
        as_good, as_fast = order <= worst[row], ratio <= slow[row]
        beaten = bool(((better_score & as_fast) | (faster & as_good)).any())
        result.append(not beaten and pd.notna(order[row]) and pd.notna(ratio[row]))
    return result


def _ends(rows: pd.DataFrame, low: str, high: str, mean: str) -> tuple[pd.Series, pd.Series]:
    """The ends of an interval, the mean itself where there is none."""
    return rows[low].fillna(rows[mean]), rows[high].fillna(rows[mean])
