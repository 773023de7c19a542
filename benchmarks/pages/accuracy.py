"""The figures of docs/results-accuracy.md: what trained models earn, from the committed tables and histories."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.pages.results import machine
from benchmarks.trained import book
from benchmarks.trained.curves import DROPOUTS, Trained
from benchmarks.trained.queue import QUEUE, Group
from benchmarks.trained.standing import published_scores, standing_texts, standings
from zoo.errors import ZooError
from zoo.measuring.enough import LEAST_REPEATS
from zoo.pretrained import cards
from zoo.report.terminal import as_markdown
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.scores import better, score_interval
from zoo.statistics.texts import number, three_digits, with_interval

Figures = dict[str, str]
LEAST_SHOWN = 9.5e-4
"""A score that is less has two digits, however many decimals that takes."""


def accuracy_figures(trained: Trained) -> Figures:
    """A table for each group of trainings, by the group's name, `machine`, and the figures of the sentences.

    Raises:
        ZooError: nothing was trained by train-reference.
    """
    rows = published_scores(trained.table)
    if rows.empty:
        raise ZooError("no trainings to write about: run python -m benchmarks train-reference")
    figures = {"machine": machine(rows), "standing": as_markdown(standing_texts(standings(trained)))}
    for group in QUEUE:
        part = _of_group(rows, group)
        if not part.empty:
            figures[group.name] = as_markdown(_texts(part))
            figures |= MORE.get(group.name, lambda *_: {})(group, part, trained)
    return figures


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
                "95%": _interval(seeds["score"], str(metric)),
                "seeds": str(len(seeds)),
                "naive": number(seeds["naive_score"].mean()),
                "training s": number(seeds["train_seconds"].mean()),
                "to target s": number(seeds["seconds_to_target"].mean(skipna=False)),
                "asked": f"{sign} {asked}" if asked else "",
                "published": book.TRAINED.get(key, "") if first else "",
                "why hardly better than naive": book.NAIVE.get(key, "") if first else "",
            }
        )
    table = pd.DataFrame(lines).fillna("")
    return table[[column for column in table if (table[column] != "").any()]]


def _mean_and_sd(scores: pd.Series) -> str:
    mean, sd = scores.mean(), scores.std()
    return _digits(mean) + ("" if pd.isna(sd) else f" ± {_digits(sd, mean)}")


def _interval(seeds: pd.Series, metric: str) -> str:
    """The 95% interval over seeds, where there are enough of them and they differ."""
    low, high = score_interval(seeds, metric) if seeds.nunique() > 1 else (float("nan"), float("nan"))
    mean = seeds.mean()
    return "" if pd.isna(low) else f"[{_digits(low, mean)}, {_digits(high, mean)}]"


def _digits(value: float, beside: float | None = None) -> str:
    """Four decimals, so that an accuracy shows hundredths of a percent; two digits beside a score below them."""
    beside = value if beside is None else beside
    if 0 < abs(beside) < LEAST_SHOWN:
        return np.format_float_positional(value, precision=2, fractional=False, trim="-")
    return f"{value:.4f}" if abs(value) < 10 else three_digits(value)


def _reber(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    """In how many epochs the validation was answered without a mistake."""
    history = trained.history
    held_out = history[(history["task"] == group.task) & (history["figure"] == "val_accuracy")]
    figures = {"reber-epochs": str(int(held_out["epoch"].max()) + 1)}
    for recipe, seeds in held_out.groupby("recipe", sort=False):
        perfect = seeds[seeds["value"] == 1].groupby("seed")["epoch"].min()
        text = f"{len(perfect)} of {seeds['seed'].nunique()} seeds"
        figures[f"reber-{recipe}"] = text + (f" (epoch {', '.join(map(str, perfect))})" if len(perfect) else "")
    return figures


def _projections(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    from zoo.tasks.wave import first_step_error, load

    data = load()
    return {"first-step-error": f"{first_step_error(data, data.tests['same_range']):.4f}"}


def _dropout(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    same = part[part["split"] == "same_range"].pivot_table(index="seed", columns="entry", values="score")
    texts = []
    for entry in (entry for entry in DROPOUTS if entry in same):
        ratios = (same[entry] / same["stacked_rnn"]).dropna()
        low, high = geometric_interval(ratios)
        verdict = "worse" if low > 1 else "better" if high < 1 else "undecided"
        verdict = verdict if len(ratios) >= LEAST_REPEATS else "too few seeds for an interval"
        texts.append(f"`{entry}` {with_interval(geometric_mean(ratios), low, high)} ({verdict})")
    return {"dropout-ratios": ", ".join(texts)}


def _mnist_book(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    history = trained.history
    ours = history[
        (history["entry"] == "simple_rnn") & (history["recipe"] == "book") & (history["figure"] == "test_accuracy")
    ].groupby("epoch")["value"]
    mean = ours.mean()
    points = ", ".join(f"{epoch}: {mean[epoch]:.4f} ({theirs})" for epoch, theirs in book.MNIST_RNN.items())
    return {"mnist-book-points": points, "mnist-book-last": f"{mean.iloc[-10:].mean():.4f}"}


def _sooner(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    """Seconds until the score that was published, of the book's recipe and of ours."""
    theirs = part["seconds_to_target"].mean(skipna=False)
    rows = published_scores(trained.table)
    by_recipe = rows["entry"].eq("lstm") & rows["recipe"].eq("fast_lstm")
    ours = rows.loc[by_recipe, "seconds_to_target"].mean(skipna=False)
    if pd.isna(theirs) or pd.isna(ours):
        return {}
    return {
        "book-seconds": f"{theirs:.0f} s",
        "fast-seconds": f"{ours:.0f} s",
        "times-sooner": f"{theirs / ours:.1f} times",
    }


def _translation(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    rows = published_scores(trained.table)
    score = rows[rows["task"] == group.task].groupby(["metric", "entry"])["score"].mean()
    figures = {
        f"{metric}-{entry}": _digits(score[metric, entry])
        for metric in ("bleu", "exact_match")
        for entry in ("lstm_on_the_fly", "encoder_decoder")
        if (metric, entry) in score.index
    }
    published = [card for card in cards() if card["task"] == group.task]
    if published:
        figures["translation-entry"] = f"`{published[0]['entry']}`"
        figures["translation-examples"] = as_markdown(pd.DataFrame(published[0]["examples"]))
    return figures


def _over_baseline(group: Group, part: pd.DataFrame, trained: Trained) -> Figures:
    """The score of each recipe of an entry over that of the group's baseline, paired by seed."""
    texts = []
    for entry, mine in part.groupby("entry", sort=False):
        by_recipe = mine.pivot_table(index="seed", columns="recipe", values="score")
        for recipe in by_recipe.columns.drop(group.baseline):
            ratios = (by_recipe[recipe] / by_recipe[group.baseline]).dropna()
            ratio = with_interval(geometric_mean(ratios), *geometric_interval(ratios))
            texts.append(f"`{entry}` {recipe} {ratio}")
    return {f"{group.name}-ratios": ", ".join(texts)}


MORE: dict[str, Callable[[Group, pd.DataFrame, Trained], Figures]] = {
    "adding": _over_baseline,
    "adding_plain": _over_baseline,
    "reber": _reber,
    "projections": _projections,
    "dropout": _dropout,
    "mnist_book": _mnist_book,
    "mnist_book_lstm": _sooner,
    "translation": _translation,
}
"""The figures of the sentences under the table of a group."""
