"""The charts of trained models: curves by epoch beside the book's, waves and digits that were made. Needs no Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.trained import book
from benchmarks.trained.samples import DIGITS_TABLE, WAVE_TABLE
from zoo.charts.figures import DPI, INK, WIDTH, plain_ticks
from zoo.drawings import save
from zoo.statistics.folders import read_folder, read_history
from zoo.tasks.wave import END, STEPS, STEPS_PER_TIME, wave, windows

PALETTE = sns.color_palette("colorblind").as_hex()
BATCHES_AN_EPOCH = 100
"""Of the book's recipes for the wave, whose epochs are stretches of one pass."""


@dataclass(frozen=True)
class Trained:
    """The committed tables of a reference folder that these charts are drawn from."""

    table: pd.DataFrame
    history: pd.DataFrame
    wave: pd.DataFrame
    digits: pd.DataFrame


def read_trained(folder: Path) -> Trained | None:
    """The tables of a reference folder, or None where nothing was trained for it."""
    if not any(folder.glob("*-history.csv")):
        return None
    made = [pd.read_csv(folder / name) if (folder / name).exists() else pd.DataFrame() for name in SAMPLES]
    return Trained(read_folder(folder), read_history(folder), *made)


SAMPLES = (WAVE_TABLE, DIGITS_TABLE)


def _figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        grid = figure.subplots(1, columns, squeeze=False)
    return figure, list(grid[0])


def _finish(figure: Figure, title: str, note: str) -> Figure:
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    figure.supxlabel(note, x=0.01, ha="left", fontsize=8, color=INK, linespacing=1.4)
    return figure


def _seeds(trained: Trained, entry: str, task: str, recipe: str, figure: str) -> pd.DataFrame:
    """One figure of a training by epoch: a column a seed."""
    rows = trained.history
    for column, value in {"entry": entry, "task": task, "recipe": recipe, "figure": figure}.items():
        rows = rows[rows[column] == value]
    return rows.pivot_table(index="epoch", columns="seed", values="value")


def _draw_seeds(axes: Axes, seeds: pd.DataFrame, colour: str, label: str, x: np.ndarray | None = None) -> None:
    """The mean over seeds as a line, and from the least to the most as a band."""
    where = seeds.index.to_numpy() if x is None else x
    axes.plot(where, seeds.mean(axis=1), color=colour, marker="o", markersize=3.5, label=label)
    axes.fill_between(where, seeds.min(axis=1), seeds.max(axis=1), color=colour, alpha=0.2, linewidth=0)


MNIST = {
    "SimpleRNN 150, the book's recipe": ("simple_rnn", "book", book.MNIST_RNN),
    "3 × LSTM 150, the book's recipe": ("stacked_lstm", "book_lstm", book.MNIST_LSTM),
    "SimpleRNN 150, fast": ("simple_rnn", "fast", {}),
    "SimpleRNN 150, He and relu, fast": ("simple_rnn_he", "fast", {}),
    "LSTM 128, fast": ("lstm", "fast_lstm", {}),
}


def mnist_by_epoch(trained: Trained) -> Figure:
    """Test accuracy on MNIST by epoch, beside the points that the book printed."""
    figure, (axes,) = _figure(9, 5)
    for colour, (label, (entry, recipe, points)) in zip(PALETTE, MNIST.items(), strict=False):
        seeds = _seeds(trained, entry, "mnist_rows", recipe, "test_accuracy")
        if not seeds.empty:
            _draw_seeds(axes, seeds, colour, f"{label} ({seeds.shape[1]} seed{'s' * (seeds.shape[1] > 1)})")
        if points:
            axes.plot(list(points), list(points.values()), "X", color=colour, markersize=10, markeredgecolor="white")
    axes.plot([], [], "X", color=INK, markersize=9, label="printed in the book")
    axes.set(xlabel="epoch, counted from 0", ylabel="accuracy on the test images", xlim=(-0.5, 20.5), ylim=(0.92, 1.0))
    axes.set_xticks(range(0, 21, 2))
    axes.legend(loc="lower right", fontsize=9)
    note = "Lines: mean over seeds, bands: from the least to the most. The test images chose nothing."
    return _finish(figure, "MNIST read row by row: accuracy by epoch", note)


