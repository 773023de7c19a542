"""`pytest --benchmark` as a user runs it: in a process of its own, on real cases."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import zoo
from benchmarks.plan import Selection, timed_cases
from benchmarks.profiles import PROFILES, get_profile
from tests.processor import seconds_of_children
from tests.test_rooms import BLOCK, ROOT
from zoo.measuring import machine
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import BRIEF
from zoo.measuring.rows import TABLE, Measurement
from zoo.statistics.tables import read

SMALL = ("--zoo-profile", "smoke", "--zoo-entries", "neuron", "--zoo-tasks", "digits_rows")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A run that these tests start is no worker of theirs, when they run in several processes.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env={**ours, "COLUMNS": "140", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def small_run(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("run")
    return run("--benchmark", *SMALL, "--zoo-results", str(folder), f"--benchmark-json={folder / 'b.json'}"), folder


def test_a_run_keeps_every_timing_and_score(small_run) -> None:
    done, folder = small_run
    assert done.returncode == 0, done.stdout
    table = read(folder / TABLE)
    assert set(table["status"]) == {"ok"}
    timed = table[table["phase"] != "accuracy"]
    assert set(zip(timed["execution"], timed["phase"], strict=True)) == {
        (execution, phase) for execution in ("looped", "unrolled") for phase in ("train", "predict")
    }
    assert timed.groupby("case_id").size().min() >= 10
    for column in ("build_seconds", "first_call_seconds", "step_seconds", "parameters", "trainer_floor_seconds"):
        assert (timed[column] > 0).all(), column
    (score,) = table.loc[table["phase"] == "accuracy", "score"]
    assert 0.9 < score <= 1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
def test_memory_is_measured_over_the_floor(small_run) -> None:
    _, folder = small_run
    table = read(folder / TABLE)
    timed = table[table["phase"] == "train"]
    for peak in ("compile", "step"):
        over = timed[f"{peak}_peak_host_bytes"] - timed[f"{peak}_floor_host_bytes"]
        # a recurrent layer costs megabytes more than a Dense; a torch process jitters by one or two
        assert over.between(-4e6, 300e6).all()
    assert timed["step_floor_host_bytes"].between(50e6, 5e9).all()


def test_every_arm_is_proven(small_run) -> None:
    _, folder = small_run
    table = read(folder / TABLE)
    timed = table[table["phase"] != "accuracy"]
    assert dict(zip(timed["loop"], timed["kernel_path"], strict=True)) == {"looped": "while", "unrolled": "flat"}
    assert (timed["kernel_evidence"] != "").all()
    assert (timed.loc[timed["loop"] == "unrolled", "largest_difference"] <= 1e-5).all()


def test_pytest_benchmark_holds_the_same_timings(small_run) -> None:
    _, folder = small_run
    table = read(folder / TABLE)
    kept = json.loads((folder / "b.json").read_text())["benchmarks"]
    assert len(kept) == 4
    for benchmark in kept:
        rows = table[
            [
                f"[{case}-{phase}]" in benchmark["name"]
                for case, phase in zip(table["case_id"], table["phase"], strict=True)
            ]
        ]
        assert sorted(benchmark["stats"]["data"]) == pytest.approx(sorted(rows["step_seconds"]), rel=1e-12)


def test_a_run_ends_by_saying_where_things_are_and_what_they_say(small_run) -> None:
    done, folder = small_run
    assert f"rows go to {folder}" in done.stdout
    assert "expected " in done.stdout
    assert "3/3 neuron digits_rows recipe fast, seed 0" in done.stdout
    beyond = re.search(r"beyond what is measured, a case took ([\d.]+) s on tensorflow", done.stdout)
    assert beyond
    assert float(beyond.group(1)) <= 0.3
    assert str(folder / TABLE) in done.stdout
    assert str(folder / "charts") in done.stdout
    assert "unrolled" in done.stdout.rstrip().splitlines()[-2]
    assert {path.name for path in (folder / "charts").iterdir()} >= {"step_time.png", "accuracy.png"}


def test_without_the_flag_only_tests_are_collected_and_with_it_only_benchmarks() -> None:
    tests = run("--collect-only", "-q")
    assert "tests/test_run.py" in tests.stdout
    assert "benchmarks/" not in tests.stdout
    benchmarks = run("--benchmark", "--collect-only", "-q")
    assert "benchmarks/test_speed.py::test_speed[" in benchmarks.stdout
    assert "tests/" not in benchmarks.stdout


def test_collecting_benchmarks_imports_no_backend() -> None:
    start = BLOCK + "import pytest; sys.exit(pytest.main(['--benchmark', '--collect-only', '-q']))"
    subprocess.run([sys.executable, "-c", start], check=True, cwd=ROOT, capture_output=True)


def test_pytest_expressions_narrow_a_run() -> None:
    listed = run("--benchmark", "--collect-only", "-q", "-k", "lstm and unrolled and not jit and train").stdout
    items = [line for line in listed.splitlines() if "::" in line]
    assert items
    assert all("lstm" in item and "unrolled-" in item and item.endswith("-train]") for item in items)


MISTAKES = {
    "entry": (
        ("--zoo-entries", "lsmt"),
        f"unknown entry 'lsmt'; did you mean 'lstm'? zoo list shows all {len(zoo.list_models())}",
    ),
    "task": (
        ("--zoo-tasks", "waves"),
        f"unknown task 'waves'; did you mean 'wave'? zoo tasks shows all {len(zoo.list_tasks())}",
    ),
    "execution": (
        ("--zoo-executions", "looped,unroled"),
        "unknown execution 'unroled'; did you mean 'unrolled'? Known: stock, stock-unrolled, "
        "looped+jit, unrolled+jit, chunked-auto, chunked-auto+recompute, chunked-auto+jit, "
        "chunked-auto+jit+recompute, fused, fused+recompute, parallel, parallel+jit, legacy-static, legacy-dynamic, "
        "legacy-dynamic+swap, torch-native, torch-native+jit, jax-scan+jit, onnxruntime-native",
    ),
    "profile": (
        ("--zoo-profile", "quik"),
        "unknown profile 'quik'; did you mean 'quick'? Known: smoke, quick, full, peers, chunks, memory, gpu, parallel",
    ),
    "backend": (
        ("--zoo-backends", "tensorflwo"),
        "unknown backend 'tensorflwo'; did you mean 'tensorflow'? Known: tensorflow, jax, torch",
    ),
    "device": (("--zoo-devices", "tpu"), "unknown device 'tpu'; did you mean 'gpu'? Known: cpu, gpu"),
    "an empty list": (("--zoo-entries", ","), "no entry is named"),
    "a wildcard for a backend that is none": (
        ("--zoo-backends", "x*"),
        "unknown backend 'x*'. Known: tensorflow, jax, torch",
    ),
    "repeats": (("--zoo-repeats", "0"), "--zoo-repeats must be a positive whole number, not 0"),
    "memory limit": (("--zoo-memory-limit", "-1"), "--zoo-memory-limit must be more than 0 GiB, not -1"),
    "results folder": (
        ("--zoo-results", "/dev/null/results"),
        "cannot write to the folder /dev/null/results: Not a directory; choose another --zoo-results folder",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_the_run_before_it_starts_in_one_line(mistake: str) -> None:
    arguments, message = MISTAKES[mistake]
    told = run("--benchmark", *arguments)
    assert told.returncode == pytest.ExitCode.USAGE_ERROR
    assert told.stderr.strip() == f"ERROR: {message}"


def test_the_help_names_every_profile() -> None:
    told = " ".join(run("--help").stdout.split())
    assert ", ".join(PROFILES).replace("quick", "quick (default)") in told


def test_a_case_that_holds_too_much_is_a_row_and_a_skip(tmp_path) -> None:
    done = run("--benchmark", *SMALL, "--zoo-memory-limit", "0.1", f"--zoo-results={tmp_path}", "-k", "train")
    assert done.returncode == 0, done.stdout
    table = read(tmp_path / TABLE)
    assert set(table["status"]) == {"out_of_memory"}
    assert table["reason"].str.contains("over the limit of 0.10").all()


def test_data_that_is_not_there_is_a_skip_with_its_reason(tmp_path) -> None:
    arguments = ("--zoo-profile", "smoke", "--zoo-entries", "neuron", "--zoo-tasks", "mnist_rows", "-k", "looped")
    done = run("--benchmark", *arguments, f"--zoo-results={tmp_path}", ZOO_DATA="nowhere")
    assert done.returncode == 0, done.stdout
    table = read(tmp_path / TABLE)
    assert set(table["status"]) == {"skipped"}
    assert table["reason"].str.contains("nowhere").all()
    again = run("--benchmark", "--zoo-resume", *arguments, f"--zoo-results={tmp_path}", ZOO_DATA="nowhere")
    assert again.returncode == 0, again.stdout
    assert read(tmp_path / TABLE).equals(table)  # skipped again, and not told twice


def test_a_resumed_run_remembers_what_ran_past_its_limit(tmp_path) -> None:
    profile = get_profile("quick")
    short, long = (
        case
        for case in timed_cases(profile, Selection())
        if case.repeat == 0 and case.steps in (100, 200) and case.arm == "unrolled"
    )
    origin = machine.origin("tensorflow", "cpu")
    ended = {"status": "timeout", "reason": "ran past its limit of 120 s"}
    kept = [Measurement(**short.identity(), **origin, **ended, phase=phase) for phase in short.phases]
    coordinator = Coordinator(tmp_path, "run", profile.effort, 1 << 33, kept)
    assert {row.status for row in coordinator.measured(short)} == {"timeout"}
    rows = coordinator.measured(long)  # at once: no process is started
    assert {(row.status, row.reason) for row in rows} == {
        ("skipped", "at 100 steps it ran past the limit of 120 s already")
    }
    assert not coordinator._launchers


def test_a_run_is_resumed_only_with_the_versions_that_measured_it(tmp_path) -> None:
    case, *_ = timed_cases(get_profile("smoke"), Selection())
    here = machine.origin(case.backend, case.device)

    def kept(**changed: str) -> bool:
        told = {**case.identity(), **here, **changed, "status": "ok"}
        rows = [Measurement(**told, phase=phase) for phase in case.phases]
        return Coordinator(tmp_path, "run", BRIEF, 1 << 33, rows).is_kept(case)

    assert kept()
    for name in ("keras_version", "backend_version", "numpy_version", "python_version", "device_name"):
        assert not kept(**{name: "another"})
    assert not kept(optimizer="another")


@pytest.mark.slow
def test_three_backends_are_one_table(tmp_path) -> None:
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    done = run("--benchmark", *SMALL, "--zoo-backends", "tensorflow,jax,torch", f"--zoo-results={tmp_path}")
    assert done.returncode == 0, done.stdout
    table = read(tmp_path / TABLE)
    ran = table[table["status"] == "ok"]
    assert set(ran["backend"]) == {"tensorflow", "jax", "torch"}
    assert (ran["kernel_path"] != "").all()
    assert (ran["kernel_evidence"] != "").all()


def test_ctrl_c_keeps_what_was_measured(tmp_path) -> None:
    table = tmp_path / TABLE
    arguments = command("--benchmark", "--zoo-repeats", "50", *SMALL, f"--zoo-results={tmp_path}")
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        while not (table.exists() and len(table.read_text().splitlines()) > 2):
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(0.5)  # into the next case
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert f"python -m benchmarks charts --results {tmp_path}" in told
    measured = read(table)
    assert set(measured["status"]) == {"ok"}
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive

    # the same command goes on where it was stopped, and a finished run has nothing left to do
    shorter = [argument if argument != "50" else "1" for argument in arguments] + ["--zoo-resume"]
    resumed = subprocess.run(shorter, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = read(table)
    assert len(rows) > len(measured)
    assert rows.iloc[: len(measured)].equals(measured)
    assert set(rows["run"]) == set(measured["run"])
    assert "3 passed" not in resumed.stdout
    before = seconds_of_children()
    again = subprocess.run(shorter, cwd=ROOT, capture_output=True, text=True, check=True)
    taken = seconds_of_children() - before
    assert read(table).equals(rows)
    assert "5 passed" in again.stdout
    assert taken < 5
