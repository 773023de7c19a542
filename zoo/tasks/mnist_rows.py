"""MNIST read row by row: the classic classification of a sequence of 28 rows of 28 pixels."""

from __future__ import annotations

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._files import Expected, data_file, downloaded, read_npz, unfit
from zoo.tasks._shared import majority_class_accuracy, split_at, stratified_draw

STEPS = 28
FEATURES = 28
FILE = "mnist.npz"
ARRAYS = {
    "x_train": Expected(np.uint8, (60_000, STEPS, FEATURES)),
    "y_train": Expected(np.integer, (60_000,)),
    "x_test": Expected(np.uint8, (10_000, STEPS, FEATURES)),
    "y_test": Expected(np.integer, (10_000,)),
}
REMEDY = "put MNIST there as Keras stores it, or take the file away to let Keras download it"


def load(steps: int | None = None, seed: int = 0) -> Data:
    """MNIST from `$ZOO_DATA/mnist.npz` if it is there, else from Keras, which downloads it once (11 MB).

    Args:
        steps: None or 28, the rows of an image.
        seed: draws which training images are for validation and the order of both splits, stratified by class;
            the test images are the 10,000 of MNIST.

    Returns:
        x float32 in 0..1 of shape (examples, 28, 28), y int32 in 0..9 of shape (examples,): 55,000 examples
        for training, 5,000 for validation, 10,000 for the test.

    Raises:
        ZooError: another number of steps is asked for, the file is unfit, or the download fails.
    """
    require_steps("mnist_rows", STEPS, steps)
    arrays = read_arrays()
    x, labels = scale(arrays["x_train"]), arrays["y_train"]
    validation, train = stratified_draw(labels, 12, np.random.default_rng(seed))
    return Data(
        train=split_at(x, labels, train),
        validation=split_at(x, labels, validation),
        tests={"test": Split(scale(arrays["x_test"]), arrays["y_test"].astype(np.int32))},
    )


def scale(images: np.ndarray) -> np.ndarray:
    """Pixels 0..255 as float32 in 0..1."""
    return images.astype(np.float32) / 255


def read_arrays() -> dict[str, np.ndarray]:
    """The four arrays of MNIST, named as in Keras' file.

    Raises:
        ZooError: the file under ZOO_DATA is unfit, or the download fails.
    """
    path = data_file(FILE, REMEDY, can_download=True)
    if path is None:
        return download()
    arrays = read_npz(path, ARRAYS, REMEDY)
    for name in ("y_train", "y_test"):
        # A label out of range trains to NaN on a GPU without a word.
        if arrays[name].min() < 0 or arrays[name].max() > 9:
            raise unfit(path, f"an archive with labels outside 0..9 in {name}", ARRAYS, REMEDY)
    return arrays


def download() -> dict[str, np.ndarray]:
    """MNIST from the cache of Keras, which fills it from the network and checks the hash.

    Raises:
        ZooError: the download fails.
    """
    import keras

    load_data = keras.datasets.mnist.load_data
    (x_train, y_train), (x_test, y_test) = downloaded("MNIST", load_data, f"{FILE} as Keras stores it")
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


TASKS.add(
    Task(
        name="mnist_rows",
        topology=SEQUENCE_TO_VECTOR,
        summary="which digit a 28 by 28 image shows, read row by row",
        load=load,
        steps=STEPS,
        features=FEATURES,
        outputs=10,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
        higher_is_better=True,
        naive={"majority class": majority_class_accuracy},
        units=150,
        batch=150,
        recipes=(
            Recipe("fast", epochs=20, batch=128, learning_rate=2e-3, schedule="cosine", clip_norm=1.0),
            Recipe("bare", 20, 128, 2e-3, schedule="cosine", clip_norm=1.0, options={"bare": True}),
            Recipe("blocks", 6, batch=128, learning_rate=5e-3, schedule="cosine"),
            Recipe("fast_lstm", epochs=4, batch=128, learning_rate=6e-3, schedule="cosine", clip_norm=1.0),
            Recipe("long", epochs=12, batch=128, learning_rate=4e-3, schedule="cosine"),
            Recipe("book", epochs=100, batch=150, learning_rate=1e-3),
            Recipe("book_lstm", epochs=10, batch=150, learning_rate=1e-3),
        ),
        target=0.987,  # the book's, of three LSTM layers of 150 units
        source="LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998; file of keras.datasets.mnist",
        licence="CC BY-SA 3.0",
    )
)
