"""What generated sequences look like: pictures, numbers in a file, and a digit in characters."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from zoo.errors import ZooError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = " ░▒▓█"
GIVEN, MADE = "#333333", "#0173b2"  # seaborn's colour-blind-safe blue
DPI = 130


def draw_series(series: np.ndarray, given: int, title: str, path: Path) -> None:
    """Draw a series (steps,) of which the first `given` values were given and the others made.

    Raises:
        ZooError: the file cannot be written.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=DPI, layout="constrained")
    with sns.axes_style("whitegrid"):
        axes = figure.subplots()
    axes.plot(np.arange(given - 1, len(series)), series[given - 1 :], color=MADE, label="made")
    axes.plot(np.arange(given), series[:given], color=GIVEN, linewidth=2.5, label="given")
    axes.set(xlabel="step", ylabel="value")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(loc="upper left", frameon=True)
    save(figure, path)


def write_series(series: np.ndarray, given: int, title: str, path: Path) -> None:
    """Write a series as CSV, exactly: step, whether the value was given or made, value.

    Raises:
        ZooError: the file cannot be written.
    """
    rows = [(step, "given" if step < given else "made", repr(float(value))) for step, value in enumerate(series)]
    write_csv(path, ["step", "origin", "value"], rows)


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table.

    Raises:
        ZooError: the file cannot be written.
    """
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


def draw_images(images: np.ndarray, labels: Sequence[object], title: str, path: Path) -> None:
    """Draw images (images, rows, columns), 0 white and 1 black, side by side with their labels.

    Raises:
        ZooError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(2.4, 1.1 * len(images)), 1.9), dpi=DPI, layout="constrained")
    for axes, image, label in zip(figure.subplots(1, len(images), squeeze=False)[0], images, labels, strict=True):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_title(label, fontsize=10)
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def as_characters(image: np.ndarray) -> str:
    """An image (rows, columns) of values 0 to 1 as lines of text, two characters a pixel."""
    shades = np.clip(np.rint(image * (len(SHADES) - 1)).astype(int), 0, len(SHADES) - 1)
    return "\n".join("".join(2 * SHADES[shade] for shade in row).rstrip() for row in shades)


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the form that the file's ending names, PNG where it has none, and the folder that it goes to.

    Raises:
        ZooError: no figure has such a form, or the file cannot be written.
    """
    data, form = io.BytesIO(), path.suffix.lower()[1:] or "png"
    if form == "png":
        write_png(figure, data)
    elif form in figure.canvas.get_supported_filetypes():
        figure.savefig(data, format=form)
    else:
        raise ZooError(f"a picture ends in .png, .svg or .pdf, and {path} in {path.suffix}")
    write_bytes(path, data.getvalue())


def write_png(figure: Figure, file: BinaryIO) -> None:
    """Write a figure as a PNG to an open file, drawn once: `savefig` would draw it twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).print_png(file)


def check_writable(path: Path) -> None:
    """Make sure that a file can be written, before what goes there is worked out; an old one stays as it is.

    Raises:
        ZooError: it cannot.
    """
    is_new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, and the folder that it goes to.

    Raises:
        ZooError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error
