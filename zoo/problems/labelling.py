"""The problem of a label: sequences in folds of equal shares of the labels, compared with simple classifiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from zoo.data import Split
from zoo.errors import ZooError, positive_whole
from zoo.problems.examples import Labelled
from zoo.problems.problem import Examples, Metric, Worth, digest_of, own_task
from zoo.problems.reading import cut, number_inputs, text_inputs, tokens_by_word, words_of
from zoo.problems.scaling import without_constants
from zoo.registry import Task

MAJORITY, LINEAR = "majority class", "linear model"
UNITS, BATCH, EMBEDDING = 32, 32, 32
MOST_STEPS = 200
"""Of a sequence: longer ones are cut, the end of a text or the start of a recording."""
MOST_WORDS = 10_000
LEAST_EACH = 2


@dataclass(frozen=True, eq=False)
class Labelling:
    """What label a sequence has.

    Attributes:
        examples_of: the sequences.
        label: the column of the labels.
        fold_count: how many folds.
        steps: that a model reads at most.
    """

    examples_of: Labelled
    label: str
    fold_count: int = 3
    steps: int = MOST_STEPS
    metrics: Sequence[Metric] = (Metric("accuracy", higher_is_better=True), Metric("macro F1", higher_is_better=True))
    overlap: int = field(default=1, init=False)  #: examples do not depend on each other

    def __post_init__(self) -> None:
        positive_whole("folds", self.fold_count)
        positive_whole("window", self.steps)
        least = max(2, self.fold_count) + LEAST_EACH
        counts = Counter(self.examples_of.labels[[copies[0] for copies in self._copies]].tolist())
        rarest = min(counts, key=lambda code: counts[code])
        if counts[rarest] < least:
            name, number = self.examples_of.names[rarest], counts[rarest]
            different = "different " * (len(self._copies) < len(self.examples_of))
            raise ZooError(
                f"label {name!r} stands at {number} {different}example{'s' * (number != 1)}: each label needs {least} "
                f"or more for {self.fold_count} fold{'s' * (self.fold_count != 1)}"
            )

    @property
    def name(self) -> str:
        """The label."""
        return f"{self.label} of {len(self.examples_of):,} sequences"

    @property
    def folds(self) -> int:
        """How many there are."""
        return self.fold_count

    @cached_property
    def width(self) -> int:
        """The steps of all arrays: those of the longest sequence, or the most that are read."""
        return min(self.steps, max(map(len, self._units)))

    @cached_property
    def _units(self) -> list[Any]:
        """Of each example its words, or its rows."""
        if self.examples_of.texts is None:
            assert self.examples_of.sequences is not None
            return list(self.examples_of.sequences)
        return words_of(self.examples_of.texts)

    def _read(self, place: int) -> Any:
        """What is read of an example."""
        return cut(self._units[place], self.width)

    @cached_property
    def task(self) -> Task:
        """Sequences of so many steps, padded right and masked, to a probability a label."""
        texts = self.examples_of.texts is not None
        return own_task(
            "own_sequences",
            self.name,
            steps=self.width,
            features=1 if texts else len(self.examples_of.columns),
            outputs=len(self.examples_of.names),
            activation="softmax",
            loss="sparse_categorical_crossentropy",
            metric="accuracy",
            higher_is_better=True,
            units=UNITS,
            batch=BATCH,
            masked=True,
            tokens=max(len(self._vocabulary(fold)) for fold in range(self.fold_count)) + 2 if texts else 0,
            embedding=EMBEDDING if texts else 0,
        )

    @cached_property
    def notes(self) -> list[str]:
        """How the table was read, the balance of the labels, and how long sequences are."""
        lengths = np.array(list(map(len, self._units)))
        cut = int((lengths > self.width).sum())
        line = f"{int(np.median(lengths))} steps in the median, {lengths.max()} at most"
        line += f"; {cut:,} longer than {self.width} are cut" if cut else ""
        lines = [*self.examples_of.notes, line]
        if twice := len(self.examples_of) - len(self._copies):
            lines.append(f"copies of other examples: {twice:,}; no fold is tested on a copy of what it trained on")
        return lines

    @cached_property
    def _copies(self) -> list[np.ndarray]:
        """The places of examples of which the same is read, those of each different one together."""
        texts = self.examples_of.texts is not None
        places: dict[Any, list[int]] = {}
        for place in range(len(self._units)):
            read = tuple(self._read(place)) if texts else self._read(place).tobytes()
            places.setdefault(read, []).append(place)
        return [np.array(each) for each in places.values()]

    @cached_property
    def _parts(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of each fold the examples for training, validation and test: equal shares of each label, copies together."""
        from sklearn.model_selection import StratifiedKFold, train_test_split

        labels = self.examples_of.labels[[copies[0] for copies in self._copies]]
        folds = StratifiedKFold(max(2, self.fold_count), shuffle=True, random_state=0).split(labels, labels)
        parts = []
        for rest, test in list(folds)[: self.fold_count]:
            share = max(len(self.examples_of.names), round(0.15 * len(rest)))
            train, validation = train_test_split(rest, test_size=share, stratify=labels[rest], random_state=0)
            parts.append((self._with_copies(train), self._with_copies(validation), np.sort(self._with_copies(test))))
        return parts

    def _with_copies(self, different: np.ndarray) -> np.ndarray:
        """The places of all examples that are alike, by the numbers of the different ones."""
        return np.concatenate([self._copies[number] for number in different])

    @cache  # noqa: B019 (a problem lives as long as the process that compares)
    def _vocabulary(self, fold: int) -> dict[str, int]:
        """The tokens of the words of a fold's training texts, the most frequent first."""
        counts = Counter(word for place in self._parts[fold][0] for word in self._units[place])
        return tokens_by_word(word for word, _ in counts.most_common(MOST_WORDS))

    @cache  # noqa: B019
    def _scaling(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the deviation of each feature over the steps of a fold's training sequences."""
        rows = np.concatenate([self._units[place] for place in self._parts[fold][0]])
        means = rows.mean(axis=0)
        return means, without_constants(rows.std(axis=0), means)

    def _inputs(self, fold: int, places: np.ndarray) -> np.ndarray:
        """int32 (examples, steps) of texts, float32 (examples, steps, features) of numbers; padding on the right."""
        units = [self._units[place] for place in places]
        if self.examples_of.texts is not None:
            return text_inputs(units, self._vocabulary(fold), self.width)
        return number_inputs(units, *self._scaling(fold), self.width)

    def examples(self, fold: int) -> Examples:
        """Padded sequences and the numbers of their labels."""
        train, validation, test = self._parts[fold]
        labels = self.examples_of.labels.astype(np.int32)
        return Examples(
            Split(self._inputs(fold, train), labels[train]),
            Split(self._inputs(fold, validation), labels[validation]),
            self._inputs(fold, test),
        )

    def baselines(self, fold: int) -> Mapping[str, Worth]:
        """The label that most have, and a logistic regression on counts of words or on means over the steps."""
        from sklearn.linear_model import LogisticRegression

        train, _, test = self._parts[fold]
        labels = self.examples_of.labels
        majority = np.full(len(test), np.bincount(labels[train]).argmax())
        linear = LogisticRegression(max_iter=1000).fit(self._summed(fold, train), labels[train])
        return {
            MAJORITY: self._worth(fold, majority),
            LINEAR: self._worth(fold, linear.predict(self._summed(fold, test))),
        }

    def _summed(self, fold: int, places: np.ndarray) -> Any:
        """What the linear model reads: counts of words; or the mean, deviation, first and last of each feature."""
        if self.examples_of.texts is not None:
            from sklearn.feature_extraction.text import CountVectorizer

            vectors = CountVectorizer(vocabulary=self._words(fold), analyzer=list)
            return vectors.transform([self._read(place) for place in places]).sqrt()
        mean, deviation = self._scaling(fold)
        rows = [(self._read(place) - mean) / deviation for place in places]
        return np.array([np.concatenate([each.mean(0), each.std(0), each[0], each[-1]]) for each in rows])

    def _words(self, fold: int) -> list[str]:
        return list(self._vocabulary(fold))

    def worth(self, fold: int, outputs: np.ndarray) -> Worth:
        """Accuracy and macro F1 of a model's probabilities (examples, labels)."""
        return self._worth(fold, outputs.argmax(axis=1))

    def _worth(self, fold: int, answers: np.ndarray) -> Worth:
        from sklearn.metrics import f1_score

        right = self.examples_of.labels[self._parts[fold][2]]
        macro = float(f1_score(right, answers, average="macro", zero_division=0.0))
        wrong = (answers != right).astype(np.float64)
        return Worth({"accuracy": float(1 - wrong.mean()), "macro F1": macro}, wrong)

    def digest(self) -> str:
        """A digest of the examples, their columns and labels."""
        of = self.examples_of
        return digest_of([*(of.texts or of.sequences or ()), of.labels, *of.names, *of.columns])

    def clusters(self, fold: int) -> np.ndarray:
        """Copies of one example are one."""
        number = np.empty(len(self.examples_of), int)
        for i, copies in enumerate(self._copies):
            number[copies] = i
        return number[self._parts[fold][2]]

    def card(self, fold: int) -> dict[str, Any]:
        """The labels, and the words or the scaling of a fold."""
        shared = {
            "kind": "label",
            "label": self.label,
            "labels": list(self.examples_of.names),
            "columns": list(self.examples_of.columns),
            "steps": self.width,
        }
        if self.examples_of.texts is not None:
            return {**shared, "words": self._words(fold)}
        mean, deviation = self._scaling(fold)
        scaling = {"means": mean.tolist(), "deviations": deviation.tolist()}
        return {**shared, "id": self.examples_of.id, "time": self.examples_of.time, "scaling": scaling}
