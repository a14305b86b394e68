"""Named, open collections: methods, scale rules, pooling rules, data and model sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

from isospike.errors import UnknownNameError

T = TypeVar("T")


def kebab_case(name: str) -> str:
    """``LocalThresholdBalancing`` -> ``local-threshold-balancing``; ReLU is one word."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.replace("ReLU", "Relu")).lower()


class Registry(Generic[T]):
    """Names to entries of one kind, in order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        """Add ``entry`` under ``name``; a name can be taken once."""
        assert name not in self._entries, f"{self.kind} '{name}' is registered twice"
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        """The entry called ``name``.

        Raises:
            UnknownNameError: no entry has this name; the message offers the nearest ones.
        """
        if not isinstance(name, str) or name not in self._entries:
            raise UnknownNameError(self.kind, name, self._entries)
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> Iterator[tuple[str, T]]:
        """Pairs of name and entry, in order of registration."""
        return iter(self._entries.items())
