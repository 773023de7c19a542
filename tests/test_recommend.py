"""What is recommended is the fastest arm of those that could be measured, and nothing where none is surely faster."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import stats

import zoo
from tests.commands import run
from tests.models import BACKEND
from zoo.cli import main
from zoo.execution import BACKENDS, Execution
from zoo.measuring import remember
from zoo.measuring.race import Ratio, Seat, race
from zoo.measuring.recommendation import AS_IT_IS, Recommendation, as_json, of_json
from zoo.measuring.tryout import Budget, Tryout, executions
from zoo.measuring.worker import Block

PHASES = ["train", "predict"]


def seat(name: str, seconds: float, noise: float = 0.02, first: float = 1.0, turns: list[str] | None = None) -> Seat:
    """An arm whose calls take about so long, without taking it."""
    rng = np.random.default_rng(round(1e6 * seconds))

    def ask(method: str, phase: str, *_: object):
        if method == "warm_up":
            return first, {"first_call_seconds": first, "step_peak_host_bytes": 2**28}
        if turns is not None:
            turns.append(name)
        return Block(1, float(seconds * np.exp(rng.normal(0, noise))), seconds)

    return Seat(name, ask)


def answer(arms: dict[str, tuple[float, float]]) -> Recommendation:
    """Of arms that take so long a call, and a first call."""
    made: Callable[[str, str], Seat] = lambda name, _: seat(name, arms[name][0], first=arms[name][1])  # noqa: E731
    tryout = Tryout([(name, "tensorflow") for name in arms], made, PHASES, 20)
    return Recommendation("a model", "cpu", tryout.measured(Budget(0.6), print), 1, 0.6)


def test_the_fastest_wins_and_what_is_surely_slower_drops_out_early() -> None:
    turns: list[str] = []
    arms = [("reference", 0.01), ("fast", 0.004), ("slow", 0.02)]
    seats = [seat(name, seconds, noise=0.1, turns=turns) for name, seconds in arms]
    assert race(seats, seats[0], "train", 0.3)[0] is seats[1]
    assert turns.count("slow") < turns.count("fast") == turns.count("reference")
    assert np.exp(np.median(seats[1].log_ratios("train", seats[0]))) == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize(("rounds", "disturbed"), [(4, 0.0), (12, 0.0), (12, 0.1), (24, 0.0), (24, 0.1), (100, 0.1)])
def test_the_interval_of_a_ratio_holds_the_truth_in_95_of_100_races(rounds: int, disturbed: float) -> None:
    """Other work makes a tenth of the rounds up to three times as long, to either side of the ratio alike."""
    rng = np.random.default_rng(rounds)
    held, races = 0, 600
    for _ in range(races):
        noise = rng.normal(0, 0.05, rounds)
        noise += (rng.random(rounds) < disturbed) * rng.uniform(-1.1, 1.1, rounds)
        ratio = Ratio.of(list(np.log(0.8) + noise))
        held += ratio.low <= 0.8 <= ratio.high
    assert stats.binomtest(held, races, 0.95).pvalue > 0.001 or held > 0.95 * races


def test_an_arm_that_ends_while_it_races_does_not_end_the_race() -> None:
    seats = [seat("reference", 0.01), Seat("broken", lambda *_: None)]
    assert race(seats, seats[0], "train", 0.2) == [seats[0]]
    assert seats[1].broken


def test_arms_of_the_same_name_on_two_backends_are_two() -> None:
    arms = [("reference", 0.01), ("looped+jit", 0.004), ("looped+jit", 0.0041), ("looped+jit", 0.03)]
    seats = [seat(name, seconds, noise=0.1) for name, seconds in arms]
    assert race(seats, seats[0], "train", 0.3)[0] in seats[1:3]
    turns = [len(each.seconds["train"]) for each in seats]
    assert turns[3] < min(turns[1:3])


def test_a_model_that_raises_is_one_line() -> None:
    def loss(expected, predicted):
        raise RuntimeError("a loss\nof my own")

    model = small()
    model.compile("sgd", loss)
    with pytest.raises(zoo.ZooError, match=r"^as it is cannot be measured: RuntimeError: .*a loss of my own"):
        zoo.recommend(model, X, Y, fresh=True, budget=600)


def test_a_recommendation_says_what_is_saved_and_when_a_first_call_has_paid() -> None:
    found = answer({AS_IT_IS: (0.010, 1.0), "fused": (0.005, 1.5), "looped+jit": (0.020, 9.0)})
    assert (found.train, found.predict) == ("fused", "fused")
    assert found.paid_after() == pytest.approx(100, rel=0.05)  # half a second, at 5 ms a step
    assert 'zoo.with_execution(model, "fused")' in str(found)
    assert [row[0] for row in found.table()] == [AS_IT_IS, "fused", "looped+jit"]


def test_a_file_of_onnx_predicts_and_does_not_train() -> None:
    found = answer({AS_IT_IS: (0.010, 1.0), "onnxruntime-native": (0.002, 0.1)})
    assert (found.train, found.predict) == (AS_IT_IS, "onnxruntime-native")
    assert "zoo.OnnxModel" in str(found)
    assert set(found.candidates[1].ratios) == {"predict"}


def test_where_none_is_surely_faster_the_model_stays_as_it_is() -> None:
    found = answer({AS_IT_IS: (0.010, 1.0), "fused": (0.0099, 1.0)})
    assert (found.train, found.predict, found.paid_after()) == (AS_IT_IS, AS_IT_IS, None)
    assert "with_execution" not in str(found)
    assert "Train with the model as it is (10 ms)" in str(found)
    of_sizes = answer({"stock": (0.010, 1.0), "fused": (0.0099, 1.0)})
    assert "Train with Keras' own layer (stock) (10 ms)" in str(of_sizes)


def test_what_takes_too_long_to_build_is_left_out_with_the_time_it_would_take() -> None:
    made = Tryout([("stock", "jax"), ("unrolled+jit", "jax")], lambda name, _: seat(name, 0.01), PHASES, 1000)
    found = Recommendation("a model", "cpu", made.measured(Budget(1), print), 1, 1)
    assert found.left_out() == ["unrolled+jit on jax: left out: to build it takes some 380 s"]


def test_a_reference_that_cannot_be_measured_is_one_line() -> None:
    with pytest.raises(zoo.ZooError, match="stock cannot be measured: it does not fit"):
        Tryout([("stock", "jax")], lambda *_: "it does not fit", PHASES, 0).measured(Budget(1), print)


def test_an_answer_is_remembered_for_the_same_question_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remember, "folder", lambda: tmp_path / "cache")
    found = answer({AS_IT_IS: (0.010, 1.0), "fused": (0.005, 1.5)})
    assert of_json(json.loads(json.dumps(as_json(found)))).train == found.train
    remember.remember(["key"], BACKEND, "cpu", found)
    assert remember.recall(["key"], BACKEND, "cpu", 300) is None  # with more time the answer may be another
    again = remember.recall(["key"], BACKEND, "cpu", 0.5)
    assert again is not None
    assert again.remembered
    assert again.table() == found.table()
    assert remember.recall(["another"], BACKEND, "cpu", 0.5) is None
    with monkeypatch.context() as patch:
        patch.setattr(remember, "installed_version", lambda package: f"another {package}")  # of ONNX Runtime
        assert remember.recall(["key"], BACKEND, "cpu", 0.5) is None
    next((tmp_path / "cache").iterdir()).write_text("{")
    assert remember.recall(["key"], BACKEND, "cpu", 0.5) is None


@pytest.mark.parametrize("steps", [None, 20, 240])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_tried_can_run_there_and_is_no_program_twice(backend: str, steps: int | None) -> None:
    names = executions(backend, "cpu", steps)
    assert len(set(names)) == len(names) > 0
    for name in names:
        assert not Execution.parse(name).problem(backend, "cpu")
        assert not Execution.parse(name).same_program(backend, "cpu")
    assert ("unrolled" in {Execution.parse(name).loop for name in names}) == (steps is not None and backend != "torch")


def test_on_jax_the_kernel_is_tried_compiled_as_it_is_measured() -> None:
    assert executions("jax", "gpu")[0] == "fused+jit"
    why = "without jit JAX compiles no program that shows its kernel: ask for fused+jit"
    assert Execution.parse("fused").problem("jax", "gpu", "LSTM") == why
    assert Execution.parse("fused").problem("jax", "cpu") == "jax has no kernel for a whole sequence on a cpu"
    assert executions("tensorflow", "gpu")[0] == "fused"


def small() -> keras.Model:
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.LSTM(3), keras.layers.Dense(1)], name="small")
    model.compile("sgd", "mse")
    return model


X, Y = np.ones((8, 4, 2), "float32"), np.ones((8, 1), "float32")
WRONG = {
    "x has the shape (8, 4), and 'small' takes (None, 4, 2)": (X[..., 0], Y, {}),
    "x has 8 examples, and y has 5": (X, Y[:5], {}),
    "x has 2 arrays, and 'small' has 1 inputs": ([X, X], Y, {}),
    "x has no example": (X[:0], Y[:0], {}),
    "x must be arrays, not list: of a dataset give one batch": ([[[1.0, 2.0]], [[3.0]]], Y, {}),
    "batch must be a positive whole number, not 0": (X, Y, {"batch": 0}),
    "budget must be more than 0 seconds, not -1": (X, Y, {"budget": -1}),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_the_model_is_one_line(message: str) -> None:
    x, y, options = WRONG[message]
    with pytest.raises(zoo.ZooError) as refused:
        zoo.recommend(small(), x, y, fresh=True, **options)
    assert str(refused.value) == message


def test_a_model_that_is_not_compiled_cannot_train() -> None:
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.LSTM(3)], name="bare")
    with pytest.raises(zoo.ZooError, match="'bare' is not compiled: compile it, or leave out y"):
        zoo.recommend(model, X, X[:, 0])


OPTIONS = {
    "error: unknown layer 'lstn'; did you mean 'lstm'?": ["lstn"],
    "error: --budget must be a time such as 60s or 2min, not 'soon'": ["lstm", "--budget", "soon"],
    "error: unknown backend 'tensorflw'; did you mean 'tensorflow'?": ["lstm", "--backend", "tensorflw"],
    "error: --memory-limit must be an amount such as 2GiB or 500MB, not '2'": ["lstm", "--memory-limit", "2"],
}


@pytest.mark.parametrize("message", OPTIONS)
def test_a_wrong_option_is_one_line(message: str) -> None:
    code, _, said = run(main, "recommend", *OPTIONS[message])
    assert code == 2
    assert said.startswith(message)


@pytest.mark.slow
def test_a_model_is_measured_within_its_budget_and_keeps_its_weights() -> None:
    keras.utils.set_random_seed(0)
    model = small()
    before = model.get_weights()
    found = zoo.recommend(model, X, Y, budget=60, fresh=True)
    assert found.seconds <= 66
    assert {row[0] for row in found.table()} >= {AS_IT_IS}
    for weight, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.slow
def test_the_page_about_a_model_of_ones_own_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    page = (Path(__file__).parent.parent / "docs" / "your-own-model.md").read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remember, "folder", lambda: tmp_path / "cache")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert {path.name for path in tmp_path.iterdir()} >= {"model.keras", "model.onnx"}


def test_an_arm_that_takes_long_on_one_backend_leaves_none_out_on_another() -> None:
    def made(name: str, backend: str) -> Seat:
        if (name, backend) == ("looped+jit", "jax"):
            time.sleep(0.4)
        return seat(name, 0.001)

    arms = [("stock", "tensorflow"), ("looped+jit", "jax"), ("looped+jit", "tensorflow"), ("chunked-4+jit", "jax")]
    rows = Tryout(arms, made, ["predict"], 20).measured(Budget(1.0), print)
    reasons = {(row.name, row.backend): row.reason for row in rows}
    assert reasons["looped+jit", "tensorflow"] == ""
    assert reasons["chunked-4+jit", "jax"].startswith("left out: to build it takes")


def test_what_compiles_long_is_built_after_all_others() -> None:
    built: list[str] = []

    def made(name: str, backend: str) -> Seat:
        built.append(name)
        return seat(name, 0.001 * len(built))  # told apart at the first look

    arms = [(name, "jax") for name in ("stock", "unrolled+jit", "looped+jit", "unrolled", "chunked-4+jit")]
    Tryout(arms, made, ["predict"], 30).measured(Budget(30.0), print)
    assert built == ["stock", "looped+jit", "unrolled", "chunked-4+jit", "unrolled+jit"]


def test_the_best_go_on_in_fresh_processes_so_that_a_lucky_one_is_not_chosen() -> None:
    """The first process of an arm is a fifth faster than the program is; later ones are as fast as it is."""
    made: list[str] = []
    seconds = {"stock": 0.02, "lucky": 0.01, "steady": 0.0085, "third": 0.0095, "slow": 0.015, "slower": 0.018}

    def make(name: str, backend: str) -> Seat:
        made.append(name)
        return seat(name, seconds[name] * (0.8 if name == "lucky" and made.count(name) == 1 else 1.0), first=0.01)

    executions = ["stock", "looped+jit", "unrolled", "chunked-2+jit", "fused", "chunked-4+jit"]
    names = dict(zip(executions, seconds, strict=True))
    arms = [(name, "jax") for name in executions]
    tryout = Tryout(arms, lambda name, backend: make(names[name], backend), PHASES, 1, processes=True)
    answer = Recommendation("sizes", "cpu", tryout.measured(Budget(1.5), print), 1, 1.5)
    rows = {each.name: each.ratios["train"] for each in answer.candidates}
    assert made.count("lucky") == made.count("steady") == made.count("third") == 1 + len(PHASES)
    assert made.count("stock") == made.count("slower") == 1
    assert rows["steady"].value == pytest.approx(0.425, rel=0.02)
    assert answer.train == "steady"
    assert rows["lucky"].value == pytest.approx(0.5 * 0.8**0.5, rel=0.02)
    assert rows["lucky"].low <= 0.41
    assert rows["lucky"].high >= 0.49
