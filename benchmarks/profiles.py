"""The profiles: named grids of cases."""

from __future__ import annotations

from dataclasses import replace

from zoo.bench.profile import Block, Profile
from zoo.errors import unknown
from zoo.registry import MODELS

HANDFUL = ("neuron", "simple_rnn", "lstm", "gru")
"""What the quick profile knows of the zoo; the full one measures every entry."""
NOT_JAX = ("tensorflow", "torch")
NOT_TORCH = ("tensorflow", "jax")
EVERY_ENTRY = (
    Block(tasks=("digits_rows",), backends=NOT_JAX),
    Block(("*_projection",), ("wave",)),
    Block(tasks=("draw_digit", "dates"), backends=NOT_JAX),
    Block(tasks=("digits_rows", "draw_digit", "dates"), executions=("stock", "looped"), backends=("jax",), repeats=3),
)
"""Each topology at small sizes: three unrolled layers take XLA a minute at twenty steps. On JAX what is unrolled is
compiled too, in every process anew: there the handful alone is compared unrolled, and no accuracy is trained again."""
HOUR = 3600.0
COMPILED = Block(("lstm",), executions=("looped+jit", "unrolled+jit"), backends=NOT_TORCH)
QUICK_COMPILED = replace(COMPILED, tasks=("digits_rows",))
"""At 8 steps: XLA compiles 20 of them, written out, for 8 s in each process."""
QUICK_SWEEP = Block(("lstm",), ("wave",), steps=(10, 50, 200))
STOCK_UNROLLED = Block(("lstm",), executions=("stock", "stock-unrolled"))
LEGACY = ("legacy-static", "legacy-dynamic")
BATCHES = (1, 10, 200, 1000)
LOOPS = ("stock", "looped", "unrolled")
WITH_LEGACY = (*LOOPS, *LEGACY)
GROWTH = (
    Block(("lstm",), ("wave",), WITH_LEGACY, steps=(10, 20)),
    Block(("lstm",), ("wave",), (*WITH_LEGACY, "looped+jit"), steps=(50,), backends=NOT_JAX),
    Block(("lstm",), ("wave",), LOOPS, steps=(50,), repeats=3, backends=("jax",)),
    Block(("lstm",), ("wave",), (*WITH_LEGACY, "looped+jit"), steps=(100, 200)),
    Block(("lstm",), ("wave",), (*WITH_LEGACY, "looped+jit"), steps=(500, 1000, 2000), repeats=3),
    Block(("lstm",), ("wave",), (*WITH_LEGACY, "looped+jit"), steps=(4000, 8000), repeats=3, backends=NOT_TORCH),
    Block(("lstm",), ("wave",), ("unrolled", "looped+jit", "unrolled+jit"), (10, 20, 40), backends=("tensorflow",)),
    Block(("lstm",), ("wave",), units=(32, 64, 128, 256, 512), backends=NOT_JAX),
    Block(("lstm",), ("wave",), units=(32, 512), backends=("jax",)),
    Block(("lstm",), ("wave",), batches=BATCHES, backends=NOT_JAX),
    Block(("lstm",), ("wave",), ("stock", "looped"), batches=BATCHES, backends=("jax",)),
)
"""The last number of steps of an arm is the one at which it passes its time limit: longer ones are skipped.
Torch's loop runs in Python, so its time and memory grow in a straight line long before 4,000 steps of 5 s."""
UNJITTED = Block(("lstm",), ("wave",), steps=(10, 30), repeats=3, backends=("jax",), as_named=True)
"""JAX without jit runs operation by operation, some 100 times slower: to show that, at sizes that end."""
SWAP = Block(("lstm",), ("wave",), ("legacy-dynamic", "legacy-dynamic+swap"), steps=(200, 1000), repeats=3)
MASKS = (
    Block(("lstm",), ("digits_rows",), WITH_LEGACY, masked=("none", "full", "uniform")),
    Block(("lstm",), ("wave",), masked=("none", "full", "uniform"), backends=NOT_JAX),
)
"""On the wave TensorFlow 1 counts padded steps in its loss, and so is another computation."""
MNIST = Block(("simple_rnn", "lstm", "gru"), ("mnist_rows",))
SCORED = (
    Block(("simple_rnn", "irnn", "lstm", "gru", "min_*", "lru"), ("adding",), ("looped",), backends=("tensorflow",)),
    Block(("min_*", "lru", "mamba", "stacked_rnn", "*_dropout"), ("wave",), ("looped",), backends=("tensorflow",)),
    Block(("simple_rnn_he", "min_*", "lru"), ("mnist_rows",), ("looped",), backends=("tensorflow",)),
)
"""Entries that are trained on these tasks, by train-reference: what they cost, beside what they earn."""

KERAS = ("stock", "stock-unrolled", "looped", "unrolled", "looped+jit", "unrolled+jit")
OURS = ("chunked-auto", "chunked-auto+jit", "fused")
BARE = ("torch-native", "torch-native+jit", "jax-scan+jit", "onnxruntime-native")
BESIDE_PEERS = (
    Block(("lstm",), ("wave",), (*KERAS, *LEGACY, *OURS, *BARE), steps=(20,), units=(100,), batches=(50,)),
    Block(("lstm",), ("mnist_rows",), (*KERAS, *LEGACY, *OURS, *BARE), units=(150,), batches=(150,)),
    Block(("lstm",), ("wave",), (*KERAS, *LEGACY, *OURS, *BARE), steps=(240,), units=(64,), batches=(32,)),
    Block(("lstm",), ("wave",), (*KERAS, "fused", *BARE), steps=(20,), units=(100,), batches=(1,)),
    Block(("gru", "simple_rnn"), ("wave",), (*KERAS, "fused", *BARE), steps=(20,), units=(100,), batches=(50,)),
)
"""The sizes of tutorials and of users who ask for speed: a short wave, rows of MNIST, a long wave, one sequence."""