def wave_and_instance(trained: Trained) -> Figure:
    """The wave, and one window that a model learns from."""
    figure, (whole, one) = _figure(WIDTH, 3.8, 2)
    times = np.linspace(0, END, 2000)
    start = 12.2  # the book's
    whole.plot(times, wave(times), color=PALETTE[7], linewidth=1.2, label="t·sin(t)/3 + 2·sin(5t)")
    seen = start + np.arange(STEPS + 1) / STEPS_PER_TIME
    whole.plot(seen, wave(seen), color=PALETTE[0], linewidth=3.5, label="a training instance")
    whole.set(xlabel="t", ylabel="value")
    split = windows(np.array([start]), STEPS)
    one.plot(seen[:-1], split.x[0, :, 0], "o", color=PALETTE[0], markersize=8, label="what is read")
    one.plot(seen[1:], split.y[0, :, 0], "*", color=PALETTE[3], markersize=7, label="what is asked for: the next value")
    one.set(xlabel="t")
    for axes in (whole, one):
        axes.legend(fontsize=9)
    return _finish(figure, "The wave, and a training instance of it", f"{STEPS} steps, {1 / STEPS_PER_TIME} apart.")


def creative_network(trained: Trained) -> Figure:
    """What a network makes of its own answers, from zeros and from an instance."""
    starts = trained.wave["start"].unique()
    figure, grid = _figure(WIDTH, 3.8, len(starts))
    for axes, start in zip(grid, starts, strict=True):
        rows = trained.wave[trained.wave["start"] == start]
        given = int((rows["origin"] == "given").sum())
        axes.plot(rows["step"][given - 1 :], rows["value"][given - 1 :], color=PALETTE[0], label="made")
        axes.plot(rows["step"][:given], rows["value"][:given], color=INK, linewidth=3, label="given")
        axes.set(xlabel="step", ylabel="value")
        axes.set_title(f"from {start}", loc="left", fontsize=10)
    entry = trained.wave["entry"].iloc[0]
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return _finish(figure, "A network that goes on with its own answers", f"{entry}, published weights.")


def dropout_curves(trained: Trained) -> Figure:
    """Loss in training and MSE in test of the four dropouts on the wave, beside no dropout."""
    figure, (training, test) = _figure(WIDTH, 4.6, 2)
    entries = [entry for entry in ("stacked_rnn", *DROPOUTS) if entry in set(trained.history["entry"])]
    panels = {"loss": (training, "MSE in training, dropout on"), "same_range_mse": (test, "MSE in test, dropout off")}
    for figure_name, (axes, label) in panels.items():
        for colour, entry in zip(PALETTE, entries, strict=False):
            seeds = _seeds(trained, entry, "wave", "book_dropout", figure_name)
            name = "no dropout" if entry == "stacked_rnn" else entry.replace("_", " ")
            _draw_seeds(axes, seeds, colour, name, (seeds.index.to_numpy() + 1) * BATCHES_AN_EPOCH)
        axes.set(yscale="log", xlabel="iteration", ylabel=f"{label}, log scale")
        plain_ticks(axes, "y", True)
    training.axhspan(*book.WAVE_DROPOUT, color=INK, alpha=0.12, label="the book's, input dropout")
    test.legend(
        *training.get_legend_handles_labels(), fontsize=9, loc="upper left", bbox_to_anchor=(1, 1), frameon=False
    )
    note = "3 layers of 100 recurrent neurons, rate 0.5, Adam 0.01. Lines: mean over seeds; bands: least to most."
    return _finish(figure, "Dropout on the wave: in training and in test", note)


DROPOUTS = ("input_dropout", "output_dropout", "state_dropout", "recurrent_dropout")


def drawn_digits(trained: Trained) -> Figure:
    """The ten digits that vector_to_sequence draws."""
    labels = sorted(trained.digits["label"].unique())
    figure, grid = _figure(WIDTH, 2.2, len(labels))
    for axes, label in zip(grid, labels, strict=True):
        rows = trained.digits[trained.digits["label"] == label]
        axes.imshow(rows.pivot(index="row", columns="column", values="value"), cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_title(str(label), fontsize=11)
    return _finish(figure, "Digits drawn row by row", f"{trained.digits['entry'].iloc[0]}, published weights.")


CURVES: dict[str, Callable[[Trained], Figure]] = {
    "mnist_by_epoch": mnist_by_epoch,
    "wave_and_instance": wave_and_instance,
    "creative_network": creative_network,
    "dropout_curves": dropout_curves,
    "drawn_digits": drawn_digits,
}
NEEDS = {"creative_network": "wave", "drawn_digits": "digits"}
"""Charts of what a published model made: the table that `python -m benchmarks samples` writes for them."""


def draw_curves(trained: Trained, folder: Path, say: Callable[[str], None] = print) -> list[Path]:
    """Draw every chart of trained models as `folder`/<name>.png and return the paths."""
    paths = []
    for name, chart in CURVES.items():
        if name in NEEDS and getattr(trained, NEEDS[name]).empty:
            say(f"{name}: nothing to draw; run python -m benchmarks samples")
            continue
        paths.append(folder / f"{name}.png")
        save(chart(trained), paths[-1])
    return paths
