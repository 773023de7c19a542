"""What a comparison gives: a table of entries and baselines, and a verdict in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd

from zoo.comparison.costs import Cost
from zoo.comparison.verdicts import BETTER, WORSE, Difference, difference, mean_loss, verdicts
from zoo.problems.problem import Metric, Worth
from zoo.statistics.intervals import interval
from zoo.statistics.texts import three_digits

ENTRY, BASELINE = "entry", "baseline"


@dataclass(frozen=True)
class Score:
    """What one training is worth."""

    entry: str
    fold: int
    seed: int
    worth: Worth = field(repr=False)
    train_seconds: float = 0.0
    validation_loss: float = np.nan


@dataclass(frozen=True, eq=False)
class Outcome:
    """Entries and baselines on one problem. Print it: it is the verdict.

    Attributes:
        name: of the problem.
        metrics: the main one first.
        notes: what a reader must know of the data.
        baselines: of each fold what the baselines are worth.
        scores: of each training that ended well.
        costs: of each entry.
        executions: of each entry.
        failed: entries of which a training failed, and the first that did, in words; one that lacks a fold has no rank.
        clusters: of the test examples of each fold.
        overlap: how many clusters in a row share what they ask for.
        folder: where it is kept.
    """

    name: str
    metrics: tuple[Metric, ...]
    notes: tuple[str, ...]
    baselines: Sequence[Mapping[str, Worth]] = field(repr=False)
    scores: Sequence[Score] = field(repr=False)
    costs: Mapping[str, Cost] = field(repr=False)
    executions: Mapping[str, str] = field(repr=False)
    failed: Mapping[str, str]
    clusters: Sequence[np.ndarray] = field(repr=False)
    overlap: int
    folder: Path | None = None

    @property
    def main(self) -> Metric:
        """The measure that decides."""
        return self.metrics[0]

    @cached_property
    def common_baselines(self) -> list[str]:
        """The baselines that every fold has: only those have a mean over folds."""
        return [name for name in self.baselines[0] if all(name in each for each in self.baselines)]

    @cached_property
    def best_baseline(self) -> str:
        """The baseline with the best main score over all folds."""
        main = self.main.name
        means = {name: np.mean([each[name].scores[main] for each in self.baselines]) for name in self.common_baselines}
        return str((max if self.main.higher_is_better else min)(means, key=lambda name: means[name]))

    @cached_property
    def best_entry(self) -> str:
        """The entry with the best mean of the main score."""
        rows = self.table[self.table["kind"] == ENTRY]
        return str(rows.iloc[0]["name"])

    @cached_property
    def chosen_entry(self) -> str:
        """The entry with the least mean loss on the validation parts: the test parts choose nothing."""
        losses: dict[str, list[float]] = {}
        for score in self.scores:
            losses.setdefault(score.entry, []).append(np.nan_to_num(score.validation_loss, nan=np.inf))
        return min(losses, key=lambda entry: fmean(losses[entry]))

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """The losses of each entry less those of the best baseline."""
        result = {}
        theirs = [each[self.best_baseline].losses for each in self.baselines]
        for entry in dict.fromkeys(score.entry for score in self.scores):
            ours = [self._losses(entry, fold) for fold in self._folds]
            result[entry] = difference(ours, theirs, self.clusters, self.overlap)
        return result

    def _losses(self, entry: str, fold: int) -> np.ndarray:
        """The mean over seeds of the losses on each example of a fold."""
        every = [score.worth.losses for score in self.scores if (score.entry, score.fold) == (entry, fold)]
        return np.asarray(np.mean(every, axis=0))

    @property
    def failures(self) -> list[str]:
        """What failed, a sentence each."""
        ranked = {score.entry for score in self.scores}
        trained = [
            f"A training failed: {text}{'' if entry in ranked else '; the entry has no rank'}."
            for entry, text in self.failed.items()
        ]
        return [
            *trained,
            *(f"{name} was not timed: {cost.reason}." for name, cost in self.costs.items() if cost.reason),
        ]

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """Whether each entry is better or worse than the best baseline, or it is undecided."""
        return verdicts(self.differences)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row an entry and a row a baseline, best first: scores with 95% intervals over folds, and costs.

        A score is the mean over folds of the mean over seeds: seeds of one fold share its examples, and are no further
        sample of the data. `over_baseline` is the mean loss over that of the best baseline: under 1 is better. Times
        are milliseconds of a call with one batch, and over those of the first entry; memory is the most that the
        process of a training held.
        """
        rows = [self._row_of_baseline(name) for name in self.common_baselines]
        rows += [self._row_of_entry(name) for name in dict.fromkeys(score.entry for score in self.scores)]
        table = pd.DataFrame(rows)
        return table.sort_values(
            self.main.name, ascending=not self.main.higher_is_better, kind="stable", ignore_index=True
        )

    def _row_of_baseline(self, name: str) -> dict[str, object]:
        scores = {m.name: [each[name].scores[m.name] for each in self.baselines] for m in self.metrics}
        return {
            "name": name,
            "kind": BASELINE,
            **_means(scores),
            "verdict": "best baseline" * (name == self.best_baseline),
        }

    def _row_of_entry(self, name: str) -> dict[str, object]:
        mine = [score for score in self.scores if score.entry == name]
        by_fold = [[score.worth.scores for score in mine if score.fold == fold] for fold in self._folds]
        scores = {m.name: [fmean(each[m.name] for each in seeds) for seeds in by_fold] for m in self.metrics}
        cost, against = self.costs.get(name), self.differences[name]
        floor = self._floor
        row: dict[str, object] = {"name": name, "kind": ENTRY, **_means(scores), "verdict": self.verdicts[name]}
        ends = zip(("over_baseline", "low", "high"), (against.mean, against.low, against.high), strict=True)
        # a baseline without an error has nothing that a loss could be held over
        row |= {column: 1 + value / floor if floor > 0 else np.nan for column, value in ends}
        row |= {"execution": self.executions.get(name, ""), "trainings": len(mine)}
        row["train_seconds"] = float(np.mean([score.train_seconds for score in mine]))
        if cost and cost.milliseconds:
            for phase, value in cost.milliseconds.items():
                ratio = cost.ratios[phase]
                row |= {f"{phase}_ms": value, f"{phase}_ratio": ratio.value}
                row |= {f"{phase}_low": ratio.low, f"{phase}_high": ratio.high}
            row["peak_mib"] = cost.peak_mib
        return row

    @property
    def _folds(self) -> range:
        return range(len(self.baselines))

    @cached_property
    def _floor(self) -> float:
        """The mean loss of the best baseline, over what `difference` takes its mean of."""
        losses = [each[self.best_baseline].losses for each in self.baselines]
        return mean_loss(losses, self.clusters)

    @property
    def verdict(self) -> str:
        """The answer in a sentence or two."""
        better = [name for name in self._entries if self.verdicts[name] == BETTER]
        best = better[0] if better else self.best_entry
        ours, theirs = self.mean(best, self.main.name), self.mean(self.best_baseline, self.main.name)
        values = f"{self.main.name} {_value(self.main, ours)} against {_value(self.main, theirs)}"
        if not better:
            ahead = ours > theirs if self.main.higher_is_better else ours < theirs
            beats = "surely beats" if ahead else "beats"
            text = f"Nothing {beats} {_the(self.best_baseline)}: the best entry, {best}, has {values}"
            worse = [name for name in self._entries if self.verdicts[name] == WORSE]
            return f"{text}, and {_decided(worse, self._entries)}."
        by = self._gain(best)
        text = f"{best} beats {_the(self.best_baseline)}, the best baseline, {by}: {values}."
        others = better[1:]
        return text + (f" So {'does' if len(others) == 1 else 'do'} {_words(others)}." if others else "")

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict}"

    @property
    def _entries(self) -> list[str]:
        return self.table.loc[self.table["kind"] == ENTRY, "name"].tolist()

    def mean(self, name: str, metric: str) -> float:
        """The mean score of an entry or a baseline, over folds and seeds."""
        return dict(zip(self.table["name"], self.table[metric], strict=True))[name]

    def _gain(self, name: str) -> str:
        """By how much an entry is better than the best baseline, with its interval."""
        against = self.differences[name]
        if self.main.higher_is_better:
            points = [-100 * each for each in (against.mean, against.high, against.low)]
            return f"by {points[0]:.1f} points [{points[1]:.1f}, {points[2]:.1f}]"
        row = self.table.set_index("name").loc[name]
        part = [100 * (1 - row[column]) for column in ("over_baseline", "high", "low")]
        return f"by {part[0]:.1f}% [{part[1]:.1f}, {part[2]:.1f}]"


def _means(scores: Mapping[str, Sequence[float]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for metric, values in scores.items():
        low, high = interval(pd.Series(values, dtype=float))
        result |= {metric: float(np.mean(values)), f"{metric} low": low, f"{metric} high": high}
    return result


def _value(metric: Metric, value: float) -> str:
    return f"{value:.1%}" if metric.name in ("accuracy", "macro F1") else three_digits(value)


def _the(baseline: str) -> str:
    return baseline if baseline.startswith("Auto") else f"the {baseline}"


def _decided(worse: Sequence[str], entries: Sequence[str]) -> str:
    if len(worse) == len(entries):
        return "every entry is worse" if len(entries) > 1 else "it is worse"
    return f"{_words(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else "no difference is sure"


def _words(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""
