"""A fresh process a case, cheaply: one fork server a backend and device.

The coordinator (pytest) starts a launcher with the environment of that backend. It imports the
backend and Keras once and NEVER creates a tensor: a single one before the fork hangs every child. Each job is forked
from it, watched from outside, and killed when it takes too much memory or time. How it ended is an Outcome.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any

import psutil

from zoo import ZooError
from zoo.measuring.machine import environment
from zoo.measuring.resident import Range, library_pages, populate
from zoo.measuring.rows import Status

START = "from zoo.measuring.launcher import load, main; load(); main()"
"""Of a fork server. Not `python -m`: what is pickled must not live in __main__."""
WATCH_SECONDS = 0.02
PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>
MEMORY_ERRORS = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
OUT_OF_MEMORY = re.compile("RESOURCE_EXHAUSTED|out of memory|ALLOC_FAILED", re.IGNORECASE)
"""What JAX, CUDA and cuDNN write in errors that have no class of their own."""


@dataclass(frozen=True)
class Job:
    """A call to make in a process of its own, and what it may take."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    memory_limit_bytes: int
    time_limit_seconds: float


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `value` is what its function returned if `status` is "ok"."""

    status: Status
    reason: str = ""
    value: Any = None


class Launcher:
    """The coordinator's end of one fork server. Use it as a context manager, or `close` it."""

    def __init__(self, runner: str, backend: str, device: str, log: Path) -> None:
        self._log: IO[bytes] = log.open("ab")
        self._connection, theirs = multiprocessing.Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment(runner, backend, device),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # Ctrl-C is the coordinator's: it closes the connection, and then the launcher ends what it has running.
            start_new_session=True,
        )
        theirs.close()

    def run(self, job: Job) -> Outcome:
        """Run `job` in a fresh process and wait for its end."""
        try:
            self._connection.send(job)
            return self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            code = self._process.wait()
            return Outcome("crashed", f"the launcher itself ended with code {code}; its log is {self._log.name}")

    def alive(self) -> bool:
        """Whether it can still run jobs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the fork server and whatever it has running."""
        self._connection.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def load() -> None:
    """Import once what every child needs, so that none has to."""
    import keras
    import sklearn.datasets  # noqa: F401

    import zoo.layers  # noqa: F401

    if os.environ.get("TF_USE_LEGACY_KERAS"):
        import tensorflow  # noqa: F401
        import tf_keras  # noqa: F401

    if keras.backend.backend() != "tensorflow":
        # keras.utils.set_random_seed imports it wherever it is installed: seconds and megabytes of every child.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]


def serve(coordinator: Connection) -> None:
    """Fork a child for each job that arrives, until the coordinator is gone."""
    gc.collect()
    gc.freeze()  # a collection in a child would else walk, and so copy, the pages of everything imported here
    libraries = library_pages()
    while True:
        try:
            job = coordinator.recv()
            coordinator.send(_run(job, coordinator, libraries))
        except (EOFError, BrokenPipeError):
            return


def _run(job: Job, coordinator: Connection, libraries: list[Range]) -> Outcome:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    # Forked from the main thread of a process that has made no tensor: the backend's pools are not started yet.
    child = multiprocessing.get_context("fork").Process(
        target=_call, args=(job, theirs, coordinator, libraries), daemon=True
    )
    try:
        child.start()
    except OSError as error:
        return Outcome("crashed", f"no process could be started: {error}")
    theirs.close()
    try:
        return _watch(child, ours, job, coordinator)
    finally:
        child.kill()
        child.join()
        ours.close()


def _call(job: Job, result: Connection, coordinator: Connection, libraries: list[Range]) -> None:
    """In the child: run the function and send what it returned, or why it could not."""
    coordinator.close()  # the launcher's: while a child held it, the coordinator could not see the launcher end
    _end_with_parent()
    populate(libraries)
    with contextlib.suppress(OSError):  # where the kernel must kill somebody, let it be the case and not the run
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        outcome = Outcome("ok", value=job.function(*job.arguments))
    except ZooError as error:  # something the user can mend, such as data that is not there
        outcome = Outcome("skipped", str(error))
    except Exception as error:
        traceback.print_exc()
        kind = type(error).__name__
        first_line = (str(error).strip().splitlines() or [""])[0]
        exhausted = kind in MEMORY_ERRORS or OUT_OF_MEMORY.search(str(error))
        status: Status = "out_of_memory" if exhausted else "crashed"
        outcome = Outcome(status, f"{kind}: {first_line}"[:500])
    result.send(outcome)


def _watch(child: BaseProcess, result: Connection, job: Job, coordinator: Connection) -> Outcome:
    """Wait for the child's outcome; end it at its limits, and when the coordinator is gone."""
    process = psutil.Process(child.pid)
    deadline = time.monotonic() + job.time_limit_seconds
    while True:
        ready = wait([result, coordinator], timeout=WATCH_SECONDS)
        if result in ready:
            try:
                return result.recv()
            except (EOFError, OSError):  # it ended before it had sent anything, or half of it
                child.join()
                return Outcome("crashed", _how_it_ended(child.exitcode))
        if coordinator in ready:  # it sends nothing while a job runs, so this is its end
            raise EOFError
        if time.monotonic() > deadline:
            return Outcome("timeout", f"ran past its limit of {job.time_limit_seconds:g} s")
        with contextlib.suppress(psutil.Error):
            used = process.memory_info().rss
            if used > job.memory_limit_bytes:
                gib = 1 << 30
                return Outcome(
                    "out_of_memory", f"held {used / gib:.2f} GiB, over the limit of {job.memory_limit_bytes / gib:.2f}"
                )


def _end_with_parent() -> None:
    """Have the kernel end this child when the launcher ends, however that comes about. Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        hint = " (perhaps the kernel was out of memory)" if code == -9 else ""
        return f"killed by signal {-code}{hint}"
    return f"ended with code {code} and no result"


def main() -> None:
    """Serve the coordinator at the other end of the connection whose descriptor is the only argument."""
    serve(Connection(int(sys.argv[1])))
    os._exit(0)  # a backend's own clean-up has nothing to clean, and may hang
