"""Functions run in a process that a server of its own forked, as the launcher does with a case."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import zoo

ANSWER_SECONDS = 20
SERVE = "import keras, sklearn.datasets, tensorflow, tf_keras; from tests.forked import serve; serve()"
BARE = "from zoo.measuring.fork_server import main; main()"
"""A fork server of the zoo's without Keras, which takes seconds to import."""
ROOT = Path(__file__).parent.parent
Call = Callable[..., Any]


def serve() -> None:
    """In the server: fork a child for each call that arrives."""
    connection = Connection(int(sys.argv[1]))
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        child = multiprocessing.get_context("fork").Process(target=answer, args=(connection, function, arguments))
        child.start()
        child.join(ANSWER_SECONDS)
        if child.exitcode != 0:
            child.kill()
            connection.send(RuntimeError(f"no answer within {ANSWER_SECONDS} s, exit code {child.exitcode}"))


def answer(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        connection.send(function(*arguments))
    except zoo.ZooError as error:
        connection.send(error)
    except Exception:
        connection.send(RuntimeError(traceback.format_exc()))  # TensorFlow's own errors do not pickle


def started(environment: dict[str, str]) -> Iterator[Call]:
    """A server with `environment`, as a function that runs another one in a child of it."""
    ours, theirs = multiprocessing.Pipe()
    command = [sys.executable, "-c", SERVE, str(theirs.fileno())]
    process = subprocess.Popen(
        command, pass_fds=[theirs.fileno()], env={**os.environ, **environment}, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    theirs.close()

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        ours.send((function, arguments))
        result = ours.recv()
        if isinstance(result, Exception):
            raise result
        return result

    yield call
    ours.close()
    process.wait(10)
