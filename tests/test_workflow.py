"""The workflow of docs/continuous-integration.md, run here step by step as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "continuous-integration.md").read_text()
STEP = re.compile(r"- name: (?P<name>.*)\n +run: (?:\|\n(?P<lines>(?:          .*\n)+)|(?P<line>.*)\n)")
SMALL = "--zoo-profile smoke --zoo-entries neuron --zoo-tasks digits_rows --zoo-repeats 3"


def steps() -> dict[str, str]:
    """The commands of each step that has a name."""
    return {match["name"]: match["lines"] or match["line"] for match in STEP.finditer(PAGE)}


def test_the_workflow_installs_measures_twice_and_compares() -> None:
    assert list(steps()) == ["install", "measure the target branch", "measure this branch", "compare"]


@pytest.mark.slow  # two runs
def test_the_workflow_passes_on_a_branch_that_changes_nothing(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "-q", ROOT, checkout], check=True)
    environment = {**os.environ, "GITHUB_BASE_REF": "main", "BENCHMARK": SMALL, "PYTHONPATH": str(checkout)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    printed = ""
    for name, commands in steps().items():
        if name == "install":  # this environment is
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", commands], check=False, cwd=checkout, env=environment, capture_output=True, text=True
        )
        printed = done.stdout
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    assert "0 of 4 are slower by more than 10% for sure" in printed
