"""Fresh processes, cheaply: the coordinator's end of a fork server, and of each process that it forked.

The coordinator starts a launcher with the environment of a backend and device. Each call to a process of it is watched
from outside: the process is ended when it takes too much memory or time. How a call ended is an Outcome.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import psutil

from zoo.measuring import fork_server
from zoo.measuring.fork_server import Call, Outcome
from zoo.measuring.machine import environment

__all__ = ["Launcher", "Limits", "Outcome", "Process"]

WATCH_SECONDS = 0.02
GIB = 2**30
LONGEST = 300
"""Characters of the last line of a log that are shown."""
GONE = (EOFError, OSError)


@dataclass(frozen=True)
class Limits:
    """What a process may take before it is ended."""

    memory_bytes: int
    seconds: float


FIRST_LIMITS = Limits(2**62, 120.0)
"""Of what a process calls before anything else."""


class Launcher:
    """The coordinator's end of one fork server. `close` it.

    Args:
        runner: whose environment its processes have.
        backend: that they import.
        device: that they see.
        log: takes what they print.
        first: what each process calls before anything else.
    """

    def __init__(
        self, runner: str, backend: str, device: str, log: Path, first: Callable[[], object] | None = None
    ) -> None:
        self._first = first
        self._log: IO[bytes] = log.open("ab")
        self._connection, theirs = multiprocessing.Pipe()
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-c", fork_server.START, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment(runner, backend, device),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # Ctrl-C is the coordinator's: it closes the connection, and then the server ends, and what it has running.
            start_new_session=True,
        )
        theirs.close()
        self._lock = threading.Lock()  # several threads may each wait for a process of their own

    @property
    def process_id(self) -> int:
        """That of the fork server."""
        return self._server.pid

    def run(self, limits: Limits, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """Call `function` in a fresh process, which ends with it."""
        process = self.start()
        if isinstance(process, Outcome):
            return process
        try:
            return process.call(limits, function, *arguments)
        finally:
            process.end()

    def start(self) -> Process | Outcome:
        """A fresh process; an Outcome where none can be started."""
        ours, theirs = multiprocessing.Pipe()
        try:
            with self._lock:
                self._connection.send(fork_server.NEW)
                reduction.send_handle(self._connection, theirs.fileno(), self._server.pid)
                answer = self._connection.recv()
        except GONE:
            return self._ended()
        finally:
            theirs.close()
        if isinstance(answer, str):
            return Outcome("crashed", f"no process could be started: {answer}")
        process = Process(self, answer, ours)
        if self._first:
            outcome = process.call(FIRST_LIMITS, self._first)
            if outcome.status != "ok":
                process.end()
                return outcome
        return process

    def end(self, process_id: int) -> int | Outcome:
        """Kill a process that was started here, if it runs still; its exit code, or how the server itself ended."""
        try:
            with self._lock:
                self._connection.send(process_id)
                return self._connection.recv()
        except GONE:
            return self._ended()

    def alive(self) -> bool:
        """Whether it can still start processes."""
        return self._server.poll() is None

    def close(self) -> None:
        """End the fork server and whatever it has running."""
        self._connection.close()
        try:
            self._server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._log.close()

    def _ended(self) -> Outcome:
        code = self._server.wait()
        last = _last_line(Path(self._log.name))
        log = f"its log ends with: {last}" if last else f"its log is {self._log.name}"
        return Outcome("crashed", f"the launcher itself ended with code {code}; {log}")


class Process:
    """The coordinator's end of one process. It runs until `end`, or until a call passes a limit."""

    def __init__(self, launcher: Launcher, process_id: int, connection: Connection) -> None:
        self._launcher = launcher
        self.process_id = process_id
        self._connection = connection
        self._watched = psutil.Process(process_id)
        self._ended: int | Outcome | None = None

    def make(self, limits: Limits, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """Call `function` and keep what it returns in the process, for calls of its methods."""
        return self._answer(limits, Call(function, arguments, stays=True))

    def call(self, limits: Limits, function: Callable[..., Any] | str, *arguments: Any) -> Outcome:
        """Call `function`, or the method of that name of what `make` made, and return its value."""
        return self._answer(limits, Call(function, arguments))

    def held_bytes(self) -> int:
        """The memory that it holds, a page that several processes share counted in parts (PSS); 0 if it has ended."""
        with contextlib.suppress(psutil.Error):
            return self._watched.memory_full_info().pss
        return 0

    def end(self) -> int | Outcome:
        """Kill it, if it runs still; its exit code."""
        if self._ended is None:
            self._ended = self._launcher.end(self.process_id)
            self._connection.close()
        return self._ended

    def _answer(self, limits: Limits, call: Call) -> Outcome:
        deadline = time.monotonic() + limits.seconds
        try:
            self._connection.send(call)
            while not self._connection.poll(WATCH_SECONDS):
                if passed := self._passed(limits, deadline):
                    self.end()
                    return passed
            return self._connection.recv()
        except GONE:  # it ended before it had sent anything, or half of it
            code = self.end()
            return code if isinstance(code, Outcome) else Outcome("crashed", _how_it_ended(code))

    def _passed(self, limits: Limits, deadline: float) -> Outcome | None:
        """Which limit the process has passed, if any."""
        if time.monotonic() > deadline:
            return Outcome("timeout", f"ran past its limit of {limits.seconds:g} s")
        with contextlib.suppress(psutil.Error):
            used = self._watched.memory_info().rss
            if used > limits.memory_bytes:
                held, allowed = used / GIB, limits.memory_bytes / GIB
                return Outcome("out_of_memory", f"held {held:.2f} GiB, over the limit of {allowed:.2f}")
        return None


def _last_line(log: Path) -> str:
    """The last line of a log; empty where it has none, or is gone with its folder."""
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip()[:LONGEST] if lines else ""
    return ""


def _how_it_ended(code: int) -> str:
    if code < 0:
        hint = " (perhaps the kernel was out of memory)" if code == -9 else ""
        return f"killed by signal {-code}{hint}"
    return f"ended with code {code} and no result"
