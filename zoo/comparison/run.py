"""A comparison: trains every entry on every fold, each training in a process of its own, and keeps what is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.comparison.costs import Cost, measure_costs
from zoo.comparison.outcome import Outcome, Score
from zoo.comparison.settings import RECOMMENDED, Settings
from zoo.comparison.training import Arm, Trained, fastest_execution, train_arm, usual_execution, write_examples
from zoo.errors import ZooError
from zoo.measuring import append_only
from zoo.measuring.launcher import Limits
from zoo.measuring.launchers import Launchers
from zoo.measuring.machine import usable_cpus
from zoo.problems.problem import Problem

TABLE = "trainings.csv"
COLUMNS = ("entry", "execution", "fold", "seed", "status", "reason", *("train_seconds", "epochs", "validation_loss"))
LIMITS = Limits(2**62, 3600.0)
CHOICE_LIMITS = Limits(2**62, 120.0)
AT_ONCE = 2
Show = Callable[[str], None]


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
    outputs: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.entry}-fold{self.fold + 1}-seed{self.seed}"


class Comparison:
    """Entries on a problem.

    Args:
        problem: what is asked.
        settings: of which entries, and how.
        folder: where what is done is kept; it is there already.
        show: takes what is done now, in words.
        done: is called with each training that is done, and how many there are in all.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        folder: Path,
        *,
        show: Show = lambda text: None,
        done: Callable[[Training, int], None] = lambda training, total: None,
    ) -> None:
        self.problem, self.settings, self.folder = problem, settings, folder
        self._show, self._done = show, done
        self._kept = {(each.entry, each.fold, each.seed): each for each in self._read()}
        self._executions: dict[str, str] = {}

    def measure(self, timed: bool = True) -> Outcome:
        """Train what is not trained yet, time every entry unless told otherwise, and hold all against the lines.

        Raises:
            ZooError: nothing could be trained.
        """
        lines = [dict(self._shown_lines(fold)) for fold in range(self.problem.folds)]
        (self.folder / "trainings").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            launchers = Launchers(self.folder)
            try:
                self._write_folds(Path(work))
                self._choose(launchers, Path(work))
                trainings = self._train(launchers, Path(work))
                costs = self._costs(launchers) if timed else {}
            finally:
                launchers.close()
        good = [each for each in trainings if each.status == "ok"]
        if not good:
            raise ZooError(f"no entry could be trained: {trainings[0].reason}")
        scores = [
            Score(each.entry, each.fold, each.seed, self.problem.worth(each.fold, each.outputs), each.train_seconds)
            for each in good
        ]
        failed = {each.entry: each.reason for each in trainings if each.status != "ok"}
        clusters = [self.problem.clusters(fold) for fold in range(self.problem.folds)]
        return Outcome(
            self.problem.name,
            tuple(self.problem.metrics),
            tuple(self.problem.notes),
            lines,
            scores,
            costs,
            dict(self._executions),
            failed,
            clusters,
            self.problem.overlap,
        )

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

    def _shown_lines(self, fold: int) -> Mapping[str, Any]:
        self._show(f"lines to beat, fold {fold + 1} of {self.problem.folds}")
        return self.problem.lines(fold)

    def _write_folds(self, work: Path) -> None:
        for fold in range(self.problem.folds):
            write_examples(work / f"{fold}.npz", self.problem.examples(fold))

    def _choose(self, launchers: Launchers, work: Path) -> None:
        """The execution of each entry: the one that is asked for, the one it began with, or the fastest here."""
        begun = {each.entry: each.execution for each in self._kept.values() if each.execution}
        for entry in self.settings.entries:
            if entry in begun:
                self._executions[entry] = begun[entry]
            elif self.settings.execution == RECOMMENDED:
                self._show(f"looking for the fastest execution of {entry}")
                launcher = launchers.at(self.settings.backend)
                found = launcher.run(CHOICE_LIMITS, fastest_execution, self.arm(entry), work / "0.npz")
                self._executions[entry] = found.value if found.status == "ok" else self._usual
            else:
                self._executions[entry] = usual_execution(self.settings.backend, self.settings.execution)

    def _train(self, launchers: Launchers, work: Path) -> list[Training]:
        """Every training, the first seed of all entries and folds first; those that are kept are not made again."""
        wanted = list(self._wanted())
        threads = max(1, usable_cpus() // AT_ONCE)
        launcher = launchers.at(self.settings.backend)
        pool = ThreadPoolExecutor(min(AT_ONCE, usable_cpus()))
        begun: dict[tuple[str, int, int], Future[Any]] = {}
        try:
            for key in wanted:
                if key not in self._kept:
                    training = Training(*key)
                    keep = self.weights_of(training) if training.fold == self.problem.folds - 1 else None
                    fold = work / f"{training.fold}.npz"
                    begun[key] = pool.submit(
                        launcher.run, LIMITS, train_arm, self.arm(training.entry), fold, training.seed, threads, keep
                    )
            for key in wanted:
                if key in begun:
                    self._keep(Training(*key, execution=self._executions[key[0]]), begun[key].result())
                self._done(self._kept[key], len(wanted))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
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
            )
            if training.status == "ok" and self._answers(training).exists():
                yield replace(training, outputs=np.load(self._answers(training), allow_pickle=False))

    def _answers(self, training: Training) -> Path:
        return self.folder / "trainings" / f"{training.name}.npy"

    def _costs(self, launchers: Launchers) -> dict[str, Cost]:
        arms = [self.arm(entry) for entry in self.settings.entries]
        costs = measure_costs(arms, launchers.at(self.settings.backend), CHOICE_LIMITS, self._show)
        return {arm.entry: cost for arm, cost in zip(arms, costs, strict=True)}
