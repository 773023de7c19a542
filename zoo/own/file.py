"""Imports a file of models, and sorts what stands in it."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.errors import ZooError
from zoo.registry import MODELS, Entry

SIZES = ("task", "steps", "features", "outputs", "units", "tokens", "activation")
"""Parameters that a function may have: the task, or sizes of it."""
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
"""Parameters that need no argument: *args and **kwargs."""
Made = Callable[..., Any]
"""A class of cells, or a function that returns a model."""


@dataclass(frozen=True)
class Contents:
    """What stands in a file: entries that it registered, its cells and functions by entry, and the rest of it."""

    registered: list[Entry]
    made: dict[str, Made]
    others: dict[str, str]


def contents_of(path: Path) -> Contents:
    """Import a file and sort what stands in it.

    Raises:
        ZooError: there is no such file, or it does not import.
    """
    module = _imported(path)
    registered = [entry for entry in MODELS if entry.build.__module__ == module.__name__]
    builders = [entry.build for entry in registered]
    made: dict[str, Made] = {}
    others: dict[str, str] = {}
    for name, thing in vars(module).items():
        if reason := "" if name.startswith("_") else _made_already(thing, module):
            others[name] = reason
        if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__ or thing in builders:
            continue
        is_cell = inspect.isclass(thing) and _is_cell(thing)
        if not is_cell and not inspect.isfunction(thing):
            continue
        entry = entry_name(name) if is_cell else name
        if reason := "" if is_cell else _no_model(thing):
            others[name] = reason
        elif entry in made or entry in {each.name for each in registered}:
            others[name] = f"another one in the file has its name, {entry}"
        else:
            made[entry] = thing
    return Contents(registered, made, others)


def _imported(path: Path) -> ModuleType:
    """The file as a module; files beside it can be imported from it.

    Raises:
        ZooError: there is no such file, or it does not import.
    """
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    whole = path.resolve()
    spec = importlib.util.spec_from_file_location(f"own_models_{whole.stem}", whole)
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise ZooError(f"{path} is no file of Python: its name must end in .py")
    known = sys.modules.get(spec.name)
    if known and known.__file__ == str(whole):
        return known
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(whole.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise ZooError(f"{path} does not import: {place_of(error, whole)}") from error
    return module


def _made_already(thing: Any, module: ModuleType) -> str:
    """Why a model, or a class of models, is not measured, in words; empty of anything else."""
    import keras

    if isinstance(thing, keras.Model):
        return "a model that is built already: write a function that returns one"
    if inspect.isclass(thing) and issubclass(thing, keras.Model) and thing.__module__ == module.__name__:
        return "a class of models: write a function that returns one"
    return ""


def _is_cell(thing: Any) -> bool:
    """Whether a class is a recurrent cell."""
    import keras

    if not issubclass(thing, keras.layers.Layer) or issubclass(thing, keras.layers.RNN):
        return False
    return "states" in inspect.signature(thing.call).parameters


def _no_model(function: Made) -> str:
    """Why a function is not taken for one that returns a model, in words; empty where it is."""
    parameters = inspect.signature(function).parameters
    needed = [name for name, p in parameters.items() if p.default is p.empty and p.kind not in VARIABLE]
    foreign = [name for name in needed if name not in SIZES]
    if returns_model(function) and foreign:
        return f"its parameter {foreign[0]!r} is none of {', '.join(SIZES)}"
    if returns_model(function) or (not foreign and any(name in SIZES for name in parameters)):
        return ""
    return "no model: its result is not annotated as a keras.Model"


def returns_model(function: Made) -> bool:
    """Whether a function is annotated as one that returns a model."""
    annotation = str(inspect.signature(function).return_annotation)
    return any(word in annotation for word in ("Model", "Sequential", "Functional"))


def entry_name(class_name: str) -> str:
    """The entry of a class: "MyGRUCell" -> "my_gru_cell"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()


def place_of(error: BaseException, path: Path) -> str:
    """An error in one line, with the last line of the file that took part in it."""
    text = " ".join(str(error).split())[:300]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    told = text if isinstance(error, ZooError) else f"{type(error).__name__}: {text}".rstrip(": ")
    return f"line {lines[-1]}: {told}" if lines else told
