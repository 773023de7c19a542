"""The fork server: a fresh process a job, and an outcome whatever becomes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import Diverged
from zoo.execution import BACKENDS, NORMAL_JIT
from zoo.measuring.launcher import Launcher, Limits, Outcome, Process
from zoo.measuring.machine import environment, peak_bytes, reset_peak

MIB = 1 << 20


FORK = """
import importlib, multiprocessing, pkgutil
import numpy, zoo

for module in pkgutil.walk_packages(zoo.__path__, "zoo."):
    importlib.import_module(module.name)
import keras

def use(answer):
    model = zoo.create_model("lstm", "wave", units=4)
    answer.send(model.predict_on_batch(numpy.zeros((2, 20, 1), "float32")).shape)

context = multiprocessing.get_context("fork")
ours, theirs = context.Pipe()
context.Process(target=use, args=(theirs,), daemon=True).start()
print(ours.recv() if ours.poll(10) else "no answer within 10 s")
"""


def seed() -> set[str]:
    """In a child: the backends that setting Keras' own seed imports."""
    before = {name for name in BACKENDS if name in sys.modules}
    keras.utils.set_random_seed(0)
    return {name for name in BACKENDS if sys.modules.get(name)} - before


def denormal() -> float:
    """A number that is too small for a float32 of full precision."""
    return float(keras.ops.sum(keras.ops.full((64,), 1e-30) * 1e-10))


def hold(mebibytes: int) -> int:
    block = np.ones(mebibytes * MIB, "uint8")
    time.sleep(5)
    return int(block.sum())


def diverge() -> None:
    raise Diverged("the loss is no finite number")


def fail() -> None:
    raise RuntimeError("first line\nsecond line")


def run_out_of_memory() -> None:
    raise MemoryError("Unable to allocate 3 GiB")


def run_out_of_gpu_memory(message: str) -> None:
    raise RuntimeError(message)


def miss_data() -> None:
    raise zoo.ZooError("there is no such data")


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(3)


def peaks(mebibytes: int) -> tuple[int, int]:
    """The peak with a block of memory held, and the peak after it is given back and forgotten."""
    reset_peak()
    np.ones(mebibytes * MIB, "uint8")
    first = peak_bytes()
    reset_peak()
    last = peak_bytes()
    assert first is not None
    assert last is not None
    return first, last


def build_and_hold() -> int:
    """Work of the size of a small case; returns the peak of the process that did it."""
    model = zoo.create_model("lstm", "wave", zoo.Execution(jit=NORMAL_JIT[keras.backend.backend()]), units=64)
    model.train_on_batch(np.zeros((8, 20, 1), "float32"), np.zeros((8, 20, 1), "float32"))
    block = np.ones(150 * MIB, "uint8")
    assert block[-1] == 1
    peak = peak_bytes()
    assert peak is not None
    return peak


def process_id() -> int:
    return os.getpid()


def limits(memory: int = 4096 * MIB, seconds: float = 60.0) -> Limits:
    return Limits(memory, seconds)


@pytest.fixture(scope="module")
def launcher(tmp_path_factory) -> Iterator[Launcher]:
    started = Launcher("keras", keras.backend.backend(), "cpu", tmp_path_factory.mktemp("log") / "launcher.log")
    started.run(limits(), process_id)  # waits until the backend is imported
    yield started
    started.close()


def test_a_process_that_is_forked_after_every_module_was_imported_answers() -> None:
    """What a module of the zoo computes when it is imported would hang the backend in the fork."""
    answer = subprocess.run([sys.executable, "-c", FORK], check=False, capture_output=True, text=True, timeout=300)
    assert answer.stdout == "(2, 20, 1)\n", answer.stderr


def test_a_child_imports_no_other_backend(launcher: Launcher) -> None:
    """Importing another takes seconds, which would count as building the model."""
    assert launcher.run(limits(), seed).value == set()


def test_a_denormal_number_is_zero_on_every_backend(launcher: Launcher) -> None:
    """Else torch takes many times as long for a scan, and the backends do not run the same computation."""
    assert launcher.run(limits(), denormal).value == 0.0


class Counter:
    """Something that stays in a process."""

    def __init__(self, value: int) -> None:
        self.value = value

    def add(self, more: int) -> int:
        self.value += more
        return self.value

    def fail(self) -> None:
        raise RuntimeError("first line")


def started(launcher: Launcher) -> Process:
    process = launcher.start()
    assert isinstance(process, Process)
    return process


