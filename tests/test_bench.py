"""`zoo bench` and `zoo check`, and the tutorial: models of one's own, measured from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.forked import BARE
from tests.own_models import GOOD, write
from tests.test_rooms import ROOT
from zoo.bench.own import SOURCE, claim, read_models
from zoo.cli import main
from zoo.measuring.rows import TABLE
from zoo.own.models import OwnModels
from zoo.statistics.tables import read

WRONG = {
    "error: there is no file mine.py": ("bench", "mine.py"),
    "error: --budget must be a time such as 60s or 2min, not 'soon'": ("bench", "mine.py", "--budget", "soon"),
    "error: unknown backend 'jaxx'; did you mean 'jax'?": ("bench", "mine.py", "--backends", "jaxx"),
    "error: unknown backend 'torhc'; did you mean 'torch'?": ("check", "mine.py", "--backend", "torhc"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_mistake_is_one_line(message: str) -> None:
    code, _, said = commands.run(main, *WRONG[message])
    assert code == 2
    assert said.strip().startswith(message)
    assert "\n" not in said.strip()


@pytest.mark.parametrize("command", ["bench", "check"])
def test_the_help_has_examples(command: str) -> None:
    assert f"zoo {command} my_models.py" in commands.run(main, command, "--help").out


def test_a_file_is_read_in_a_process_of_its_own(tmp_path: Path) -> None:
    """What it does to a process, that which plans does not see."""
    text = "import os\nos.environ['OWN_MODELS_WERE_HERE'] = 'yes'\n" + GOOD.replace(
        "registered", "registered_elsewhere"
    )
    path = write(tmp_path, "elsewhere", text)
    start = (
        "import sys; from pathlib import Path; from zoo.bench.own import read_models; import zoo, os;"
        f"own = read_models(Path({str(path)!r}), 'tensorflow');"
        "assert 'keras' not in sys.modules and 'OWN_MODELS_WERE_HERE' not in os.environ;"
        "print(zoo.get_entry('leaky_cell').summary, zoo.get_task('fixed').steps)"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "A leaky integrator. 6"


def test_a_file_that_ends_its_process_is_one_line(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("zoo.measuring.fork_server.START", BARE)
    with pytest.raises(ValueError, match=r"ends\.py: ended with code 3") as refused:
        read_models(write(tmp_path, "ends", "import os\nos._exit(3)\n"), "tensorflow")
    assert "\n" not in str(refused.value)


def test_a_backend_that_is_not_installed_is_named_before_the_file_is_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"^jax is not installed: python -m pip install jax$"):
        read_models(tmp_path / "mine.py", "jax")


def test_a_process_that_does_not_start_says_why(tmp_path: Path, monkeypatch) -> None:
    """Its log is gone with its folder."""
    monkeypatch.setattr("zoo.measuring.fork_server.START", "print('first', flush=True); raise SystemExit('a reason')")
    with pytest.raises(ValueError, match=r"the launcher itself ended with code 1; its log ends with: a reason$"):
        read_models(write(tmp_path, "mine", GOOD), "tensorflow")


def test_rows_of_a_file_before_and_after_it_was_changed_do_not_mix(tmp_path: Path) -> None:
    mine, other = (OwnModels(write(tmp_path, name, f"# {name}"), ()) for name in ("mine", "other"))
    folder = tmp_path / "run"
    folder.mkdir()
    claim(folder, mine, resume=True)  # nothing is there yet: it begins
    claim(folder, mine, resume=False)
    (folder / TABLE).touch()
    with pytest.raises(ValueError, match=r"run holds a run already: resume it, or choose another folder$"):
        claim(folder, mine, resume=False)
    claim(folder, mine, resume=True)
    with pytest.raises(ValueError, match=r"is of .*mine\.py, not of .*other\.py: choose another folder$"):
        claim(folder, other, resume=True)
    claim(folder, OwnModels(write(tmp_path, "moved", "# mine"), ()), resume=True)
    mine.path.write_text("# changed")
    with pytest.raises(ValueError, match=r"mine\.py has changed since the run in .*run was begun: choose another"):
        claim(folder, mine, resume=True)
    (folder / SOURCE).unlink()
    with pytest.raises(ValueError, match=r"is of no file of models: choose another folder$"):
        claim(folder, mine, resume=True)


ONE_REPEAT = """
from functools import partial
from zoo.bench.plan import Selection
Selection.of_names = partial(Selection.of_names, repeats=1)
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The one whole run, in a folder of its own."""
    folder = tmp_path_factory.mktemp("project")
    write(folder, "mine", GOOD)
    grid = ("--models", "fixed", "--executions", "stock,looped", "--seeds", "0", "--budget", "1s")
    return zoo_command(folder, "bench", "mine.py", *grid, "--out", "results", first=ONE_REPEAT), folder


def zoo_command(folder: Path, *arguments: str, first: str = "") -> subprocess.CompletedProcess[str]:
    """`zoo` in a process of its own, which does something `first`."""
    start = f"{first}\nfrom zoo.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )


def test_models_of_a_file_are_proven_timed_and_reported(measured) -> None:
    done, folder = measured
    assert done.returncode == 0, done.stdout + done.stderr
    table = read(folder / "results" / "measurements.csv")
    ran = table[table["status"] == "ok"]
    arms = set(ran[["entry", "task", "execution"]].itertuples(index=False, name=None))
    assert arms == {
        ("lstm", "fixed", "looped"),
        ("fixed", "fixed", "stock"),
        ("fixed", "fixed", "looped"),
    }
    assert (ran.loc[ran["execution"] == "stock", "largest_difference"].dropna() <= 1e-5).all()
    assert "not measured: helper: no model" in done.stdout
    assert (folder / "results" / "report.html").exists()
    assert re.match(r"\d+ comparisons?:", done.stdout.rstrip().splitlines()[-1])


@pytest.mark.slow  # test_rows_of_a_file_before_and_after_it_was_changed_do_not_mix holds the message
def test_a_folder_that_holds_a_run_is_not_measured_into_again(measured) -> None:
    _, folder = measured
    table = (folder / "results" / TABLE).read_bytes()
    again = zoo_command(folder, "bench", "mine.py", "--models", "fixed", "--out", "results")
    assert (again.returncode, again.stderr.strip()) == (
        2,
        "error: results holds a run already: resume it, or choose another folder",
    )
    assert (folder / "results" / TABLE).read_bytes() == table


@pytest.mark.slow  # ten minutes
def test_the_tutorial_runs_as_written_from_an_empty_folder(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tutorial.md").read_text()
    (models,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_models.py").write_text(models)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST")}
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL):
        done = subprocess.run(
            ["bash", "-e", "-c", block], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        # compare-runs ends with 1 where it finds a slow-down: a machine may change its pace between two runs
        assert done.returncode == 0 or "for sure" in done.stdout, block + done.stdout + done.stderr
    assert (tmp_path / "before.json").exists()
    assert list(tmp_path.glob("zoo-runs/*/report.html"))
