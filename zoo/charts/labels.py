"""How a chart names what it shows."""

from __future__ import annotations

import pandas as pd

from zoo.statistics.texts import three_digits, words

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}
CALLS = {"train": "training", "predict": "prediction"}
SETTINGS = ["entry", "task", "units", "batch"]


def backend_name(name: object) -> str:
    """A backend as it calls itself."""
    return BACKENDS.get(str(name), str(name))


def place_name(backend: object, device: object) -> str:
    """A backend and, where it is no CPU, the device: "JAX on a GPU"."""
    return backend_name(backend) + (" on a GPU" if device == "gpu" else "")


def fastest_words(won: pd.DataFrame) -> str:
    """Rows of `executions.winners` in words: "on JAX looped+jit at 10 to 50 steps, unrolled+jit at 100; on torch …"."""
    phrases = []
    for (backend, device), part in won.groupby(["backend", "device"], sort=False):
        lengths = [lengths_range(*ends) for ends in zip(part["first_steps"], part["last_steps"], strict=True)]
        stretches = [f"{name} at {length}" for name, length in zip(part["execution"], lengths, strict=True)]
        phrases.append(f"on {place_name(backend, device)} {', '.join(stretches)} steps")
    return "; ".join(phrases)


def fastest_in_words(fastest: pd.DataFrame) -> str:
    """Rows of `architectures.fastest_of_the_best` in words: "gru has the fastest training step, 0.87 of lstm's time".

    The ratio stands for one entry alone, and where it is not the reference itself.
    """
    names = words(fastest["model"].tolist())
    text = f"{names} {'has' if len(fastest) == 1 else 'have'} the fastest training step"
    first = fastest.iloc[0]
    if len(fastest) > 1 or first["entry"] == first["reference"]:
        return text
    return f"{text}, {three_digits(first['train_ratio'])} of {first['reference']}'s time"


def lengths_range(first: int, last: int) -> str:
    """Numbers of steps: "10 to 2,000", or "10"."""
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def of_entries(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each entry and backend, for a picture each: the entry at the most sizes first, lstm's of several.

    Unmasked rows alone; of each entry those of the task, units and batch with the most numbers of steps.
    """
    rows = rows[rows["masked"] == "none"]
    if rows.empty:
        return {}
    numbers = rows.groupby(SETTINGS)["steps"].nunique().rename("numbers").reset_index()
    numbers["lstm"] = numbers["entry"] == "lstm"
    numbers = numbers.sort_values(["numbers", "lstm"], ascending=False, kind="stable")
    result = {}
    for _, row in numbers.drop_duplicates("entry").iterrows():
        mine = rows[(rows[SETTINGS] == row[SETTINGS]).all(axis=1)]
        mine = mine.sort_values("backend", key=lambda names: names.map(list(BACKENDS).index), kind="stable")
        for (backend, where), part in mine.groupby(["backend", "device"], sort=False):
            result[f"{row['entry']}-{backend}" + ("" if where == "cpu" else f"-{where}")] = part
    return result


def setting_words(rows: pd.DataFrame) -> str:
    """What the rows of one picture share: "lstm of 100 units on wave, batch 50"."""
    first = rows.iloc[0]
    return f"{first['entry']} of {first['units']} units on {first['task']}, batch {first['batch']}"


def rows_of(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table that `drawn` was worked out from, of its runs where it names them."""
    rows = table[(table["status"] == "ok") & table["phase"].isin(drawn["phase"].unique())]
    keys = ["entry", "task", "steps", "units", "batch", "masked", "backend", "device", "execution"]
    keys += ["run"] if "run" in drawn else []
    return rows.merge(drawn[keys].drop_duplicates(), on=keys)