@pytest.mark.once
def test_what_a_process_made_stays_in_it_beside_others(launcher: Launcher) -> None:
    processes = [started(launcher) for _ in range(2)]
    try:
        assert [each.make(limits(), Counter, 10 * i) for i, each in enumerate(processes)] == [Outcome("ok")] * 2
        assert [each.call(limits(), "add", 1).value for each in [*processes, *processes]] == [1, 11, 2, 12]
        assert processes[0].call(limits(), "fail") == Outcome("crashed", "RuntimeError: first line")
        assert processes[0].call(limits(), "add", 1).value == 3
        assert all(each.held_bytes() > MIB for each in processes)
    finally:
        assert [each.end() for each in processes] == [-signal.SIGKILL] * 2


@pytest.mark.once
def test_a_process_that_somebody_kills_is_an_outcome_and_the_others_go_on(launcher: Launcher) -> None:
    one, other = started(launcher), started(launcher)
    for each in (one, other):
        each.make(limits(), Counter, 0)
    os.kill(one.process_id, signal.SIGKILL)
    assert one.call(limits(), "add", 1).reason.startswith("killed by signal 9")
    assert one.held_bytes() == 0
    assert other.call(limits(), "add", 1).value == 1
    other.end()


@pytest.mark.once
def test_every_job_has_a_process_of_its_own(launcher: Launcher) -> None:
    assert launcher.run(limits(), process_id).value != launcher.run(limits(), process_id).value


@pytest.mark.once
def test_too_much_memory_ends_the_job_and_not_the_run(launcher: Launcher) -> None:
    outcome = launcher.run(limits(memory=1500 * MIB), hold, 2000)
    assert outcome.status == "out_of_memory"
    assert outcome.reason.startswith("held ")
    assert outcome.reason.endswith(" GiB, over the limit of 1.46")
    assert launcher.run(limits(), process_id).status == "ok"


@pytest.mark.once
@pytest.mark.parametrize(
    ("function", "outcome"),
    [
        (fail, Outcome("crashed", "RuntimeError: first line")),
        (run_out_of_memory, Outcome("out_of_memory", "MemoryError: Unable to allocate 3 GiB")),
        (miss_data, Outcome("skipped", "there is no such data")),
        (diverge, Outcome("crashed", "the loss is no finite number")),  # it was tried, and failed
        (kill_itself, Outcome("crashed", "killed by signal 9 (perhaps the kernel was out of memory)")),
        (leave, Outcome("crashed", "ended with code 3 and no result")),
    ],
)
def test_a_failure_is_an_outcome_with_its_reason(launcher: Launcher, function, outcome: Outcome) -> None:
    assert launcher.run(limits(), function) == outcome


@pytest.mark.once
@pytest.mark.parametrize(
    "message",
    [
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1099511627776 bytes.",
        "CUDA error: out of memory",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_a_gpu_without_memory_is_an_outcome_too(launcher: Launcher, message: str) -> None:
    """As JAX, CUDA and cuDNN say it; the classes of torch and TensorFlow for it are known by their names."""
    assert launcher.run(limits(), run_out_of_gpu_memory, message) == Outcome(
        "out_of_memory", f"RuntimeError: {message}"
    )


@pytest.mark.once
def test_a_gpu_process_takes_memory_as_it_needs_it() -> None:
    on_gpu = environment("keras", "jax", "gpu")
    assert (on_gpu["XLA_PYTHON_CLIENT_PREALLOCATE"], on_gpu["TF_FORCE_GPU_ALLOW_GROWTH"]) == ("false", "true")
    assert on_gpu["JAX_PLATFORMS"] == "cuda"
    assert environment("keras", "jax", "cpu")["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.once
def test_a_job_that_takes_too_long_is_ended(launcher: Launcher) -> None:
    assert launcher.run(limits(seconds=0.5), time.sleep, 30) == Outcome("timeout", "ran past its limit of 0.5 s")


@pytest.mark.once
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
def test_a_peak_counts_from_its_reset(launcher: Launcher) -> None:
    first, last = launcher.run(limits(), peaks, 300).value
    assert 290 * MIB < first - last < 320 * MIB


# `/usr/bin/time -v` in a line. A small process has to start the work: over an exec Linux keeps the peak of the one that
# forked it.
MAXIMUM_RESIDENT_SET_SIZE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
def test_a_peak_is_that_of_the_same_work_alone(launcher: Launcher) -> None:
    work = (
        "import keras, sklearn.datasets, zoo.layers; from tests.test_launcher import build_and_hold; build_and_hold()"
    )
    alone = subprocess.run(
        [sys.executable, "-c", MAXIMUM_RESIDENT_SET_SIZE, sys.executable, "-c", work],
        env=environment("keras", keras.backend.backend(), "cpu"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert launcher.run(limits(), build_and_hold).value == pytest.approx(int(alone.stdout.split()[-1]) * 1024, rel=0.1)
