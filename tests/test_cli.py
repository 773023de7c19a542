"""The `zoo` command, as a person uses it."""

from __future__ import annotations

import builtins
import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.cli import catalogue, main

ROOT = Path(__file__).parent.parent


def run(*arguments: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Exit code, output and errors of `zoo` in this process."""
    monkeypatch.setattr(sys, "argv", ["zoo", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *arguments: run(*arguments, capsys=capsys, monkeypatch=monkeypatch)


def test_the_list_takes_wildcards(command) -> None:
    code, out, _ = command("list", "*lstm*")
    assert code == 0
    assert f"{len(zoo.list_models('*lstm*'))} of {len(zoo.list_models())} entries" in out
    assert all(name in out for name in zoo.list_models("*lstm*"))


def test_tasks_are_listed(command) -> None:
    code, out, _ = command("tasks")
    assert code == 0
    assert all(name in out for name in zoo.list_tasks())


@pytest.mark.parametrize("name", zoo.list_models())
def test_an_entry_is_shown(command, name: str) -> None:
    code, out, _ = command("show", name)
    entry = zoo.get_entry(name)
    assert code == 0
    assert entry.equations.splitlines()[0] in out
    assert "there is no loop to write out" in " ".join(out.split())
    fitting = [task.name for task in map(zoo.get_task, zoo.list_tasks()) if entry.fits(task)]
    assert fitting
    assert f"{entry.year}: {entry.paper}" in " ".join(out.split())
    assert all(option in out for option in entry.options())
    listed = out[out.index("tasks that it fits") : out.index("how it runs")]
    assert [line.split()[0] for line in listed.splitlines()[4:] if line.strip()] == fitting


WRONG = {
    (
        "show",
        "lsmt",
    ): f"error: unknown entry 'lsmt'; did you mean 'lstm'? zoo list shows all {len(zoo.list_models())}\n",
    ("train", "lstm"): "error: Missing option '--task'; see zoo train --help\n",
    ("show",): "error: Missing argument 'ENTRY'; see zoo show --help\n",
    ("show", ""): f"error: unknown entry ''. zoo list shows all {len(zoo.list_models())}\n",
    ("train", "lstm", "--task", "wave", "--units", "0"): (
        "error: Invalid value for '--units': Input should be greater than or equal to 1\n"
    ),
    ("train", "lstm", "--task", "wave", "--execution", "loped"): (
        f"error: unknown execution 'loped'; did you mean 'looped'? Known: {', '.join(map(str, zoo.EXECUTIONS))}\n"
    ),
    ("export", "lstm", "--task", "wave", "--to", "lstm.pb"): (
        "error: --to must be a file that ends in .onnx, not lstm.pb\n"
    ),
    ("trian",): "error: No such command 'trian'. Did you mean 'train'?\n",
    ("train", "lstm", "--task", "wave", "--epochs", "0"): (
        "error: Invalid value for '--epochs': Input should be greater than or equal to 1\n"
    ),
    ("train", "lstm", "--task", "wave", "--seed", "4294967296"): (
        "error: Invalid value for '--seed': Input should be less than or equal to 4294967295\n"
    ),
    ("train", "lstm", "--task", "wave", "--recipe", "book_he"): (
        "error: recipe book_he of task wave sets kernel_initializer, and entry lstm has no such option\n"
    ),
    ("list", "*xyz"): f"error: no entry matches '*xyz'; zoo list shows all {len(zoo.list_models())}\n",
    ("list", "["): f"error: no entry matches '['; zoo list shows all {len(zoo.list_models())}\n",
    ("train", "lstm", "--task", "waves"): (
        f"error: unknown task 'waves'; did you mean 'wave'? zoo tasks shows all {len(zoo.list_tasks())}\n"
    ),
    ("train", "lstm", "--task", "wave", "--recipe", "fats"): (
        "error: unknown recipe 'fats' of task wave; did you mean 'fast'? Known: fast, book, book_he, book_dropout\n"
    ),
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_mistake_is_one_line(command, arguments: tuple[str, ...], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = command(*arguments)
    assert (code, errors) == (2, WRONG[arguments])
    assert not list(tmp_path.iterdir())


def test_an_entry_that_does_not_fit_names_those_that_do(command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = command("train", "lstm", "--task", "dates")
    assert code == 2
    assert errors == (
        "error: entry 'lstm' is not for encoder_decoder tasks such as 'dates'; "
        "use encoder_decoder, encoder_decoder_attention, encoder_decoder_reversed, lstm_on_the_fly\n"
    )
    assert not list(tmp_path.iterdir())


NEED_KERAS = {
    "train": ("train", "lstm", "--task", "digits_rows"),
    "export": ("export", "lstm", "--task", "digits_rows", "--to", "lstm.onnx"),
    "generate": ("generate", "draw_digit", "--label", "3"),
}
each_that_needs_keras = pytest.mark.parametrize("arguments", NEED_KERAS.values(), ids=NEED_KERAS)
UNKNOWN = {
    "foo": "error: unknown backend 'foo' of KERAS_BACKEND. Known: tensorflow, jax, torch\n",
    "tensorflw": (
        "error: unknown backend 'tensorflw' of KERAS_BACKEND; did you mean 'tensorflow'? "
        "Known: tensorflow, jax, torch\n"
    ),
    "numpy": "error: unknown backend 'numpy' of KERAS_BACKEND. Known: tensorflow, jax, torch\n",
}


@each_that_needs_keras
@pytest.mark.parametrize("backend", UNKNOWN)
def test_an_unknown_backend_is_one_line(command, arguments, backend: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    code, _, errors = command(*arguments)
    assert (code, errors) == (2, UNKNOWN[backend])
    assert not list(tmp_path.iterdir())


BROKEN = {
    "not installed": (
        ModuleNotFoundError("No module named 'jax'", name="jax"),
        "jax is not installed: python -m pip install jax, or choose another backend by KERAS_BACKEND",
    ),
    "damaged": (
        OSError("libtorch.so:\ncannot open shared object file"),
        "Keras with the backend torch cannot be imported: libtorch.so: cannot open shared object file",
    ),
    "a wrong keras.json": (
        ValueError("Unable to import backend : bar"),
        "Keras with the backend of keras.json cannot be imported: Unable to import backend : bar",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_backend_that_cannot_be_imported_is_one_line(command, how: str, tmp_path, monkeypatch) -> None:
    error, message = BROKEN[how]
    real = builtins.__import__

    def refuse(name: str, *more, **named):
        if name == "keras":
            raise error
        return real(name, *more, **named)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "torch" if how == "damaged" else "")
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert command(*NEED_KERAS["generate"]) == (2, "", f"error: {message}\n")


WITHOUT_TORCH = """
import sys
class Hidden:
    def find_spec(name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Hidden)
from zoo.cli import main
main()
"""


def test_a_backend_that_is_not_installed_is_one_line_of_the_installed_command(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *NEED_KERAS["train"], "--out", str(tmp_path / "run")],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        check=False,
        text=True,
    )
    message = "error: torch is not installed: python -m pip install torch, or choose another backend by KERAS_BACKEND"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{message}\n")
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_of_a_run(command, tmp_path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    code, _, errors = command("train", "lstm", "--task", "wave", "--out", str(path))
    assert (code, errors) == (2, f"error: {path} is a file; choose a folder with --out\n")


def test_what_the_system_refuses_is_one_line(command, monkeypatch) -> None:
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "page.md")

    monkeypatch.setattr(catalogue, "page", full)
    assert command("catalogue") == (1, "", "error: No space left on device: page.md\n")


def test_a_training_leaves_model_weights_history_and_card(command, tmp_path) -> None:
    folder = tmp_path / "gru"
    code, out, _ = command(
        "train", "gru", "--task", "digits_rows", "--epochs", "2", "--units", "8", "--out", str(folder)
    )
    assert code == 0
    card = json.loads((folder / "card.json").read_text())
    assert f"accuracy on test: {card['scores']['test']:.4g} (naive: majority class " in out
    assert (card["entry"], card["task"], card["epochs"], card["stopped_early"]) == ("gru", "digits_rows", 2, False)
    with (folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["0", "1"]
    model = zoo.load_model(folder / "model.keras")
    assert zoo.evaluate(model, "digits_rows")["test"] == pytest.approx(card["scores"]["test"])
    again = zoo.create_model("gru", "digits_rows", units=8, weights=folder / "weights.safetensors")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    code, _, errors = command("train", "gru", "--task", "digits_rows", "--out", str(folder))
    assert (code, errors) == (
        2,
        f"error: {folder} holds a trained model already; choose another folder with --out\n",
    )


def test_ctrl_c_keeps_the_best_so_far(tmp_path) -> None:
    folder = tmp_path / "stopped"
    arguments = ["train", "neuron", "--task", "digits_rows", "--epochs", "5000", "--out", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from zoo.cli import main; main()", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    while "Epoch 4/" not in process.stdout.readline():
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "the best of them is kept" in output
    card = json.loads((folder / "card.json").read_text())
    assert card["stopped_early"]
    assert 3 <= card["epochs"] < 5000
    assert isinstance(zoo.load_model(folder / "model.keras"), keras.Model)


def test_the_catalogue_is_fresh(command) -> None:
    code, out, _ = command("catalogue")
    assert code == 0
    assert out == (ROOT / "docs" / "zoo.md").read_text(), "run: zoo catalogue > docs/zoo.md"
