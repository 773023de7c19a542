"""A folder that one process writes at a time."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import ZooError

LOCK = ".lock"


def lock_file(descriptor: int, wait: bool) -> bool:
    """Hold an open file until it is closed; False where the system or the file system has no locks.

    Args:
        descriptor: of the file.
        wait: whether to wait for another process that holds it.

    Raises:
        BlockingIOError: another process holds it, and nothing waits for that.
    """
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


class Lock:
    """Holds `folder`, which is there, until `release` or the end of the process, however that comes about.

    Raises:
        ZooError: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            held = lock_file(descriptor, wait=False)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise ZooError(f"{who} writes to {folder} now; wait for it, or choose another folder") from None
        if not held:
            os.close(descriptor)
            return
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let others have the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
