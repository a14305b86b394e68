"""What the stages do with ops: handlers by family, and the gaps between them and the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from isospike.errors import ConversionError
from isospike.ops.family import Family
from isospike.ops.record import OpRecord
from isospike.ops.registry import table

Handler = TypeVar("Handler")


class Stage(Generic[Handler]):
    """One stage's handlers by family.

    Args:
        name: of the stage, for messages.
        needs: whether the stage meets an op, so that it needs a handler or a refusal for its family.
    """

    def __init__(self, name: str, needs: Callable[[OpRecord], bool]) -> None:
        self.name = name
        self.needs = needs
        self._handlers: dict[Family, Handler] = {}
        self._refused: dict[Family, str] = {}
        stages[name] = self

    def handles(self, *families: Family) -> Callable[[Handler], Handler]:
        """A decorator: the handler of these families."""

        def register(handler: Handler) -> Handler:
            self._handlers |= dict.fromkeys(families, handler)
            return handler

        return register

    def refuses(self, family: Family, why: str) -> None:
        """Say that the stage can do nothing with a family, and why."""
        self._refused[family] = why

    def __contains__(self, family: Family | None) -> bool:
        return family in self._handlers

    def __getitem__(self, family: Family | None) -> Handler:
        """What to do with an op of a family.

        Raises:
            ConversionError: the stage has nothing for it.
        """
        if family is None or family not in self._handlers:
            name = "none" if family is None else family.name
            raise ConversionError(f"{self.name} has no handler for ops of the family '{name}'; register one")
        return self._handlers[family]

    def gaps(self) -> list[str]:
        """Every op that the stage needs and whose family it neither handles nor refuses."""
        known = self._handlers.keys() | self._refused.keys()
        return [
            f"{self.name} has no handler for the family '{record.family.name}' of {record.name}"
            for record in table.values()
            if self.needs(record) and record.family not in known
        ]


stages: dict[str, Stage] = {}  # type: ignore[type-arg] # of handlers of any type
"""Every stage that has handlers, by name."""
