"""The columns of the results that belong together, and the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

TIMED = ("train", "predict")
EXECUTION = ["execution", "runner", "loop", "chunk", "jit", "memory"]
PEERS = ("torch", "jax", "onnxruntime")
"""Runners that use no Keras: bare torch, bare JAX, ONNX Runtime."""
SIZES = ["batch", "steps", "features", "units"]
WHERE = ["device_name", "cpu_count", "threads", "python_version", "keras_version", "backend_version", "numpy_version"]
SETTING = [
    *("entry", "task", "backend", "device", "dtype", "matmul_precision", "optimizer", "masked", "recipe"),
    *SIZES,
    *WHERE,
    "phase",
]
"""What must be equal for two executions to be compared, and for rows to be put together."""
FAMILY = ["task", "backend", "device", "device_name", "cpu_count", "phase", "quantity"]
"""What the comparisons of one table share: they are looked at together, and so corrected together."""
REPEAT = ["run", "repeat"]
"""A repeat: a new set of processes. What is compared over repeats has one value in each."""
PAIR = ["run", "group", "repeat"]
"""What two arms must share to be a pair: they took turns, or stand in no group, "", and ran one after the other.

An arm may stand in several groups of one repeat.
"""
COSTS = [
    *("build_seconds", "trace_seconds", "compile_seconds", "first_call_seconds"),
    *("step_seconds", "examples_per_second"),
    *("trainer_floor_seconds", "compile_peak_host_bytes", "step_peak_host_bytes"),
    *("compile_floor_host_bytes", "step_floor_host_bytes"),
    *("peak_device_bytes", "graph_nodes", "parameters", "limit_seconds", "chain_limit_seconds"),
]
QUANTITIES = ("step_seconds", "first_call_seconds")
MIB = 2**20
RATIO = ["ratio", "low", "high", "verdict", "repeats_needed"]
STOCK_RATIO = ["stock_ratio", "stock_low", "stock_high"]
FIGURES = [
    *(
        "kernel_path",
        "train_ms",
        "train_iqr_ms",
        "predict_ms",
        "first_call_seconds",
        "compile_peak_mib",
        "step_peak_mib",
        "device_peak_mib",
    ),
    *("graph_nodes", "baseline", *(f"train_{name}" for name in RATIO), *STOCK_RATIO, "repeats"),
]
"""What `summary` gives of each execution."""


def numbered(table: pd.DataFrame, keys: Sequence[str], where: np.ndarray) -> np.ndarray:
    """A number for each of the rows at the places `where`: the same for equal keys, in the order of first appearance.

    As `groupby(keys, dropna=False, sort=False).ngroup()`, but a column at a time: a million rows of forty keys take
    megabytes so, and gigabytes at once.
    """
    numbers = np.zeros(len(where), np.int64)
    for key in keys:
        codes, values = pd.factorize(table[key].take(where), use_na_sentinel=False)
        numbers = pd.factorize(numbers * len(values) + codes)[0]
    return numbers


def as_frame(rows: Sequence[dict[str, Any]], columns: list[str], table: pd.DataFrame) -> pd.DataFrame:
    """Rows worked out group by group as a table of `columns`; those that `table` has keep their types."""
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({column: table.dtypes[column] for column in columns if column in table})


def differing(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """Those of `columns` that hold more than one value: a reader needs them to tell the rows apart."""
    return [column for column in columns if table[column].nunique(dropna=False) > 1]


def sizes_and_differing(table: pd.DataFrame, lead: list[str]) -> list[str]:
    """The columns that follow `lead` in a summary: the sizes, and what else of the setting differs."""
    others = [column for column in [*SETTING, "execution"] if column in table and column not in lead]
    return [column for column in others if column in (*SIZES, *differing(table, others))]


def execution_order(table: pd.DataFrame) -> list[str]:
    """The executions of the table: stock first, then looped, unrolled, others; without jit before with it."""
    first = {"stock": -2, "stock-unrolled": -1, "looped": 0, "unrolled": 1}
    parts = table[EXECUTION].drop_duplicates().fillna({"chunk": 0})
    keyed = [
        ((runner != "keras", jit, first.get(loop, 2), runner, loop, chunk, memory != "store", memory), name)
        for name, runner, loop, chunk, jit, memory in parts.values
    ]
    return [name for _, name in sorted(keyed)]


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by task, steps, entry and execution."""
    executions = execution_order(table)
    key = [
        (task, steps, entry, executions.index(execution))
        for task, steps, entry, execution in table[["task", "steps", "entry", "execution"]].itertuples(index=False)
    ]
    return table.iloc[sorted(range(len(key)), key=key.__getitem__)].reset_index(drop=True)
