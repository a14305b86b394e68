"""From texts to what a language model takes: tokens, their mask, and which of two texts each is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from isospike.data.library import optional_library
from isospike.errors import DataError, IsospikeError
from isospike.messages import first_line, warn
from isospike.options import Configuration, Count, Text

PADDING = ("[PAD]", "<pad>", "<|endoftext|>")
"""Tokens that fill texts up, where the file of a tokenizer names none."""


@dataclass(frozen=True)
class Tokenise(Configuration):
    """How texts become rows of as many tokens: cut where they are longer, padded where they are shorter."""

    error: ClassVar[type[IsospikeError]] = DataError

    tokenizer: Text
    """The ``tokenizer.json`` of the model, as Hugging Face's library writes it."""
    length: Count = 128
    """Tokens N of a row, those that mark beginning and end among them; no more than the model has positions."""

    def open(self) -> Encoder:
        """The tokenizer of the file.

        Raises:
            DataError: the file is missing or is no tokenizer, or the package ``tokenizers`` is not installed.
        """
        library = optional_library("tokenizers", "'isospike[text]'", DataError)
        try:
            return Encoder(library.Tokenizer.from_file(self.tokenizer), self.length)
        except Exception as error:  # the library has no error types of its own
            raise DataError(
                f"'{self.tokenizer}' cannot be read as a tokenizer ({first_line(error)}); give the tokenizer.json that "
                "lies beside the model's weights"
            ) from error


class Encoder:
    """A tokenizer that gives rows of one length.

    Args:
        tokenizer: one of the package ``tokenizers``; how it cuts and pads is changed.
        length: tokens of a row.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        known = tokenizer.padding or {}
        number = next((n for n in map(tokenizer.token_to_id, PADDING) if n is not None), 0)
        shared = {key: known[key] for key in ("direction", "pad_id", "pad_token", "pad_type_id") if key in known}
        tokenizer.enable_padding(**{"pad_id": number, **shared}, length=length)
        tokenizer.enable_truncation(length)
        self._tokenizer, self.length, self._said = tokenizer, length, False

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> dict[str, Tensor]:
        """``input_ids``, ``attention_mask`` and ``token_type_ids``, int64 ``[B, N]``; one warning where texts are cut.

        Args:
            texts: single ones or pairs.
        """
        rows = self._tokenizer.encode_batch([text if len(text) > 1 else text[0] for text in texts])
        if not self._said and any(row.overflowing for row in rows):
            self._said = True
            warn(f"texts of more than {self.length} tokens are cut; --length keeps more of them")
        parts = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
        return {name: torch.tensor([getattr(row, part) for row in rows]) for name, part in parts.items()}
