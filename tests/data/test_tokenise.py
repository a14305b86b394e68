"""Texts as tokens and masks of one length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isospike.data import Preprocess, Tokenise, open_data
from isospike.data.parts import parts
from isospike.errors import DataError
from isospike.inputs import NamedInputs

pytest.importorskip("tokenizers", reason="texts need the package tokenizers: pip install 'isospike[text]'")

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film")
Write = Callable[..., Tokenise]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a tokenizer of a few words, and a table of two texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    def made(length: int = 6, **padding: Any) -> Tokenise:
        tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        if padding:
            tokenizer.enable_padding(**padding)
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        return Tokenise(str(tmp_path / "tokenizer.json"), length)

    (tmp_path / "x.tsv").write_text("a good film\t1\nbad\t0\n")
    return made


def test_rows_of_one_length_with_a_mask(write: Write, tmp_path: Path) -> None:
    tokens, labels = next(iter(open_data(f"tsv:{tmp_path}/x.tsv", "test", preprocess=write(), shuffle=False)))
    assert tokens["input_ids"].tolist() == [[2, 4, 5, 7, 3, 0], [2, 6, 3, 0, 0, 0]]
    assert tokens["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0]]
    assert not tokens["token_type_ids"].any()
    assert {value.dtype for value in (*tokens.values(), labels)} == {torch.int64}
    assert labels.tolist() == [1, 0]


def test_pairs_say_which_text_a_token_is_of(write: Write) -> None:
    rows = write(8).open()([("a film", "bad")])
    assert rows["input_ids"].tolist() == [[2, 4, 7, 3, 6, 3, 0, 0]]
    assert rows["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 0, 0]]


def test_what_is_longer_is_cut_and_said_once(write: Write) -> None:
    encode = write(4).open()
    with pytest.warns(UserWarning, match="texts of more than 4 tokens are cut; --length") as warned:
        rows = [encode([("a good film",)]) for _ in range(2)]
    assert rows[0]["input_ids"].tolist() == [[2, 4, 5, 3]]
    assert len(warned) == 1


def test_padding_is_as_the_file_says(write: Write) -> None:
    rows = write(5, direction="left", pad_id=1, pad_token="[UNK]").open()([("bad",)])
    assert rows["input_ids"].tolist() == [[1, 1, 2, 6, 3]]
    assert rows["attention_mask"].tolist() == [[0, 0, 1, 1, 1]]


def test_the_model_is_given_what_it_takes(write: Write, tmp_path: Path) -> None:
    batch = next(iter(open_data(f"tsv:{tmp_path}/x.tsv", "test", preprocess=write(), shuffle=False)))
    inputs, targets = parts(batch, 1, ("input_ids", "attention_mask", "labels"))
    assert isinstance(inputs, NamedInputs)
    assert list(inputs.tensors) == ["input_ids", "attention_mask"]
    assert targets is batch[1]
    alone, _ = parts(batch, 1, ("input_ids",))
    assert alone is batch[0]["input_ids"]
    with pytest.raises(DataError, match=r"the inputs of batch 1 are input_ids, .*; the model takes x: give them"):
        parts(batch, 1, ("x",))


def test_order_and_limit_are_those_of_all_sources(write: Write, tmp_path: Path) -> None:
    (tmp_path / "many.tsv").write_text("".join(f"film\t{i}\n" for i in range(20)))
    how: dict[str, Any] = {"preprocess": write(), "batch_size": 3, "images": 7, "seed": 1, "shuffle": True}
    loaders = [open_data(f"tsv:{tmp_path}/many.tsv", "test", **how) for _ in range(2)]
    seen = [[label for _, labels in loader for label in labels.tolist()] for loader in loaders]
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 7
    assert len(loaders[0].dataset) == 7


def test_texts_need_a_tokenizer_and_images_have_none(write: Write, tmp_path: Path) -> None:
    raw = Preprocess(None, (0.0,), (1.0,))
    with pytest.raises(DataError, match=r"holds texts; give the tokenizer of the model: --tokenizer tokenizer.json"):
        open_data(f"tsv:{tmp_path}/x.tsv", "test", preprocess=raw, shuffle=False)
    np.savez(tmp_path / "i.npz", images=np.zeros((1, 2, 2, 3), np.uint8))
    with pytest.raises(DataError, match="holds images; a tokenizer is for texts"):
        open_data(f"npz:{tmp_path}/i.npz", "test", preprocess=write(), shuffle=False)
    (tmp_path / "d.py").write_text("def batches(): return []")
    with pytest.raises(DataError, match="gives finished batches; a tokenizer is for tsv:FILE"):
        open_data(f"{tmp_path}/d.py:batches", "test", preprocess=write(), shuffle=False)


@pytest.mark.parametrize("content", [None, "{}", "not json", "\x00"])
def test_files_that_are_no_tokenizer(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "t.json").write_text(content)
    with pytest.raises(
        DataError, match=r"t\.json' cannot be read as a tokenizer \(.*\); give the tokenizer.json"
    ) as caught:
        Tokenise(str(tmp_path / "t.json")).open()
    assert "\n" not in str(caught.value)


def test_lengths_below_one_are_refused() -> None:
    with pytest.raises(DataError, match="length must be"):
        Tokenise("t.json", 0)
