"""One call site of the user's model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isospike.ops import Family, OpRecord, Role, table
from isospike.results import Stored

Numbers = Literal["real", "int64", "int32", "bool"]
"""What a value is made of: real numbers in the format of the network, or tokens and masks."""


@dataclass(frozen=True)
class Op(Stored):
    """One call site of the user's model."""

    name: str
    """Unique name: the user's module path, ``path.op`` for a functional call, ``#2`` for the second call."""
    kind: str
    """ATen name, e.g. ``conv2d``."""
    role: Role
    """What becomes of it in conversion."""
    path: str
    """Path of the user's module in which the op is called; empty for the model itself."""
    source: str
    """``file.py:line`` of the call in the user's code; the module path where no such line is known."""
    shape: tuple[int, ...]
    """Shape of the (first) output without the batch axis."""
    channel_axis: int = 1
    """Axis of the channels in the output, batch axis included."""
    reason: str = ""
    """Why the role is analogue or unsupported, where the op alone does not say it."""
    rows: int = 1
    """How many rows of the output one sample has: a reshape may move an axis of a sample into that of the batch."""
    numbers: Numbers = "real"
    """What its result is made of; anything but real numbers is computed from whole numbers of the input alone."""

    @property
    def record(self) -> OpRecord | None:
        """What the table knows of it; ``None`` for inputs, constants and ops without a rule."""
        return table.get(self.kind)

    @property
    def family(self) -> Family | None:
        """Its family, where it has one."""
        return self.record.family if self.record is not None else None
