"""A writer that was killed in mid-write: what it had not finished is not done, and nothing stands twice."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.trained.queue import HISTORY, keep_epochs, planned
from tests.tables import SCORE, TIMING
from zoo.errors import ZooError
from zoo.lock import Lock
from zoo.measuring import append_only, machine, prove
from zoo.measuring.batch import first_batch
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.launcher import Outcome
from zoo.measuring.rows import COLUMNS, HEADER, Measurement, append, as_line, read_rows
from zoo.measuring.trained_score import Epoch, Trained, train_and_score
from zoo.statistics.tables import as_table, read

TRAINING = planned("digits", "tensorflow")[0]
OTHER = replace(TRAINING, seed=7)
EPOCHS = [{"epoch": epoch, "train_seconds": 1.5 + epoch, "loss": 0.1, "test_mse": 1 / 3} for epoch in range(3)]


def scores(case: Case = TRAINING) -> list[Measurement]:
    """A training of two test splits, as it was measured here."""
    shared = {
        **case.identity(),
        **machine.origin(case.backend, case.device),
        "phase": "accuracy",
        "status": "ok",
        "repeat": 0,
    }
    return [Measurement(**shared, split=split, reason='comma, "quote" é', score=0.9) for split in ("test", "long")]


def cuts(path: Path, rows: int) -> list[bytes]:
    """The table cut at every byte of its last `rows` rows."""
    data = path.read_bytes()
    begin = len(b"\n".join(data.rstrip(b"\n").split(b"\n")[:-rows])) + 1
    return [data[:end] for end in range(begin, len(data))]


def is_done(folder: Path, path: Path) -> bool:
    return Coordinator(folder, "run", USUAL, 1 << 33, read_rows(path), table=path).is_trained(TRAINING)


@pytest.mark.parametrize("before", [[], [TIMING]])
def test_a_training_whose_rows_were_cut_off_is_not_done_and_not_there_twice(tmp_path: Path, before) -> None:
    path = tmp_path / "accuracy.csv"
    for row in before:
        append(path, [row])
    append(path, scores())
    whole = path.read_bytes()
    assert is_done(tmp_path, path)
    for cut in cuts(path, rows=2):
        path.write_bytes(cut)
        assert read_rows(path) == before
    path.write_bytes(cut)
    assert not is_done(tmp_path, path)
    for start in [*cuts(path, rows=2)[::40], cut]:
        path.write_bytes(start)
        append(path, scores())
        assert path.read_bytes() == whole


def test_a_table_that_pandas_wrote_loses_half_a_line_and_no_row(tmp_path: Path) -> None:
    path = tmp_path / "accuracy.csv"
    path.write_bytes(HEADER + as_line(TIMING).encode() + as_line(SCORE).encode())
    for cut in cuts(path, rows=1):
        path.write_bytes(cut)
        assert read_rows(path) == [TIMING]
    for start in [*cuts(path, rows=1)[::40], cut]:
        path.write_bytes(start)
        append(path, [SCORE])
        assert read_rows(path) == [TIMING, SCORE]
    pd.testing.assert_frame_equal(read(path), as_table([TIMING, SCORE]))


def test_the_epochs_of_a_training_that_is_done_again_replace_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    keep_epochs(TRAINING, EPOCHS, path)
    keep_epochs(OTHER, EPOCHS[:2], path)
    once = pd.read_csv(path)
    assert len(once) == 10
    keep_epochs(TRAINING, EPOCHS[:1], path)
    rows = pd.read_csv(path)
    assert len(rows) == 6
    assert rows.groupby("seed").size().to_dict() == {TRAINING.seed: 2, OTHER.seed: 4}
    keep_epochs(TRAINING, EPOCHS, path)
    again = pd.read_csv(path)
    order = list(HISTORY[:-1])
    pd.testing.assert_frame_equal(
        again.sort_values(order, ignore_index=True), once.sort_values(order, ignore_index=True)
    )
    assert [each.name for each in tmp_path.iterdir()] == ["history.csv"]


def test_a_history_that_was_cut_off_is_mended_by_the_next_training(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    keep_epochs(OTHER, EPOCHS, path)
    before = pd.read_csv(path)
    keep_epochs(TRAINING, EPOCHS, path)
    whole = pd.read_csv(path)
    for cut in cuts(path, rows=6)[::7]:
        path.write_bytes(cut)
        assert len(append_only.read_whole(path, HISTORY)) == len(before)
        keep_epochs(TRAINING, EPOCHS, path)
        pd.testing.assert_frame_equal(pd.read_csv(path), whole)


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_training_that_is_killed_before_its_scores_is_done_again_with_one_history(
    tmp_path: Path, monkeypatch
) -> None:
    table, history = tmp_path / "accuracy.csv", tmp_path / "history.csv"
    gave = {
        first_batch: None,
        prove.prove: prove.Proof({"kernel_path": "while", "kernel_evidence": "a line"}),
        train_and_score: Trained([{"phase": "accuracy", "score": 0.9}], EPOCHS),
    }

    def answer(limits: object, case: Case, function: Callable[..., object], *arguments: object) -> Outcome:
        return Outcome("ok", value=gave[function])

    def keep_and_die(case: Case, epochs: Sequence[Epoch]) -> None:
        keep_epochs(case, epochs, history)
        raise Killed

    def train(keep: Callable[[Case, Sequence[Epoch]], None]) -> None:
        coordinator = Coordinator(tmp_path, "run", USUAL, 1 << 33, table=table, keep_epochs=keep)
        monkeypatch.setattr(
            coordinator.launchers, "run", lambda _, case, function, *__: Outcome("ok", value=gave[function])
        )
        coordinator.trained(TRAINING)

    with pytest.raises(Killed):
        train(keep_and_die)
    assert not table.exists()
    first = pd.read_csv(history)
    train(partial(keep_epochs, path=history))
    assert is_done(tmp_path, table)
    pd.testing.assert_frame_equal(pd.read_csv(history), first)


def test_a_row_with_too_few_values_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "measurements.csv"
    append(path, [TIMING])
    path.write_bytes(path.read_bytes() + b"a,b\n\n")
    with pytest.raises(ZooError) as error:
        read_rows(path)
    assert str(error.value) == f"{path} is damaged: row 2 has 2 values, not {len(COLUMNS)}"


def test_a_file_system_without_locks_has_tables_and_runs(tmp_path: Path, monkeypatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    append(tmp_path / "measurements.csv", [TIMING])
    assert read_rows(tmp_path / "measurements.csv") == [TIMING]
    with Lock(tmp_path), Lock(tmp_path):
        pass
