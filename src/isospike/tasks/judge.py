"""How the answers of one network are judged on one set of data."""

from __future__ import annotations

from typing import Any

from isospike.errors import DataError
from isospike.tasks.task import Score, Shapes, Task


class Judge:
    """A task on outputs of known shapes; targets are with all batches or with none.

    Args:
        task: the task, which fits the outputs.
        shapes: of the network's outputs.
    """

    def __init__(self, task: Task, shapes: Shapes) -> None:
        self.task, self.shapes = task, shapes
        self.labelled: bool | None = None

    def read(self, targets: Any, samples: int) -> Any:
        """The targets of a batch, checked; ``None`` where the data have none.

        Raises:
            DataError: only some batches have targets, or these do not fit.
        """
        if self.labelled not in (None, targets is not None):
            raise DataError("only some batches have targets; give all of them targets, or none")
        self.labelled = targets is not None
        return None if targets is None else self.task.read_targets(targets, self.shapes, samples)

    def decide(self, outputs: Any) -> Any:
        """What scores look at."""
        return self.task.decide(outputs)

    def score(self) -> Score:
        """An empty score against targets."""
        return self.task.score(self.shapes)

    def agreement(self) -> Score:
        """An empty score against the ANN."""
        return self.task.agreement(self.shapes)