LINEAR = tuple(entry.name for entry in MODELS if entry.linear)
ONE_OF_EACH_CELL = ("neuron", "simple_rnn", "gru", "lstm", "peephole_lstm", "layer_norm_lstm", "min_gru", "lru")
"""One entry of each cell that a loop runs."""
BY_SIZE = ("stock", "looped", "chunked-2", "chunked-4", "chunked-8", "chunked-16")
CHUNKS = (
    Block(("lstm",), ("wave",), BY_SIZE, (20, 50, 100, 1000)),
    Block(
        ONE_OF_EACH_CELL,
        ("wave",),
        ("stock", "looped", "chunked-4"),
        steps=(20, 50, 100, 1000),
        backends=NOT_TORCH,
    ),
    Block(("lstm",), ("wave",), ("looped+jit", "chunked-4+jit"), (20, 50, 100, 1000), backends=("tensorflow",)),
)
RECOMPUTED = ("chunked-auto+recompute", "fused+recompute")
OFFLOADED = ("chunked-auto+offload", "fused+offload")
KEPT = ("stock", "looped", "fused", *RECOMPUTED, *OFFLOADED)
LONG = Block(("lstm",), ("adding",), KEPT, steps=(2000,), units=(128,), batches=(32,))
SCANS = (
    Block(("min_*", "lru"), ("wave",), ("looped", "parallel"), steps=(100, 1000), batches=(32,)),
    Block(("mamba",), ("wave",), ("looped", "parallel"), steps=(100,), batches=(32,)),
)
"""Of Mamba's state, 3,200 numbers an example, a scan holds those of all steps at once. On torch the loops of 1,000
steps take a quarter of an hour, and longer ones in proportion."""
CARD = ("stock", "looped", "unrolled", "chunked-auto", "fused", "torch-native", "jax-scan+jit")
LONG_ON_CARD = tuple(name for name in CARD if name != "unrolled")
ON_GPU = (
    Block(("lstm", "gru"), ("wave",), CARD, (8, 20, 50)),
    Block(("lstm", "gru"), ("wave",), CARD, (100,), repeats=3),
    Block(("lstm", "gru"), ("wave",), LONG_ON_CARD, (500,), (256,), (64,)),
    replace(LONG, devices=("gpu",)),
    Block(("lstm",), ("wave",), ("looped",), (1000,), (8192,), (8192,), devices=("gpu",), repeats=1),
)
"""What `--zoo-devices cpu,gpu` compares with a CPU; on the card alone, where activations wait, and a batch that no card
of today holds: 1,000 steps of 8,192 by 8,192 are 256 GiB, and a training keeps several of them."""

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "lstm once, on digits_rows and wave: shows in under a minute that all works",
            timed=(Block(("lstm",)),),
            budget_seconds=60,
            repeats=1,
            trained=(Block(("lstm",), ("digits_rows",), ("looped",)),),
            seeds=1,
        ),
        Profile(
            "quick",
            f"{', '.join(HANDFUL)} stock, looped, unrolled; lstm with jit, 10 to 200 steps; 3 seeds trained",
            timed=(Block(HANDFUL), QUICK_COMPILED, STOCK_UNROLLED, QUICK_SWEEP),
            budget_seconds=320,
            trained=(Block(HANDFUL, executions=("looped",)),),
            seeds=3,
            at_once=2,
        ),
        Profile(
            "full",
            "every entry; lstm at 10 to 8000 steps, other units and batches, masks, TensorFlow 1; accuracy, 3 seeds",
            timed=(
                Block(HANDFUL),
                *EVERY_ENTRY,
                COMPILED,
                STOCK_UNROLLED,
                *GROWTH,
                UNJITTED,
                SWAP,
                *MASKS,
                MNIST,
                *SCORED,
            ),
            budget_seconds=3 * HOUR,
            trained=(Block(HANDFUL, executions=("looped",), backends=NOT_JAX),),
            seeds=3,
        ),
        Profile(
            "peers",
            "lstm at four sizes, gru, simple_rnn: Keras, the zoo's executions, bare torch and JAX, ONNX Runtime, TF 1",
            timed=BESIDE_PEERS,
            budget_seconds=HOUR / 2,
            mixed=True,
        ),
        Profile("chunks", "chunked loops against looped: lstm by chunk, every cell", CHUNKS, HOUR / 2),
        Profile("memory", "lstm 128 at 2000 steps: storing, recomputing, offloading", (LONG,), HOUR / 4),
        Profile(
            "gpu",
            "lstm, gru at 8 to 500 steps on a GPU, beside a CPU; memory; a batch too large",
            ON_GPU,
            240,
            mixed=True,
        ),
        Profile("parallel", "min_gru, min_lstm, lru, mamba at 100 and 1000 steps: loop and scan", SCANS, HOUR / 2),
    )
}


def get_profile(name: str) -> Profile:
    """The profile called `name`, or a ZooError that names the nearest."""
    if name not in PROFILES:
        raise unknown("profile", name, list(PROFILES))
    return PROFILES[name]
