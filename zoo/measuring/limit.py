"""The limit: the time that the arithmetic of a case needs at the matrix-product rates of its backend, in the same run.

`limit_seconds` takes every operation at the rate of one large product. `chain_limit_seconds` takes the step's own
products, which at small sizes run far below that rate, one after another. No execution that runs a cell step by step
passes it; a kernel that takes the products of all steps as one can, where the larger product has the higher rate.

Counting needs plain numbers. Timing imports Keras, and runs in a process of its own.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from zoo import get_entry, task_at
from zoo.measuring.case import PHASES, Case
from zoo.measuring.computed import Tensor
from zoo.registry import SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR

LEAST_SECONDS = 0.01  # a timing takes at least this long, so that the clock and the call do not count
TIMINGS = 5
LARGE_SECONDS = 1.3  # what timing the large product may take; it is halved on a machine where it would take longer
LARGEST = {"cpu": 2048, "gpu": 8192}
"""Rows, inner and columns of the large product, by device."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a model and of its batch; `outputs` is the width of the dense output layer."""

    batch: int
    steps: int
    features: int
    units: int
    outputs: int


class Product(NamedTuple):
    """Y = X·W, of shapes (rows, inner) · (inner, columns) -> (rows, columns)."""

    rows: int
    inner: int
    columns: int

    @property
    def operations(self) -> int:
        """A multiplication and an addition for each of rows · inner · columns."""
        return 2 * self.rows * self.inner * self.columns

    @property
    def left_gradient(self) -> Product:
        """dX = dY·Wᵀ."""
        return Product(self.rows, self.columns, self.inner)

    @property
    def right_gradient(self) -> Product:
        """dW = Xᵀ·dY."""
        return Product(self.inner, self.rows, self.columns)


def products(entry: str, topology: str, sizes: Sizes, phase: str) -> Counter[Product] | None:
    """The matrix products of a prediction or a training step, and how often each is taken.

    A training step goes forward and backward. It needs no gradient of the model's inputs, nor of the zeros that the
    state starts from. What is not a product (activations, the optimizer) is left out.

    Returns:
        None where there is no formula.
    """
    layers = get_entry(entry).layers
    if not layers or topology not in (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE) or phase not in PHASES:
        return None
    taken: Counter[Product] = Counter()

    def take(product: Product, times: int, left_gradients: int) -> None:
        taken[product] += times
        if phase == "train":
            taken[product.left_gradient] += left_gradients
            taken[product.right_gradient] += times

    outputs_on = sizes.steps if topology == SEQUENCE_TO_SEQUENCE else 1
    for depth, matrices in enumerate(layers):
        features = sizes.units if depth else sizes.features
        widths = {"inputs": features, "state": sizes.units, "both": features + sizes.units}
        shown = outputs_on if depth == len(layers) - 1 else sizes.steps
        for operand, gates, read in matrices:
            times = shown if read else sizes.steps
            inputs_learn = depth > 0 and operand != "state"
            of_state = times if read else sizes.steps - 1
            of_operand = times if inputs_learn else of_state if operand != "inputs" else 0
            take(Product(sizes.batch, widths[operand], gates * sizes.units), times, of_operand)
    take(Product(sizes.batch * outputs_on, sizes.units, sizes.outputs), 1, 1)
    return +taken


def operations(entry: str, topology: str, sizes: Sizes, phase: str) -> int | None:
    """Floating-point operations of the matrix products of a prediction or a training step; None without a formula."""
    taken = products(entry, topology, sizes, phase)
    return None if taken is None else sum(product.operations * times for product, times in taken.items())


def limits(case: Case, rate: float | None, seconds: Mapping[Product, float]) -> dict[str, dict[str, float | None]]:
    """The columns `limit_seconds` and `chain_limit_seconds` of each phase of a timed case.

    They are the same for all executions of a backend.

    Args:
        case: in its dtype and precision products were timed.
        rate: operations per second of the large product, by `large_rate`; without it `limit_seconds` is empty.
        seconds: of each of its products, by `product_seconds`; the columns are empty where there is none.
    """
    return {
        phase: {
            "limit_seconds": rate and sum(product.operations * times for product, times in counted.items()) / rate,
            "chain_limit_seconds": sum(seconds[product] * times for product, times in counted.items()),
        }
        if seconds
        else {"limit_seconds": None, "chain_limit_seconds": None}
        for phase, counted in _counted(case).items()
    }


def _counted(case: Case) -> dict[str, Counter[Product]]:
    """The products of each phase of a case; none where there is no formula."""
    task = task_at(case.task, case.steps)
    sizes = Sizes(case.batch, case.steps, case.features or task.embedding, case.units, task.outputs)
    return {phase: products(case.entry, task.topology, sizes, phase) or Counter() for phase in PHASES}


def quicker(one: Mapping[Product, float], other: Mapping[Product, float]) -> dict[Product, float]:
    """The lower seconds of each product that was timed twice."""
    return {product: min(seconds, other[product]) for product, seconds in one.items()}


