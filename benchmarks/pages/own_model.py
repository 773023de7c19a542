"""The figures of docs/your-own-model.md: how well `recommend` chooses, an epoch of fit beside bare torch and JAX,
batches of many lengths, and huge pages of memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.experiments import epoch, huge_pages, lengths, recommend
from zoo.report.terminal import as_markdown


def own_model_figures(folder: Path) -> dict[str, str]:
    """`chosen`: of how many random sizes the choice was good; `missed`: by how much it was not, of the others; `epoch`:
    each arm's epoch over that of the reference; `lengths`: how often each backend ran the layer in Python;
    `huge-pages`: what huge pages of memory save of a training step.

    Empty where the rows of one of them are not there.
    """
    tables = [_tables(folder / name) for name in ("epoch", "lengths", "recommend", "huge_pages")]
    if not all(map(len, tables)):
        return {}
    epochs, padded, chosen, pages = tables
    found = epoch.ratios(epochs)
    texts = {
        "backend": found["backend"],
        "training": found["arm"],
        "a step": found["ms"].map("{:.2f} ms".format),
        "over": found["over"].map("{:.2f}".format) + " of " + found["reference"],
    }
    worst = recommend.worst(chosen)
    missed = worst[worst > recommend.GOOD].sort_values()
    return {
        "chosen": f"{len(worst) - len(missed)} of {len(worst)}",
        "missed": ", ".join(map("{:.2f}".format, missed)) or "none",
        "epoch": as_markdown(pd.DataFrame(texts)),
        "lengths": as_markdown(_lengths(padded)),
        "huge-pages": as_markdown(huge_pages.ratios(pages)),
    }


def _tables(folder: Path) -> pd.DataFrame:
    paths = sorted(folder.glob("*.csv"))
    return pd.concat(map(pd.read_csv, paths), ignore_index=True) if paths else pd.DataFrame()


def _lengths(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a way to pad: traces of the first epoch, and its seconds and those of the last, by backend."""
    parts = []
    for backend, part in rows.groupby("backend"):
        runs = part.pivot(index="arm", columns="epoch", values="runs").reindex(list(lengths.ARMS))
        seconds = part.pivot(index="arm", columns="epoch", values="seconds").reindex(list(lengths.ARMS))
        first, last = runs.columns[0], runs.columns[-1]
        texts = [
            f"{a:.0f}, {s:.1f} s, {t:.1f} s" for a, s, t in zip(runs[first], seconds[first], seconds[last], strict=True)
        ]
        parts.append(pd.Series(texts, index=runs.index, name=str(backend)))
    return pd.concat(parts, axis=1).reset_index(names="padded to")
