"""Texts with tabs between: columns, labels, archives, and files that are none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from isospike.data import table
from isospike.data.tsv import tsv
from isospike.errors import DataError

GLUE = {
    "SST-2": ("sentence\tlabel\ngood film\t1\nbad film\t0\n", [("good film",), ("bad film",)], [1, 0]),
    "MRPC": (
        '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tHe said "so\t"So" he said\n0\t1\t2\ta\tb\n',
        [('He said "so', '"So" he said'), ("a", "b")],
        [1, 0],
    ),
    "QQP": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\r\n0\t1\t2\tWhy?\tHow?\t0\r\n",
        [("Why?", "How?")],
        [0],
    ),
    "STS-B": (
        "index\tgenre\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n0\tg\t1\ts\ts\tA b\tA c\t3.8\n"
        "1\tg\t1\ts\ts\tD\tE\t5.000\n",
        [("A b", "A c"), ("D", "E")],
        [3.8, 5.0],
    ),
    "two columns": ("good film\t1\nbad film\t0\n\n", [("good film",), ("bad film",)], [1, 0]),
    "three columns": ("a\tb\t1\nc\td\t0", [("a", "b"), ("c", "d")], [1, 0]),
    "one column": ("a b\nc\n", [("a b",), ("c",)], None),
}


@pytest.mark.parametrize("name", GLUE)
def test_columns_by_the_names_of_glue_or_by_their_number(name: str, tmp_path: Path) -> None:
    content, texts, labels = GLUE[name]
    (tmp_path / "x.tsv").write_bytes(content.encode())
    found = tsv(str(tmp_path / "x.tsv"), "test")
    assert list(found.texts) == texts
    if labels is None:
        assert found.labels is None
    else:
        assert found.labels is not None
        np.testing.assert_allclose(found.labels, labels, rtol=1e-7)  # of values in float32
        assert found.labels.dtype == (np.float32 if isinstance(labels[0], float) else np.int64)


COLA = "gj04\t1\t\tOur friends came.\ngj05\t0\t*\tThey came friends.\n"
QNLI = "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tnot_entailment\n1\tWhy?\tSo.\tentailment\n"
CHOSEN = {
    "positions": (COLA, "3,1", [("Our friends came.",), ("They came friends.",)], [1, 0]),
    "position alone": (COLA, "3", [("Our friends came.",), ("They came friends.",)], None),
    "no label": (QNLI, "question,sentence,-", [("Who?", "He."), ("Why?", "So.")], None),
    "words": (QNLI, "question,sentence,label=entailment/not_entailment", [("Who?", "He."), ("Why?", "So.")], [1, 0]),
    "positions behind a header": (QNLI, "2,3=entailment/not_entailment", [("He.",), ("So.",)], [1, 0]),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_columns_as_they_are_said(name: str, tmp_path: Path) -> None:
    content, columns, texts, labels = CHOSEN[name]
    (tmp_path / "x.tsv").write_text(content)
    found = tsv(f"{tmp_path / 'x.tsv'}#{columns}", "test")
    assert list(found.texts) == texts
    assert (None if found.labels is None else found.labels.tolist()) == labels


@pytest.mark.parametrize("packed", [True, False])
def test_parts_of_a_folder_or_an_archive(packed: bool, tmp_path: Path) -> None:
    files = {"train.tsv": "learn\t1\n", "dev.tsv": "choose\t0\n", "test.tsv": "measure\t1\n"}
    place = tmp_path / ("x.zip" if packed else "x")
    if packed:
        with zipfile.ZipFile(place, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        place.mkdir()
        for name, content in files.items():
            (place / name).write_text(content)
    assert [tsv(str(place), split).texts for split in ("calibration", "test")] == [[("learn",)], [("choose",)]]
    assert tsv(f"{place}/test.tsv", "test").texts == [("measure",)]
    with pytest.raises(DataError, match=r"there is no file '.*other.tsv'"):
        tsv(f"{place}/other.tsv", "test")


WRONG = {
    "bytes": (b"good\t1\nb\xe4d\t0\n", "", r"is not UTF-8: byte 0xe4 in row 2; save it as UTF-8"),
    "nothing": (b"\n\n", "", "is empty"),
    "short row": (b"a\t1\nb\n", "", r"row 2 of '.*' has 1 columns and no column '1' \(1 such rows\); leave them out"),
    "many columns": (b"a\tb\tc\td\n", "", r"has 4 columns and no header with known names; say which"),
    "word": (b"a\tgood\n", "", r"the label 'good' in row 1 of '.*' is no number; name the words"),
    "infinite": (b"a\tinf\n", "", r"the label 'inf' in row 1 of '.*' is no number"),
    "other word": (b"a\tgood\nb\tok\n", "0,1=good/bad", r"'ok' in row 2 of '.*' is another word; .* one of good, bad"),
    "no column": (b"sentence\tlabel\na\t1\n", "text,label", r"has no column 'text'; its first row has sentence, label"),
    "no place": (b"a\t1\n", "0,7", "row 1 of '.*' has 2 columns and no column '7'"),
    "three texts": (b"a\tb\tc\t1\n", "0,1,2,3", "are no columns; give one or two of texts"),
    "no name": (b"a\t1\n", "0,,1", "are no columns"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_table_of_texts_is_one_line(name: str, tmp_path: Path) -> None:
    content, columns, message = WRONG[name]
    (tmp_path / "x.tsv").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        tsv(f"{tmp_path / 'x.tsv'}#{columns}".rstrip("#"), "test")
    assert "\n" not in str(caught.value)


def test_archives_that_are_none_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK is not enough")
    with pytest.raises(DataError, match=r"no\.zip' is no readable zip archive"):
        tsv(f"{tmp_path}/no.zip/dev.tsv", "test")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dev.tsv", b"a" * 10_000)
    monkeypatch.setattr(table, "LARGEST", 5_000)
    with pytest.raises(DataError, match="unpacks to more than"):
        tsv(f"{tmp_path}/bomb.zip/dev.tsv", "test")


def test_a_file_must_be_said() -> None:
    with pytest.raises(DataError, match="tsv takes a file; write tsv:FILE"):
        tsv("", "test")
