"""A run on the nodes of a cluster: a group or a training goes to a node, and its rows come back as they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from zoo.bench.plan import name_of
from zoo.measuring.case import Case
from zoo.measuring.cluster import Cluster
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.group import Group
from zoo.measuring.group_run import GroupRun
from zoo.measuring.job import Job, fixed
from zoo.measuring.resume import DONE, Kept, whole_name
from zoo.measuring.rows import Measurement

GROUP, TRAINING = "group", "training"
"""Methods of what measures on a node."""


class OnNodes:
    """Measures groups and trainings on a cluster. A group has its node for itself; a training takes a processor or GPU.

    Args:
        cluster: where.
        coordinator: of the run; it writes the table.
        show: takes what is done now, in words.
        kept: rows of a run that was stopped, of whatever machine.
    """

    def __init__(
        self,
        cluster: Cluster,
        coordinator: Coordinator,
        show: Callable[[str], None],
        kept: Iterable[Measurement] = (),
    ) -> None:
        self._cluster = cluster
        self._show = show
        self._coordinator = coordinator
        self._jobs: dict[str, Job] = {}
        self._rows: dict[str, list[Measurement]] = {}  #: by group, of a training by its case
        for row in kept:
            self._rows.setdefault(whole_name(row.group) or row.case_id, []).append(row)

    def plan(self, groups: Sequence[tuple[Group, float]], trainings: Sequence[Case], budget_seconds: float) -> None:
        """Hand over everything that is to be measured: groups with the seconds that each may take, then trainings.

        Groups are measured side by side, so each may take as many times as long as there are nodes.
        """
        left = [(group, expected) for group, expected in groups if self._of_group(group).needed()]
        share = budget_seconds * max(1, len(self._cluster)) / max(sum(expected for _, expected in left), 1e-9)
        for group, expected in left:
            self._add(group, self._job_of_group(group, share * expected))
        for case in trainings:
            self._rows[case.id] = Kept(self._rows.get(case.id, ()), anywhere=True).trained(case)
            if not self._rows[case.id]:
                self._add(case, Job(case.training, TRAINING, fixed(case), self._receive, gpu=case.device == "gpu"))

    def is_done(self, what: Group | Case) -> bool:
        """Whether the run that is resumed has measured a group or a training already."""
        return name_of(what) not in self._jobs

    def group(self, group: Group, seconds: float) -> GroupRun:
        """A group, once it is measured."""
        if job := self._jobs.pop(group.name, None):
            self._wait_for(job)
            if job.failed:
                self._coordinator.fail(group.arms, job.failed, group.name, self._of_group(group).repeats, self._receive)
        run = self._of_group(group)
        for row in self._rows.pop(group.name, ()):
            if row.status not in DONE:
                case = next(case for case in group.arms if case.id == row.case_id)
                run.rows[case].append(row)
        return run

    def training(self, case: Case) -> list[Measurement]:
        """The scores of a training, once it is done."""
        if job := self._jobs.pop(case.id, None):
            self._wait_for(job)
            if job.failed:
                self._coordinator.fail([case], job.failed, "", 0, self._receive)
        return self._rows.pop(case.id)

    def close(self) -> None:
        """End what runs on the nodes."""
        self._cluster.close()

    def _wait_for(self, job: Job) -> None:
        self._show(f"{job.name}, on {len(self._cluster)} nodes")
        self._cluster.finish(job)

    def _add(self, what: Group | Case, job: Job) -> None:
        self._jobs[name_of(what)] = job
        self._cluster.add(job)

    def _of_group(self, group: Group) -> GroupRun:
        self._coordinator.go_on(self._rows.get(group.name, ()), anywhere=True)
        return self._coordinator.group(group)

    def _job_of_group(self, group: Group, seconds: float) -> Job:
        begins_anew = False

        def arguments() -> tuple[Group, list[Measurement], float]:
            return group, self._rows.get(group.name, []), seconds

        def receive(piece: int | list[Measurement]) -> None:
            nonlocal begins_anew
            if isinstance(piece, int):  # which repeat comes first: 0 where what was kept is of another machine
                begins_anew = piece == 0
                return
            if begins_anew and self._rows.pop(group.name, []):
                self._coordinator.drop(group.name)
            begins_anew = False
            self._receive(piece)

        gpu = any(case.device == "gpu" for case in group.arms)
        return Job(group.name, GROUP, arguments, receive, alone=True, gpu=gpu)

    def _receive(self, rows: Sequence[Measurement]) -> None:
        for row in rows:
            self._rows.setdefault(whole_name(row.group) or row.case_id, []).append(row)
        self._coordinator.append(rows)
