"""A comparison: trains every entry on every fold, each training in a process of its own, and keeps what is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.comparison.costs import Cost
from zoo.comparison.outcome import Outcome, Score
from zoo.comparison.places import Here, OnNodes, Place, Show
from zoo.comparison.settings import RECOMMENDED, Settings
from zoo.comparison.training import Arm, Trained, usual_execution, write_examples
from zoo.errors import ZooError
from zoo.measuring import append_only
from zoo.measuring.launchers import Launchers
from zoo.problems.problem import Problem
from zoo.version import VERSION

TABLE = "trainings.csv"
COLUMNS = (
    *("entry", "execution", "fold", "seed", "status", "reason", "train_seconds", "epochs", "validation_loss"),
    append_only.WRITER,
)


@dataclass
class Training:
    """One training of a comparison: done, once it has a status."""

    entry: str
    fold: int  #: from 0
    seed: int
    execution: str = ""
    status: str = ""
    reason: str = ""
    train_seconds: float = 0.0
    epochs: int = 0
    validation_loss: float = float("nan")
    zoo_version: str = VERSION
    outputs: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.entry}-fold{self.fold + 1}-seed{self.seed}"

    @property
    def told(self) -> str:
        """How it ended, in words."""
        return f"{self.entry}, fold {self.fold + 1}, seed {self.seed}: {self.reason or self.status}"


class Comparison:
    """Entries on a problem; to be closed.

    Args:
        problem: what is asked.
        settings: of which entries, and how.
        folder: where what is done is kept; it is there already.
        show: takes what is done now, in words.
        done: is called with each training that is done, and how many there are in all.
        ray: the address of a Ray cluster on whose nodes it trains; empty: it trains here.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        folder: Path,
        *,
        show: Show = lambda text: None,
        done: Callable[[Training, int], None] = lambda training, total: None,
        ray: str = "",
    ) -> None:
        self.problem, self.settings, self.folder, self._ray = problem, settings, folder, ray
        self._show, self._done = show, done
        self.launchers = Launchers(folder)
        self._kept = {(each.entry, each.fold, each.seed): each for each in self._read()}
        self._executions: dict[str, str] = {}

    def measure(self, timed: bool = True) -> Outcome:
        """Train what is not trained yet, time every entry unless told otherwise, and hold all against the baselines.

        An entry that failed with every seed of a fold is not ranked: its mean would be of other folds.

        Raises:
            ZooError: no entry could be trained on every fold.
        """
        baselines = [dict(self._shown_baselines(fold)) for fold in range(self.problem.folds)]
        (self.folder / "trainings").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            place = self._place(list(self._written_folds(Path(work))))
            try:
                self._choose(place)
                trainings = self._train(place)
                costs = self._costs(place) if timed else {}
            finally:
                place.close()
        failed = {each.entry: each.told for each in reversed(trainings) if each.status != "ok"}
        ranked = self._with_every_fold(trainings)
        if not ranked:
            raise ZooError(f"no entry could be trained on every fold; {next(iter(failed.values()))}")
        scores = [
            Score(
                each.entry,
                each.fold,
                each.seed,
                self.problem.worth(each.fold, each.outputs),
                each.train_seconds,
                each.validation_loss,
            )
            for each in trainings
            if each.status == "ok" and each.entry in ranked
        ]
        clusters = [self.problem.clusters(fold) for fold in range(self.problem.folds)]
        return Outcome(
            self.problem.name,
            tuple(self.problem.metrics),
            tuple(self.problem.notes),
            baselines,
            scores,
            costs,
            dict(self._executions),
            failed,
            clusters,
            self.problem.overlap,
        )

    def close(self) -> None:
        """End its fork servers, and what runs in them."""
        self.launchers.close()

    def _with_every_fold(self, trainings: Sequence[Training]) -> set[str]:
        """The entries that have a training on each fold."""
        folds: dict[str, set[int]] = {}
        for each in trainings:
            if each.status == "ok":
                folds.setdefault(each.entry, set()).add(each.fold)
        return {entry for entry, trained in folds.items() if len(trained) == self.problem.folds}

    def best_training(self, entry: str) -> Training:
        """The training of an entry on the last fold that has the smallest validation loss."""
        last = [each for each in self._kept.values() if each.entry == entry and each.status == "ok"]
        newest = max(each.fold for each in last)
        return min((each for each in last if each.fold == newest), key=lambda each: each.validation_loss)

    def weights_of(self, training: Training) -> Path:
        """The file of a training's weights."""
        return self.folder / "trainings" / f"{training.name}.safetensors"

    def arm(self, entry: str) -> Arm:
        """An entry as it is trained here."""
        return Arm(entry, self.problem.task, self.settings.units, self._executions.get(entry, self._usual))

    @property
    def _usual(self) -> str:
        return usual_execution(self.settings.backend)

    def _shown_baselines(self, fold: int) -> Mapping[str, Any]:
        self._show(f"baselines, fold {fold + 1} of {self.problem.folds}")
        return self.problem.baselines(fold)

    def _written_folds(self, work: Path) -> Iterator[Path]:
        for fold in range(self.problem.folds):
            path = work / f"{fold}.npz"
            write_examples(path, self.problem.examples(fold))
            yield path

    def _place(self, folds: list[Path]) -> Place:
        backend = self.settings.backend
        return OnNodes(self._ray, backend, folds, self._show) if self._ray else Here(self.launchers, backend, folds)

    def _choose(self, place: Place) -> None:
        """The execution of each entry: the one that is asked for, the one it began with, or the fastest here."""
        begun = {each.entry: each.execution for each in self._kept.values() if each.execution}
        for entry in self.settings.entries:
            if entry in begun:
                self._executions[entry] = begun[entry]
            elif self.settings.execution == RECOMMENDED:
                self._show(f"looking for the fastest execution of {entry}")
                self._executions[entry] = place.choose(self.arm(entry))
            else:
                self._executions[entry] = usual_execution(self.settings.backend, self.settings.execution)

    def _train(self, place: Place) -> list[Training]:
        """Every training, the first seed of all entries and folds first; those that are kept are not made again."""
        wanted = list(self._wanted())
        missing = [key for key in wanted if key not in self._kept]
        for key in missing:
            training = Training(*key)
            keep = self.weights_of(training) if training.fold == self.problem.folds - 1 else None
            place.begin(key, self.arm(training.entry), training.fold, training.seed, keep)
        try:
            for key in wanted:
                if key in missing:
                    self._keep(Training(*key, execution=self._executions[key[0]]), place.result(key))
                self._done(self._kept[key], len(wanted))
        finally:  # stopped while an earlier one is slow: what ended meanwhile stays
            for key, outcome in list(place.ended()):
                if outcome.status == "ok":
                    self._keep(Training(*key, execution=self._executions[key[0]]), outcome)
        return [self._kept[key] for key in wanted]

    def _wanted(self) -> Iterator[tuple[str, int, int]]:
        for seed in range(self.settings.seeds):
            for fold in range(self.problem.folds):
                for entry in self.settings.entries:
                    yield entry, fold, seed

    def _keep(self, training: Training, outcome: Any) -> None:
        """Write a training's answers, then its row: where the row stands, the answers do."""
        training.status, training.reason = outcome.status, outcome.reason or ""
        if outcome.status == "ok":
            trained: Trained = outcome.value
            training.outputs = trained.outputs
            training.train_seconds, training.epochs = trained.train_seconds, trained.epochs
            training.validation_loss = trained.validation_loss
            np.save(self._answers(training), trained.outputs)
        self._kept[training.entry, training.fold, training.seed] = training
        row = [getattr(training, name) for name in COLUMNS]
        append_only.append(self.folder / TABLE, COLUMNS, [append_only.line_of(row)])

    def _read(self) -> Iterator[Training]:
        """The trainings that ended well and whose answers are there."""
        if not (self.folder / TABLE).exists():
            return
        for row in append_only.read_whole(self.folder / TABLE, COLUMNS):
            training = Training(
                row["entry"],
                int(row["fold"]),
                int(row["seed"]),
                row["execution"],
                row["status"],
                row["reason"],
                float(row["train_seconds"]),
                int(row["epochs"]),
                float(row["validation_loss"]),
                row["zoo_version"],
            )
            if training.status == "ok" and self._answers(training).exists():
                yield replace(training, outputs=np.load(self._answers(training), allow_pickle=False))

    def _answers(self, training: Training) -> Path:
        return self.folder / "trainings" / f"{training.name}.npy"

    def _costs(self, place: Place) -> dict[str, Cost]:
        arms = [self.arm(entry) for entry in self.settings.entries]
        return {arm.entry: cost for arm, cost in zip(arms, place.costs(arms, self._show), strict=True)}
