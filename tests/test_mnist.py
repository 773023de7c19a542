"""MNIST as rows: real files, and every kind of file that is not MNIST."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.splits import load, splits
from zoo.errors import ZooError
from zoo.registry import TASKS

ARRAYS = ("x_train uint8 (60000, 28, 28)", "y_train integer", "x_test uint8 (10000, 28, 28)", "y_test integer")


@pytest.fixture(scope="module")
def made_up() -> dict[str, np.ndarray]:
    """Arrays of MNIST's names, types and shapes; the first three pixels of an image count the images."""
    count = np.arange(70_000, dtype=">u4").view(np.uint8).reshape(-1, 4)
    images = np.zeros((70_000, 28, 28), np.uint8)
    images[:, 0, :3] = count[:, 1:]
    labels = (np.arange(70_000) % 10).astype(np.int64)
    return {
        "x_train": images[:60_000],
        "y_train": labels[:60_000],
        "x_test": images[60_000:],
        "y_test": labels[60_000:],
    }


@pytest.fixture
def zoo_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    return tmp_path


def assert_refused(*parts: object) -> None:
    """That loading ends in one line which names all of `parts`."""
    with pytest.raises(ZooError) as caught:
        TASKS.get("mnist_rows").load()
    message = str(caught.value)
    assert "\n" not in message
    assert not [part for part in parts if str(part) not in message], message


@pytest.fixture(scope="module")
def written(made_up: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file that holds them."""
    path = tmp_path_factory.mktemp("mnist") / "mnist.npz"
    np.savez_compressed(path, **made_up)
    return path.read_bytes()


def test_mnist_is_split_as_in_the_book(zoo_data: Path, made_up: dict[str, np.ndarray], written: bytes):
    (zoo_data / "mnist.npz").write_bytes(written)
    data = TASKS.get("mnist_rows").load()
    assert {key: len(split.x) for key, split in splits(data).items()} == {
        "train": 55_000,
        "validation": 5_000,
        "test": 10_000,
    }
    assert {int(count) for count in np.bincount(data.validation.y)} == {500}
    assert np.array_equal(data.tests["test"].x, made_up["x_test"].astype(np.float32) / 255)
    indices = [np.rint(split.x[:, 0, :3] * 255) @ [256**2, 256, 1] for split in splits(data).values()]
    assert np.array_equal(np.sort(np.concatenate(indices)), np.arange(70_000))
    for index, split in zip(indices, splits(data).values(), strict=True):
        assert np.array_equal(index % 10, split.y)  # images kept their labels


def test_the_real_mnist_has_the_books_accuracy_of_guessing():
    data = load("mnist_rows")
    assert TASKS.get("mnist_rows").naive["majority class"](data, data.tests["test"]) == 0.1135


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "nowhere"))
    assert_refused("ZOO_DATA", tmp_path / "nowhere", "no folder", "mnist.npz")


def test_what_the_folder_lacks_comes_from_keras(
    zoo_data: Path, monkeypatch: pytest.MonkeyPatch, made_up: dict[str, np.ndarray]
):
    train, test = (made_up["x_train"], made_up["y_train"]), (made_up["x_test"], made_up["y_test"])
    monkeypatch.setitem(sys.modules, "keras", fake_keras(lambda: (train, test)))
    assert len(TASKS.get("mnist_rows").load().train.x) == 55_000


@pytest.mark.parametrize("content", [b"", b"not a zip archive", b"\x80\x04N."], ids=["empty", "text", "pickle"])
def test_a_file_of_another_kind_is_named(zoo_data: Path, content: bytes):
    path = zoo_data / "mnist.npz"
    path.write_bytes(content)
    assert_refused(path, "truncated or no npz archive", *ARRAYS)


def test_a_truncated_file_is_named(zoo_data: Path, written: bytes):
    path = zoo_data / "mnist.npz"
    path.write_bytes(written[:-1000])
    assert_refused(path, "truncated or no npz archive", *ARRAYS)


def test_a_damaged_file_is_named(zoo_data: Path, written: bytes):
    path = zoo_data / "mnist.npz"
    content = bytearray(written)
    content[1000:1100] = bytes(100)
    path.write_bytes(content)
    assert_refused(path, "damaged or holds pickled objects", *ARRAYS)


def test_a_pickle_in_the_file_is_never_loaded(zoo_data: Path):
    path = zoo_data / "mnist.npz"
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(path, **dict.fromkeys(names, np.array([{}], dtype=object)))
    assert_refused(path, "damaged or holds pickled objects", *ARRAYS)


def test_a_foreign_file_is_named_with_the_arrays_it_lacks(zoo_data: Path):
    path = zoo_data / "mnist.npz"
    np.savez(path, x_train=np.zeros((3, 28, 28), np.uint8), y_train=np.zeros(3, np.uint8))
    assert_refused(path, "without x_test, y_test", *ARRAYS)


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ({"x_train": np.zeros((3, 28, 28), np.uint8)}, "x_train uint8 (3, 28, 28)"),
        ({"x_test": np.zeros((10_000, 784), np.uint8)}, "x_test uint8 (10000, 784)"),
        ({"x_test": np.zeros((10_000, 28, 28), np.float32)}, "x_test float32 (10000, 28, 28)"),
        ({"y_test": np.zeros(10_000)}, "y_test float64 (10000,)"),
        ({"y_test": np.full(10_000, 10)}, "labels outside 0..9 in y_test"),
    ],
)
def test_an_array_that_does_not_fit_is_named(
    zoo_data: Path, made_up: dict[str, np.ndarray], change: dict, content: str
):
    path = zoo_data / "mnist.npz"
    np.savez(path, **{**made_up, **change})
    assert_refused(path, content, *ARRAYS)


def fake_keras(load_data: object) -> SimpleNamespace:
    return SimpleNamespace(datasets=SimpleNamespace(mnist=SimpleNamespace(load_data=load_data)))


def test_without_zoo_data_mnist_comes_from_keras(monkeypatch: pytest.MonkeyPatch, made_up: dict[str, np.ndarray]):
    train, test = (made_up["x_train"], made_up["y_train"]), (made_up["x_test"], made_up["y_test"])
    monkeypatch.setenv("ZOO_DATA", "")
    monkeypatch.setitem(sys.modules, "keras", fake_keras(lambda: (train, test)))
    assert len(TASKS.get("mnist_rows").load().train.x) == 55_000


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise Exception("URL fetch failure on https://example.org/mnist.npz: None -- \n no route")

    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "keras", fake_keras(fail))
    assert_refused("MNIST", "URL fetch failure on https://example.org/mnist.npz: None -- no route", "ZOO_DATA")
