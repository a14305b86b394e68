"""``tsv:FILE#COLUMNS``: sentences or pairs of them, with tabs between, as GLUE has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isospike.data.images import Split, sources
from isospike.data.table import TextTable, has_table, read_table
from isospike.data.texts import Texts
from isospike.errors import DataError

PARTS = {"calibration": "train.tsv", "test": "dev.tsv"}
"""The files of a folder or archive; those of GLUE's test sets have no labels."""
TEXTS = (
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("premise", "hypothesis"),
    ("#1 String", "#2 String"),
    ("sentence",),
    ("text",),
)
"""Names of columns of texts, the first that all are there."""
LABELS = ("label", "score", "is_duplicate", "Quality", "gold_label")
"""Names of columns of labels, the first that is there."""
NONE = "-"


@dataclass(frozen=True)
class Columns:
    """Which columns hold what."""

    texts: tuple[int, ...]
    label: int | None
    words: tuple[str, ...]
    """What stands for the classes, in order; empty where labels are numbers."""
    first: int
    """The first row that is no header."""


def tsv(argument: str, split: Split) -> Texts:
    """Texts of ``FILE``, ``ARCHIVE.zip/FILE``, or of a folder or archive with ``train.tsv`` and ``dev.tsv``.

    Behind ``#`` stand the columns, names of the header or positions from 0: one or two of texts, then that of the
    label, or ``-`` for none; words that are labels follow in the order of the classes:
    ``tsv:QNLI#question,sentence,label=entailment/not_entailment``. Without them the columns have GLUE's names, or
    there are at most three and no header: texts, then the label.

    Raises:
        DataError: the file cannot be read, or columns or labels are not what was said; the row is named.
    """
    name, _, wanted = argument.partition("#")
    if not name:
        raise DataError("tsv takes a file; write tsv:FILE or tsv:FILE#TEXT,LABEL")
    path = Path(name)
    if path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file()):
        path /= PARTS[split]
        if not has_table(path):
            raise DataError(f"'{name}' has no {PARTS[split]}; name the file: tsv:{name}/FILE")
    table = read_table(path)
    if not table.rows:
        raise DataError(f"'{path}' is empty")
    columns = _columns(table, wanted)
    called = [table.rows[0][i] if columns.first else str(i) for i in columns.texts]
    cells = [table.column(i, name, first=columns.first) for i, name in zip(columns.texts, called, strict=True)]
    labels = None if columns.label is None else _labels(table, columns, columns.label)
    return Texts(f"tsv:{argument}", list(zip(*cells, strict=True)), labels)


def _columns(table: TextTable, wanted: str) -> Columns:
    header = table.rows[0]
    known = next((names for names in TEXTS if set(names) <= set(header)), None)
    if wanted:
        return _named(table, wanted.split(","), is_header=known is not None)
    if known is not None:
        label = next((name for name in LABELS if name in header), None)
        return Columns(tuple(map(header.index, known)), None if label is None else header.index(label), (), 1)
    if len(header) > 3:
        raise DataError(
            f"'{table.path}' has {len(header)} columns and no header with known names; say which hold what by "
            "position from 0, or by name: tsv:FILE#TEXT,LABEL"
        )
    return Columns(tuple(range(max(1, len(header) - 1))), len(header) - 1 if len(header) > 1 else None, (), 0)


def _named(table: TextTable, wanted: Sequence[str], *, is_header: bool) -> Columns:
    last, equals, words = wanted[-1].partition("=")
    names = [*wanted[:-1], last]
    texts = names if len(names) == 1 else names[:-1]
    if len(texts) > 2 or not all(names):
        raise DataError(f"'{','.join(wanted)}' are no columns; give one or two of texts, then that of the label")
    header = table.rows[0]
    by_position = all(name.isdecimal() or name == NONE for name in names)
    missing = [name for name in names if name not in header and name != NONE]
    if not by_position and missing:
        raise DataError(
            f"'{table.path}' has no column {', '.join(map(repr, missing))}; its first row has {', '.join(header)[:200]}"
        )
    places = [int(name) if by_position and name != NONE else name != NONE and header.index(name) for name in names]
    label = None if len(names) == 1 or last == NONE else places[-1]
    split = tuple(words.split("/")) if equals else ()
    return Columns(tuple(places[: len(texts)]), label, split, int(is_header or not by_position))


def _labels(table: TextTable, columns: Columns, place: int) -> npt.NDArray[np.int64] | npt.NDArray[np.float32]:
    """Whole numbers, or the places of words, as classes; other numbers as values."""
    called = table.rows[0][place] if columns.first and place < len(table.rows[0]) else str(place)
    cells = table.column(place, called, first=columns.first)
    if columns.words:
        wrong = next((row for row, cell in enumerate(cells) if cell not in columns.words), None)
        _check(table, columns, cells, wrong=wrong, instead=f"it must be one of {', '.join(columns.words)}")
        return np.array([columns.words.index(cell) for cell in cells], dtype=np.int64)
    numbers = [_number(cell) for cell in cells]
    wrong = next((row for row, number in enumerate(numbers) if not math.isfinite(number)), None)
    _check(
        table,
        columns,
        cells,
        wrong=wrong,
        instead=f"name the words in the order of the classes: tsv:FILE#TEXT,{called}=WORD/WORD, or - for no labels",
    )
    whole = all(cell.strip().lstrip("+-").isdecimal() for cell in cells)
    return np.array(numbers, dtype=np.int64) if whole else np.array(numbers, dtype=np.float32)


def _check(table: TextTable, columns: Columns, cells: Sequence[str], *, wrong: int | None, instead: str) -> None:
    if wrong is not None:
        row = wrong + columns.first + 1
        what = "is no number" if not columns.words else "is another word"
        raise DataError(f"the label '{cells[wrong][:40]}' in row {row} of '{table.path}' {what}; {instead}")


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


sources.register("tsv", tsv)
