"""A worker that hangs in native code, or takes memory in native code, and a clock that is set back."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import psutil
import pytest

from tests.faults.runs import assert_whole, command, finished
from zoo.measuring.launcher import Launcher, Limits, Outcome

MIB = 2**20
SETS_CLOCK_BACK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>
/* The clock of the calendar goes back an hour every other second; the steady clock goes on. */
static void back(time_t *seconds) { if (*seconds % 2) *seconds -= 3600; }
int clock_gettime(clockid_t which, struct timespec *when) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int code = real(which, when);
  if (which == CLOCK_REALTIME) back(&when->tv_sec);
  return code;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
int gettimeofday(struct timeval *when, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  when->tv_sec = now.tv_sec;
  when->tv_usec = now.tv_nsec / 1000;
  return 0;
}
"""


@pytest.fixture(scope="module")
def launcher(tmp_path_factory) -> Iterator[Launcher]:
    started = Launcher("keras", keras.backend.backend(), "cpu", tmp_path_factory.mktemp("log") / "launcher.log")
    yield started
    started.close()


def hang() -> None:
    """In native code, and without giving Python's lock away: no signal handler of Python's can run."""
    ctypes.PyDLL(None).sleep(1000)


def take_memory() -> None:
    """In native code, as fast as pages can be written."""
    block = ctypes.PyDLL(None)
    block.malloc.restype = ctypes.c_void_p
    while True:
        piece = block.malloc(ctypes.c_size_t(64 * MIB))
        ctypes.memset(piece, 1, 64 * MIB)


def test_a_worker_that_hangs_in_native_code_is_ended_at_its_limit(
    launcher: Launcher, record_property: Callable[[str, object], None]
) -> None:
    process = launcher.start()
    assert not isinstance(process, Outcome)
    begun = time.monotonic()
    outcome = process.call(Limits(2**62, 2.0), hang)
    assert outcome == Outcome("timeout", "ran past its limit of 2 s")
    taken = time.monotonic() - begun
    assert taken < 10
    record_property("figure", f"ended after {taken:.1f} s of a limit of 2 s")
    assert not psutil.pid_exists(process.process_id)


def test_a_worker_that_takes_memory_in_native_code_is_ended_before_the_machine_is(
    launcher: Launcher, record_property: Callable[[str, object], None]
) -> None:
    outcome = launcher.run(Limits(2048 * MIB, 60.0), take_memory)
    assert outcome.status == "out_of_memory"
    record_property("figure", outcome.reason)
    assert launcher.run(Limits(2048 * MIB, 60.0), time.monotonic).status == "ok"


DISTURBS = """
import time
while True:
    until = time.monotonic() + 1.0
    while time.monotonic() < until: pass
    time.sleep(1.0)
"""


@pytest.mark.slow
def test_a_machine_that_others_use_now_and_then_is_named(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    others = [subprocess.Popen([sys.executable, "-c", DISTURBS]) for _ in range(os.cpu_count() or 1)]
    try:
        code, printed = finished(command(tmp_path, "--zoo-repeats", "3"))
    finally:
        for each in others:
            each.kill()
            each.wait()
    assert code == 0, printed
    (line,) = [line for line in printed.splitlines() if line.startswith("The machine's pace varied by up to")]
    record_property("figure", line)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler to build the clock with")
def test_a_clock_that_is_set_back_changes_no_timing(tmp_path: Path) -> None:
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(SETS_CLOCK_BACK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    folder = tmp_path / "run"
    code, printed = finished(command(folder, "--zoo-repeats", "2"), LD_PRELOAD=str(library))
    assert code == 0, printed
    assert_whole(folder, 2)
