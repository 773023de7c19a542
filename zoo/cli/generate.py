"""`zoo generate`: what a trained model makes up, answers or draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from zoo.errors import ZooError, unknown
from zoo.pretrained import PRETRAINED, Card, best_card, get_card, read_vocabularies
from zoo.registry import TASKS
from zoo.training.folder import read_run

if TYPE_CHECKING:
    import keras

app = typer.Typer(
    help="What a trained model makes up, answers or draws.", no_args_is_help=True, rich_markup_mode="rich"
)
EntryName = Annotated[
    str, typer.Option("--entry", metavar="ENTRY", help="Default: the best that is published.", show_default=False)
]
RunFolder = Annotated[
    Path | None,
    typer.Option("--run", metavar="DIR", help="What zoo train left, instead of published weights.", show_default=False),
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="A picture (.png, .svg, .pdf) or the numbers (.csv).")]
PICTURES = (".png", ".svg", ".pdf")
CREATIVE = "stacked_rnn"
"""Goes on with a wave unless another is asked for: its answers to its own answers stay in the range of the wave, while
those of the one layer of relu units that scores best swing off to thousands from two instances of three."""


@dataclass(frozen=True)
class Trained:
    """A model and its card."""

    model: keras.Model
    card: Card


def load(task: str, entry: str, run: Path | None) -> Trained:
    """The published model of a task, or the one in the folder of a run.

    Raises:
        ZooError: there is none, or the run is of another task or entry.
    """
    from zoo.create import create_model

    if run is None:
        card = get_card(entry, task) if entry else best_card(TASKS.get(task))
        return Trained(create_model(card["entry"], task, weights=PRETRAINED), card)
    model, card = read_run(run)
    if card["task"] != task or entry not in ("", card["entry"]):
        raise ZooError(f"{run} holds {card['entry']} trained on {card['task']}, not {entry or 'a model'} for {task}")
    return Trained(model, card)


def check_out(out: Path, kinds: Sequence[str]) -> None:
    """Refuse a file of another kind, before anything is made."""
    if out.suffix not in kinds:
        raise unknown("kind of file", out.suffix or out.name, kinds)


@app.command(
    epilog="Examples: [bold]zoo generate wave --steps 300[/bold], "
    "[bold]zoo generate wave --seed-from instance --seed 3 --out made.csv[/bold]"
)
def wave(
    seed_from: Annotated[str, typer.Option(help="zeros, or a stretch of the wave: instance.")] = "instance",
    steps: Annotated[int, typer.Option(help="How many values to make.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Draws the instance.")] = 0,
    entry: Annotated[
        str, typer.Option(metavar="ENTRY", help=f"Default: {CREATIVE}; others may swing off.", show_default=False)
    ] = "",
    run: RunFolder = None,
    out: Out = Path("wave.png"),
) -> None:
    """Let a model go on with a wave: each value that it expects is the next that it reads."""
    from zoo.decoding import continue_series
    from zoo.drawings import draw_series, write_series
    from zoo.tasks.wave import END, STEPS, STEPS_PER_TIME, windows

    check_out(out, (*PICTURES, ".csv"))
    if seed_from not in ("zeros", "instance"):
        raise unknown("start", seed_from, ["zeros", "instance"])
    if steps < 1:
        raise ZooError(f"--steps must be at least 1, not {steps}")
    trained = load("wave", entry if entry or run else CREATIVE, run)
    start = np.random.default_rng(seed).uniform(0, END - STEPS / STEPS_PER_TIME, 1)
    given = windows(start, STEPS).x[0, :, 0] if seed_from == "instance" else np.zeros(STEPS, np.float32)
    series = continue_series(trained.model, given, steps)
    told = f"{trained.card['entry']}, from {seed_from if seed_from == 'zeros' else f'an instance (seed {seed})'}"
    (write_series if out.suffix == ".csv" else draw_series)(series, STEPS, told, out)
    typer.echo(f"{STEPS} values given, {steps} made by {trained.card['entry']}: {out}")


@app.command("draw_digit", epilog="Examples: [bold]zoo generate draw_digit --label 7[/bold]")
def draw_digit(
    label: Annotated[int, typer.Option(help="The digit, 0 to 9.")],
    entry: EntryName = "",
    run: RunFolder = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="A picture too.", show_default=False)] = None,
) -> None:
    """Draw a digit, row by row."""
    from zoo.drawings import as_characters, draw_images
    from zoo.tasks.draw_digit import DIGITS, one_hot

    if out:
        check_out(out, PICTURES)
    if not 0 <= label < DIGITS:
        raise ZooError(f"--label must be a digit, 0 to {DIGITS - 1}, not {label}")
    trained = load("draw_digit", entry, run)
    image = np.asarray(trained.model.predict_on_batch(one_hot(np.array([label]))))[0]
    typer.echo(as_characters(image))
    if out:
        draw_images(image[None], [label], f"Drawn by {trained.card['entry']}", out)
        typer.echo(f"the picture: {out}")


Beam = Annotated[int, typer.Option(min=1, help="How many beginnings are kept; 1 is greedy.")]
Text = Annotated[str, typer.Argument(help="In quotes.")]


@app.command(epilog='Example: [bold]zoo generate dates "April 22, 2019"[/bold]')
def dates(text: Text, beam: Beam = 1, entry: EntryName = "", run: RunFolder = None) -> None:
    """Write a date in ISO form, character by character."""
    typer.echo(answer("dates", text, beam, load("dates", entry, run)))


@app.command(epilog='Example: [bold]zoo generate translation "I am very tired." --beam 5[/bold]')
def translation(text: Text, beam: Beam = 1, entry: EntryName = "", run: RunFolder = None) -> None:
    """Translate a sentence from English to French, word by word."""
    from zoo.tasks.translation import words

    typer.echo(answer("translation", words(text), beam, load("translation", entry, run)))


def answer(task: str, text: str, beam: int, trained: Trained) -> str:
    """What an encoder_decoder answers to a text, until it ends its answer.

    Raises:
        ZooError: the text is empty, too long, or has a word that the model does not know.
    """
    from zoo.decoding import beam_search
    from zoo.vocabulary import padded

    source, target = read_vocabularies(trained.card)
    steps, target_steps = (model_input.shape[1] for model_input in trained.model.inputs)
    numbers = source.require(text)
    if len(numbers) > steps:
        raise ZooError(f"the model reads up to {steps} {source.kind}s and marks, and there are {len(numbers)}")
    return target.text(beam_search(trained.model, padded([numbers], steps)[0], target_steps, beam))
