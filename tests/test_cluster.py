"""Jobs, a run and a comparison on a real Ray cluster of three nodes on this machine, one of which is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.frames import monthly
from tests.sleeper import Sleeper
from tests.test_rooms import ROOT
from zoo.errors import ZooError
from zoo.measuring.cluster import Cluster, NodeActor
from zoo.measuring.effort import USUAL
from zoo.measuring.job import Job
from zoo.measuring.machine import environment
from zoo.measuring.node import Setup
from zoo.measuring.rows import TABLE, read_rows

ray = pytest.importorskip("ray")
# Ray's simulated cluster forks to start its nodes, and JAX, which a test before may have started, warns of each fork.
# The fork only sets signals and becomes another program.
pytestmark = pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")

NODES = 3


@pytest.fixture(scope="module")
def three_nodes() -> Iterator[Any]:
    """A head that only directs, and three nodes of one processor each, of which one says that it has a GPU."""
    from ray.cluster_utils import Cluster as Simulated

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # the nodes import what these tests make there
    cluster = Simulated(initialize_head=True, head_node_args={"num_cpus": 0})
    for number in range(NODES):
        cluster.add_node(num_cpus=1, num_gpus=int(number == 0))
    yield cluster
    cluster.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="class")  # a function that stands in no class has its own
def sleepers(three_nodes: Any) -> Iterator[SimpleNamespace]:
    """The cluster as the zoo sees it, and what it said."""
    said: list[str] = []
    while len(three_nodes.worker_nodes) < NODES:  # a test has killed one
        three_nodes.add_node(num_cpus=1)
    cluster = Cluster(three_nodes.address, Sleeper, said.append)
    yield SimpleNamespace(cluster=cluster, said=said, nodes=three_nodes)
    cluster.close()


def job(method: str, received: list[Any], *arguments: Any, **options: Any) -> Job:
    return Job(f"{method} {arguments}", method, lambda: arguments, received.append, **options)


def finish(cluster: Cluster, jobs: list[Job]) -> None:
    for each in jobs:
        cluster.add(each)
    for each in jobs:
        cluster.finish(each)


class TestNodesThatStay:
    """Jobs that kill no node share a cluster, which takes seconds to join."""

    def test_jobs_run_on_all_nodes_and_one_that_is_alone_has_its_node_for_itself(
        self, sleepers: SimpleNamespace
    ) -> None:
        received: list[tuple[str, int, float]] = []
        jobs = [job("sleep", received, number, alone=True) for number in range(6)]
        finish(sleepers.cluster, jobs)
        assert len({node for node, _, _ in received}) == NODES == len(sleepers.cluster)
        times: dict[int, list[float]] = {}
        for _, number, when in received:
            times.setdefault(number, []).append(when)
        assert sorted(times) == list(range(6))
        where = {number: node for node, number, _ in received}
        for number, (begun, ended) in times.items():
            beside = [n for n in times if n != number and where[n] == where[number]]
            assert all(times[n][1] <= begun or times[n][0] >= ended for n in beside)

    def test_a_job_for_a_gpu_waits_for_a_node_that_has_one(self, sleepers: SimpleNamespace, monkeypatch) -> None:
        received: list[Any] = []
        on_gpu, nodes = job("sleep", received, 1, gpu=True), sleepers.cluster._nodes
        monkeypatch.setattr(sleepers.cluster, "_gpu_lost_at", time.monotonic())
        for node in nodes.values():
            monkeypatch.setattr(node, "devices", 0)
        sleepers.cluster.add(on_gpu)
        while sleepers.cluster._running:
            sleepers.cluster._step()
        sleepers.cluster._step()
        assert not on_gpu.failed
        monkeypatch.setattr(next(iter(nodes.values())), "devices", 1)
        sleepers.cluster.finish(on_gpu)
        assert (on_gpu.done, on_gpu.failed) == (True, "")

    def test_a_job_that_fails_or_needs_what_no_node_has_is_given_up_with_its_reason(
        self, sleepers: SimpleNamespace, monkeypatch
    ) -> None:
        monkeypatch.setattr("zoo.measuring.cluster.ALONE_SECONDS", 5.0)
        received: list[Any] = []
        failing, on_gpu, good = job("fail", received), job("sleep", received, 1, gpu=True), job("sleep", received, 2)
        for node in sleepers.cluster._nodes.values():
            monkeypatch.setattr(node, "devices", 0)
        finish(sleepers.cluster, [failing, on_gpu, good])
        assert failing.failed == "second line"
        assert on_gpu.failed == "no node of the cluster has a GPU"
        assert (good.done, good.failed) == (True, "")
        assert received[0] == "began"

    def test_what_needs_a_gpu_goes_to_a_node_that_has_one_and_other_jobs_leave_it_free(
        self, sleepers: SimpleNamespace
    ) -> None:
        received: list[tuple[str, int, float]] = []
        (with_gpu,) = [node.name for node in sleepers.cluster._nodes.values() if node.devices]
        while not all(node.answers for node in sleepers.cluster._nodes.values()):
            sleepers.cluster._step() if sleepers.cluster._running else time.sleep(0.1)
        finish(sleepers.cluster, [job("sleep", received, i, gpu=i < 2, alone=i < 2) for i in range(4)])
        where = {number: node for node, number, _ in received}
        assert where[0] == where[1] == with_gpu
        assert with_gpu not in (where[2], where[3])


def all_answer(cluster: Cluster) -> bool:
    return len(cluster) == NODES and all(node.answers for node in cluster._nodes.values())


def test_what_is_made_on_a_node_is_closed(three_nodes: Any, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ZOO_TEST_MARKS", str(tmp_path))
    cluster = Cluster(three_nodes.address, Sleeper)
    while not all_answer(cluster):
        cluster._step() if cluster._running else time.sleep(0.1)
    names = {node.name for node in cluster._nodes.values()}
    cluster.close()
    assert {path.name for path in tmp_path.iterdir()} == names


def test_what_measures_on_a_node_leaves_no_folder() -> None:
    actor = NodeActor(Setup("run", USUAL, memory_limit_gib=1.0).bench, "a node", 1)
    folders = [actor._made.coordinator.folder, Path(environment("keras", "torch", "cpu")["TORCHINDUCTOR_CACHE_DIR"])]
    assert all(folder.exists() for folder in folders)
    actor.close()
    assert not any(folder.exists() for folder in folders)


def test_a_job_whose_node_is_lost_is_done_again_elsewhere_once(sleepers: SimpleNamespace, tmp_path: Path) -> None:
    received: list[str] = []
    after = tmp_path / "go on"
    waiting = job("wait", received, str(tmp_path), str(after), alone=True)
    sleepers.cluster.add(waiting)
    while not received:
        sleepers.cluster._step()
    victim = next(node for node in sleepers.nodes.worker_nodes if received[0].endswith(node.node_id[:6]))
    sleepers.nodes.remove_node(victim, allow_graceful=False)
    while len(received) < 2:
        sleepers.cluster._step()
    after.touch()
    sleepers.cluster.finish(waiting)
    assert waiting.done
    assert waiting.tries == 2
    first, second, done = received
    assert first != second
    assert done == "done"
    assert len(list(tmp_path.iterdir())) == 3  # two marks: it ran on two nodes
    assert f"node {first} is left out" in sleepers.said[0]


@pytest.mark.parametrize(
    ("address", "message"),
    [("127.0.0.1:1", "no Ray cluster answers at"), ("x:99999", "no Ray cluster answers"), ("nowhere", "is no address")],
)
def test_an_address_without_a_cluster_is_one_line(address: str, message: str) -> None:
    with pytest.raises(ZooError, match=message) as refused:
        Cluster(address, Sleeper)
    assert "\n" not in str(refused.value)


def started(three_nodes: Any, folder: Path, *options: str) -> subprocess.Popen[str]:
    """A benchmark of four groups and a few trainings on the cluster."""
    start = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--benchmark")
    grid = ("--zoo-profile", "smoke", "--zoo-entries", "neuron,gru", "--zoo-repeats", "2")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return subprocess.Popen(
        [*start, *grid, f"--zoo-results={folder}", "--zoo-ray", three_nodes.address, *options],
        cwd=ROOT,
        env={**ours, "COLUMNS": "140"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(what: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_grid_completes_though_a_node_is_killed_and_no_row_stands_twice(
    three_nodes: Any, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    while len(three_nodes.worker_nodes) < NODES:
        three_nodes.add_node(num_cpus=1)
    table = tmp_path / TABLE
    run = started(three_nodes, tmp_path)
    wait_until(lambda: table.exists() and len(read_rows(table)) > 0, run)
    first = read_rows(table)[0].node
    victim = next(node for node in three_nodes.worker_nodes if first.endswith(node.node_id[:6]))
    three_nodes.remove_node(victim, allow_graceful=False)
    printed, _ = run.communicate(timeout=900)
    assert run.returncode == 0, printed
    assert f"node {first} is left out" in printed
    rows = read_rows(table)
    named = Counter((row.group, row.case_id, row.phase, row.repeat, row.round, row.split) for row in rows)
    assert max(named.values()) == 1
    assert {row.status for row in rows} == {"ok", "skipped"}  # gru as stock is the same program as looped
    assert len({row.node for row in rows}) >= 2
    assert all(row.node for row in rows)
    groups = {row.group for row in rows if row.group}
    for group in groups:
        of_group = [row for row in rows if row.group == group]
        assert {row.repeat for row in of_group} == {0, 1}
    record_property("figure", f"{len(rows)} rows of {len({row.node for row in rows})} nodes, none twice")
    here = started(three_nodes, tmp_path, "--zoo-resume")  # nothing is left to do
    printed, _ = here.communicate(timeout=300)
    assert here.returncode == 0, printed
    assert read_rows(table) == rows


@pytest.mark.slow
def test_a_comparison_on_a_cluster_has_the_scores_of_one_here(three_nodes: Any, tmp_path: Path) -> None:
    monthly().to_csv(tmp_path / "data.csv", index=False)
    words = ["compare", "data.csv", "--target", "y", "--time", "month", "--execution", "looped"]
    words += ["--entries", "gru,simple_rnn", "--folds", "2", "--seeds", "1"]
    start = [sys.executable, "-c", "from zoo.cli import main; main()"]
    for out, more in (("here", []), ("there", ["--ray", three_nodes.address])):
        subprocess.run([*start, *words, "--out", out, *more], cwd=tmp_path, check=True, capture_output=True)
    here, there = (pd.read_csv(tmp_path / out / "trainings.csv") for out in ("here", "there"))
    keys = ["entry", "fold", "seed"]
    both = here.merge(there, on=keys, suffixes=("", "_there"))
    assert len(both) == 4
    # The same seed on the same kind of processor; threads differ, and so does the order of sums.
    pd.testing.assert_series_equal(both["validation_loss"], both["validation_loss_there"], check_names=False, rtol=0.05)
    assert (tmp_path / "there" / "model" / "model.keras").exists()


def test_a_cluster_without_ray_is_one_line(monkeypatch) -> None:
    monkeypatch.setattr("zoo.measuring.connection.missing", lambda name: f"{name} is not installed")
    with pytest.raises(ZooError, match="ray is not installed"):
        Cluster("auto", Sleeper)
