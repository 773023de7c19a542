"""`pytest --benchmark` as a user runs it. What needs no process of its own runs in that of the tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchmarks.profiles import get_profile
from tests.processor import seconds_of_children
from tests.test_rooms import ROOT
from zoo.bench.plan import Selection, timed_cases
from zoo.bench.plugin import settle
from zoo.bench.run import Run
from zoo.measuring import machine
from zoo.measuring.case import Case, skip_reason
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.group import Group, groups
from zoo.measuring.launchers import Launchers
from zoo.measuring.rows import TABLE, Measurement, append, read_rows
from zoo.statistics.tables import read

SMOKE = get_profile("smoke")
OVERHEAD = re.compile(r"beyond what is measured, an arm took ([\d.]+) s on tensorflow, a block ([\d.]+) ms")
SMALL = ("--zoo-profile", "smoke", "--zoo-entries", "neuron", "--zoo-tasks", "digits_rows")


def command(*arguments: str) -> list[str]:
    """As a user's own: hypothesis is there for the tests alone, and takes a second to import."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments]


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
    """The one whole run: two arms timed, and a training."""
    folder = tmp_path_factory.mktemp("run")
    return run("--benchmark", *SMALL, f"--zoo-results={folder}", f"--benchmark-json={folder / 'b.json'}"), folder


def test_a_run_keeps_every_timing_and_score(small_run) -> None:
    done, folder = small_run
    assert done.returncode == 0, done.stdout
    table = read(folder / TABLE)
    assert set(table["status"]) == {"ok"}
    assert set(table.loc[table["entry"] == "lstm", "execution"]) == {"looped"}  # the reference arm
    timed = table[(table["phase"] != "accuracy") & (table["entry"] == "neuron")]
    assert set(zip(timed["execution"], timed["phase"], strict=True)) == {
        (execution, phase) for execution in ("looped", "unrolled") for phase in ("train", "predict")
    }
    assert timed.groupby(["case_id", "phase"]).size().min() >= SMOKE.effort.rounds
    assert (timed["calls"] >= 1).all()
    assert timed.groupby(["group", "repeat", "phase", "round"]).size().max() == 2  # both arms in a round
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
    assert "2/2 neuron digits_rows, recipe fast, seed 0" in done.stdout
    assert OVERHEAD.search(done.stdout)
    assert str(folder / TABLE) in done.stdout
    assert str(folder / "report.html") in done.stdout
    assert "unrolled" in (folder / "report.html").read_text()
    assert re.match(r"\d+ comparisons: \d+ with too few repeats", done.stdout.rstrip().splitlines()[-2])
    assert [path.name for path in (folder / "charts").iterdir()] == ["executions.png"]


@pytest.mark.slow  # by the clock
def test_a_case_takes_little_beyond_what_it_measures(tmp_path) -> None:
    done = run("--benchmark", *SMALL, f"--zoo-results={tmp_path}")
    beyond = OVERHEAD.search(done.stdout)
    assert beyond
    assert float(beyond.group(1)) <= 0.3
    assert float(beyond.group(2)) <= 2


