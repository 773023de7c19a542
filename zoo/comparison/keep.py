"""Keeps the best model of a comparison in a folder that can be shared: model, weights, card, and a page on it."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.archives import SUMS, checksums
from zoo.comparison.outcome import Outcome
from zoo.comparison.run import Comparison, Training
from zoo.comparison.training import Arm, built
from zoo.comparison.verdicts import BETTER
from zoo.errors import ZooError
from zoo.measuring.launcher import Limits
from zoo.registry import MODELS
from zoo.training.folder import CARD, MODEL, WEIGHTS

FOLDER = "model"
README = "README.md"
LIMITS = Limits(2**62, 300.0)


def keep_best(comparison: Comparison, outcome: Outcome) -> Path:
    """Write the model of the last fold of the entry that validation chose to the folder "model" of the comparison.

    It is saved as layers of Keras where Keras has them, so that it loads without the zoo.

    Raises:
        ZooError: it cannot be written.
    """
    entry = outcome.chosen_entry
    training, folder = comparison.best_training(entry), comparison.folder / FOLDER
    folder.mkdir(exist_ok=True)
    portable = replace(comparison.arm(entry), execution="stock" if MODELS.get(entry).stock else "looped")
    launcher = comparison.launchers.at(comparison.settings.backend)
    saved = launcher.run(LIMITS, save_portable, portable, comparison.weights_of(training), folder)
    if saved.status != "ok":
        raise ZooError(f"the best model could not be saved: {saved.reason}")
    card = card_of(comparison, outcome, training, saved.value)
    (folder / README).write_text(page_of(card, outcome))
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")  # last: where it stands, all is whole
    return folder


def save_portable(arm: Arm, weights: Path, folder: Path) -> dict[str, str]:
    """Build the arm, load its weights, save both; the versions. In a process of its own."""
    import keras
    import numpy as np

    from zoo.saving import load_weights, save_weights

    model = built(arm)
    load_weights(model, weights)
    model.save(folder / MODEL)
    save_weights(model, folder / WEIGHTS)
    return {"python": platform.python_version(), "keras": keras.__version__, "numpy": np.__version__}


def card_of(comparison: Comparison, outcome: Outcome, training: Training, versions: dict[str, str]) -> dict[str, Any]:
    """What a reader of the model needs: where it comes from, its scores, and what the problem adds."""
    entry, main = training.entry, outcome.main.name
    return {
        **comparison.problem.card(training.fold),
        "entry": entry,
        "units": comparison.settings.units,
        "execution": comparison.arm(entry).execution,
        "backend": comparison.settings.backend,
        "fold": training.fold + 1,
        "seed": training.seed,
        "scores": {metric.name: outcome.mean(entry, metric.name) for metric in outcome.metrics},
        "best_baseline": outcome.best_baseline,
        "best_baseline_score": outcome.mean(outcome.best_baseline, main),
        "beats_the_best_baseline": outcome.verdicts[entry] == BETTER,
        "verdict": outcome.verdict,
        "versions": versions,
        SUMS: checksums(comparison.folder / FOLDER, (MODEL, WEIGHTS)),
    }


def page_of(card: dict[str, Any], outcome: Outcome) -> str:
    """A page for people, as model hubs show it."""
    forecasts = card["kind"] == "forecast"
    use = f"zoo forecast . data.csv --horizon {card['horizon']}" if forecasts else "zoo label . data.csv"
    scores = "\n".join(f"| {name} | {value:.4g} |" for name, value in card["scores"].items())
    notes = "\n".join(f"- {note}" for note in outcome.notes)
    return f"""---
library_name: keras
tags: [rnn-zoo, {card["kind"]}]
---

# {card["entry"]}: {outcome.name}

{card["verdict"]}

This is the model of {card["entry"]}, which had the least loss on the validation parts.

| measure, mean over folds and seeds | value |
|---|---|
{scores}
| best baseline, {card["best_baseline"]} | {card["best_baseline_score"]:.4g} |

{notes}

Use it: `{use}`. `card.json` holds the columns, the scaling and how it was trained.
"""
