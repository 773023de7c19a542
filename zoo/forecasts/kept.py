"""A kept model: a folder with the model, its weights and its card; or a repository of the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.archives import require_checksums
from zoo.errors import ZooError, missing
from zoo.problems.scaling import Scaling
from zoo.problems.series import Roles
from zoo.training.folder import CARD, MODEL, WEIGHTS

if TYPE_CHECKING:
    import keras

HUB = "hf://"
FILES = (MODEL, WEIGHTS, CARD, "README.md")
"""What is taken from the hub: nothing in it is a pickle, and no code of it runs."""
KEYS = ("target", "window", "horizon", "series", "scaling", "trained_until", "calibrated_from")


@dataclass(frozen=True)
class Kept:
    """A model that forecasts, and what it needs besides its weights. The model is loaded when it is first used."""

    folder: Path
    card: dict[str, Any]

    @cached_property
    def model(self) -> keras.Model:
        """The model.

        Raises:
            ZooError: Keras cannot be imported, or cannot read it.
        """
        return loaded(self.folder, self.card)

    @property
    def roles(self) -> Roles:
        """The columns that it reads."""
        card = self.card
        return Roles(
            card["target"],
            card.get("time", ""),
            card.get("id", ""),
            tuple(card.get("features", ())),
            tuple(card.get("known", ())),
            card.get("dates", ""),
        )

    @property
    def window(self) -> int:
        """Rows that it reads."""
        return int(self.card["window"])

    @property
    def horizon(self) -> int:
        """Rows that it forecasts in one call."""
        return int(self.card["horizon"])

    @property
    def scaling(self) -> Scaling:
        """How it reads and gives values, by series."""
        return Scaling.of_card(self.card["scaling"], len(self.roles.known))

    def calibrated_from(self, times: np.ndarray) -> Any:
        """The time after which rows were used in no training, in the kind of `times`.

        Raises:
            ZooError: the model was trained on dates and the times are numbers, or the other way round.
        """
        text, dated = str(self.card["calibrated_from"]), times.dtype.kind == "M"
        try:
            return np.datetime64(text) if dated else float(text)
        except ValueError:
            here, there = ("dates", "numbers") if dated else ("numbers", "dates")
            raise ZooError(f"the times of the table are {here}, and the model was trained on {there}") from None


def loaded(folder: Path, card: Mapping[str, Any]) -> keras.Model:
    """The model of a folder whose files are those of its card.

    Raises:
        ZooError: they are not, Keras cannot be imported, or it cannot read the model.
    """
    from zoo.create import require_keras
    from zoo.saving import load_model

    require_checksums(folder, card)
    require_keras()
    return load_model(folder / MODEL)


def read_kept(source: str | Path) -> Kept:
    """The model that forecasts in a folder, in the folder of a comparison, or at hf://user/name.

    Raises:
        ZooError: there is none, it does not forecast, or it is damaged.
    """
    folder, card = read_card(source)
    if card.get("kind") != "forecast":
        raise ZooError(f"{source} holds a model that does not forecast: zoo compare --target makes one that does")
    kept = Kept(folder, card)
    with damage_named(folder, card, KEYS):
        _ = kept.roles, kept.window, kept.horizon, kept.scaling
    return kept


def read_card(source: str | Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a kept model, whose file is there, and its card.

    Raises:
        ZooError: there is none, or it is damaged.
    """
    folder = _of_hub(str(source)) if str(source).startswith(HUB) else Path(source)
    folder = folder if (folder / CARD).exists() else folder / "model"
    try:
        card = json.loads((folder / CARD).read_text())
    except (OSError, ValueError):
        raise ZooError(f"{source} holds no model of zoo compare: it has no {CARD} that can be read") from None
    if not isinstance(card, dict):
        raise ZooError(f"{folder / CARD} is damaged: it is no card")
    if not (folder / MODEL).is_file():
        raise ZooError(f"{folder} is damaged: it has no {MODEL}")
    return folder, card


@contextmanager
def damage_named(folder: Path, card: Mapping[str, Any], keys: Sequence[str]) -> Iterator[None]:
    """Reading a card that must have these keys: what it is that cannot be read, in one line.

    Raises:
        ZooError: a key is missing, or a value is not what it should be.
    """
    if absent := [key for key in keys if key not in card]:
        raise ZooError(f"{folder / CARD} is damaged: it has no {', '.join(absent)}")
    try:
        yield
    except (ArithmeticError, AttributeError, IndexError, LookupError, TypeError, ValueError) as error:
        raise ZooError(f"{folder / CARD} is damaged: {' '.join(str(error).split())[:100]}") from None


def _of_hub(source: str) -> Path:
    """The files of a repository, in the cache of the hub's library."""
    name = source.removeprefix(HUB)
    if name.count("/") != 1 or not all(name.split("/")):
        raise ZooError(f"{source!r} is no repository: hf://user/name is one")
    if absent := missing("huggingface_hub"):
        raise ZooError(absent)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except Exception as error:  # the library raises those of whatever it uses for the network
        raise ZooError(f"{source} could not be downloaded: {' '.join(str(error).split())[:200]}") from None
