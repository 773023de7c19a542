"""What the answers to a reader's questions rest on: tables of comparisons, the same columns in all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from zoo.statistics.break_even import break_even
from zoo.statistics.columns import SIZES
from zoo.statistics.devices import gpu_over_cpu
from zoo.statistics.entries import REFERENCE, against_reference
from zoo.statistics.favourite import favourite
from zoo.statistics.growth import LIMIT_BYTES, largest
from zoo.statistics.ratios import medians, ratios
from zoo.statistics.verdicts import FASTER, SLOWER

WHERE = ["entry", "task", "backend", "device", *SIZES]
EVIDENCE = [*WHERE, "what", "against", "phase", "quantity", "ratio", "low", "high", "verdict", "repeats"]
"""`ratio` is `what` over `against`: the time of a call (step_seconds), of a first call, or a peak of memory."""
QUANTITIES = ("step_seconds", "first_call_seconds")
OWN = ("fused", "chunked")
"""The loops that are the zoo's own; a scan has an answer of its own."""
PROJECTION = "dense_projection"
DROPOUT = {"recurrent_dropout_lstm": "stacked_lstm", "recurrent_dropout": "stacked_rnn"}
"""An entry with recurrent dropout, and the same without it."""


def loop_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Every execution over the loop: what several answers rest on, worked out once."""
    return ratios(table, quantities=QUANTITIES)


def evidence(rows: pd.DataFrame, what: str = "execution", against: str = "baseline") -> pd.DataFrame:
    """Rows of `ratios` and their like as evidence: `what` and `against` are columns of theirs."""
    named = rows.assign(what=rows[what].astype("str"), against=rows[against].astype("str"))
    return named[EVIDENCE].reset_index(drop=True)


def of_unrolling(loops: pd.DataFrame) -> pd.DataFrame:
    """Unrolled over looped by the number of steps: with jit on JAX, without it on TensorFlow."""
    return evidence(favourite(_usual_jit(loops[loops["loop"] == "unrolled"])))


def _usual_jit(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without jit; of JAX, and of a backend that has none without, those with it."""
    plain = set(rows.loc[~rows["jit"].astype(bool), "backend"]) - {"jax"}
    return rows[rows["jit"].astype(bool) != rows["backend"].isin(plain)]


def paid_back(table: pd.DataFrame) -> pd.DataFrame:
    """After how many training steps the longer first call of what is unrolled is paid back, by number of steps."""
    rows = break_even(table)
    return favourite(_usual_jit(rows[rows["loop"] == "unrolled"]))


def of_jit(loops: pd.DataFrame) -> pd.DataFrame:
    """The loop with jit over the loop without it, by the number of steps."""
    return evidence(favourite(loops[loops["execution"] == "looped+jit"]))


def of_own(loops: pd.DataFrame) -> pd.DataFrame:
    """The executions that Keras lacks, fused and chunked, over the loop in training, where a difference is decided.

    They are of the reference entry. Of several chunks of one size the one with the least upper end of its interval.
    """
    rows = _usual_jit(loops[loops["entry"].eq(REFERENCE) & loops["loop"].isin(OWN) & loops["memory"].eq("store")])
    rows = rows[rows["masked"].eq("none") & rows["phase"].eq("train") & rows["quantity"].eq("step_seconds")]
    rows = rows[rows["verdict"].isin([FASTER, SLOWER])].sort_values("high", kind="stable")
    rows = rows.drop_duplicates([*WHERE, "loop"]).sort_values(["backend", "loop", "steps"], kind="stable")
    return evidence(rows).assign(loop=rows["loop"].to_numpy())


def of_devices(table: pd.DataFrame) -> pd.DataFrame:
    """The stock layer on a GPU over that on the CPU of the same machine, by the number of steps."""
    rows = gpu_over_cpu(table)
    return evidence(favourite(rows[rows["loop"] == "stock"]), "device", "other_device")


def of_projections(table: pd.DataFrame) -> pd.DataFrame:
    """The other two projections of an output at each step over the dense one."""
    rows = against_reference(table, PROJECTION)
    return evidence(rows[rows["entry"].str.endswith("_projection")], "entry", "reference")


def of_recurrent_dropout(table: pd.DataFrame) -> pd.DataFrame:
    """Networks with recurrent dropout over the same without it."""
    parts = [against_reference(table, base).query("entry == @entry") for entry, base in DROPOUT.items()]
    return evidence(pd.concat(parts, ignore_index=True), "entry", "reference")


def of_memory(loops: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """What recomputing, offloading and swapping cost in time, and the part of the loop's memory that they hold.

    The memory is the peak of later training calls, a median over repeats: on a CPU that of the process over that of a
    one-Dense model, on a GPU that of the card.
    """
    rows = loops[loops["memory"].ne("store") & loops["masked"].eq("none") & loops["phase"].eq("train")]
    times = evidence(rows[rows["quantity"] == "step_seconds"])
    train = medians(table).query("phase == 'train'")
    of_host = train["step_over_floor_bytes"].astype("float64")
    of_device = of_host.where(train["device"] == "cpu", train["peak_device_bytes"].astype("float64"))
    peaks = of_device.groupby([train[name] for name in [*WHERE, "execution"]]).median()
    held = times.assign(quantity="step_over_floor_bytes", low=float("nan"), high=float("nan"), verdict="")
    held["ratio"] = _peaks(held, "what", peaks) / _peaks(held, "against", peaks)
    return pd.concat([times, held], ignore_index=True)


def _peaks(rows: pd.DataFrame, arm: str, peaks: pd.Series) -> pd.Series:
    places = pd.MultiIndex.from_frame(rows[[*WHERE, arm]])
    return pd.Series(peaks.reindex(places).to_numpy(), index=rows.index)


def of_linear(loops: pd.DataFrame) -> pd.DataFrame:
    """The scan over the loop, of entries that are linear in their state, by the number of steps."""
    rows = loops[loops["loop"].eq("parallel") & loops["masked"].eq("none") & loops["quantity"].eq("step_seconds")]
    return evidence(rows).sort_values(["backend", "entry", "steps"], kind="stable", ignore_index=True)


def that_fit(
    table: pd.DataFrame, limit_bytes: int = LIMIT_BYTES, loops: Sequence[str] = ("looped", "unrolled")
) -> pd.DataFrame:
    """The rows of `growth.largest` of the entry that was trained at the most numbers of steps.

    Backends on which no execution came to its bound are left out: nobody looked for it.
    """
    chosen = favourite(medians(table).query("phase == 'train'"))
    rows = _usual_jit(largest(table, limit_bytes))
    rows = rows[rows["loop"].isin(loops) & rows["masked"].eq("none") & rows["runner"].eq("keras")]
    rows = rows.merge(chosen[["entry", "task", "units", "batch", "features"]].drop_duplicates())
    ended = rows["failed_steps"].notna().groupby([rows["backend"], rows["device"]]).transform("any")
    return rows[ended.astype(bool)]
