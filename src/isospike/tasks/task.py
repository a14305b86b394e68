"""A task: what answers are for, and how they are judged."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypedDict, TypeVar

from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.errors import TaskError
from isospike.intervals import Z
from isospike.ops import Family
from isospike.options import Configuration
from isospike.registry import Registry, kebab_case
from isospike.results import JsonForm, json_form_of
from isospike.tasks.measure import Interval, Measure, Measured

Shapes = Sequence[tuple[int, ...]]
"""Shapes of a network's outputs, each without the batch axis, in order."""


class TaskObject(TypedDict):
    """A task as JSON has it."""

    name: str
    options: dict[str, Any]


class Score(ABC):
    """What answers are worth beside their references, added up over batches and over processes."""

    measures: tuple[Measure, ...]
    """What the figures mean, the one that networks are ranked by first."""

    @abstractmethod
    def update(self, answers: Any, references: Any) -> None:
        """Add a batch.

        Args:
            answers: what `Task.decide` makes of outputs.
            references: targets as `Task.read_targets` gives them, or the decided outputs of another network.
        """

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add what another score has seen."""

    @abstractmethod
    def values(self) -> tuple[Measured, ...]:
        """All figures, in order of `measures`.

        Raises:
            DataError: nothing was added.
        """

    def value(self) -> Measured:
        """The figure that networks are ranked by."""
        return self.values()[0]


@dataclass(frozen=True)
class Task(Configuration, ABC):
    """The instance is the configuration. A subclass is a frozen dataclass whose fields declare their ranges."""

    tail: ClassVar[frozenset[Family]] = frozenset()
    """Ops that may stay analogue at the very end, behind the last neurons: they only prepare the answer."""

    @classmethod
    def name(cls) -> str:
        """The name on the command line: the class name in kebab case."""
        return kebab_case(cls.__name__)

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def expects(cls, shapes: Shapes) -> bool:
        """Whether a network with such outputs has this task unless it is told another."""
        return False

    def options(self) -> dict[str, Any]:
        """The configuration as JSON has it."""
        return dataclasses.asdict(self)

    def to_dict(self) -> TaskObject:
        """Name and options, as JSON has them."""
        return {"name": self.name(), "options": self.options()}

    @classmethod
    def json_form(cls) -> JsonForm:
        """What `to_dict` of any task holds."""
        return json_form_of(TaskObject)

    @abstractmethod
    def check_outputs(self, shapes: Shapes) -> None:
        """Refuse outputs that are no answers to this task.

        Raises:
            TaskError: what the task takes, and what the network puts out.
        """

    def check_ending(self, shapes: Shapes, kinds: Sequence[str]) -> None:
        """Refuse a network whose answers are not what the task reads them as.

        Args:
            shapes: of its outputs.
            kinds: ATen names of the ops that give them, moves aside.

        Raises:
            TaskError: so it is.
        """

    @abstractmethod
    def read_targets(self, targets: Any, shapes: Shapes, samples: int) -> Any:
        """Targets of a batch as `Score.update` takes them.

        Raises:
            DataError: they are of another type or shape, or out of range.
        """

    @abstractmethod
    def decide(self, outputs: Any) -> Any:
        """What a score looks at of the outputs of a batch."""

    @abstractmethod
    def score(self, shapes: Shapes) -> Score:
        """An empty score of answers against targets."""

    @abstractmethod
    def agreement(self, shapes: Shapes) -> Score:
        """An empty score of a spiking network's answers against its ANN's."""

    def alternatives(self, shapes: Shapes) -> int | None:
        """Among how many alternatives an answer decides, which exit rules compare; ``None``: it does not decide."""
        return None

    def logits(self, outputs: Any) -> Tensor:
        """What an exit rule compares: ``[B, alternatives]``.

        Raises:
            TaskError: answers to this task do not decide among alternatives.
        """
        raise TaskError(f"the task '{self.name()}' has no alternatives that an exit rule could compare")

    def right(self, answers: Any, references: Any) -> Tensor:
        """Which decisions are right: bool ``[B]``.

        Raises:
            TaskError: answers to this task are not right or wrong.
        """
        raise TaskError(f"answers to the task '{self.name()}' are not right or wrong")

    def spread(self, agreement: float, interval: Interval | None, samples: int) -> float:
        """How far the loss against the ANN may be from what the first samples say: its standard error, at most.

        Args:
            agreement: with the ANN on these samples.
            interval: of the figure that networks are ranked by.
            samples: their number.
        """
        return float("inf") if interval is None else (interval[1] - interval[0]) / (2 * Z)

    def _refuse_outputs(self, takes: str, shapes: Shapes, instead: str) -> TaskError:
        return TaskError(
            f"the task '{self.name()}' takes {takes}; the network puts out {shown_shapes(shapes)}: {instead}"
        )


T = TypeVar("T", bound=Task)
L = TypeVar("L")

tasks: Registry[type[Task]] = Registry("task")
"""Tasks by name."""


def register_task(task: type[T]) -> type[T]:
    """Class decorator: make a task known to the command line, to files and to the law tests."""
    tasks.register(task.name(), task)
    return task


def tensors_of(outputs: Any) -> list[Tensor]:
    """The tensors of outputs, in order."""
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]


def leaves_by_name(tree: Any, kind: type[L]) -> dict[str, L]:
    """The leaves of a type, in order, by the keys and positions that lead to them with dots between."""
    leaves, _ = pytree.tree_flatten_with_path(tree)
    return {".".join(map(_key, path)): leaf for path, leaf in leaves if isinstance(leaf, kind)}


def _key(step: Any) -> str:
    """A key of a mapping, a position in a sequence, or the name of a field."""
    if isinstance(step, pytree.MappingKey):
        return str(step.key)
    return str(step.idx if isinstance(step, pytree.SequenceKey) else step.name)


def shown_shapes(shapes: Shapes) -> str:
    """``[B, 10]``, of several outputs with commas between."""
    return ", ".join(f"[{', '.join(['B', *map(str, shape)])}]" for shape in shapes) or "no tensor"
