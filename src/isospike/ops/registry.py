"""The closed table of ops: the only ATen ops that a captured or loaded network may call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from isospike.errors import OptionError
from isospike.ops.family import TRAINABLE
from isospike.ops.record import OpRecord


class OpTable(Mapping[str, OpRecord]):
    """Records by name."""

    def __init__(self) -> None:
        self._records: dict[str, OpRecord] = {}
        self._aliases: dict[str, str] = {}

    def register(self, record: OpRecord) -> OpRecord:
        """Add an op.

        Raises:
            OptionError: its name, or one of its aliases, is taken.
        """
        taken = [name for name in record.aliases if name in self._aliases]
        taken += [record.name] * (record.name in self._records)
        if taken:
            raise OptionError(f"the table of ops has {', '.join(taken)} already; register an op once")
        self._records[record.name] = record
        self._aliases |= dict.fromkeys(record.aliases, record.name)
        return record

    def remove(self, name: str) -> None:
        """Take an op out again, so that no network may call it."""
        for alias in self._records.pop(name).aliases:
            del self._aliases[alias]

    def aten(self, name: str) -> OpRecord | None:
        """The record of the ATen op of this name, or alias; ``None`` where there is none."""
        record = self._records.get(self._aliases.get(name, name))
        return None if record is None or record.family is TRAINABLE else record

    def __getitem__(self, name: str) -> OpRecord:
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


table = OpTable()
"""Every op with a rule, by name."""


def register_op(record: OpRecord) -> OpRecord:
    """Add an op of torch to the table; see `OpRecord`.

    Raises:
        OptionError: its name, or one of its aliases, is taken, or torch has no such op.
    """
    if not hasattr(torch.ops.aten, record.name):
        raise OptionError(f"torch has no op torch.ops.aten.{record.name}; register an op under its ATen name")
    return table.register(record)
