"""docs/results-accuracy.md: what trained models earn, written from the committed tables and histories."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.trained import book
from benchmarks.trained.curves import DROPOUTS, Trained
from benchmarks.trained.queue import QUEUE, Group
from zoo.errors import ZooError
from zoo.pretrained import cards
from zoo.report.terminal import as_markdown
from zoo.statistics.columns import LEAST_REPEATS
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.scores import better, scores
from zoo.statistics.texts import number, three_digits, with_interval

INTRODUCTION = """\
# What trained models earn

Written by `python -m benchmarks page` from the raw tables in [results/reference](../results/reference), a row a seed,
which `python -m benchmarks train-reference` appends to. {where} Every score is of a test split that chose nothing: the
weights are those of the last epoch. Training seconds are training alone, compilation included; to target: until the
score that was published for the task was first reached after an epoch, on average over the seeds that reached it.

![Score against training time](../results/charts/score_against_time.png)
"""
CHARTS = {
    "mnist": ("mnist_by_epoch", "Accuracy on MNIST by epoch"),
    "projections": ("wave_and_instance", "The wave and a training instance"),
    "dropout": ("dropout_curves", "Dropout in training and in test"),
    "digits": ("drawn_digits", "Digits drawn row by row"),
}


def page(trained: Trained) -> str:
    """The whole page.

    Raises:
        ZooError: nothing was trained by train-reference.
    """
    rows = scores(trained.table).query("run == 'train-reference'")
    if rows.empty:
        raise ZooError("no trainings to write about: run python -m benchmarks train-reference")
    where = ", ".join(
        f"{name}, {cores} cores" for name, cores in rows[["device_name", "cpu_count"]].drop_duplicates().values
    )
    parts = [INTRODUCTION.format(where=f"Measured on {where}.")]
    for group in QUEUE:
        part = _of_group(rows, group)
        if part.empty:
            continue
        kind = group.name.removeprefix(f"{group.task}_").removesuffix(f"_{group.task}").replace("_", " ")
        title = group.task if group.name == group.task else f"{group.task}: {kind}"
        parts.append(f"## {title}\n\n{as_markdown(_texts(part))}")
        said = REMARKS.get(group.name, lambda *_: "")(part, rows, trained)
        parts += [said] if said else []
        if group.name in CHARTS:
            name, title = CHARTS[group.name]
            parts.append(f"![{title}](../results/charts/{name}.png)\n")
    return "\n".join(parts)


def _of_group(rows: pd.DataFrame, group: Group) -> pd.DataFrame:
    mine = rows["task"].eq(group.task) & rows["entry"].isin(group.entries) & rows["recipe"].isin(group.recipes)
    return rows[mine]


def _texts(part: pd.DataFrame) -> pd.DataFrame:
    """A row a training and split, as texts."""
    lines = []
    for (entry, recipe, units, split), trained in part.groupby(["entry", "recipe", "units", "split"], sort=False):
        by_metric = dict(iter(trained.groupby("metric", sort=False)))
        metric, seeds = next(iter(by_metric.items()))
        key = str(entry), str(seeds["task"].iloc[0]), str(recipe)
        first = split == part["split"].iloc[0]
        asked = book.LEAST.get(key) if first else None
        sign = "≥" if better(str(metric)).startswith("higher") else "≤"
        lines.append(
            {
                "entry": entry,
                "recipe": recipe,
                "units": str(units),
                "split": split,
                **{str(name): _mean_and_sd(of_it["score"]) for name, of_it in by_metric.items()},
                "seeds": str(len(seeds)),
                "naive": number(seeds["naive_score"].mean()),
                "training s": number(seeds["train_seconds"].mean()),
                "to target s": number(seeds["seconds_to_target"].mean()),
                "asked": f"{sign} {asked}" if asked else "",
                "published": book.TRAINED.get(key, "") if first else "",
            }
        )
    table = pd.DataFrame(lines).fillna("")
    return table[[column for column in table if (table[column] != "").any()]]


def _mean_and_sd(scores: pd.Series) -> str:
    sd = scores.std()
    return _digits(scores.mean()) + ("" if pd.isna(sd) else f" ± {_digits(sd)}")


def _digits(value: float) -> str:
    """Four decimals of what is below ten, so that an accuracy shows hundredths of a percent."""
    return f"{value:.4f}" if abs(value) < 10 else three_digits(value)


def _reber(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    history = trained.history
    held_out = history[(history["task"] == "reber") & (history["figure"] == "val_accuracy")]
    said = []
    for recipe, seeds in held_out.groupby("recipe", sort=False):
        of_seed = [seed.sort_values("epoch") for _, seed in seeds.groupby("seed")]
        whole = [int(seed["epoch"][seed["value"] == 1].min()) for seed in of_seed if (seed["value"] == 1).any()]
        when = f", first in epoch {', '.join(map(str, whole))}" if whole else ""
        best = max(seed["value"].max() for seed in of_seed)
        said.append(
            f"by `{recipe}` {len(whole)} of {len(of_seed)} seeds reached 100% in validation{when}"
            + (f" (the best epoch of the others: {best:.2%})" if len(whole) < len(of_seed) and not whole else "")
        )
    return f"Of {int(held_out['epoch'].max()) + 1} epochs at most, counted from 0: {'; '.join(said)}.\n"


def _projections(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    from zoo.tasks.wave import first_step_error, load

    data = load()
    floor = first_step_error(data, data.tests["same_range"])
    return (
        f"Of the MSE on `same_range` {floor:.4f} is the first step, which no model can predict: one value cannot tell "
        "whether the wave rises or falls. (The part of it that the best guess from one value leaves, worked out from "
        "the 200 nearest training windows.) The three projections are the same computation: they differ by rounding.\n"
    )


def _dropout(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    same = part[part["split"] == "same_range"].pivot_table(index="seed", columns="entry", values="score")
    said = []
    for entry in (entry for entry in DROPOUTS if entry in same):
        ratios = (same[entry] / same["stacked_rnn"]).dropna()
        low, high = geometric_interval(ratios)
        verdict = "worse" if low > 1 else "better" if high < 1 else "no difference shown"
        verdict = verdict if len(ratios) >= LEAST_REPEATS else "too few seeds for an interval"
        said.append(f"`{entry}` {with_interval(geometric_mean(ratios), low, high)} ({verdict})")
    return (
        "MSE in test over that of no dropout, paired by seed, with its 95% interval: " + ", ".join(said) + ". The book "
        'says of input dropout on the wave: "does not help at all".\n'
    )


def _mnist_book(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    history = trained.history
    ours = history[
        (history["entry"] == "simple_rnn") & (history["recipe"] == "book") & (history["figure"] == "test_accuracy")
    ].groupby("epoch")["value"]
    mean = ours.mean()
    points = ", ".join(f"{epoch}: {mean[epoch]:.4f} ({theirs})" for epoch, theirs in book.MNIST_RNN.items())
    return f"By epoch, the book's in brackets: {points}; mean of the last ten {mean.iloc[-10:].mean():.4f} (.9777).\n"


def _sooner(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    theirs = part["seconds_to_target"].mean()
    fast = rows[rows["recipe"] == "fast_lstm"]["seconds_to_target"]
    if pd.isna(theirs) or fast.isna().all():
        return ""
    return (
        f"Until 98.7% the book's recipe took {theirs:.0f} s, `lstm` by `fast_lstm` {fast.mean():.0f} s on the same "
        f"execution: {theirs / fast.mean():.1f} times sooner.\n"
    )


def _translation(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    score = part.groupby(["metric", "entry"])["score"].mean()
    said = ""
    if {"lstm_on_the_fly", "encoder_decoder"} <= set(part["entry"]):
        told = [
            f"{name} {_digits(score[metric, 'lstm_on_the_fly'])} against {_digits(score[metric, 'encoder_decoder'])}"
            for metric, name in {"bleu": "BLEU", "exact_match": "exact match"}.items()
        ]
        said = (
            "An LSTM that translates on the fly, a word for each word, is said to do worse than an encoder and a "
            f"decoder. Here: {', '.join(told)}, of one seed each, with the same epochs and about as many weights. "
            "An `<unknown>` word matches another one.\n\n"
        )
    found = [card for card in cards() if card["task"] == "translation"]
    if not found:
        return said
    examples = pd.DataFrame(found[0]["examples"])
    return f"{said}Ten sentences of the test by the published `{found[0]['entry']}`:\n\n{as_markdown(examples)}"


def _through_time(part: pd.DataFrame, rows: pd.DataFrame, trained: Trained) -> str:
    """What clipping and truncation buy: the recipes of an entry, each over the clipped and whole one."""
    said = []
    for entry, mine in part.groupby("entry", sort=False):
        by_recipe = mine.pivot_table(index="seed", columns="recipe", values="score")
        usual = min(map(str, by_recipe.columns), key=len)  # "fast", or "slow" beside "slow_unclipped"
        for recipe in by_recipe.columns.drop(usual):
            ratios = (by_recipe[recipe] / by_recipe[usual]).dropna()
            told = with_interval(geometric_mean(ratios), *geometric_interval(ratios))
            said.append(f"`{entry}` {recipe.removeprefix(f'{usual}_')} {told}")
    return (
        "MSE in test over that of gradients clipped to a norm of 1 and whole, paired by seed, with its 95% interval: "
        f"{', '.join(said)}. Truncated ones go back 50 of the 200 steps.\n"
    )


REMARKS = {
    "adding": _through_time,
    "adding_plain": _through_time,
    "reber": _reber,
    "projections": _projections,
    "dropout": _dropout,
    "mnist_book": _mnist_book,
    "mnist_book_lstm": _sooner,
    "translation": _translation,
}
"""What is said under the table of a group."""


def write(trained: Trained, path: Path) -> Path:
    """Write the page to `path`."""
    path.write_text(page(trained))
    return path
