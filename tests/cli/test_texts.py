"""Texts on the command line: what does not go together is refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from isospike.cli.comparisons import check_sources
from isospike.cli.data import DataOptions
from isospike.errors import DataError, OptionError

NOTHING: dict[str, Any] = {"images": None, "batch_size": 1, "size": None, "mean": None, "std": None, "device": "cpu"}


def options(tokenizer: str | None, length: int | None) -> DataOptions:
    return DataOptions(data="tsv:x.tsv", tokenizer=tokenizer, length=length, **NOTHING)


def test_texts_have_the_length_of_the_network() -> None:
    assert options("t.json", None).fitted((32,)).length == 32
    assert options("t.json", 32).fitted((32,)).length == 32
    assert options(None, None).fitted((3, 8, 8)).length is None
    with pytest.raises(OptionError, match=r"--length 16 gives rows of 16 tokens, the network takes 32; leave --length"):
        options("t.json", 16).fitted((32,))


def test_a_length_is_that_of_texts() -> None:
    with pytest.raises(OptionError, match="--length is that of texts; give --tokenizer too"):
        options(None, 16).open("test", preprocess=None, shuffle=False)


def test_a_missing_file_is_said_before_the_tokenizer_is_read() -> None:
    with pytest.raises(DataError, match=r"there is no file 'x\.tsv'"):
        options("t.json", None).open("test", preprocess=None, shuffle=False)


@pytest.mark.parametrize("spec", ["tsv:a/dev.tsv", "tsv:a.zip/dev.tsv#0,1", "tsv:dev.txt"])
def test_one_file_does_not_calibrate_and_measure(spec: str) -> None:
    with pytest.raises(OptionError, match="has no calibration part of its own"):
        check_sources(spec, spec, "--test-data")


@pytest.mark.parametrize("spec", ["tsv:folder", "tsv:a.zip", "tsv:a.zip#sentence,label"])
def test_folders_and_archives_have_parts(spec: str) -> None:
    check_sources(spec, spec, "--test-data")
