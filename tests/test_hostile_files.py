"""Files that somebody made to do harm: refused in one line, no code is run, nothing is written, memory is bounded."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import zoo
from tests.tables import TIMING
from zoo.archives import checksums
from zoo.frames.table import open_table
from zoo.measuring.machine import peak_bytes, reset_peak
from zoo.measuring.rows import HEADER, as_line
from zoo.statistics.tables import read
from zoo.tasks import mnist_rows, translation
from zoo.tasks._files import read_npz
from zoo.training.folder import CARD, MODEL, WEIGHTS, read_run

MIB = 2**20


class Harm:
    """What a pickle calls when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self._path, "harm")


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A model as the zoo writes it."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model = zoo.create_model("gru", "wave", units=3)
    model.optimizer.build(model.trainable_variables)
    model.save(path)
    zoo.load_model(path)  # it is fit
    return path


def with_member(source: Path, target: Path, name: str, content: bytes) -> None:
    """A copy of an archive with one member more, or another in its place."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)


def lambda_layer(path: Path, good: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(path)


def outside(path: Path, good: Path) -> None:
    with_member(good, path, "../harm.txt", b"harm")


def huge_weights(path: Path, good: Path) -> None:
    """An HDF5 file of some kilobytes that says that it holds 400 GB."""
    weights = path.with_name("weights.h5")
    with zipfile.ZipFile(good) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))

    def first(name: str, thing: object) -> str | None:
        return name if isinstance(thing, h5py.Dataset) and thing.size > 1 else None

    with h5py.File(weights, "a") as file:
        name = file.visititems(first)
        del file[name]
        file.create_dataset(name, shape=(10**11,), dtype="float32", chunks=(10**6,), compression="gzip")
    with_member(good, path, "model.weights.h5", weights.read_bytes())
    weights.unlink()


def external_weights(path: Path, good: Path) -> None:
    """Weights that are read from another file of the machine."""
    secret = path.with_name("secret.bin")
    secret.write_bytes(bytes(4096))
    weights = path.with_name("weights.h5")
    with zipfile.ZipFile(good) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))

    def first(name: str, thing: object) -> tuple[str, tuple[int, ...]] | None:
        return (name, thing.shape) if isinstance(thing, h5py.Dataset) and thing.size > 1 else None

    with h5py.File(weights, "a") as file:
        name, shape = file.visititems(first)
        del file[name]
        file.create_dataset(name, shape=shape, dtype="float32", external=[(str(secret), 0, 4096)])
    with_member(good, path, "model.weights.h5", weights.read_bytes())
    weights.unlink()
    secret.unlink()


def foreign_class(path: Path, good: Path) -> None:
    """A class that stands in no library of layers."""
    with zipfile.ZipFile(good) as archive:
        config = json.loads(archive.read("config.json"))
    config |= {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", str(path.parent / "harm")]}}
    with_member(good, path, "config.json", json.dumps(config).encode())


def a_pickle(path: Path, good: Path) -> None:
    path.write_bytes(pickle.dumps(Harm(path.with_name("harm.txt"))))


def old_hdf5(path: Path, good: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"


MODELS = [lambda_layer, outside, huge_weights, external_weights, foreign_class, a_pickle, old_hdf5]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_model_file_that_does_harm_is_refused(make: Callable[[Path, Path], None], good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "model.keras"
    make(path, good)
    before = sorted(tmp_path.rglob("*"))
    reset_peak()
    held = peak_bytes() or 0
    with pytest.raises(zoo.ZooError) as refused:
        zoo.load_model(path)
    assert "\n" not in str(refused.value)
    assert (peak_bytes() or 0) - held < 500 * MIB
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model.pkl", "model"])
def test_only_keras_files_are_loaded(name: str, good: Path, tmp_path: Path) -> None:
    shutil.copy(good, tmp_path / name)
    with pytest.raises(zoo.ZooError, match=r"no \.keras file"):
        zoo.load_model(tmp_path / name)


def test_files_that_are_not_those_of_their_card_are_refused(good: Path, tmp_path: Path) -> None:
    for name in (MODEL, WEIGHTS):
        shutil.copy(good, tmp_path / name)
    card = {"entry": "gru", "task": "wave", "vocabularies": [], "sha256": checksums(tmp_path, (MODEL, WEIGHTS))}
    (tmp_path / CARD).write_text(json.dumps(card))
    model, _ = read_run(tmp_path)
    assert model.name == "gru"
    with (tmp_path / WEIGHTS).open("ab") as file:
        file.write(b"x")
    with pytest.raises(zoo.ZooError, match=f"{WEIGHTS} is not the file of its card"):
        read_run(tmp_path)


@pytest.fixture
def small(monkeypatch) -> None:
    """Files may expand to 1 MiB whatever their size, so that a bomb is made in no time."""
    monkeypatch.setattr("zoo.archives.FREE_BYTES", MIB)


def npz(path: Path) -> object:
    path = path.with_name("mnist.npz")
    np.savez_compressed(path, **{name: np.zeros(4 * MIB, np.uint8) for name in ("x_train", "y_train")})
    return read_npz(path, mnist_rows.ARRAYS, mnist_rows.REMEDY)


def pairs(path: Path) -> object:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(translation.MEMBER, "Go.\tVa !\tx\n" * MIB)
    return translation.read(path)


def frame(path: Path) -> object:
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * (2 * MIB)))
    return open_table(path.rename(path.with_name("data.csv.gz"))).read(["a"], [])


def results(path: Path) -> object:
    path.write_bytes(gzip.compress(HEADER + as_line(TIMING).encode() * 20_000))
    return read(path.rename(path.with_name("table.csv.gz")))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("make", [npz, pairs, frame, results], ids=lambda make: make.__name__)
def test_a_file_that_expands_beyond_all_measure_is_refused(make: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(zoo.ZooError, match="expands to over 200 times its size"):
        make(tmp_path / "file")
