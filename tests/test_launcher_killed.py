"""The fork server or its coordinator is killed: an outcome, and nothing that runs on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import keras
import psutil
import pytest

from tests.forked import BARE
from zoo.measuring.launcher import Launcher, Limits, Outcome

LIMITS = Limits(1 << 32, 60.0)
COORDINATOR = """
import sys, time
from pathlib import Path
from zoo.measuring import fork_server
from zoo.measuring.launcher import Launcher, Limits
fork_server.START = {bare!r}
launcher = Launcher("keras", {backend!r}, "cpu", Path({log!r}))
print(launcher.process_id, flush=True)
launcher.run(Limits(1 << 33, 60.0), time.sleep, 60)
"""


def test_nothing_runs_on_when_the_coordinator_is_killed(tmp_path) -> None:
    script = COORDINATOR.format(bare=BARE, backend=keras.backend.backend(), log=str(tmp_path / "launcher.log"))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as coordinator:
        assert coordinator.stdout is not None
        server = psutil.Process(int(coordinator.stdout.readline()))
        while not server.children():
            time.sleep(0.05)
        running = [server, *server.children()]
        coordinator.kill()
    _, alive = psutil.wait_procs(running, timeout=5)
    assert not alive


@pytest.mark.parametrize("busy", [False, True])
def test_a_launcher_that_was_killed_is_an_outcome_and_leaves_nothing_behind(tmp_path, monkeypatch, busy: bool) -> None:
    monkeypatch.setattr("zoo.measuring.fork_server.START", BARE)
    started = Launcher("keras", keras.backend.backend(), "cpu", tmp_path / "launcher.log")
    started.run(LIMITS, os.getpid)
    server = psutil.Process(started.process_id)
    children: list[psutil.Process] = []

    def kill() -> None:
        while busy and not children:
            children.extend(server.children())
            time.sleep(0.05)
        server.kill()

    killing = threading.Thread(target=kill)
    killing.start()
    if not busy:
        killing.join()
    outcome = started.run(LIMITS, time.sleep, 60)
    killing.join()
    assert outcome == Outcome("crashed", f"the launcher itself ended with code -9; its log is {tmp_path}/launcher.log")
    assert not started.alive()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    started.close()
