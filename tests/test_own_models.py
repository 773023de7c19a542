"""Models in a file of one's own: what counts as one, what is found out, and what each mistake reads like."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest

import rnn_zoo_pytest
import zoo
from tests.own_models import GOOD, in_the_registries, write
from zoo.bench.own import own_profile
from zoo.bench.plan import Selection, timed_cases, trained_cases
from zoo.measuring.case import skip_reason
from zoo.measuring.group import looped
from zoo.own.describe import described
from zoo.own.file import contents_of, entry_name
from zoo.own.models import OwnModels, declare
from zoo.registry import MODELS


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> OwnModels:
    return described(write(tmp_path_factory.mktemp("own"), "good_models", GOOD))


@pytest.fixture
def registered(good: OwnModels) -> Iterator[OwnModels]:
    with in_the_registries(good):
        yield good


@pytest.fixture(scope="module", autouse=True)
def nothing_stays() -> Iterator[None]:
    """What a file registers by itself when it is imported is forgotten behind these tests."""
    with mock.patch.dict(MODELS._members):
        yield


def test_cells_functions_and_builders_are_models_and_the_rest_is_named(good: OwnModels) -> None:
    assert {entry.name for entry in good.entries} == {"leaky_cell", "sized", "fixed", "text", "no_loop", "registered"}
    assert set(good.left_out) == {"helper", "main"}
    assert not good.broken
    known = {entry.name: entry for entry in good.entries}
    assert known["leaky_cell"].topologies == ("sequence_to_vector", "sequence_to_sequence")
    assert known["leaky_cell"].summary == "A leaky integrator."
    assert known["registered"].summary == "A plain builder."
    assert known["sized"].written.drops
    assert known["sized"].written.classifies
    assert not known["no_loop"].written.classifies
    assert "no recurrent layer" in known["no_loop"].written.fixed


def test_a_helper_that_returns_no_model_is_left_out_unless_it_says_that_it_does(tmp_path: Path) -> None:
    helpers = "def half(units): return units // 2\n\ndef promised(units) -> keras.Model: return units\n"
    fixed = "def fixed() -> keras.Model:\n    return keras.Sequential([keras.Input((3, 2)), keras.layers.GRU(2)])\n"
    own = described(write(tmp_path, "helped", f"import keras\n\n{helpers}\n{fixed}"))
    assert own.left_out == {"half": "half returns int, not a keras.Model"}
    assert own.broken == {"promised": "promised returns int, not a keras.Model"}


def test_of_two_models_of_one_name_the_second_is_left_out_with_its_reason(tmp_path: Path) -> None:
    cell = "class MyCell(keras.layers.Layer):\n    def call(self, inputs, states):\n        return inputs, states\n"
    function = "def my_cell(steps, features, outputs) -> keras.Model: ...\n"
    found = contents_of(write(tmp_path, "twice", f"import keras\n\n\n{cell}\n\n{function}"))
    assert inspect.isclass(found.made["my_cell"])
    assert found.others["my_cell"] == "another one in the file has its name, my_cell"


def test_a_model_of_fixed_sizes_gets_a_task_of_random_numbers(good: OwnModels) -> None:
    tasks = {task.name: task for task in good.tasks}
    assert set(tasks) == {"fixed", "text"}
    sizes = tasks["fixed"]
    assert (sizes.steps, sizes.features, sizes.outputs, sizes.units) == (6, 2, 3, 5)
    data = sizes.load(seed=0)
    assert data.train.x.shape[1:] == (6, 2)
    assert data.train.y.shape[1:] == (3,)
    np.testing.assert_array_equal(data.train.x, sizes.load(seed=0).train.x)
    words = tasks["text"].load(seed=1).train.x
    assert words.dtype == np.int32
    assert words.min() >= 1
    assert words.max() < 9
    with pytest.raises(zoo.ZooError, match="fixed has 6 steps, not 7"):
        sizes.load(steps=7)


def test_models_of_a_file_are_built_like_those_of_the_zoo(registered: OwnModels) -> None:
    made = zoo.create_model("leaky_cell", "wave", "looped", units=4)
    assert made.output_shape == (None, 20, 1)
    written = zoo.create_model("sized", "digits_rows", "stock", units=4)
    assert [type(layer).__name__ for layer in written.layers] == ["GRU", "Dense"]
    chunked = zoo.create_model("sized", "digits_rows", "looped", units=4)
    assert type(chunked.layers[0]) is keras.layers.RNN
    assert zoo.create_model("text", "text", "stock").output_shape == (None, 1)
    with pytest.raises(zoo.ZooError, match="no recurrent layer"):
        zoo.create_model("no_loop", "adding", "looped", steps=5)


def test_the_grid_of_a_file_holds_each_model_where_it_fits(registered: OwnModels) -> None:
    profile = own_profile(registered)
    cases = timed_cases(profile, Selection())
    on = {(case.entry, case.task) for case in cases}
    assert {task for entry, task in on if entry == "leaky_cell"} == {"digits_rows", "wave"}
    assert {task for entry, task in on if entry == "sized"} == {"digits_rows"}
    assert {task for entry, task in on if entry == "fixed"} == {"fixed"}
    assert {task for entry, task in on if entry == "no_loop"} == {"adding"}  # it gives no probabilities
    stock = next(case for case in cases if case.entry == "sized" and case.arm == "stock")
    assert not skip_reason(stock)  # as written: not taken for the loop
    assert looped(next(case for case in cases if case.entry == "no_loop")).arm == "stock"
    trained = {case.entry for case in trained_cases(profile, Selection())}
    assert trained == {"leaky_cell", "sized", "no_loop", "registered", "lstm"}
    assert not trained_cases(profile, Selection(seeds=0))


def test_what_is_asked_of_the_sizes_holds_for_the_trainings_too(registered: OwnModels) -> None:
    profile = own_profile(registered, entries=["leaky_cell"], beside=["lstm"], units=7, steps=30)
    for cases in (timed_cases(profile, Selection()), trained_cases(profile, Selection())):
        sizes = {(case.task, case.steps, case.units) for case in cases}
        assert sizes == {("wave", 30, 7), ("digits_rows", 8, 7)}  # of a fixed length


def test_pytest_measures_the_models_that_fit_what_is_asked_for(registered: OwnModels, monkeypatch) -> None:
    """Tasks and executions that no model has by default, and an entry of the zoo among the names."""
    monkeypatch.setattr("zoo.bench.own.read_models", lambda path, backend, device: registered)
    parser = pytest.Parser(_ispytest=True)
    rnn_zoo_pytest.pytest_addoption(parser)
    asked = ["--zoo-tasks=temperatures,adding", "--zoo-entries=leaky_*,no_loop,gru", "--zoo-executions=chunked-5,stock"]
    profile, selection, own = rnn_zoo_pytest._grid(parser.parse(["--benchmark", "--zoo-models=mine.py", *asked]))
    assert own is registered
    cases = timed_cases(profile, selection)
    both = {"temperatures", "adding"}
    assert {(case.entry, case.task) for case in cases} == {
        (entry, task) for entry in ("leaky_cell", "no_loop", "gru") for task in both
    }
    assert {case.arm for case in cases if case.entry == "leaky_cell"} == {"chunked-5"}
    assert {(case.entry, case.task) for case in trained_cases(profile, selection)} >= {("leaky_cell", "adding")}


WRONG_GRIDS = {
    "has no model 'leaky'": {"entries": ["leaky"]},
    "unknown task 'waves'": {"tasks": ["waves"]},
    "sized fits none of the tasks wave": {"entries": ["sized"], "tasks": ["wave"]},
    "unknown entry 'lsmt'": {"beside": ["lsmt"]},
}


@pytest.mark.parametrize("message", WRONG_GRIDS)
def test_a_wrong_name_of_a_grid_is_one_line(message: str, registered: OwnModels) -> None:
    with pytest.raises(zoo.ZooError, match=message):
        own_profile(registered, **WRONG_GRIDS[message])


def test_a_model_that_fits_no_usual_task_is_told_which_those_are(registered: OwnModels) -> None:
    draws = replace(registered.entries[0], name="draws", topologies=("vector_to_sequence",), written=None)
    with pytest.raises(zoo.ZooError, match=r"^draws fits none of the tasks digits_rows, wave, adding$"):
        own_profile(replace(registered, entries=(draws,)))


MISTAKES = {
    "does not import: line 3: ZeroDivisionError: division by zero": "\n\nx = 1 / 0\n",
    "does not import: line 2: SyntaxError": "\ndef broken(:\n",
    "does not import: line 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'": "import nowhere_to_be_found",
    "does not import: line 1: SystemExit": "raise SystemExit",
    "has no model: one is a class of cells, or a function that returns a keras.Model$": "x = 1",
    "has no model: model: a model that is built already: write a function that returns one$": (
        "import keras\nmodel = keras.Sequential([keras.Input((3, 2)), keras.layers.GRU(2)])"
    ),
    "has no model: Mine: a class of models: write a function that returns one$": (
        "import keras\nclass Mine(keras.Model):\n    pass"
    ),
    "has no model: add: no model: its result is not annotated as a keras.Model$": "def add(a, b): return a + b",
    "has no model: f: its parameter 'width' is none of task, steps": (
        "import keras\ndef f(width) -> keras.Model: return None"
    ),
    "has no model: f: f returns int, not a keras.Model": "def f(steps): return 1",
    "has no model: f: line 2: ValueError: no": "def f(steps):\n    raise ValueError('no')",
    "f: it was asked for 4 outputs, and gives 7: take `outputs`": (
        "import keras\ndef f(steps, features):\n"
        "    return keras.Sequential([keras.Input((steps, features)), keras.layers.GRU(7)])"
    ),
    "f: the model has 2 inputs and 1 outputs: zoo.recommend measures such a model": (
        "import keras\ndef f() -> keras.Model:\n    a, b = keras.Input((3, 2)), keras.Input((3, 2))\n"
        "    return keras.Model([a, b], keras.layers.GRU(2)(a + b))"
    ),
    "bad_cell: its call returns 2 states, and its state_size has 1": (
        "import keras\nclass BadCell(keras.layers.Layer):\n"
        "    def __init__(self, units):\n        super().__init__()\n        self.state_size = units\n"
        "    def call(self, inputs, states):\n        return states[0], [states[0], states[0]]"
    ),
    "bad_cell: state 1 of a batch of 4 has the shape .4, 3., not .4, 6.": (
        "import keras\nclass BadCell(keras.layers.Layer):\n"
        "    def __init__(self, units):\n        super().__init__()\n        self.state_size = units\n"
        "    def call(self, inputs, states):\n        return inputs, [inputs]"
    ),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_in_a_file_is_one_line_that_names_the_place(message: str, tmp_path: Path) -> None:
    path = write(tmp_path, "mistaken", MISTAKES[message])
    with pytest.raises(zoo.ZooError, match=message) as refused:
        described(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(zoo.ZooError, match=r"^there is no file .*none\.py$"):
        described(tmp_path / "none.py")
    (tmp_path / "models.txt").write_text("")
    with pytest.raises(zoo.ZooError, match="is no file of Python"):
        described(tmp_path / "models.txt")


def test_a_name_of_the_zoo_is_refused(tmp_path: Path) -> None:
    own = described(write(tmp_path, "named", "import keras\ndef lstm(steps, features, outputs):\n" + BODY))
    with pytest.raises(zoo.ZooError, match="'lstm' is an entry of the zoo already: give yours another name"):
        declare(own)


BODY = "    return keras.Sequential([keras.Input((steps, features)), keras.layers.LSTM(outputs)])\n"


@pytest.mark.parametrize(
    ("name", "entry"), [("LeakyCell", "leaky_cell"), ("MyGRUCell", "my_gru_cell"), ("RNN2Cell", "rnn2_cell")]
)
def test_a_class_is_called_as_entries_are(name: str, entry: str) -> None:
    assert entry_name(name) == entry


def test_a_function_may_take_any_further_arguments(tmp_path: Path) -> None:
    own = described(write(tmp_path, "further", DENSE.format(arguments="steps, features, outputs, *more, **options")))
    assert [entry.name for entry in own.entries] == ["plain"]


def test_a_function_of_the_task_that_serves_one_topology_is_a_model_of_it(tmp_path: Path) -> None:
    own = described(write(tmp_path, "served", ONE_TOPOLOGY))
    assert {entry.name: entry.topologies for entry in own.entries} == {"plain": ("sequence_to_sequence",)}
    assert own.broken == {"none": "line 12: ValueError: I serve nothing"}


DENSE = """
import keras

def plain({arguments}):
    layers = [keras.Input((steps, features)), keras.layers.Flatten(), keras.layers.Dense(outputs)]
    return keras.Sequential(layers)
"""
ONE_TOPOLOGY = """
import keras

def plain(task):
    if task.topology != "sequence_to_sequence":
        raise ValueError(task.topology)
    layers = [keras.Input((task.steps, task.features)), keras.layers.Dense(task.outputs, activation=task.activation)]
    return keras.Sequential(layers)


def none(task):
    raise ValueError("I serve nothing")
"""
