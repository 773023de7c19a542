"""What a container allows its processes: the limits of the kernel's control groups, of version 2 or 1."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MINE = Path("/proc/self/cgroup")
"""The groups of this process, a line each: "0::/docker/1a2b", or of version 1 "4:memory:/docker/1a2b"."""


def free_bytes() -> float:
    """The memory that the groups of this process leave it; infinite where they set no limit."""
    return min((_left(folder) for folder in _folders("memory")), default=math.inf)


def cpus() -> float:
    """How many CPUs' time the groups of this process give it; infinite where they set no limit."""
    return min((_quota(folder) for folder in _folders("cpu")), default=math.inf)


def _folders(controller: str) -> Iterator[Path]:
    """The folder of this process's group, and those of the groups around it: each limit holds."""
    for line in MINE.read_text().splitlines() if MINE.exists() else ():
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        base = ROOT / names
        folder = base / path.lstrip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(base) and each.is_dir())


def _left(folder: Path) -> float:
    limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
    used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
    if not math.isfinite(limit) or not math.isfinite(used):
        return math.inf
    stat = folder / "memory.stat"
    lines = dict(line.split(maxsplit=1) for line in stat.read_text().splitlines()) if stat.exists() else {}
    files = lines.get("total_inactive_file", lines.get("inactive_file", 0))  # what the kernel would let go of
    return limit - used + int(files)


def _quota(folder: Path) -> float:
    whole = folder / "cpu.max"
    if whole.exists():
        quota, period = whole.read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    quota_us = _number(folder / "cpu.cfs_quota_us")
    return quota_us / _number(folder / "cpu.cfs_period_us") if 0 < quota_us < math.inf else math.inf


def _number(*files: Path) -> float:
    """The number in the first of the files that is there; infinite for "max", and where none is."""
    try:
        text = next((file.read_text().strip() for file in files if file.exists()), "max")
    except OSError:  # not ours to read
        return math.inf
    return math.inf if text == "max" else float(text)
