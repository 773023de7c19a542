"""The `zoo` command, as a person uses it."""

from __future__ import annotations

import builtins
import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
import zoo.training.folder
from zoo.cli import catalogue, main

ROOT = Path(__file__).parent.parent


def run(*arguments: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Exit code, output and errors of `zoo` in this process."""
    monkeypatch.setattr(sys, "argv", ["zoo", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))  # which main sets
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


@pytest.mark.parametrize("name", zoo.list_tasks())
def test_a_task_is_shown_with_its_recipes(command, name: str) -> None:
    code, out, _ = command("tasks", name)
    task = zoo.get_task(name)
    assert code == 0
    assert all(guess in out for guess in task.naive)
    listed = out[out.index("how it trains") :]
    shown = [line for line in listed.splitlines() if any(line.split()[:1] == [recipe.name] for recipe in task.recipes)]
    assert [line.split()[0] for line in shown] == [recipe.name for recipe in task.recipes]
    for line, recipe in zip(shown, task.recipes, strict=True):
        assert f"{recipe.epochs} epoch" in line


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


def assert_one_line(ended: tuple[int, str, str], *parts: str, code: int = 2) -> None:
    """That a command ended with one line of an error, which names all of `parts`."""
    assert ended[0] == code
    assert ended[2].startswith("error: ")
    assert ended[2].count("\n") == 1
    assert not [part for part in parts if part not in ended[2]], ended[2]


ALL = f"zoo list shows all {len(zoo.list_models())}"
WRONG = {
    ("show", "lsmt"): ("'lsmt'", "'lstm'", ALL),
    ("train", "lstm"): ("--task", "zoo train --help"),
    ("show",): ("ENTRY", "zoo show --help"),
    ("show", ""): ("entry ''", ALL),
    ("train", "lstm", "--task", "wave", "--units", "0"): ("--units", "greater than or equal to 1"),
    ("train", "lstm", "--task", "wave", "--execution", "loped"): ("'loped'", "'looped'", *map(str, zoo.EXECUTIONS)),
    ("export", "lstm", "--task", "wave", "--to", "lstm.pb"): ("--to", ".onnx", "lstm.pb"),
    ("tasks", "addng"): ("'addng'", "'adding'", f"zoo tasks shows all {len(zoo.list_tasks())}"),
    ("trian",): ("'trian'", "'train'"),
    ("train", "lstm", "--task", "wave", "--epochs", "0"): ("--epochs", "greater than or equal to 1"),
    ("train", "lstm", "--task", "wave", "--seed", "4294967296"): ("--seed", "less than or equal to 4294967295"),
    ("train", "lstm", "--task", "wave", "--recipe", "book_he"): ("book_he", "wave", "kernel_initializer", "lstm"),
    ("list", "*xyz"): ("'*xyz'", ALL),
    ("list", "["): ("'['", ALL),
    ("train", "lstm", "--task", "waves"): ("'waves'", "'wave'", f"zoo tasks shows all {len(zoo.list_tasks())}"),
    ("train", "lstm", "--task", "wave", "--recipe", "fats"): ("'fats'", "wave", "'fast'", "book_he, book_dropout"),
    ("train", "lstm", "--task", "dates"): (
        "'lstm'",
        "'dates'",
        "encoder_decoder, encoder_decoder_attention, encoder_decoder_reversed, lstm_on_the_fly",
    ),
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_mistake_is_one_line(command, arguments: tuple[str, ...], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_line(command(*arguments), *WRONG[arguments])
    assert not list(tmp_path.iterdir())


NEED_KERAS = {
    "train": ("train", "lstm", "--task", "digits_rows"),
    "export": ("export", "lstm", "--task", "digits_rows", "--to", "lstm.onnx"),
    "generate": ("generate", "draw_digit", "--label", "3"),
}
each_that_needs_keras = pytest.mark.parametrize("arguments", NEED_KERAS.values(), ids=NEED_KERAS)
UNKNOWN = {"foo": (), "tensorflw": ("'tensorflow'?",), "numpy": ()}
"""A backend that there is not, and the nearest that there is."""


@each_that_needs_keras
@pytest.mark.parametrize("backend", UNKNOWN)
def test_an_unknown_backend_is_one_line(command, arguments, backend: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    ended, known = command(*arguments), "tensorflow, jax, torch"
    assert_one_line(ended, f"'{backend}' of KERAS_BACKEND", known, *UNKNOWN[backend])
    assert not list(tmp_path.iterdir())


BROKEN = {
    "not installed": (
        ModuleNotFoundError("No module named 'jax'", name="jax"),
        ("jax is not installed", "pip install jax", "KERAS_BACKEND"),
    ),
    "damaged": (
        OSError("libtorch.so:\ncannot open shared object file"),
        ("torch", "libtorch.so: cannot open shared object file"),
    ),
    "a wrong keras.json": (
        ValueError("Unable to import backend : bar"),
        ("keras.json", "Unable to import backend : bar"),
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_backend_that_cannot_be_imported_is_one_line(command, how: str, tmp_path, monkeypatch) -> None:
    error, parts = BROKEN[how]
    real = builtins.__import__

    def refuse(name: str, *more, **named):
        if name == "keras":
            raise error
        return real(name, *more, **named)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "torch" if how == "damaged" else "")
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert_one_line(command(*NEED_KERAS["generate"]), *parts)


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
    assert not done.stdout
    assert_one_line((done.returncode, "", done.stderr), "torch is not installed", "pip install torch", "KERAS_BACKEND")
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_of_a_run(command, tmp_path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    assert_one_line(command("train", "lstm", "--task", "wave", "--out", str(path)), f"{path} is a file", "--out")


def test_what_the_system_refuses_is_one_line(command, monkeypatch) -> None:
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "page.md")

    monkeypatch.setattr(catalogue, "page", full)
    assert_one_line(command("catalogue"), "No space left on device", "page.md", code=1)


class ResourceExhaustedError(Exception):
    """As TensorFlow raises it."""


SHAPE = "shape[40000000,10000000]"
EXHAUSTED = {
    "NumPy": MemoryError(f"Unable to allocate 9.77 PiB for an array with {SHAPE}"),
    "TensorFlow": ResourceExhaustedError(f"{{{{function_node Normal}}}} OOM allocating {SHAPE} on /job:localhost/0"),
    "JAX": RuntimeError(f"RESOURCE_EXHAUSTED: Out of memory allocating {SHAPE}.\nMore of it"),
    "torch": RuntimeError(f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {SHAPE}"),
}


@pytest.mark.parametrize("library", EXHAUSTED)
@each_that_needs_keras
def test_a_model_that_the_memory_does_not_hold_is_one_line(command, arguments, library: str, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise EXHAUSTED[library]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules[f"zoo.cli.{arguments[0]}"], "create_model", fail)
    ended = command(*arguments)
    assert_one_line(ended, "not enough memory", SHAPE, "--units", code=1)
    assert not re.search("function_node|/job:", ended[2])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow  # TensorFlow waits ten seconds for memory
def test_ten_million_units_are_one_line(command, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command("train", "lstm", "--task", "wave", "--units", "10000000")
    assert_one_line(ended, "not enough memory", "10000000", "--units", code=1)
    assert not list(tmp_path.iterdir())


def test_another_error_keeps_its_traceback(command, monkeypatch) -> None:
    monkeypatch.setattr(catalogue, "page", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("catalogue")


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
    again = command("train", "gru", "--task", "digits_rows", "--out", str(folder))
    assert_one_line(again, f"{folder} holds a trained model", "--out")


def test_ctrl_c_keeps_the_best_so_far(command, tmp_path, monkeypatch) -> None:
    real, chosen = zoo.training.folder.epoch_log, tmp_path / "stopped"

    def stopped_in_the_fourth_epoch(task: zoo.Task) -> Any:
        log = real(task)
        begin = log.on_epoch_begin
        log.on_epoch_begin = lambda epoch, logs=None: (begin(epoch), epoch == 3 and signal.raise_signal(signal.SIGINT))
        return log

    monkeypatch.setattr(zoo.training.folder, "epoch_log", stopped_in_the_fourth_epoch)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # that of a terminal
    try:
        arguments = ("train", "neuron", "--task", "digits_rows", "--epochs", "5000", "--units", "3")
        code, out, _ = command(*arguments, "--out", str(chosen))
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130, out
    assert "stopped after 3 of 5000 epochs" in out
    card = json.loads((chosen / "card.json").read_text())
    assert (card["stopped_early"], card["epochs"]) == (True, 3)
    assert isinstance(zoo.load_model(chosen / "model.keras"), keras.Model)


def test_the_catalogue_is_fresh(command) -> None:
    code, out, _ = command("catalogue")
    assert code == 0
    assert out == (ROOT / "docs" / "zoo.md").read_text(), "run: zoo catalogue > docs/zoo.md"
