"""Real runs in processes of their own, to be disturbed, and what their tables hold."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from zoo.measuring.append_only import END
from zoo.measuring.rows import TABLE, Measurement, read_rows

ROOT = Path(__file__).parent.parent.parent
HEEDS_CTRL_C = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.exit(pytest.main(sys.argv[1:]))
"""
"""A process that is started in the background, as CI may start the tests, ignores Ctrl-C, and so do its children; one
that nohup started ignores SIGHUP."""
ARMS = ("--zoo-profile", "smoke", "--zoo-entries", "neuron", "--zoo-tasks", "digits_rows", "--zoo-seeds", "0")
"""Two arms and the reference arm of one small task."""


def command(folder: Path, *options: str) -> list[str]:
    """A benchmark of two small arms."""
    return [
        *(sys.executable, "-c", HEEDS_CTRL_C, "-p", "no:cacheprovider", "--benchmark", *ARMS),
        *(f"--zoo-results={folder}", *options),
    ]


def environment(**more: str) -> Mapping[str, str]:
    """That of a run which is no worker of these tests."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return {**ours, "COLUMNS": "140", **more}


@contextmanager
def started(arguments: Sequence[str], **more: str) -> Iterator[psutil.Popen]:
    """A run in the background. What is left of it is killed in the end."""
    process = psutil.Popen(
        arguments, cwd=ROOT, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        if process.is_running():
            process.kill()
        process.communicate()


def finished(arguments: Sequence[str], **more: str) -> tuple[int, str]:
    """The exit code of a run, and what it printed."""
    done = subprocess.run(
        arguments,
        cwd=ROOT,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def wait_for(what: Callable[[], bool], process: psutil.Popen | None = None, seconds: float = 120.0) -> None:
    """Wait until `what` is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came about"
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def has_rows(folder: Path, least: int = 1) -> bool:
    """Whether the table has so many rows."""
    return (folder / TABLE).exists() and len(read_rows(folder / TABLE)) >= least


def whole_bytes(folder: Path) -> bytes:
    """The table up to its last whole block: what must stay, whatever happens."""
    path = folder / TABLE
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(END) + len(END)] if END in data else b""


def children_of(process: psutil.Popen) -> list[psutil.Process]:
    """The fork servers of a run, and what they forked."""
    return process.children(recursive=True)


def assert_gone(children: Sequence[psutil.Process], seconds: float = 10.0) -> None:
    """No child outlives its run."""
    _, alive = psutil.wait_procs(children, timeout=seconds)
    assert not alive


def blocks_of(row: Measurement) -> tuple[object, ...]:
    """What names a row: no two rows of a table have the same."""
    return row.group, row.case_id, row.phase, row.repeat, row.round, row.split, row.status


def assert_whole(folder: Path, repeats: int) -> None:
    """Every arm has each repeat once, and each repeat a block of each arm in every round."""
    rows = read_rows(folder / TABLE)
    named = Counter(map(blocks_of, rows))
    assert max(named.values()) == 1, [name for name, number in named.items() if number > 1][:3]
    ran = [row for row in rows if row.status == "ok"]
    arms = {(row.case_id, row.phase) for row in ran}
    assert len(arms) == 6  # two arms and the reference arm, in training and in prediction
    for repeat in range(repeats):
        assert {(row.case_id, row.phase) for row in ran if row.repeat == repeat} == arms
