"""Which task a network has: the one it is told, or what its outputs and targets look like."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from torch import Tensor

from isospike.errors import OptionError, TaskError
from isospike.messages import warn, with_article
from isospike.tasks.regression import Regression
from isospike.tasks.task import Shapes, Task, tasks

TaskChoice = str | Task | None
"""A task, its name with options such as ``regression:measure=psnr``, or none."""


def default_task(shapes: Shapes) -> Task:
    """One output ``[B, classes]`` of two or more is classification; every other output holds values."""
    return next((kind() for _, kind in tasks.items() if kind.expects(shapes)), Regression())


def choose_task(task: TaskChoice, shapes: Shapes, *, stored: Task | None = None, targets: Any = None) -> Task:
    """The task of a network.

    Args:
        task: what the caller says; it wins.
        shapes: of the network's outputs.
        stored: what the network was converted for, told or by default; it wins over targets.
        targets: of the first batch, where there are some: real numbers of the outputs' own shape make it regression.

    Raises:
        TaskError: the task does not fit the outputs, or there is no such one.
    """
    if task is not None:
        told = task_called(task)
        told.check_outputs(shapes)
        return told
    if stored is not None:
        return stored
    if _are_two_classes(targets, shapes):
        warn(
            "the network has one output and the targets are 0 and 1: they are judged as values; say "
            "task='classification' if the output is a logit whose sign decides"
        )
    return Regression() if _are_values(targets, shapes) else default_task(shapes)


def task_called(task: str | Task) -> Task:
    """The task of a name, with options behind a colon: ``regression:measure=psnr,peak=255``.

    Raises:
        UnknownNameError: there is no such task.
        OptionError: it has no such option, or not such a value.
        TaskError: it is neither a name nor a task.
    """
    if isinstance(task, Task):
        return task
    if not isinstance(task, str):
        raise TaskError(f"the task is {with_article(task)}; give a name such as 'classification', or a task")
    name, _, rest = task.partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    return task_with(name, {key.replace("-", "_"): _value(value) for key, _, value in pairs})


def task_with(name: str, options: dict[str, Any]) -> Task:
    """The task of a name with these options.

    Raises:
        UnknownNameError, OptionError: see `task_called`.
    """
    kind = tasks[name]
    known = [field.name for field in fields(kind)]
    wrong = [key for key in options if key not in known]
    if wrong:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise OptionError(f"{name} has no option '{wrong[0]}'; {has}")
    return kind(**options)


def _value(text: str) -> str | float:
    """A number where it reads as one."""
    try:
        return float(text)
    except ValueError:
        return text


def _are_values(targets: Any, shapes: Shapes) -> bool:
    return (
        isinstance(targets, Tensor)
        and targets.is_floating_point()
        and len(shapes) == 1
        and tuple(targets.shape[1:]) == tuple(shapes[0])
    )


def _are_two_classes(targets: Any, shapes: Shapes) -> bool:
    """Whole numbers 0 and 1, or truth values, for one number of each sample."""
    if not isinstance(targets, Tensor) or tuple(map(tuple, shapes)) not in (((),), ((1,),)):
        return False
    whole = not (targets.is_floating_point() or targets.is_complex())
    return whole and bool(((targets == 0) | (targets == 1)).all())
