"""Which execution to use for a model of your own, or for sizes that you ask for: measured here, within a budget."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError, missing, positive_whole
from zoo.execution import BACKENDS, Execution
from zoo.measuring.own_arm import LINEAR, ONNX, OwnArm, Sizes, arm_of_sizes, keras_runner, onnx_runner
from zoo.measuring.race import Seat
from zoo.measuring.recommendation import AS_IT_IS, Recommendation
from zoo.measuring.remember import recall, remember
from zoo.measuring.runners import Runner
from zoo.measuring.tryout import Budget, Tryout, executions

if TYPE_CHECKING:
    import keras

    from zoo.measuring.launcher import Limits
    from zoo.measuring.launchers import Launchers

NO_LIMIT = 2**62
Show = Callable[[str], None]


def recommend(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    budget: float = 60.0,
    batch: int = 32,
    fresh: bool = False,
    show: Show = lambda line: None,
) -> Recommendation:
    """Measure your model as it is and its other executions in turns, and say which to use.

        model.compile("adam", "mse")
        print(zoo.recommend(model, x, y))

    Every arm is a copy, proven equal to your model: your weights stay. Short looks come first, then longer ones at the
    arms that are not surely slower (successive halving). The answer is remembered, for the same layers, sizes,
    versions and device, and a budget that is no larger.

    Args:
        model: a built Sequential or Functional model; compiled, where it is to train.
        x: inputs, at least a few examples.
        y: targets; without them only prediction is measured.
        budget: the seconds to take.
        batch: examples a step, at most as many as `x` has.
        fresh: measure, even if an answer is remembered.
        show: takes what is done now, in words.

    Raises:
        ZooError: the model cannot be copied, is not compiled, `x` or `y` do not fit it, or the budget is too small.
    """
    import keras

    from zoo.convert import with_execution
    from zoo.copies import copied
    from zoo.layers import kernels

    time = Budget(budget)
    copied(model, "recommend")  # says at once why a model cannot be measured
    x, y = _one_batch(model, x, y, batch)
    count = len(keras.tree.flatten(x)[0])
    backend, device = keras.backend.backend(), kernels.device()
    steps, loops, linear = _recurrent(model)
    arms = [(name, backend) for name in (AS_IT_IS, *executions(backend, device, steps, linear))]
    key = [model.to_json(), [str(each.shape) for each in keras.tree.flatten([x, y])], y is None, arms]
    if not fresh and (known := recall(key, backend, device, budget)):
        return known

    def seat(name: str, _: str) -> Seat | str:
        def make() -> Runner:
            if name == ONNX:
                return onnx_runner(model, x)
            return keras_runner(copied(model, "recommend") if name == AS_IT_IS else with_execution(model, name), x, y)

        try:
            arm = OwnArm(make, count)
        except Exception as error:  # of any library: this arm is left out, and the others go on
            return str(error) if isinstance(error, ZooError) else _one_line(error)
        return _seat_here(name, arm)

    tryout = Tryout(arms, seat, ["predict"] if y is None else ["train", "predict"], (steps or 0) * loops)
    what = f"{model.name}, batch {count}"
    answer = Recommendation(what, device, tryout.measured(time, show), round(time.spent()), budget)
    remember(key, backend, device, answer)
    return answer


def recommend_sizes(
    sizes: Sizes,
    backends: Sequence[str] = (),
    *,
    budget: float = 60.0,
    memory_limit_bytes: int = NO_LIMIT,
    fresh: bool = False,
    only: Sequence[tuple[str, str]] = (),
    show: Show = lambda line: None,
) -> Recommendation:
    """The same for recurrent layers of these sizes, a process an arm, on several backends.

    Args:
        sizes: of the layers.
        backends: those to try; by default all that are installed.
        budget: the seconds to take.
        memory_limit_bytes: an arm that holds more is ended, and says so.
        fresh: measure, even if an answer is remembered.
        only: executions and backends to measure in the place of all, the one that the others are compared with first.
        show: takes what is done now, in words.

    Raises:
        ZooError: a backend is not installed, or the budget is too small.
    """
    from zoo.measuring.launcher import Limits

    time = Budget(budget)
    asked = list(backends) or [name for name in BACKENDS if find_spec(name)]
    for name in asked:
        if absent := missing(name):
            raise ZooError(absent)
    tried = {each: ["stock", *executions(each, "cpu", sizes.steps, sizes.cell in LINEAR)] for each in asked}
    for each in asked[1:]:  # the file is the same from every backend
        tried[each] = [name for name in tried[each] if name != ONNX]
    places = range(max(map(len, tried.values())))
    arms = [(tried[each][place], each) for place in places for each in asked if place < len(tried[each])]
    arms = list(only) or arms
    key = [repr(sizes), arms, memory_limit_bytes]
    if not fresh and (known := recall(key, "+".join(asked), "cpu", budget)):
        return known
    with _processes(sizes, lambda: Limits(memory_limit_bytes, time.of_a_call())) as seat:
        tryout = Tryout(arms, seat, ["train", "predict"], sizes.steps * sizes.layers, processes=True)
        rows = tryout.measured(time, show)
    answer = Recommendation(str(sizes), "cpu", rows, round(time.spent()), budget)
    remember(key, "+".join(asked), "cpu", answer)
    return answer


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


def _seat_here(name: str, arm: OwnArm) -> Seat:
    """A seat whose arm lives in this process: what it raises is the reason why it takes no more turns."""
    seat = Seat(name, lambda *_: None)

    def ask(method: str, *arguments: Any) -> Any:
        try:
            return getattr(arm, method)(*arguments)
        except Exception as error:  # a model of the user's own raises anything, and so does a compiler
            seat.broken = _one_line(error)
            return None

    seat.ask = ask
    return seat


@contextmanager
def _processes(sizes: Sizes, limits: Callable[[], Limits]) -> Iterator[Callable[[str, str], Seat | str]]:
    """Makes seats, each with a process of its own; they end when the context does."""
    from zoo.measuring.launchers import Launchers

    with tempfile.TemporaryDirectory() as folder:
        launchers = Launchers(Path(folder))
        try:
            yield lambda name, backend: _seat_of_process(launchers, sizes, limits, name, backend)
        finally:
            launchers.close()


def _seat_of_process(
    launchers: Launchers, sizes: Sizes, limits: Callable[[], Limits], name: str, backend: str
) -> Seat | str:
    """A seat whose arm lives in a fresh process; why it has none, in words."""
    from zoo.measuring.case import Case
    from zoo.measuring.launcher import Outcome

    case = Case("lstm", "wave", Execution(), backend, "cpu", sizes.batch, sizes.steps, sizes.features, sizes.units)
    process = launchers.of(case).start()
    if isinstance(process, Outcome):
        return process.reason
    made = process.make(limits(), arm_of_sizes, sizes, name)
    if made.status != "ok":
        process.end()
        return made.reason or made.status
    seat = Seat(name, lambda *_: None)

    def ask(method: str, *arguments: Any) -> Any:
        outcome = process.call(limits(), method, *arguments)
        if outcome.status != "ok":
            seat.broken = outcome.reason or outcome.status
            process.end()
            return None
        return outcome.value

    seat.ask = ask
    return seat


def _one_batch(model: keras.Model, x: Any, y: Any, batch: int) -> tuple[Any, Any]:
    """The first examples of `x` and `y`.

    Raises:
        ZooError: they do not fit the model or each other.
    """
    import keras
    import numpy as np

    count = positive_whole("batch", batch)
    try:
        x = keras.tree.map_structure(lambda each: np.asarray(each)[:count], x)
    except (IndexError, TypeError, ValueError):
        raise ZooError(f"x must be arrays, not {type(x).__name__}: of a dataset give one batch") from None
    arrays = keras.tree.flatten(x)
    if len(arrays) != len(model.inputs):
        raise ZooError(f"x has {len(arrays)} arrays, and {model.name!r} has {len(model.inputs)} inputs")
    for array, taken in zip(arrays, model.inputs, strict=True):
        sizes = tuple(taken.shape)
        if array.ndim != len(sizes) or any(b not in (None, a) for a, b in zip(array.shape[1:], sizes[1:], strict=True)):
            raise ZooError(f"x has the shape {array.shape}, and {model.name!r} takes {sizes}")
    if not len(arrays[0]):
        raise ZooError("x has no example")
    if y is None:
        return x, None
    if not model.compiled:
        raise ZooError(f"{model.name!r} is not compiled: compile it, or leave out y to measure prediction alone")
    nested = isinstance(y, (list, tuple, dict)) and any(np.ndim(each) for each in keras.tree.flatten(y))
    y = keras.tree.map_structure(lambda each: np.asarray(each)[:count], y if nested else np.asarray(y))
    if {len(each) for each in keras.tree.flatten(y)} != {len(arrays[0])}:
        raise ZooError(f"x has {len(arrays[0])} examples, and y has {len(keras.tree.flatten(y)[0])}")
    return x, y


def _recurrent(model: keras.Model) -> tuple[int | None, int, bool]:
    """The steps of the model's sequences, where they are known; how many loops; whether all cells are linear."""
    import keras

    from zoo.layers import LinearCell
    from zoo.layers.keras_private import flat_layers

    loops = [layer for layer in flat_layers(model) if isinstance(layer, keras.layers.RNN)]
    steps = next((each.shape[1] for each in model.inputs if len(each.shape) > 1), None)
    return steps, len(loops), bool(loops) and all(isinstance(each.cell, LinearCell) for each in loops)
