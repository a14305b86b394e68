"""What converts, what stays analogue, what is unsupported, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from isospike.capture.capture import capture
from isospike.capture.graph import Graph, Op
from isospike.capture.roles import Role


@dataclass(frozen=True)
class Inspection:
    """The table of all ops of a model with their roles."""

    ops: tuple[Op, ...]
    """Every op in order of execution."""

    def with_role(self, role: Role) -> tuple[Op, ...]:
        """The ops of one role."""
        return tuple(op for op in self.ops if op.role is role)

    @property
    def counts(self) -> dict[str, int]:
        """Number of ops by role."""
        return {role.value: len(self.with_role(role)) for role in Role if role is not Role.INPUT}

    @property
    def converts(self) -> bool:
        """Whether the whole network becomes spiking, with nothing analogue or unsupported."""
        return not self.with_role(Role.ANALOGUE) and not self.with_role(Role.UNSUPPORTED)

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object of ``isospike inspect --json``."""
        return {"converts": self.converts, "counts": self.counts, "ops": [asdict(op) for op in self.ops]}

    def __str__(self) -> str:
        """A plain table, one op a line."""
        rows = [("name", "op", "role", "shape", "source", "why")]
        rows += [
            (op.name, op.kind, op.role.value, "x".join(map(str, op.shape)), op.source, op.reason) for op in self.ops
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def inspect(model: nn.Module | Graph, example: Tensor) -> Inspection:
    """What of the model would become spiking, before anything is converted.

    Args:
        model: any exportable network in eval mode, or a captured graph.
        example: an input batch ``[B, ...]``.

    Raises:
        CaptureError: the model cannot be exported or verified.
    """
    graph = model if isinstance(model, Graph) else capture(model, example)
    return Inspection(graph.ops)
