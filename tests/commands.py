"""A command line in this process: what it prints, and with which code it ends."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    errors: str


def run(main: Callable[[], None], *arguments: object) -> Ended:
    """Run `main` with these arguments, on a terminal of 200 columns without colours."""
    out, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["command", *map(str, arguments)]),
        mock.patch.dict(os.environ, COLUMNS="200", NO_COLOR="1"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            return Ended(int(end.code or 0), out.getvalue(), errors.getvalue())
    return Ended(0, out.getvalue(), errors.getvalue())