def large_rate(case: Case) -> float:
    """Operations per second of a large product in the case's dtype and precision, of 2048³ on a quick CPU.

    To run in a process of the case's backend and device; of the case no size counts.
    """
    ways = _ways(case)
    size = min(1024, LARGEST[case.device])
    while True:
        product = Product(size, size, size)
        seconds, way = _time(product, ways)
        # Eight times as many operations; warmed up once and timed five times.
        if size == LARGEST[case.device] or 8 * seconds * (TIMINGS + 1) > LARGE_SECONDS:
            return product.operations / seconds
        size, ways = 2 * size, [way]


def product_seconds(case: Case) -> dict[Product, float]:
    """Seconds of each product of the case, in its dtype and precision, of many one after another.

    To run in a process of the case's backend and device.

    Returns:
        Nothing where there is no formula.
    """
    shapes = {product for counted in _counted(case).values() for product in counted}
    ways = _ways(case)
    return {product: _time(product, ways)[0] for product in sorted(shapes)}


Run = Callable[[int], object]
"""Takes a product so many times, one after another, and waits for the last."""
Way = Callable[[Tensor, Tensor], Run]
"""A way that a backend has to run the product of two tensors."""


def _time(product: Product, ways: Sequence[Way]) -> tuple[float, Way]:
    """Seconds of the product, the median of five timings of the fastest way, and that way."""
    tried = []
    left, right = _operands(product)
    for way in ways:
        run = way(left, right)
        run(1)  # compiles, and makes the caches warm
        count, seconds = _enough(run)
        tried.append((seconds / count, count, run, way))
    first, count, run, way = min(tried, key=itemgetter(0))
    timings = [first, *(_clock(run, count) / count for _ in range(TIMINGS - 1))]
    return statistics.median(timings), way


def _enough(run: Run) -> tuple[int, float]:
    """How many products take `LEAST_SECONDS`, and the seconds that they took."""
    count = 1
    while (seconds := _clock(run, count)) < LEAST_SECONDS:
        count = max(2 * count, min(16 * count, math.ceil(1.2 * count * LEAST_SECONDS / seconds)))
    return count, seconds


def _clock(run: Run, count: int) -> float:
    started = time.perf_counter()
    run(count)
    return time.perf_counter() - started


def _operands(product: Product) -> list[Tensor]:
    """Two tensors whose product lies in [0, 1), so that it can go back into the left one for ever."""
    import keras

    rng = np.random.default_rng(0)
    left = rng.uniform(size=(product.rows, product.inner))
    right = rng.uniform(size=(product.inner, product.columns)) / product.inner
    dtype = keras.config.dtype_policy().compute_dtype
    return [keras.ops.cast(keras.ops.convert_to_tensor(array.astype("float32")), dtype) for array in (left, right)]


def _ways(case: Case) -> list[Way]:
    """The ways of this process's backend, which is set to the case's dtype and precision."""
    from zoo.measuring.runners.keras import configure

    configure(case)
    if case.backend == "tensorflow":
        return [_tensorflow_way(jit=False), _tensorflow_way(jit=True)]
    return [_jax_way if case.backend == "jax" else _torch_way]


def _tensorflow_way(jit: bool) -> Way:
    """A loop in a graph: a call of its own for each product would cost more than a small product."""

    def way(left: Tensor, right: Tensor) -> Run:
        import tensorflow as tf

        def step(i: Tensor, left: Tensor, product: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            if jit:  # else XLA would see that the product is the same each time, and take it once
                left = tf.tensor_scatter_nd_update(left, [[0, 0]], product[:1, 0])
            return i + 1, left, tf.matmul(left, right)

        @tf.function(autograph=False, jit_compile=jit)
        def chain(left: Tensor, count: Tensor) -> Tensor:
            start = (0, left, tf.zeros((left.shape[0], right.shape[1]), left.dtype))
            return tf.while_loop(lambda i, *_: i < count, step, start, parallel_iterations=1)[2][0, 0]

        return lambda count: chain(left, tf.constant(count)).numpy()

    return way


def _jax_way(left: Tensor, right: Tensor) -> Run:
    """A loop that is compiled. A value of each product goes into the next, or XLA would take it once."""
    import jax

    def step(_: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        left = state[0].at[0, 0].set(state[1][0, 0])
        return left, left @ right

    @jax.jit
    def chain(left: Tensor, count: Tensor) -> Tensor:
        start = left, jax.numpy.zeros((left.shape[0], right.shape[1]), left.dtype)
        return jax.lax.fori_loop(0, count, step, start)[1][0, 0]

    return lambda count: chain(left, count).block_until_ready()


def _torch_way(left: Tensor, right: Tensor) -> Run:
    """Call after call, as Keras' own loop does; a call costs some 2 µs."""
    import torch

    product = torch.mm(left, right)

    def run(count: int) -> float:
        for _ in range(count):
            torch.mm(left, right, out=product)
        return product[0, 0].item()

    return run
