"""What a container leaves a process, read from folders such as the kernel shows."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from zoo.measuring import container, machine

GIB = 2**30
SECOND = {
    "memory.max": str(4 * GIB),
    "memory.current": str(GIB),
    "memory.stat": f"anon 5\ninactive_file {GIB // 2}\n",
    "cpu.max": "150000 100000\n",
}
FIRST = {
    "memory/memory.limit_in_bytes": str(4 * GIB),
    "memory/memory.usage_in_bytes": str(GIB),
    "memory/memory.stat": f"inactive_file {GIB // 2}\n",
    "cpu/cpu.cfs_quota_us": "150000",
    "cpu/cpu.cfs_period_us": "100000",
}


def show(folder: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str]) -> None:
    monkeypatch.setattr(container, "ROOT", folder / "cgroup")
    monkeypatch.setattr(container, "MINE", folder / "mine")
    (folder / "mine").write_text(groups)
    for name, text in files.items():
        (folder / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / name).write_text(text)


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/\n", SECOND),
        ("0::/a/b\n", {**{f"a/{name}": text for name, text in SECOND.items()}, "a/b/cpu.max": "max 100000"}),
        ("4:memory:/\n1:cpu:/elsewhere\n0::/\n", FIRST),
    ],
    ids=["version 2", "a limit of the group around", "version 1"],
)
def test_the_limits_of_a_container_are_those_of_the_run(tmp_path, monkeypatch, groups, files) -> None:
    show(tmp_path, monkeypatch, groups, files)
    assert container.free_bytes() == 3.5 * GIB
    assert container.cpus() == 1.5
    assert machine.memory_limit_bytes(None) <= 0.8 * 3.5 * GIB
    assert machine.usable_cpus() <= 2


@pytest.mark.parametrize(
    ("groups", "files"),
    [("0::/\n", {"memory.max": "max\n", "cpu.max": "max 100000\n"}), ("0::/\n", {}), ("", {})],
    ids=["without limits", "no files", "no groups"],
)
def test_without_a_container_nothing_is_limited(tmp_path, monkeypatch, groups, files) -> None:
    show(tmp_path, monkeypatch, groups, files)
    assert container.free_bytes() == container.cpus() == math.inf
