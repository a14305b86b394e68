"""How the answers of one network are judged on one set of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.errors import DataError
from isospike.tasks.task import Score, Shapes, Task, leaves_by_name


class Judge:
    """A task on outputs of known shapes; targets are with all batches or with none.

    Args:
        task: the task, which fits the outputs.
        shapes: of the network's outputs.
        names: of the outputs, in order, by which targets in a mapping belong to them.
    """

    def __init__(self, task: Task, shapes: Shapes, names: Sequence[str] = ("",)) -> None:
        self.task, self.shapes, self.names = task, shapes, tuple(names)
        self.labelled: bool | None = None

    def read(self, targets: Any, samples: int) -> Any:
        """The targets of a batch, checked; ``None`` where the data have none.

        Raises:
            DataError: only some batches have targets, or these do not fit.
        """
        if self.labelled not in (None, targets is not None):
            raise DataError("only some batches have targets; give all of them targets, or none")
        self.labelled = targets is not None
        if targets is None:
            return None
        return self.task.read_targets(_in_order(targets, self.names), self.shapes, samples)

    def decide(self, outputs: Any) -> Any:
        """What scores look at; an output ``[B * rows, ...]`` is ``[B, rows, ...]``, where a sample has several rows."""
        leaves, structure = pytree.tree_flatten(outputs)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if all(tuple(one.shape[1:]) == tuple(shape) for one, shape in zip(tensors, self.shapes, strict=True)):
            return self.task.decide(outputs)
        shapes = iter(self.shapes)
        by_sample = [leaf.reshape(-1, *next(shapes)) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        return self.task.decide(pytree.tree_unflatten(by_sample, structure))

    def score(self) -> Score:
        """An empty score against targets."""
        return self.task.score(self.shapes)

    def agreement(self) -> Score:
        """An empty score against the ANN."""
        return self.task.agreement(self.shapes)


def _in_order(targets: Any, names: tuple[str, ...]) -> Any:
    """Targets of a mapping in the order of the outputs of their names; all others as they are.

    Raises:
        DataError: an output has no target, or a target no output.
    """
    if not isinstance(targets, Mapping) or names == ("",):
        return targets
    found = leaves_by_name(targets, Tensor)
    missing = [name for name in names if name not in found]
    foreign = [name for name in found if name not in names]
    if missing or foreign:
        wrong = [f"none for {', '.join(missing)}"] * bool(missing) + [f"no output {', '.join(foreign)}"] * bool(foreign)
        raise DataError(
            f"the targets do not fit the outputs {', '.join(names)}: {' and '.join(wrong)}; give each target the name "
            "of its output"
        )
    ordered = [found[name] for name in names]
    return ordered if len(ordered) > 1 else ordered[0]