@pytest.fixture(scope="module")
def without_data(tmp_path_factory) -> Iterator[Launchers]:
    """Fork servers that know no folder of data."""
    launchers = Launchers(tmp_path_factory.mktemp("logs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_DATA", "nowhere")
        launchers.of(first_case("neuron", "wave"))  # has its environment from here on
    yield launchers
    launchers.close()


def first_case(entry: str, task: str) -> Case:
    return next(iter(timed_cases(SMOKE, Selection((entry,), (task,), ("looped",)))))


def alone(case: Case) -> Group:
    return Group("of one arm", {case: 1}, ())


def measured(folder: Path, case: Case, memory_bytes: int, launchers: Launchers, kept=()) -> list[Measurement]:
    coordinator = Coordinator(folder, "run", USUAL, memory_bytes, kept, launchers=launchers)
    run = coordinator.group(alone(case))
    coordinator.measure(run, 1.0)
    return run.rows[case]


def test_a_case_that_holds_too_much_is_a_row_and_a_skip(tmp_path, without_data: Launchers) -> None:
    rows = measured(tmp_path, first_case("neuron", "digits_rows"), 100 << 20, without_data)
    assert [(row.phase, row.status) for row in rows] == [(phase, "out_of_memory") for phase in ("train", "predict")]
    assert all("over the limit of 0.10" in row.reason for row in rows)
    assert read_rows(tmp_path / TABLE) == rows
    with pytest.raises(pytest.skip.Exception, match=r"^out_of_memory: .*over the limit of 0\.10$"):
        settle(rows)


def test_data_that_is_not_there_is_a_skip_with_its_reason(tmp_path, without_data: Launchers) -> None:
    case, table = first_case("neuron", "mnist_rows"), tmp_path / TABLE
    rows = measured(tmp_path, case, 1 << 33, without_data)
    assert {row.status for row in rows} == {"skipped"}
    assert all("nowhere" in row.reason for row in rows)
    with pytest.raises(pytest.skip.Exception, match="nowhere"):
        settle(rows)
    kept = read_rows(table)
    assert Coordinator(tmp_path, "run", USUAL, 1 << 33, kept, launchers=without_data).group(alone(case)).needed()
    measured(tmp_path, case, 1 << 33, without_data, kept)
    assert read_rows(table) == rows  # skipped again, and not written twice


@pytest.mark.parametrize("status", ["crashed", "unequal"])
def test_a_case_that_went_wrong_fails_with_its_reason(status) -> None:
    case = first_case("neuron", "wave")
    row = Measurement(**case.identity(), phase="train", repeat=0, status=status, reason="a reason")
    with pytest.raises(pytest.fail.Exception, match=f"^{status}: a reason$"):
        settle([row])


def test_a_resumed_run_remembers_what_ran_past_its_limit(tmp_path) -> None:
    profile = get_profile("quick")
    cases = timed_cases(profile, Selection(entries=("lstm",)))
    short, long = (case for case in cases if case.steps in (50, 200) and case.arm == "unrolled")
    origin = machine.origin("tensorflow", "cpu")
    ended = {"status": "timeout", "reason": "ran past its limit of 120 s", "group": alone(short).name, "repeat": 0}
    kept = [Measurement(**short.identity(), **origin, **ended, phase=phase) for phase in short.phases]
    coordinator = Coordinator(tmp_path, "run", profile.effort, 1 << 33, kept)
    run = coordinator.group(alone(short))
    assert not run.needed()
    assert {row.status for row in run.rows[short]} == {"timeout"}
    run = coordinator.group(alone(long))
    coordinator.measure(run, 1.0)  # at once: no process is started
    assert {(row.status, row.reason) for row in run.rows[long]} == {
        ("skipped", "at 50 steps it ran past the limit of 120 s already")
    }
    assert len(coordinator.launchers) == 0


def test_a_run_is_resumed_only_with_the_versions_that_measured_it(tmp_path) -> None:
    case, *_ = timed_cases(SMOKE, Selection())
    here = machine.origin(case.backend, case.device)

    def kept(**changed: str) -> bool:
        shared = {**case.identity(), **here, "group": alone(case).name, **changed, "repeat": 0, "status": "ok"}
        rows = [Measurement(**shared, phase=phase, round=0, step_seconds=1.0) for phase in case.phases]
        return not Coordinator(tmp_path, "run", USUAL, 1 << 33, rows).group(alone(case)).needed()

    assert kept()
    for name in ("keras_version", "backend_version", "numpy_version", "python_version", "device_name"):
        assert not kept(**{name: "another"})
    assert not kept(optimizer="another")
    assert not kept(group="of other arms")


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


ON_ONE_CORE = """
import os, signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
sys.exit(pytest.main(sys.argv[1:]))
"""
"""It heeds Ctrl-C: a process that is started in the background, as CI may start the tests, ignores it."""


@pytest.mark.slow  # faults/test_killed.py ends a run by SIGTERM
def test_ctrl_c_within_a_round_keeps_what_was_measured_also_on_one_core(tmp_path) -> None:
    table = tmp_path / TABLE
    arguments = command("--benchmark", "--zoo-repeats", "50", *SMALL, f"--zoo-results={tmp_path}")
    arguments = [sys.executable, "-c", ON_ONE_CORE, *arguments[3:]]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        ended: list[float] = []  # when each repeat was written
        while len(ended) < 2:
            assert process.poll() is None
            time.sleep(0.02)
            if table.exists() and len({row.repeat for row in read_rows(table)}) > len(ended):
                ended.append(time.monotonic())
        time.sleep(0.8 * (ended[1] - ended[0]))  # into the rounds of the next: workers are started before
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert f"zoo report {tmp_path}" in printed
    measured = read_rows(table)
    assert {row.status for row in measured} == {"ok"}
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    (group,) = groups(timed_cases(SMOKE, Selection(("neuron",), ("digits_rows",))), least=50)
    repeats = {row.repeat for row in measured}
    assert {(row.case_id, row.repeat) for row in measured} == {
        (case.id, repeat) for case in group.arms if not skip_reason(case) for repeat in repeats
    }  # whole repeats


def test_a_run_goes_on_where_it_was_stopped(small_run, tmp_path) -> None:
    """Here it was killed while it wrote the row of its training, the last one."""
    _, whole = small_run
    (tmp_path / TABLE).write_bytes((whole / TABLE).read_bytes()[:-20])
    selection = Selection(entries=("neuron",), tasks=("digits_rows",))
    resumed = Run(SMOKE, selection, tmp_path, resume=True)
    (group,) = groups(resumed.timed)
    assert not resumed.coordinator.group(group).needed()
    assert [resumed.coordinator.is_trained(case) for case in resumed.trained] == [False]
    old = read_rows(whole / TABLE)
    assert read_rows(tmp_path / TABLE) == old[:-1]
    assert {resumed.name} == {row.run for row in old}


@pytest.mark.parametrize("changed", ["run", "zoo_version"])
def test_repeats_of_another_run_or_version_are_not_gone_on_with(small_run, tmp_path, changed: str) -> None:
    _, whole = small_run
    old = read_rows(whole / TABLE)
    others = [replace(row, **{changed: "another"}) for row in old]
    append(tmp_path / TABLE, [*others, old[-1]] if changed == "run" else others)
    resumed = Run(SMOKE, Selection(entries=("neuron",), tasks=("digits_rows",)), tmp_path, resume=True)
    (group,) = groups(resumed.timed)
    assert resumed.coordinator.group(group).needed()
    assert all(resumed.coordinator.is_trained(case) for case in resumed.trained)
    assert (resumed.name == old[0].run) == (changed == "run")


def test_a_finished_run_has_nothing_left_to_do(small_run) -> None:
    _, folder = small_run
    whole = (folder / TABLE).read_bytes()
    logs = list(folder.glob("*.log"))
    assert logs
    for log in logs:
        log.unlink()
    again = run("--benchmark", *SMALL, f"--zoo-results={folder}", "--zoo-resume")
    assert not any(log.exists() for log in logs)  # no fork server was started
    assert "5 passed" in again.stdout
    assert "of these 2 of 2 groups and trainings are measured already" in again.stdout
    assert (folder / TABLE).read_bytes() == whole


@pytest.mark.slow  # by the clock
def test_a_finished_run_ends_in_seconds(small_run) -> None:
    _, folder = small_run
    before = seconds_of_children()
    run("--benchmark", *SMALL, f"--zoo-results={folder}", "--zoo-resume")
    assert seconds_of_children() - before < 5
