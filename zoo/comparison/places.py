"""Where a comparison trains and times: on this machine, or on the nodes of a cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from zoo.comparison.costs import Cost, measure_costs
from zoo.comparison.training import Arm, fastest_execution, train_arm
from zoo.measuring.cluster import Cluster
from zoo.measuring.job import Job, fixed
from zoo.measuring.launcher import Launcher, Limits, Outcome
from zoo.measuring.launchers import Launchers
from zoo.measuring.machine import usable_cpus

LIMITS = Limits(2**62, 3600.0)
CHOICE_LIMITS = Limits(2**62, 120.0)
AT_ONCE = 2
Show = Callable[[str], None]
Key = tuple[str, int, int]
"""Entry, fold and seed of a training."""


class Place(Protocol):
    """Trains and times arms."""

    def choose(self, arm: Arm) -> str:
        """The fastest execution of an arm; the one that it has where none is found."""

    def begin(self, key: Key, arm: Arm, fold: int, seed: int, keep: Path | None) -> None:
        """Let a training begin when there is room; its weights go to `keep`."""

    def result(self, key: Key) -> Outcome:
        """How a training ended: a `Trained`, or why there is none."""

    def ended(self) -> Iterator[tuple[Key, Outcome]]:
        """The trainings that have ended and that nobody asked for."""

    def costs(self, arms: Sequence[Arm], show: Show) -> list[Cost]:
        """What each arm costs; they take turns."""

    def close(self) -> None:
        """Begin nothing more; what runs on a cluster ends."""


class Here:
    """Trains on this machine, two at a time.

    Args:
        launchers: the fork servers, which whoever made them closes.
        backend: of Keras.
        folds: the file of each fold.
    """

    def __init__(self, launchers: Launchers, backend: str, folds: Sequence[Path]) -> None:
        self._launchers, self._backend, self._folds = launchers, backend, folds
        self._threads = max(1, usable_cpus() // AT_ONCE)
        self._pool = ThreadPoolExecutor(min(AT_ONCE, usable_cpus()))
        self._begun: dict[Key, Future[Outcome]] = {}

    def choose(self, arm: Arm) -> str:
        """The fastest execution of an arm; the one that it has where none is found."""
        return chosen(self._launcher, arm, self._folds[0])

    def begin(self, key: Key, arm: Arm, fold: int, seed: int, keep: Path | None) -> None:
        """Let a training begin when there is room; its weights go to `keep`."""

        def run() -> Outcome:  # a fork server that has ended by then is started again
            return self._launcher.run(LIMITS, train_arm, arm, self._folds[fold], seed, self._threads, keep)

        self._begun[key] = self._pool.submit(run)

    def result(self, key: Key) -> Outcome:
        """How a training ended."""
        return self._begun.pop(key).result()

    def ended(self) -> Iterator[tuple[Key, Outcome]]:
        """The trainings that have ended and that nobody asked for."""
        done = {key: each for key, each in self._begun.items() if each.done() and not each.cancelled()}
        return ((key, each.result()) for key, each in done.items() if each.exception() is None)

    def costs(self, arms: Sequence[Arm], show: Show) -> list[Cost]:
        """What each arm costs; they take turns."""
        return measure_costs(arms, self._launcher, CHOICE_LIMITS, show)

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _launcher(self) -> Launcher:
        return self._launchers.at(self._backend)


def chosen(launcher: Launcher, arm: Arm, fold: Path) -> str:
    """The fastest execution of an arm, found in a process of its own."""
    found = launcher.run(CHOICE_LIMITS, fastest_execution, arm, fold)
    return found.value if found.status == "ok" else arm.execution


class Trainer:
    """Trains and times on one node. Folds come as the bytes of their files, and trained weights go back as bytes."""

    def __init__(self, backend: str, node: str, at_once: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rnn-zoo-")
        self._backend = backend
        self._threads = max(1, usable_cpus() // at_once)
        self._launchers = Launchers(Path(self._folder.name))

    def training(self, arm: Arm, fold: bytes, seed: int, keeps: bool) -> Iterator[tuple[Outcome, bytes]]:
        """Train an arm: how it ended, and the weights if they are kept."""
        with self._file(fold) as path:
            weights = path.with_name("weights")
            keep = weights if keeps else None
            outcome = self._launcher.run(LIMITS, train_arm, arm, path, seed, self._threads, keep)
            yield outcome, weights.read_bytes() if weights.exists() else b""

    def choice(self, arm: Arm, fold: bytes) -> Iterator[str]:
        """The fastest execution of an arm."""
        with self._file(fold) as path:
            yield chosen(self._launcher, arm, path)

    def costs(self, arms: Sequence[Arm]) -> Iterator[list[Cost]]:
        """What each arm costs."""
        yield measure_costs(arms, self._launcher, CHOICE_LIMITS, lambda text: None)

    def close(self) -> None:
        """End the fork servers and remove the folder of their logs."""
        self._launchers.close()
        self._folder.cleanup()

    @property
    def _launcher(self) -> Launcher:
        return self._launchers.at(self._backend)

    @contextmanager
    def _file(self, fold: bytes) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder.name) as work:
            path = Path(work) / "fold.npz"
            path.write_bytes(fold)
            yield path


class OnNodes:
    """Trains on the nodes of a cluster, a training a processor; an arm is timed alone on its node.

    Args:
        address: of the cluster.
        backend: of Keras.
        folds: the file of each fold.
        say: takes what a person should know, such as a node that is lost.
    """

    def __init__(self, address: str, backend: str, folds: Sequence[Path], say: Show) -> None:
        self._cluster = Cluster(address, partial(Trainer, backend), say)
        self._folds = [self._cluster.share(path.read_bytes()) for path in folds]
        self._begun: dict[Key, tuple[Job, list[Outcome]]] = {}

    def choose(self, arm: Arm) -> str:
        """The fastest execution of an arm; the one that it has where none is found."""
        found: list[str] = []
        self._finish(Job(f"choice of {arm.entry}", "choice", fixed(arm, self._folds[0]), found.append, alone=True))
        return found[0] if found else arm.execution

    def begin(self, key: Key, arm: Arm, fold: int, seed: int, keep: Path | None) -> None:
        """Let a training begin when there is room; its weights go to `keep`."""
        outcomes: list[Outcome] = []

        def receive(piece: tuple[Outcome, bytes]) -> None:
            outcome, weights = piece
            if keep and weights:
                keep.write_bytes(weights)
            outcomes.append(outcome)

        name = f"{arm.entry} fold {fold + 1} seed {seed}"
        job = Job(name, "training", fixed(arm, self._folds[fold], seed, keep is not None), receive)
        self._cluster.add(job)
        self._begun[key] = job, outcomes

    def result(self, key: Key) -> Outcome:
        """How a training ended."""
        job, outcomes = self._begun.pop(key)
        self._cluster.finish(job)
        return outcomes[0] if outcomes else Outcome("crashed", job.failed)

    def ended(self) -> Iterator[tuple[Key, Outcome]]:
        """The trainings that have ended and that nobody asked for."""
        return ((key, outcomes[0]) for key, (_, outcomes) in self._begun.items() if outcomes)

    def costs(self, arms: Sequence[Arm], show: Show) -> list[Cost]:
        """What each arm costs; they take turns on one node."""
        show("entries take turns on a node")
        found: list[list[Cost]] = []
        job = Job("costs", "costs", fixed(arms), found.append, alone=True)
        self._finish(job)
        return found[0] if found else [Cost({}, {}, None, job.failed) for _ in arms]

    def close(self) -> None:
        """End what runs, and leave the cluster."""
        self._cluster.close()

    def _finish(self, job: Job) -> None:
        self._cluster.add(job)
        self._cluster.finish(job)
