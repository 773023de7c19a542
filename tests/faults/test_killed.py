"""kill -9 and signals, at any moment: of the run itself, of a fork server, of a worker within a round."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.faults.runs import (
    assert_gone,
    assert_whole,
    children_of,
    command,
    finished,
    has_rows,
    started,
    wait_for,
    whole_bytes,
)
from zoo.lock import LOCK
from zoo.measuring.rows import TABLE, read_rows

MOMENTS = [pytest.param(1, id="1 moment"), pytest.param(50, id="50 moments")]
REPEATS = 3


@pytest.mark.slow
@pytest.mark.parametrize("moments", MOMENTS)
def test_a_run_that_is_killed_at_random_loses_no_row_and_completes(
    tmp_path: Path, moments: int, record_property: Callable[[str, object], None]
) -> None:
    """Each run goes on behind the one that was killed. The repeats are so many that none completes before the last.

    Every other one is killed at any moment after its start; the others have written a block first.
    """
    random_number = random.Random(0)
    repeats = str(1 + moments)
    before, killed_with_rows = b"", 0
    for moment in range(moments):
        with started(command(tmp_path, "--zoo-repeats", repeats, "--zoo-resume")) as run:
            wait_for(lambda run=run: bool(children_of(run)), run)
            if moment % 2 == 0:
                wait_for(lambda run=run, before=before: whole_bytes(tmp_path) != before, run)
            time.sleep(random_number.uniform(0, 3 if moment % 2 == 0 else 9))
            children = children_of(run)
            run.send_signal(signal.SIGKILL)
            run.wait()
            assert_gone(children)
        after = whole_bytes(tmp_path)
        assert after.startswith(before)  # every row stays as it was written
        killed_with_rows += after != before
        before = after
    code, printed = finished(command(tmp_path, "--zoo-repeats", repeats, "--zoo-resume"))
    assert code == 0, printed
    assert whole_bytes(tmp_path).startswith(before)
    assert_whole(tmp_path, int(repeats))
    rows = len(read_rows(tmp_path / TABLE))
    record_property("figure", f"kills: {moments}, behind new rows: {killed_with_rows}; {rows} rows, none twice")


def server_of(run: psutil.Popen) -> psutil.Process:
    return run.children()[0]


def workers_of(run: psutil.Popen) -> list[psutil.Process]:
    return server_of(run).children() if run.children() else []


@pytest.mark.slow  # test_lockstep.py kills a worker without a run around it
@pytest.mark.parametrize("who", ["a worker", "the fork server"])
def test_what_measures_is_killed_within_a_round_and_the_run_goes_on(
    tmp_path: Path, who: str, record_property: Callable[[str, object], None]
) -> None:
    with started(command(tmp_path, "--zoo-repeats", str(REPEATS))) as run:
        wait_for(lambda: has_rows(tmp_path) and len(workers_of(run)) == 3, run)  # in the second repeat
        time.sleep(0.3)  # into its rounds
        os.kill((workers_of(run)[-1] if who == "a worker" else server_of(run)).pid, signal.SIGKILL)
        printed, _ = run.communicate(timeout=120)
    rows = read_rows(tmp_path / TABLE)
    crashed = [row for row in rows if row.status == "crashed"]
    assert len({row.case_id for row in crashed}) == (1 if who == "a worker" else 3), printed
    assert all("killed by signal 9" in row.reason or "launcher" in row.reason for row in crashed)
    assert {row.repeat for row in rows if row.status == "ok"} >= {0, 2}  # the others, and the next repeat, went on
    record_property("figure", f"{len({row.case_id for row in crashed})} of 3 arms lost one repeat of {REPEATS}")


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])  # SIGINT: test_run.py
def test_a_signal_to_end_keeps_what_is_done_and_ends_every_process(
    tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    with started(command(tmp_path, "--zoo-repeats", "50")) as run:
        wait_for(lambda: has_rows(tmp_path), run)
        children = children_of(run)
        before = whole_bytes(tmp_path)
        sent = time.monotonic()
        run.send_signal(getattr(signal, name))
        printed, _ = run.communicate(timeout=30)
        record_property("figure", f"ended {time.monotonic() - sent:.1f} s after the signal, no process left")
    assert run.returncode == pytest.ExitCode.INTERRUPTED, printed
    assert f"zoo report {tmp_path}" in printed
    assert whole_bytes(tmp_path).startswith(before)
    assert_gone(children)
    repeats = {row.repeat for row in read_rows(tmp_path / TABLE)}
    assert repeats == set(range(len(repeats)))
    assert_whole(tmp_path, len(repeats))


def test_a_second_run_in_the_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    with started(command(tmp_path, "--zoo-repeats", "50")) as run:
        wait_for(lambda: lock.exists() and lock.read_text() == f"{run.pid}\n", run)
        code, printed = finished(command(tmp_path, "--zoo-repeats", "1"))
        assert code == pytest.ExitCode.USAGE_ERROR
        assert f"process {run.pid} writes to {tmp_path} now" in printed
        assert run.poll() is None
