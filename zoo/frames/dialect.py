"""How a text file of columns is written: its encoding, separator, decimal mark, and whether it has a header."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import re
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.archives import BoundedGzip
from zoo.errors import ZooError

SAMPLE_BYTES = 1 << 18
SAMPLE_ROWS = 400
LONGEST_FIELD = 2**31 - 1
"""Characters; the csv module's own limit is 131,072."""
SEPARATORS = ("\t", ";", "|", ",")
"""Those that are tried: the comma last, since it may be a decimal mark."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GZIP = b"\x1f\x8b"
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
WITH_COMMA, WITH_POINT = re.compile(r"[+-]?\d*,\d+"), re.compile(r"[+-]?\d*\.\d+")
THOUSANDS = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}") for mark in (",", ".")}
WHOLE = re.compile(r"[+-]?\d+")
MONTH = re.compile(r"(?:0[1-9]|1[0-2])\.(?:19|20)\d{2}")
"""Such as 01.2020, which is a number too."""
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ].*)?")


@dataclass(frozen=True)
class Dialect:
    """How a text file of columns is written. None is found from the file."""

    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None  #: never found: "1.234" may be either
    header: bool | None = None
    compression: str | None = None
    blank: int = 0  #: lines before the first that holds anything

    def __str__(self) -> str:
        named = {"\t": "tab"}.get(self.separator or "", f"'{self.separator}'")
        parts = [str(self.encoding), f"separator {named}", f"decimal '{self.decimal}'"]
        return ", ".join([*parts, *([] if self.header else ["no header"])])


def found(path: Path, asked: Dialect) -> Dialect:
    """The dialect of a file: what is `asked`, and the rest by its first rows.

    Raises:
        ZooError: the file is empty, is no text, or is damaged.
    """
    sample, compression = _sample(path)
    encoding = asked.encoding or _encoding(path, sample)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except LookupError:
        raise ZooError(f"unknown encoding {encoding!r}; utf-8, cp1252 and latin-1 are common") from None
    except UnicodeDecodeError:
        raise ZooError(f"{path} is not written in {encoding}: give its encoding") from None
    whole = len(sample) < SAMPLE_BYTES
    separator = asked.separator or _separator(text, whole)
    rows = _rows(text, separator, whole) or [[]]
    _require_width(path, _reader(io.StringIO(text, newline=""), separator), len(rows[0]))
    other = {".": ",", ",": "."}.get(asked.thousands or "")
    decimal = asked.decimal or other or _decimal(path, rows, separator)
    header = _has_header(rows[0]) if asked.header is None else asked.header
    blank = sum(1 for _ in itertools.takewhile(lambda line: not line.strip(), text.splitlines()))
    written = replace(asked, encoding=encoding, separator=separator, decimal=decimal, header=header)
    return replace(written, compression=compression, blank=blank)


def line_of(path: Path, dialect: Dialect, row: int) -> int:
    """The line of a file in which a row of its data ends; the first has the number 0."""
    with _text(path, dialect) as file:
        reader = _reader(file, dialect.separator or ",")
        for number, _ in enumerate(reader, start=-bool(dialect.header) - dialect.blank):
            if number == row:
                return int(reader.line_num)
    return row + 1 + bool(dialect.header) + dialect.blank


def _text(path: Path, dialect: Dialect) -> io.TextIOWrapper:
    """What a file holds, decompressed and decoded."""
    opened = BoundedGzip(path) if dialect.compression else path.open("rb")
    return io.TextIOWrapper(opened, encoding=dialect.encoding, newline="")


def _sample(path: Path) -> tuple[bytes, str | None]:
    """The first bytes of a file, decompressed, and by what."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            sample = file.read(SAMPLE_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ZooError(f"{path} is a damaged gzip file: {error}") from None
    if not sample.strip():
        raise ZooError(f"{path} is empty")
    return sample, "gzip" if packed else None


