"""Jobs on the nodes of a Ray cluster.

Each node gets one actor. It holds all processors and GPUs of its node, so that Ray runs nothing else beside it. A job
has its node for itself, or takes one processor, or the GPU. If its node is lost it is done again elsewhere, once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import ZooError
from zoo.measuring.connection import connected
from zoo.measuring.job import Job
from zoo.measuring.machine import remove_compilers_folder
from zoo.version import VERSION

LOOK_SECONDS = 5.0
"""How often the cluster is asked for nodes that have joined."""
WAIT_SECONDS = 20.0
"""After so long without an answer the user is told."""
ALONE_SECONDS = 60.0
"""How long a run waits where no node is left."""
CLOSE_SECONDS = 10.0
"""How long the nodes may take to close what they made."""
AGAIN_SECONDS = 30.0
"""How long a node is left out that was lost."""
TRIES = 2
"""How often a job is begun whose node is lost, and an actor on a node on which it ends."""


@dataclass(eq=False)
class Node:
    """A node, its actor, and the jobs that run there."""

    name: str
    processors: int
    devices: int
    actor: Any
    jobs: list[Job] = field(default_factory=list)
    answers: bool = False  #: whether the actor has started

    def has_room(self, job: Job) -> bool:
        """Whether the job can begin there now."""
        if not self.answers or (job.gpu and not self.devices):
            return False
        if job.alone or any(other.alone for other in self.jobs):
            return not self.jobs
        return sum(other.gpu == job.gpu for other in self.jobs) < (1 if job.gpu else self.processors)


class NodeActor:
    """What runs on a node: it makes something once, and calls methods of it."""

    def __init__(self, make: Callable[[str, int], Any], name: str, at_once: int) -> None:
        self._made = make(name, at_once)

    def version(self) -> str:
        """Of the zoo there."""
        return VERSION

    def close(self) -> None:
        """Close what was made, and remove what this process would remove at its end: it is killed."""
        self._made.close()
        remove_compilers_folder()

    def call(self, method: str, *arguments: Any) -> Iterator[Any]:
        """What the generator of that name yields."""
        yield from getattr(self._made, method)(*arguments)


class Cluster:
    """Runs jobs on a Ray cluster, in their order, as nodes become free. `close` it.

    Args:
        address: of the cluster, as `ray.init` takes it: "auto", "ray://host:10001", "host:6379".
        make: is called on each node with its name and how many jobs may run there at once. What it makes has a `close`.
        say: takes what a person should know, such as a node that is lost.

    Raises:
        ZooError: Ray is not installed, or no cluster answers there.
    """

    def __init__(
        self, address: str, make: Callable[[str, int], Any], say: Callable[[str], None] = lambda text: None
    ) -> None:
        self._ray = connected(address)
        self._make, self._say = make, say
        self._nodes: dict[str, Node] = {}
        self._lost: Counter[str] = Counter()
        self._lost_at: dict[str, float] = {}
        self._waiting: list[Job] = []
        self._running: dict[Any, tuple[str, Job | None]] = {}  #: a generator, or a greeting, by its node
        self._looked = 0.0
        self._alone_since: float | None = None  #: when the last node was lost
        self._begun, self._has_waited = time.monotonic(), False
        self._gpu_lost_at = self._begun  #: since then a node with a GPU may still join
        self._look()

    def __len__(self) -> int:
        """How many nodes are known."""
        return len(self._nodes)

    def share(self, value: Any) -> Any:
        """Put a value where every node can get it; what is returned stands for it among the arguments of a job."""
        return self._ray.put(value)

    def add(self, job: Job) -> None:
        """Put a job behind those that wait."""
        self._waiting.append(job)

    def finish(self, job: Job) -> None:
        """Let jobs run until this one is done or given up.

        Raises:
            ZooError: no node is left.
        """
        while not (job.done or job.failed):
            self._step()

    def close(self) -> None:
        """End what runs on the nodes and leave the cluster."""
        self._close_on(node for node in self._nodes.values() if node.answers)
        for node in self._nodes.values():
            self._ray.kill(node.actor)
        self._ray.shutdown()

    def _close_on(self, nodes: Iterable[Node]) -> None:
        """Have what was made on nodes end its processes and remove its folder: a kill runs no finalizer."""
        if closing := [node.actor.close.remote() for node in nodes]:
            self._ray.wait(closing, num_returns=len(closing), timeout=CLOSE_SECONDS)

    def _step(self) -> None:
        if time.monotonic() > self._looked + LOOK_SECONDS:
            self._look()
        self._begin()
        if not self._running:
            if self._waiting:
                self._wait_for_nodes()
            return
        self._alone_since = None
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=LOOK_SECONDS)
        answers = ready or any(node.answers for node in self._nodes.values())
        if not answers and not self._has_waited and time.monotonic() > self._begun + WAIT_SECONDS:
            self._has_waited = True
            self._say("no node of the cluster answers yet: other jobs may hold its processors")
        for each in ready:
            node_id, job = self._running[each]
            if job is None:
                self._greet(each, node_id)
            else:
                self._take(each, node_id, job)

    def _wait_for_nodes(self) -> None:
        """Wait a while for a node to join, or to come back.

        Raises:
            ZooError: none did.
        """
        now = time.monotonic()
        self._alone_since = now if self._alone_since is None else self._alone_since
        if now - self._alone_since > ALONE_SECONDS:
            raise ZooError("no node of the cluster is left; when there are nodes again, resume with the same command")
        time.sleep(1)

    def _look(self) -> None:
        """Give each node that has joined an actor, and forget those that are gone."""
        self._looked = time.monotonic()
        alive = {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}
        for node_id in [each for each in self._nodes if each not in alive]:
            self._lose(node_id)
        for node_id, node in alive.items():
            if node_id not in self._nodes and self._may_enter(node_id):
                self._enter(node_id, node)

    def _may_enter(self, node_id: str) -> bool:
        """Whether a node may get an actor: Ray takes a while to see that one that was lost is dead."""
        waited = time.monotonic() - self._lost_at.get(node_id, -AGAIN_SECONDS)
        return self._lost[node_id] < TRIES and waited >= AGAIN_SECONDS

    def _enter(self, node_id: str, node: dict[str, Any]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        processors, devices = (int(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
        if not processors:  # a head that only directs
            return
        name = f"{node['NodeManagerHostname']}-{node_id[:6]}"
        remote = self._ray.remote(NodeActor).options(
            num_cpus=processors,
            num_gpus=devices,
            max_concurrency=processors + 1,
            max_restarts=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
        )
        actor = remote.remote(self._make, name, processors)
        self._nodes[node_id] = Node(name, processors, devices, actor)
        self._running[actor.version.remote()] = node_id, None

    def _greet(self, greeting: Any, node_id: str) -> None:
        """Take a node among those that get jobs, once its actor has started with the same version of the zoo."""
        del self._running[greeting]
        node = self._nodes.get(node_id)
        try:
            version = self._ray.get(greeting)
        except self._ray.exceptions.RayError as error:
            self._lose(node_id, f"the zoo does not start there: {_reason(error)}")
            return
        if node and version != VERSION:
            self._close_on([node])
            self._lost[node_id] = TRIES
            self._lose(node_id, f"it has rnn-zoo {version}, and this is {VERSION}")
        elif node:
            node.answers = True

    def _begin(self) -> None:
        """Begin the jobs that wait, in their order, where a node has room."""
        for job in list(self._waiting):
            if job.gpu and not any(node.devices for node in self._nodes.values()):
                if time.monotonic() > self._gpu_lost_at + ALONE_SECONDS:  # else it may come back
                    job.failed = "no node of the cluster has a GPU"
                    self._waiting.remove(job)
                continue
            free = [(node_id, node) for node_id, node in self._nodes.items() if node.has_room(job)]
            if not free:
                continue
            # GPUs are kept for what needs them, and what runs beside others goes where the fewest run.
            node_id, node = min(free, key=lambda each: (each[1].devices > 0 and not job.gpu, len(each[1].jobs)))
            self._waiting.remove(job)
            node.jobs.append(job)
            job.tries += 1
            generator = node.actor.call.options(num_returns="streaming").remote(job.method, *job.arguments())
            self._running[generator] = node_id, job

    def _take(self, generator: Any, node_id: str, job: Job) -> None:
        """Take the next piece of a job, its end, or the end of its node."""
        try:
            piece = self._ray.get(next(generator))
        except StopIteration:
            job.done = True
            self._end(generator, node_id, job)
        except self._ray.exceptions.RayTaskError as error:
            job.failed = _reason(error)
            self._end(generator, node_id, job)
        except self._ray.exceptions.RayError:
            self._lose(node_id)
        else:
            job.receive(piece)

    def _end(self, generator: Any, node_id: str, job: Job) -> None:
        del self._running[generator]
        if node := self._nodes.get(node_id):
            node.jobs.remove(job)

    def _lose(self, node_id: str, why: str = "it is lost") -> None:
        """Forget a node. Its jobs are done again elsewhere, each once; they come before those that wait."""
        node = self._nodes.pop(node_id, None)
        if node is None:
            return
        self._lost[node_id] += 1
        self._lost_at[node_id] = time.monotonic()
        if node.devices:
            self._gpu_lost_at = self._lost_at[node_id]
        self._ray.kill(node.actor)
        self._running = {each: (where, job) for each, (where, job) in self._running.items() if where != node_id}
        again = [job for job in node.jobs if job.tries < TRIES]
        for job in node.jobs:
            if job not in again:
                job.failed = f"the nodes that it ran on were lost {TRIES} times, at last {node.name}"
        self._waiting[:0] = again
        names = ", ".join(job.name for job in again)
        self._say(f"node {node.name} is left out: {why}" + (f"; done again elsewhere: {names}" if names else ""))


def _reason(error: Exception) -> str:
    """The last line of an error of Ray's: that of the error on the node."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:300]
