"""What a model makes up, answers and draws: the functions, and the command `zoo generate`."""

from __future__ import annotations

import json
import re

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import zoo
from zoo import drawings
from zoo.cli import app
from zoo.cli.generate import answer, load
from zoo.decoding import beam_search, continue_series, decode
from zoo.drawings import as_characters
from zoo.training.folder import train_and_keep
from zoo.vocabulary import END, PAD, START


@pytest.fixture(scope="module")
def dates_run(tmp_path_factory):
    """A model that was trained for a moment, in the folder that zoo train leaves."""
    folder = tmp_path_factory.mktemp("dates")
    keras.utils.set_random_seed(0)
    model = zoo.create_model("encoder_decoder", "dates", units=8)
    data = zoo.load_task("dates")
    few = zoo.Data(
        data.train.first(64), data.validation.first(8), {"test": data.tests["test"].first(8)}, data.vocabularies
    )
    recipe = zoo.Recipe("short", epochs=1, batch=32, learning_rate=1e-2)
    train_and_keep(model, zoo.get_task("dates"), recipe, few, units=8, seed=0, folder=folder, verbose=0)
    return folder


def test_a_beam_of_one_is_greedy_and_a_wider_one_finds_no_worse(dates_run) -> None:
    model = zoo.load_model(dates_run / "model.keras")
    source = zoo.load_task("dates").train.x[0][:3]
    greedy = decode(model, source, 11)
    for row, known in zip(source, greedy, strict=True):
        np.testing.assert_array_equal(beam_search(model, row, 11, 1)[known != 0], known[known != 0])
        wide = beam_search(model, row, 11, 4)
        assert mean_log_probability(model, row, wide) >= mean_log_probability(model, row, known) - 1e-6


def test_an_answer_holds_no_padding_and_no_second_start() -> None:
    class Model:
        outputs = (np.empty((1, 1, 5)),)

        def predict_on_batch(self, given):
            every = np.broadcast_to(np.array([0.5, 0.3, 0.0, 0.1, 0.1]), (*given[1].shape, 5))
            every.flags.writeable = False
            return every

    source = np.ones((2, 3), np.int32)
    assert not {PAD, START} & set(decode(Model(), source, 4).flat)
    assert not {PAD, START} & set(beam_search(Model(), source[0], 4, 1))


def mean_log_probability(model: keras.Model, source: np.ndarray, answer: np.ndarray) -> float:
    """By feeding the answer back, all its steps at once."""
    late = np.concatenate([[1], answer[:-1]])[None].astype(np.int32)
    probabilities = np.asarray(model.predict_on_batch((source[None], late)))[0]
    length = int(np.argmax(answer == END)) + 1 if (answer == END).any() else len(answer)
    return float(np.log(probabilities[np.arange(length), answer[:length]]).mean())


def test_a_series_goes_on_with_its_own_values_and_is_the_same_twice() -> None:
    keras.utils.set_random_seed(0)
    model = zoo.create_model("dense_projection", "wave", units=8, steps=5)
    given = np.linspace(-1, 1, 5).astype(np.float32)
    made = continue_series(model, given, 4)
    assert made.shape == (9,)
    np.testing.assert_array_equal(made[:5], given)
    for end in range(5, 9):
        assert made[end] == np.asarray(model.predict_on_batch(made[None, end - 5 : end, None]))[0, -1, 0]
    np.testing.assert_array_equal(made, continue_series(model, given, 4))


def generate(*arguments: object):
    return CliRunner().invoke(app, ["generate", *map(str, arguments)])


def test_the_command_answers_from_a_run(dates_run) -> None:
    done = generate("dates", "April 22, 2019", "--run", dates_run)
    assert done.exit_code == 0, done.output
    assert set(done.stdout.strip()) <= set("0123456789-<>unkowstardp")
    again = generate("dates", "April 22, 2019", "--run", dates_run, "--beam", 3)
    assert again.exit_code == 0


NO_DATE = ("", "x", "Foo 99, 20000", "April 31, 2019", "april 22, 2019", "April 22, 999", "April 22€")


@pytest.mark.parametrize("text", NO_DATE)
def test_what_is_no_date_of_a_form_that_was_learnt_is_refused(text: str, dates_run) -> None:
    """A model answers anything: "Foo 99, 20000" was 2000-09-09."""
    done = generate("dates", text, "--run", dates_run)
    assert isinstance(done.exception, zoo.ZooError)
    assert str(done.exception).startswith(f"{text!r} is no date like 'April 22, 2019'")


@pytest.mark.parametrize(
    ("text", "beam", "message"),
    [
        ("", 1, "text is empty"),
        ("April 22€", 1, "'€' is not in the vocabulary"),
        ("September 22, 20199999", 1, "18 characters .*22"),
        ("April 22, 2019", 16, "beam .*1 to 15 .*16"),
    ],
)
def test_what_a_model_cannot_read_is_one_line(text: str, beam: int, message: str, dates_run) -> None:
    with pytest.raises(zoo.ZooError, match=message):
        answer("dates", text, beam, load("dates", "", dates_run))


BAD = {
    "a label out of range": (["draw_digit", "--label", 10], "--label .*0 to 9, not 10"),
    "no steps": (["wave", "--steps", 0], "--steps .*at least 1, not 0"),
    "an unknown start": (["wave", "--seed-from", "zero"], "start 'zero'.*'zeros'"),
    "an unknown kind of file": (["wave", "--out", "x.pngg"], "'.pngg'.*'.png'"),
    "no run": (["wave", "--run", "nowhere"], "nowhere .*no run"),
    "an entry that is not published": (["wave", "--entry", "irnn"], "'irnn' for 'wave'"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(bad: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD[bad]
    done = generate(*arguments)
    assert isinstance(done.exception, zoo.ZooError)
    assert re.search(message, str(done.exception))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("card", "missing"), [("[1]", "entry, task, vocabularies"), ('{"task": "dates", "entry": "x"}', "vocabularies")]
)
def test_a_card_that_is_none_of_ours_is_one_line(card: str, missing: str, tmp_path) -> None:
    (tmp_path / "card.json").write_text(card)
    done = generate("dates", "May 1, 2000", "--run", tmp_path)
    assert str(tmp_path / "card.json") in str(done.exception)
    assert str(done.exception).endswith(missing)


def test_a_run_of_another_task_is_refused(dates_run) -> None:
    done = generate("wave", "--run", dates_run)
    assert re.search("encoder_decoder .*dates.* wave", str(done.exception))


def test_a_card_of_a_run_holds_its_vocabularies(dates_run) -> None:
    source, target = zoo.pretrained.read_vocabularies(json.loads((dates_run / "card.json").read_text()))
    assert (source, target) == zoo.load_task("dates").vocabularies


def test_an_image_as_characters() -> None:
    assert as_characters(np.array([[0, 1], [0.5, 0.2]])) == "  ██\n▒▒░░"


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_picture_has_the_form_of_its_ending(name: str, start: bytes, tmp_path) -> None:
    drawings.save(Figure(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(zoo.ZooError, match=r"a picture ends in .png, .svg or .pdf, and .* in .xyz"):
        drawings.save(Figure(), tmp_path / "a.xyz")
