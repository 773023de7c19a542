"""Answers to a reader's questions, in words: every figure in them is computed from the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from zoo.charts.labels import CALLS, backend_name, fastest_in_words, lengths_range, place_name
from zoo.report import headlines
from zoo.report.headlines import WORTH, at, by_task, in_turn, nearest_row, ratio_words, size_words, times, train_steps
from zoo.statistics import answers as rest
from zoo.statistics.architectures import architectures, as_good_as_the_best, fastest_of_the_best
from zoo.statistics.executions import by_size, winners
from zoo.statistics.gains import OVER_STOCK, gains
from zoo.statistics.growth import bound
from zoo.statistics.machines import by_machine
from zoo.statistics.texts import three_digits, whole
from zoo.statistics.verdicts import FASTER


@dataclass(frozen=True)
class Answer:
    """One question and what the table says of it."""

    name: str  #: of its place on a page
    question: str
    lines: list[str]  #: a line a backend, an entry or a size
    short: str = ""  #: the same in one line, where a reader asks for it first
    evidence: pd.DataFrame = field(default_factory=pd.DataFrame)  #: what the figures rest on


def answers(table: pd.DataFrame) -> list[Answer]:
    """Every answer, in the order in which a reader asks; of several machines the one with the most rows is first.

    An answer's `short` is of the first machine that has one. Architectures are those of the first: scores are of no
    machine.
    """
    first, *others = by_machine(table).items()
    devices = rest.of_devices(table)  # a GPU and its CPU are two machines
    result = _of_machine(first[1], devices)
    for name, rows in others:
        for i, other in enumerate(_of_machine(rows, devices.iloc[:0])):
            if other.name == "architecture":
                continue
            lines = [f"{name}: {line}" for line in other.lines if line not in result[i].lines]
            evidence = pd.concat([result[i].evidence, other.evidence], ignore_index=True)
            short = result[i].short or (f"{name}: {other.short}" if other.short else "")
            result[i] = replace(result[i], lines=[*result[i].lines, *lines], short=short, evidence=evidence)
    return result


def _of_machine(rows: pd.DataFrame, devices: pd.DataFrame) -> list[Answer]:
    """The answers of one machine, and that of `devices`, GPUs beside the CPUs of theirs."""
    loops = rest.loop_ratios(rows)
    over_stock = rest.stock_ratios(rows)
    unrolling, paid = rest.of_unrolling(loops, over_stock), rest.paid_back(rows)
    jit, compared = rest.of_jit(loops), architectures(rows)
    memory, linear = rest.of_memory(loops, rows), rest.of_linear(loops)
    projections, dropout = rest.of_projections(rows), rest.of_recurrent_dropout(rows)
    fit, best = rest.that_fit(rows), gains(rows)
    best = best[best["comparison"] == OVER_STOCK.what]
    won, own = winners(by_size(rows)), rest.of_own(over_stock, loops)
    until, architecture = _until(unrolling, paid), _architectures(compared)
    fastest, gained = headlines.fastest(won), headlines.own(own)
    return [
        _answer("unroll", "Should I unroll?", _unroll(unrolling), unrolling, headlines.unroll(unrolling)),
        _answer("until", "Up to how many steps does unrolling pay?", until, unrolling, headlines.until(unrolling)),
        _answer("jit", "Is jit worth it?", _jit(jit), jit, headlines.jit(jit)),
        _answer("fastest", "Which execution is the fastest?", _fastest(won), won, fastest),
        _answer("own", "What do the zoo's own executions gain?", _own(own, best), own, gained),
        _answer("architecture", "Which architecture?", architecture, compared, headlines.architecture(compared)),
        _answer("fits", "How long a sequence fits in 2 GiB?", _fits(fit), fit, headlines.fits(fit)),
        _answer("memory", "What replaces swap_memory, and at what price?", _memory(memory), memory),
        _answer("device", "CPU or GPU for a small LSTM?", _devices(devices), devices),
        _answer("projection", "Which projection?", _over_entry(projections), projections),
        _answer("dropout", "What does recurrent dropout cost?", _over_entry(dropout), dropout),
        _answer("linear", "Is a linear RNN faster with a scan?", _linear(linear), linear),
    ]


def _answer(name: str, question: str, lines: Iterable[str], evidence: pd.DataFrame, short: str = "") -> Answer:
    return Answer(name, question, list(lines), short, evidence)


def _unroll(rows: pd.DataFrame) -> Iterator[str]:
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if trains.empty:
            continue
        train = nearest_row(trains)
        steps = train["steps"]
        predict, first = at(part, steps, "predict", "step_seconds"), at(part, steps, "train", "first_call_seconds")
        text = f"{backend_name(backend)}, {steps} steps: {WORTH[train['verdict']]} for training"
        text += f", {WORTH[predict['verdict']]} for prediction" if predict is not None else ""
        text += f". {train['what']} takes {ratio_words(train)} of the time of {train['against']} in training"
        text += f" and {ratio_words(predict)} in prediction" if predict is not None else ""
        text += f"; its first call takes {times(first['ratio'])} as long" if first is not None else ""
        yield text + "."


def _until(rows: pd.DataFrame, paid: pd.DataFrame) -> Iterator[str]:
    for backend, part in rows.groupby("backend", sort=False):
        trains = headlines.enough_repeats(train_steps(part))
        faster = trains[trains["verdict"] == FASTER]
        if trains["steps"].nunique() < headlines.LEAST_LENGTHS:
            continue
        text = f"{backend_name(backend)}, {size_words(trains.iloc[0])}: training is decidedly faster "
        text += headlines.lengths_words(trains, faster)
        if faster.empty:
            yield f"{text}."
            continue
        last = faster.iloc[-1]
        steps = last["steps"]
        text += f", the longest {steps} steps: {ratio_words(last)}"
        beyond = trains[trains["steps"] > steps]
        text += f"; at {beyond['steps'].iloc[0]}: {ratio_words(beyond.iloc[0])}" if len(beyond) else ""
        first = at(part, steps, "train", "first_call_seconds")
        back = paid[paid["backend"].eq(backend) & paid["steps"].eq(steps) & paid["execution"].eq(last["what"])]
        back = back[back["verdict"].eq("after") & np.isfinite(back["break_even_steps"])]
        if first is not None:
            text += f". At {steps} steps its first call takes {times(first['ratio'])} as long"
            paid_after = whole(np.ceil(round(back["break_even_steps"].max(), 6))) if len(back) else ""
            text += f", paid back after {paid_after} training steps" if paid_after else ""
        yield text + "."


def _jit(rows: pd.DataFrame) -> Iterator[str]:
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if trains.empty:
            continue
        near, *others = headlines.telling(trains)
        first = at(part, near["steps"], "train", "first_call_seconds")
        text = f"{backend_name(backend)}, {near['steps']} steps: {WORTH[near['verdict']]}. With jit a training step "
        text += f"takes {ratio_words(near)} of the time without"
        text += f", the first call {times(first['ratio'])} as long" if first is not None else ""
        yield text + "".join(f"; at {row['steps']:,} steps {ratio_words(row)}" for row in others) + "."


def _fastest(won: pd.DataFrame) -> Iterator[str]:
    for (backend, device), part in won.groupby(["backend", "device"], sort=False):
        stretches = [
            f"{row['execution']} at {lengths_range(row['first_steps'], row['last_steps'])} steps "
            f"({row['sizes']} length{'s' * (row['sizes'] > 1)}{_tried_to(row)})"
            for row in in_turn(part)
        ]
        yield f"{place_name(backend, device)}: the fastest, or tied with it, is {', '.join(stretches)}."


def _tried_to(row: pd.Series) -> str:
    return "" if pd.isna(row["tried_to"]) else f", not tried beyond {int(row['tried_to']):,} steps"


def _own(mine: pd.DataFrame, over_stock: pd.DataFrame) -> Iterator[str]:
    for (backend, device, _, against), part in mine.groupby(["backend", "device", "loop", "against"], sort=False):
        phrases = [
            f"{row['what']} {ratio_words(row)} at {row['steps']} steps of {size_words(row)}" for row in in_turn(part)
        ]
        yield f"{place_name(backend, device)}, training time over that of {against}: {'; '.join(phrases)}."
    if over := headlines.best_of_stock(over_stock):
        yield over


def _architectures(rows: pd.DataFrame) -> Iterator[str]:
    for ranked in by_task(rows):
        best, timed = ranked.iloc[0], ranked["train_ratio"].notna().any()
        where = f" (timed on {backend_name(best['backend'])})" if timed else ""
        text = f"{headlines.task_words(best)}{where}: "
        text += f"{best['model']} has the best {best['metric']}, {_score(best)}"
        tied = as_good_as_the_best(ranked).iloc[1:]
        others = headlines.scores_in_words(tied if len(tied) else ranked.iloc[1:2])
        text += f"; next, and not decidedly worse: {others}" if len(tied) else f"; next is {others}"
        fastest = fastest_of_the_best(ranked)
        if len(fastest):
            text += f". Of these {fastest_in_words(fastest)}"
        yield text + "."


def _score(row: pd.Series) -> str:
    return f"{three_digits(row['score'])} [{three_digits(row['score_low'])}, {three_digits(row['score_high'])}]"


def _fits(rows: pd.DataFrame) -> Iterator[str]:
    for backend, part in rows.groupby("backend", sort=False):
        parts = [f"{row['execution']} {bound(row)}" for row in in_turn(part) if not pd.isna(row["largest_steps"])]
        if parts:
            yield f"{backend_name(backend)}, {size_words(part.iloc[0])}, most steps that train: {', '.join(parts)}."


def _memory(rows: pd.DataFrame) -> Iterator[str]:
    keys = ["entry", "units", "steps", "batch", "backend", "device", "what", "against"]
    for (entry, units, steps, batch, backend, device, what, against), part in rows.groupby(keys, sort=False):
        held = at(part, steps, "train", "step_over_floor_bytes")
        time = at(part, steps, "train", "step_seconds")
        if held is None or time is None or pd.isna(held["ratio"]):
            continue
        where = f"{place_name(backend, device)}, {entry} of {units} units, {steps} steps, batch {batch}"
        part_held = three_digits(held["ratio"])
        memory = "the card's memory" if device == "gpu" else "the memory"
        yield f"{where}: {what} holds {part_held} of {memory} that {against} holds, in {ratio_words(time)} of its time."


def _devices(rows: pd.DataFrame) -> Iterator[str]:
    for (name, backend), part in rows.groupby(["device_name", "backend"], sort=False):
        trains = part[part["phase"] == "train"].sort_values("steps")
        phrases = [f"{row['steps']} steps {ratio_words(row)}" for row in in_turn(trains)]
        if phrases:
            size = size_words(trains.iloc[0])
            ratios = "; ".join(phrases)
            yield f"{name}: {backend_name(backend)}, {size}, training time on the GPU over that on the CPU: {ratios}."


def _over_entry(rows: pd.DataFrame) -> Iterator[str]:
    for (entry, backend, task), part in rows.groupby(["what", "backend", "task"], sort=False):
        phrases = [f"{ratio_words(row)} in {CALLS[row['phase']]}" for row in in_turn(part)]
        against = part["against"].iloc[0]
        yield f"{entry} on {task} ({backend_name(backend)}), time over that of {against}: {'; '.join(phrases)}."


def _linear(rows: pd.DataFrame) -> Iterator[str]:
    for (entry, backend, device), part in rows.groupby(["entry", "backend", "device"], sort=False):
        trains = part[part["phase"] == "train"].sort_values("steps")
        if trains.empty:
            continue
        ends = trains.iloc[[0, -1]] if len(trains) > 1 else trains
        phrases = [f"{ratio_words(row)} at {row['steps']} steps" for row in in_turn(ends)]
        where = f"{entry} ({place_name(backend, device)})"
        yield f"{where}, training time of the scan over that of the loop: {'; '.join(phrases)}."
