"""What test_cluster.py makes on each node, which imports this file there: no pandas and no pytest, to start sooner."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

SECONDS = 0.5


class Sleeper:
    """What is made on each node: its jobs take half a second, or as long as a file is not there."""

    def __init__(self, node: str, at_once: int) -> None:
        self._node = node

    def sleep(self, number: int) -> Iterator[tuple[str, int, float]]:
        started = time.time()
        time.sleep(SECONDS)
        yield self._node, number, started
        yield self._node, number, time.time()

    def wait(self, marks: str, after: str) -> Iterator[str]:
        """Say where it runs, by a file too, and wait for another file."""
        yield self._node
        Path(marks, self._node).touch()
        while not Path(after).exists():
            time.sleep(0.05)
        yield "done"

    def close(self) -> None:
        """Leave a mark: ray.kill runs no finalizer."""
        if marks := os.environ.get("ZOO_TEST_MARKS"):
            Path(marks, self._node).touch()

    def fail(self) -> Iterator[str]:
        yield "began"
        raise RuntimeError("first line\nsecond line")
