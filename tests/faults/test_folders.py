"""A disk that is full, a folder that is gone or read-only: the run ends with one line, and what is done stays."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.runs import command, finished, has_rows, started, wait_for
from zoo.measuring.rows import TABLE, read_rows

MOUNTS = "mount -t tmpfs -o size={size} none {folder}"


def can_mount() -> bool:
    """Whether a file system of its own can be mounted here, in a namespace."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], check=False).returncode == 0


def in_namespace(folder: Path, size: str, script: str) -> tuple[int, str]:
    """Run a shell script where `folder` is a file system of that size; $RUN is the command of a run."""
    prepared = f"{MOUNTS.format(size=size, folder=folder)} && {script}"
    return finished(["unshare", "-rm", "sh", "-c", prepared, "sh", *command(folder, "--zoo-repeats", "50")])


needs_mount = pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")


@pytest.mark.slow
@needs_mount
def test_a_full_disk_ends_the_run_in_a_line_and_every_row_before_it_is_whole(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder, saved = tmp_path / "small", tmp_path / "saved.csv"
    folder.mkdir()
    code, printed = in_namespace(folder, "300k", f'"$@"; code=$?; cp {folder / TABLE} {saved}; exit $code')
    assert code == 1, printed
    assert f"cannot write {folder / TABLE}" in printed
    assert "Traceback" not in printed
    rows = read_rows(saved)
    assert {row.status for row in rows} == {"ok"}
    record_property("figure", f"{len({row.repeat for row in rows})} repeats of {len(rows)} rows stayed whole")


@pytest.mark.slow
@needs_mount
def test_a_folder_that_turns_read_only_ends_the_run_in_a_line(tmp_path: Path) -> None:
    folder, saved = tmp_path / "small", tmp_path / "saved.csv"
    folder.mkdir()
    # A file system on top of it: the one below cannot turn read-only while the run's logs are open.
    turn = f"until grep -q digits_rows {folder / TABLE} 2>/dev/null; do sleep 0.2; done; "
    turn += f"mount -t tmpfs -o ro none {folder}"
    script = f'"$@" & run=$!; {turn}; wait $run; code=$?; umount {folder}; cp {folder / TABLE} {saved}; exit $code'
    code, printed = in_namespace(folder, "10m", script)
    assert code == 1, printed
    assert "Read-only file system" in printed
    assert "Traceback" not in printed
    assert {row.status for row in read_rows(saved)} == {"ok"}


@pytest.mark.slow
def test_a_folder_that_is_removed_ends_the_run_in_a_line(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with started(command(folder, "--zoo-repeats", "50")) as run:
        wait_for(lambda: has_rows(folder), run)
        shutil.rmtree(folder)
        printed, _ = run.communicate(timeout=120)
    assert run.returncode == 1, printed
    assert f"cannot write {folder / TABLE}" in printed
    assert "Traceback" not in printed
