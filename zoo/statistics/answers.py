"""What the answers to a reader's questions rest on: tables of comparisons, the same columns in all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from zoo.statistics.break_even import break_even
from zoo.statistics.columns import SIZES
from zoo.statistics.devices import gpu_over_cpu
from zoo.statistics.entries import REFERENCE, against_reference
from zoo.statistics.favourite import favourite
from zoo.statistics.growth import LIMIT_BYTES, OF_MEMORY, largest
from zoo.statistics.ratios import medians, ratios
from zoo.statistics.stock import STOCK, STOCK_UNROLLED
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


def stock_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Every execution over the layer that a user of Keras writes, worked out once."""
    return ratios(table, STOCK, quantities=QUANTITIES)


def evidence(rows: pd.DataFrame, what: str = "execution", against: str = "baseline") -> pd.DataFrame:
    """Rows of `ratios` and their like as evidence: `what` and `against` are columns of theirs."""
    named = rows.assign(what=rows[what].astype("str"), against=rows[against].astype("str"))
    return named[EVIDENCE].reset_index(drop=True)


def of_unrolling(loops: pd.DataFrame, over_stock: pd.DataFrame) -> pd.DataFrame:
    """Unrolled over looped by the number of steps: with jit on JAX, without it on TensorFlow.

    Where no loop is written out without jit, as on torch, it is Keras' own layer with `unroll=True` over the same
    without.
    """
    unrolled = loops[loops["loop"] == "unrolled"]
    written_out = {*unrolled.loc[~unrolled["jit"].astype(bool), "backend"], "jax"}
    layers = over_stock[over_stock["loop"].eq(STOCK_UNROLLED) & ~over_stock["backend"].isin(written_out)]
    rows = pd.concat([unrolled[~unrolled["backend"].isin(layers["backend"])], layers], ignore_index=True)
    return evidence(favourite(_usual_jit(rows)))


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


def of_own(over_stock: pd.DataFrame, loops: pd.DataFrame) -> pd.DataFrame:
    """The zoo's own executions, fused and chunked, over Keras' layer in training, where a difference is decided.

    Where that was not measured, on a backend and device, they are over the loop. They are of the reference entry. Of
    several chunks one counts, that of the most sizes: to choose by the time would favour what was lucky in it.
    """
    places = [over_stock["backend"], over_stock["device"]]
    known = set(zip(*places, strict=True))
    rest = [place not in known for place in zip(loops["backend"], loops["device"], strict=True)]
    over_stock = pd.concat([over_stock, loops[rest]], ignore_index=True) if any(rest) else over_stock
    mine = over_stock["entry"].eq(REFERENCE) & over_stock["loop"].isin(OWN) & over_stock["memory"].eq("store")
    rows = _usual_jit(over_stock[mine])
    rows = rows[rows["masked"].eq("none") & rows["phase"].eq("train") & rows["quantity"].eq("step_seconds")]
    sizes = rows.groupby(["backend", "device", "execution"])["execution"].transform("size")
    order = rows.assign(sizes=sizes).sort_values(["sizes", "chunk"], ascending=[False, True], kind="stable").index
    rows = rows.loc[order].drop_duplicates([*WHERE, "loop"])
    rows = rows[rows["verdict"].isin([FASTER, SLOWER])].sort_values(["backend", "loop", "steps"], kind="stable")
    return evidence(rows).assign(loop=rows["loop"].to_numpy())


def of_devices(table: pd.DataFrame) -> pd.DataFrame:
    """The stock layer on a GPU, `device_name`, over that on the CPU of the same machine, by the number of steps."""
    rows = gpu_over_cpu(table)
    rows = favourite(rows[rows["loop"] == "stock"])
    return evidence(rows, "device", "other_device").assign(device_name=rows["device_name"].to_numpy())


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
    train = medians(table).query("phase == 'train' and masked == 'none'")
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

    Backends on which memory ended no execution are left out: nobody looked for the bound, or had the time.
    """
    chosen = favourite(medians(table).query("phase == 'train'"))
    rows = _usual_jit(largest(table, limit_bytes))
    rows = rows[rows["loop"].isin(loops) & rows["masked"].eq("none") & rows["runner"].eq("keras")]
    rows = rows.merge(chosen[["entry", "task", "units", "batch", "features"]].drop_duplicates())
    ended = rows["failed_status"].isin(OF_MEMORY).groupby([rows["backend"], rows["device"]]).transform("any")
    return rows[ended.astype(bool)]
