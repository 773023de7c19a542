"""Weights as arrays by name, independent of how the time loop runs.

Keras' own file of a layer follows the layer's class, so the file of an `LSTM` layer does not load into
`RNN(LSTMCell)`. Here an array is called entry/layer/variable ("lstm/recurrent/kernel") in every execution.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ZooError

if TYPE_CHECKING:
    import keras
    import numpy as np

CELL_NAMES = ("cell", "simple_rnn_cell", "lstm_cell", "gru_cell")
"""Names of a recurrent cell inside its layer, the zoo's and the stock ones. The name of a weight leaves them out, since
not every execution has a cell."""


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The model's weights by name: "lstm/recurrent/kernel"."""
    named = {}
    for variable in model.weights:
        parts = [part for part in variable.path.split("/") if part not in CELL_NAMES]
        name = "/".join([model.name, *parts])
        if name in named:
            raise ZooError(f"two weights of {model.name!r} are called {name!r}; give its layers different names")
        named[name] = variable
    return named


def get_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """A copy of every weight of a model of the zoo, by name."""
    from keras.ops import convert_to_numpy

    return {name: convert_to_numpy(variable).copy() for name, variable in named_variables(model).items()}


def set_weights(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Give `model` the arrays of `weights`; a name or a shape that differs is a ZooError and changes nothing."""
    variables = named_variables(model)
    missing, foreign = sorted(variables.keys() - weights.keys()), sorted(weights.keys() - variables.keys())
    if missing or foreign:
        raise ZooError(f"the weights are of another model than {model.name!r}: missing {missing}, unknown {foreign}")
    for name, variable in variables.items():
        if weights[name].shape != tuple(variable.shape):
            raise ZooError(f"weight {name!r} has shape {weights[name].shape}, the model needs {tuple(variable.shape)}")
    for name, variable in variables.items():
        variable.assign(weights[name])


def save_weights(model: keras.Model, path: str | Path) -> None:
    """Write the weights of `model` as a safetensors file; one that cannot be written is a ZooError."""
    from safetensors.numpy import save

    write_whole(Path(path), save(get_weights(model)))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name first, so that `path` is never half a file; its folder is made.

    Raises:
        ZooError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Read a safetensors file into `model`; a file that is missing, broken or of another model is a ZooError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not isinstance(path, (str, os.PathLike)):
        raise ZooError(f"weights are read from a file, not from {path!r}")
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise ZooError(f"no weights file {str(path)!r}") from None
    except (SafetensorError, OSError) as error:
        raise ZooError(f"{str(path)!r} is not a safetensors file: {error}") from None
    set_weights(model, weights)


def load_model(path: str | Path) -> keras.Model:
    """Read a model saved by `model.save("name.keras")`: as Keras' own `load_model`, with the zoo's layers at hand.

    Raises:
        ZooError: there is no such file, it is no .keras file, or Keras cannot read it: it is broken, has code in it, or
            a layer that is not registered.
    """
    import keras

    import zoo.layers  # noqa: F401  (registers them with Keras)

    if not Path(path).is_file():
        raise ZooError(f"no model file {str(path)!r}")
    if Path(path).suffix != ".keras":  # Keras would load others too, such as HDF5, which may hold code
        raise ZooError(f"{str(path)!r} is no .keras file: of others it is not sure that loading runs no code")
    try:
        return keras.models.load_model(path, safe_mode=True)
    except Exception as error:  # a file can be broken in any way
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"{str(path)!r} is not a model that Keras can read here: {reason}") from error
