"""Files of the user's own that are missing, cut short, damaged or of another kind: one line that names the file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.tasks import reviews, temperatures, translation

READERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "reviews": (reviews.read, reviews.FILE, reviews.REMEDY),
    "temperatures": (temperatures.read, temperatures.FILE, temperatures.REMEDY),
    "translation": (translation.read, translation.FILE, translation.REMEDY),
}
CALENDAR = pd.date_range("1981-01-01", "1990-12-31")
DAYS = CALENDAR[~((CALENDAR.month == 2) & (CALENDAR.day == 29))].strftime("%Y-%m-%d").tolist()
PAIR = "Go.\tVa !\tCC-BY 2.0\n"


def whole(task: str, path: Path) -> None:
    """A small file of the right kind."""
    if task == "temperatures":
        path.write_text("Date,Temp\n" + "".join(f"{day},20.7\n" for day in DAYS))
    elif task == "translation":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(translation.MEMBER, PAIR * 1000)
    else:
        flat, offsets = np.arange(1, 25_001, dtype=np.int32), np.arange(25_001)
        part = {"flat": flat, "offsets": offsets}
        arrays = {f"x_{name}_{kind}": array for name in ("train", "test") for kind, array in part.items()}
        np.savez_compressed(path, **arrays, y_train=np.arange(25_000) % 2, y_test=np.arange(25_000) % 2)


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "of another kind": lambda _: b"\x80\x04N.",
    "cut short": lambda content: content[: len(content) // 2],
    "damaged": lambda content: content[:60] + bytes(40) + content[100:],
}


@pytest.mark.parametrize("task", READERS)
@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_file_is_one_line(task: str, how: str, tmp_path: Path) -> None:
    read, file, remedy = READERS[task]
    path = tmp_path / file
    whole(task, path)
    read(path)  # it is fit
    path.write_bytes(SPOILED[how](path.read_bytes()))
    with pytest.raises(zoo.ZooError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path} ")
    assert str(refused.value).endswith(f": {remedy}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("task", ["temperatures", "translation"])
def test_a_missing_file_is_named(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    _, file, remedy = READERS[task]
    with pytest.raises(zoo.ZooError) as refused:
        zoo.load_task(task)
    assert str(refused.value) == f"ZOO_DATA is {tmp_path}, a folder without the file {file}: {remedy}"


def test_reviews_that_the_folder_lacks_are_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Exception("no route")

    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    monkeypatch.setattr(keras.datasets.imdb, "load_data", fail)
    with pytest.raises(zoo.ZooError) as refused:
        zoo.load_task("reviews")
    expected = f"could not be downloaded (no route); try again, or put {reviews.FILE} into {tmp_path} (ZOO_DATA)"
    assert str(refused.value) == f"the IMDB reviews {expected}"


def test_too_few_pairs_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    whole("translation", tmp_path / translation.FILE)
    with pytest.raises(zoo.ZooError) as refused:
        zoo.load_task("translation")
    assert str(refused.value) == (
        f"{tmp_path / translation.FILE} holds 1 pairs that are short enough, 40000 are needed: {translation.REMEDY}"
    )


def test_temperatures_are_read_in_any_dialect(tmp_path: Path) -> None:
    path = tmp_path / temperatures.FILE
    rows = [f"{day[8:]}.{day[5:7]}.{day[:4]};{number % 30},5\n" for number, day in enumerate(DAYS)]
    path.write_bytes(("Date;Temp\n" + "".join(rows)).encode("utf-8-sig"))
    assert temperatures.read(path).tolist() == [number % 30 + 0.5 for number in range(len(DAYS))]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (DAYS[::-1], "is not from 1981-01-01 to 1990-12-31"),
        ([DAYS[0], *DAYS[:-2], DAYS[-1]], "stands twice or goes backwards, in line 3"),
        ([DAYS[0], DAYS[2], DAYS[1], *DAYS[3:]], "stands twice or goes backwards, in line 4"),
    ],
    ids=["reversed", "doubled", "exchanged"],
)
def test_temperatures_out_of_order_are_refused(order: list[str], words: str, tmp_path: Path) -> None:
    path = tmp_path / temperatures.FILE
    path.write_text("Date,Temp\n" + "".join(f"{day},20.7\n" for day in order))
    with pytest.raises(zoo.ZooError, match=words):
        temperatures.read(path)
