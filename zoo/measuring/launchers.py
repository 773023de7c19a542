"""The fork servers of a run, and what is measured in them once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.execution import KERAS
from zoo.measuring.case import Case
from zoo.measuring.launcher import Launcher, Limits, Outcome

REMEMBERED = 256
OWN_ENVIRONMENT = ("legacy",)
"""Runners whose processes start with another environment than those of Keras."""


class Launchers:
    """A fork server for each backend and device, started when it is first needed and again if it has ended.

    TensorFlow 1 has one of its own: it needs another environment.

    Args:
        logs: the folder of their logs.
        first: what each process of Keras calls before anything else, such as to import models of a user's own.
    """

    def __init__(self, logs: Path, first: Callable[[], object] | None = None) -> None:
        self._logs = logs
        self._first = first
        self._started: dict[tuple[str, str, str], Launcher] = {}
        self._lock = threading.Lock()  # several threads may each ask for one

    def __len__(self) -> int:
        return len(self._started)

    def of(self, case: Case) -> Launcher:
        """The fork server of the case's backend and device."""
        return self.at(case.backend, case.device, case.runner)

    def at(self, backend: str, device: str = "cpu", runner: str = KERAS) -> Launcher:
        """The fork server of a backend and a device."""
        where = runner if runner in OWN_ENVIRONMENT else KERAS, backend, device
        with self._lock:
            launcher = self._started.get(where)
            if launcher is None or not launcher.alive():
                first = self._first if where[0] == KERAS else None
                launcher = self._started[where] = Launcher(*where, self._logs / f"{'-'.join(where)}.log", first)
            return launcher

    def run(self, limits: Limits, case: Case, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """Call `function(case, *arguments)` in a fresh process of the case's fork server."""
        return self.of(case).run(limits, function, case, *arguments)

    def close(self) -> None:
        """End the fork servers, and what runs in them."""
        for launcher in self._started.values():
            launcher.close()


class Once:
    """What functions gave for a case, each called once: a batch, a floor, a proof, a limit.

    The latest `REMEMBERED` are kept, which the arms of a group share: the memory of a long run stays as it is. The
    threads of a node that train at the same time share them too: each waits for what another has begun.
    """

    def __init__(self, launchers: Launchers, limits: Limits) -> None:
        self._launchers = launchers
        self._limits = limits
        self._outcomes: dict[tuple[Callable[..., Any], Case, tuple[bool, ...]], Outcome] = {}
        self._lock = threading.Lock()

    def __call__(self, what: str, case: Case, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """The outcome of the first `function(case, *arguments)` of this run; if it failed, its reason names `what`."""
        key = function, case, tuple(each is None for each in arguments)  # a proof against nothing is none
        with self._lock:
            if key not in self._outcomes:
                self._outcomes[key] = self._launchers.run(self._limits, case, function, *arguments)
                while len(self._outcomes) > REMEMBERED:
                    del self._outcomes[next(iter(self._outcomes))]
            outcome = self._outcomes[key] = self._outcomes.pop(key)  # it is the latest now
        if outcome.status in ("ok", "skipped"):  # a skip gives a reason for the user, such as data that are missing
            return outcome
        return replace(outcome, reason=f"{what}: {outcome.reason}")

    def again(self, case: Case, function: Callable[..., Any], merge: Callable[[Any, Any], Any]) -> Any:
        """Call `function(case)` again and keep what `merge` makes of its old value and the new one, if there is one."""
        key = function, case, ()
        with self._lock:
            outcome = self._launchers.run(self._limits, case, function)
            if outcome.status == "ok":
                self._outcomes[key] = replace(outcome, value=merge(self._outcomes[key].value, outcome.value))
            return self._outcomes[key].value