def _encoding(path: Path, sample: bytes) -> str:
    for mark, name in MARKS:
        if sample.startswith(mark):
            return name
    if b"\0" in sample:
        raise ZooError(f"{path} is a binary file; text with columns (CSV), gzipped or not, and Parquet can be read")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252" if _decodes(sample, "cp1252") else "latin-1"
    return "utf-8"


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _reader(file: io.TextIOBase, separator: str) -> Any:
    """A reader of rows whose fields may be as long as a document."""
    csv.field_size_limit(LONGEST_FIELD)
    return csv.reader(file, delimiter=separator)


def _rows(text: str, separator: str, whole: bool) -> list[list[str]]:
    """The first rows that hold anything; the last of a sample may be cut off, and is left out."""
    rows = list(itertools.islice(_reader(io.StringIO(text, newline=""), separator), SAMPLE_ROWS + 1))
    rows = rows if whole or len(rows) < 2 else rows[:-1]
    return [row for row in rows if any(field.strip() for field in row)]


def require_width(path: Path, dialect: Dialect, width: int) -> None:
    """Refuse a row of a file that has more fields than its first: pandas would leave them out in silence."""
    with _text(path, dialect) as file:
        _require_width(path, _reader(file, dialect.separator or ","), width)


def _require_width(path: Path, reader: Any, width: int) -> None:
    try:
        long = next((len(row) for row in reader if len(row) > width), 0)
    except csv.Error as error:
        raise ZooError(f"{path} is no table of columns: {error} in line {reader.line_num}") from None
    if long:
        raise ZooError(
            f"{path} is no table of columns: line {reader.line_num} has {long} fields, and the first {width}"
        )


def _separator(text: str, whole: bool) -> str:
    """The first separator that cuts every row into as many fields; else that which does so with most rows."""
    best, most = ",", 0.0
    for separator in SEPARATORS:
        widths = Counter(map(len, _rows(text, separator, whole)))
        if not widths:
            continue
        (width, count), total = widths.most_common(1)[0], sum(widths.values())
        if width > 1 and count == total:
            return separator
        if width > 1 and count / total > most:
            best, most = separator, count / total
    return best


def _decimal(path: Path, rows: list[list[str]], separator: str) -> str:
    fields = [field.strip() for row in rows for field in row]
    commas = [field for field in fields if WITH_COMMA.fullmatch(field)]
    points = [field for field in fields if WITH_POINT.fullmatch(field) and not MONTH.fullmatch(field)]
    if separator == "," and points:
        return "."
    if commas and all(map(THOUSANDS[","].fullmatch, commas)):
        raise _either(path, commas[0], ",")
    if separator != "," and not commas and (thousand := _with_thousands(rows)):
        raise _either(path, thousand, ".")
    return "," if len(commas) > len(points) else "."


def _with_thousands(rows: list[list[str]]) -> str:
    """A number such as "1.234", where a column has such numbers and whole ones, and no others: a price in German."""
    for column in itertools.zip_longest(*rows, fillvalue=""):
        fields = [field.strip() for field in column]
        marked = [field for field in fields if WITH_POINT.fullmatch(field)]
        if marked and all(map(THOUSANDS["."].fullmatch, marked)) and any(map(WHOLE.fullmatch, fields)):
            return marked[0]
    return ""


def _either(path: Path, number: str, mark: str) -> ZooError:
    what = f"{path}: {number!r} may have three decimals or be over a thousand"
    return ZooError(f"{what}: say which by --decimal {mark} or --thousands {mark}")


def _has_header(first: list[str]) -> bool:
    """Whether no field of the first row is a number or a date, or all are the numbers that pandas gives to columns."""
    named = [field.strip() for field in first]
    counted = list(map(str, range(len(named))))
    saved = (named == counted and len(named) > 2) or (named == ["", *counted[:-1]] and len(named) > 1)
    return saved or not any(NUMBER.fullmatch(field.strip()) or DATE.fullmatch(field.strip()) for field in first)
