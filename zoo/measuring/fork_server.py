"""A process that has imported a backend and Keras once, and forks the processes that measure.

It NEVER creates a tensor: a single one before the fork hangs every child. The coordinator gives each child one end of a
connection, talks to it directly, and asks the server only to start children and to end them. Every child ends with the
server, and the server with the coordinator.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import reduction
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from zoo.denormals import flush_denormals
from zoo.errors import Diverged, ZooError, is_out_of_memory
from zoo.measuring.resident import Range, library_pages, populate
from zoo.measuring.rows import Status

START = "from zoo.measuring.fork_server import load, main; load(); main()"
"""Not `python -m`: what is pickled must not live in __main__."""
NEW = "new"
"""Asks for a child; its end of the connection follows. The answer is its process id, or why there is none."""
PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


@dataclass(frozen=True)
class Call:
    """A function to call in a child; or, as a text, the method of what an earlier call made there."""

    function: Callable[..., Any] | str
    arguments: tuple[Any, ...]
    stays: bool = False  #: whether what it returns stays in the child, for later calls of its methods


@dataclass(frozen=True)
class Outcome:
    """How a call ended. `value` is what its function returned if `status` is "ok"."""

    status: Status
    reason: str = ""
    value: Any = None


def load() -> None:
    """Import once what every child needs, so that none has to."""
    import keras
    import sklearn.datasets  # noqa: F401

    import zoo.layers  # noqa: F401

    flush_denormals()
    if os.environ.get("TF_USE_LEGACY_KERAS"):
        import tensorflow  # noqa: F401
        import tf_keras  # noqa: F401

    if keras.backend.backend() != "tensorflow":
        # keras.utils.set_random_seed imports it wherever it is installed: seconds and megabytes of every child.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]


def main() -> None:
    """Serve the coordinator at the other end of the connection whose descriptor is the only argument."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the coordinator is gone
        serve(Connection(int(sys.argv[1])))
    os._exit(0)  # a backend's own clean-up has nothing to clean, and may hang


def serve(coordinator: Connection) -> None:
    """Start a child for each `NEW` that arrives; for the process id of one, end it and answer its exit code."""
    gc.collect()
    gc.freeze()  # a collection in a child would else walk, and so copy, the pages of everything imported here
    libraries = library_pages()
    children: dict[int, BaseProcess] = {}
    while True:
        request = coordinator.recv()
        if request == NEW:
            coordinator.send(_start(coordinator, libraries, children))
        else:
            child = children.pop(request)
            child.kill()
            child.join()
            coordinator.send(child.exitcode)


def _start(coordinator: Connection, libraries: list[Range], children: dict[int, BaseProcess]) -> int | str:
    """Fork a child that answers at the connection that is received; its process id, or the error."""
    connection = Connection(reduction.recv_handle(coordinator))
    # Forked from the main thread of a process that has made no tensor: the backend's pools are not started yet.
    child = multiprocessing.get_context("fork").Process(target=_child, args=(connection, coordinator, libraries))
    try:
        child.start()
    except OSError as error:
        return str(error)
    finally:
        connection.close()
    assert child.pid is not None
    children[child.pid] = child
    return child.pid


def _child(connection: Connection, coordinator: Connection, libraries: list[Range]) -> None:
    """Answer calls until the coordinator closes the connection."""
    coordinator.close()  # the server's: while a child held it, the coordinator could not see the server end
    _end_with_parent()
    populate(libraries)
    with contextlib.suppress(OSError):  # where the kernel must kill somebody, let it be the case and not the run
        Path("/proc/self/oom_score_adj").write_text("1000")
    made: Any = None
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            call: Call = connection.recv()
            function = getattr(made, call.function) if isinstance(call.function, str) else call.function
            outcome = _outcome(function, call.arguments)
            if call.stays:
                made, outcome = outcome.value, replace(outcome, value=None)
            connection.send(outcome)
    os._exit(0)


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    """What `function` returned, or why it could not."""
    try:
        return Outcome("ok", value=function(*arguments))
    except Diverged as error:
        return Outcome("crashed", str(error))
    except ZooError as error:  # something the user can mend, such as data that is not there
        return Outcome("skipped", str(error))
    except Exception as error:
        traceback.print_exc()
        kind = type(error).__name__
        first_line = (str(error).strip().splitlines() or [""])[0]
        return Outcome("out_of_memory" if is_out_of_memory(error) else "crashed", f"{kind}: {first_line}"[:500])


def _end_with_parent() -> None:
    """Have the kernel end this child when the server ends, however that comes about. Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
