"""The history of a training: a row an epoch, and the weights of the best one."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.data import Split
from zoo.registry import Task

if TYPE_CHECKING:
    import keras

SCORING_BATCH = 500


def epoch_log(task: Task, tests: Mapping[str, Split] | None = None) -> Any:
    """A Keras callback that keeps a row an epoch, and the weights of the epoch that is the best on validation.

    That is the one with the best metric; where some steps alone count (`by_loss`), the one with the least loss, since
    the metric is of all steps. An epoch whose loss is no finite number is never the best, and the last one.

    Scoring, of the validation split or of `tests`, is not part of the training time. `tests` are for curves beside
    published ones: nothing is chosen by them.

    Args:
        task: its metric is watched.
        tests: splits that are scored after every epoch too.
    """
    import keras

    class EpochLog(keras.callbacks.Callback):
        """Attributes: `rows`; `train_seconds`; `weights`, those of the best epoch, None before the first; `by_loss`;
        `diverged`, the epoch whose loss was no finite number, or None.
        """

        def __init__(self) -> None:
            super().__init__()
            self.rows: list[dict[str, float]] = []
            self.train_seconds = 0.0
            self.weights: list[Any] | None = None
            self.by_loss = False
            self.diverged: int | None = None
            self._best = float("inf")
            self._started: float | None = None

        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            """Start the clock."""
            self._started = time.perf_counter()

        def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
            """Stop the clock: what follows is scoring."""
            self._stop()

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            """Remember the epoch, and its weights where it is the best so far."""
            self._stop()
            row = {"epoch": epoch, "train_seconds": self.train_seconds}
            row |= {name: float(value) for name, value in (logs or {}).items()}
            row |= _test_scores(self.model, task, tests or {})
            self.rows.append(row)
            if not math.isfinite(row["loss"]) or math.isnan(row["val_loss"]):
                self.diverged, self.model.stop_training = epoch, True
                return
            value = row["val_loss" if self.by_loss else f"val_{task.keras_metric}"]
            cost = -value if task.higher_is_better and not self.by_loss else value
            if cost < self._best:
                self._best = cost
                self.weights = self.model.get_weights()

        def _stop(self) -> None:
            if self._started is not None:
                self.train_seconds += time.perf_counter() - self._started
                self._started = None

    return EpochLog()


def _test_scores(model: keras.Model, task: Task, tests: Mapping[str, Split]) -> dict[str, float]:
    metric = task.keras_metric
    return {
        f"{name}_{metric}": model.evaluate(*split, batch_size=SCORING_BATCH, verbose=0, return_dict=True)[metric]
        for name, split in tests.items()
    }
